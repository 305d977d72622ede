"""Which campaigns are controls of the same agent."""

from __future__ import annotations

from typing import Any

import pytest

from controller.analysis.trial import controls_of
from tests.unit.analysis.samples import campaign

JOURNAL = {"source": "journal", "sourceOptions": {"file": "/a"}}


def controls(agent: dict[str, Any], other: dict[str, Any], variants: tuple[str, str] = ("", "")) -> int:
    """Returns how many controls a campaign of `agent` has, if there is one control, of `other`."""
    first = campaign("agent", mode="agent", agent=agent, variant={"name": variants[0]})
    control = campaign("control", mode="control", agent=other, variant={"name": variants[1]})
    return controls_of(first, [first, control])


@pytest.mark.parametrize(
    "other",
    [
        {"source": "http"},
        {"source": "journal"},
        {"source": "journal", "sourceOptions": {"file": "/b"}},
        JOURNAL | {"workload": {"namespace": "agents", "name": "mine"}},
    ],
)
def test_another_source_or_other_options_are_another_agent_where_no_variant_is_named(other: dict[str, Any]) -> None:
    assert controls(JOURNAL, JOURNAL) == 1
    assert controls(JOURNAL, other) == 0


def test_deployments_tell_agents_apart_and_the_empty_one_is_no_deployment() -> None:
    mine, others = ({"source": "http", "workload": {"namespace": "agents", "name": name}} for name in ("mine", "other"))
    assert (controls(mine, mine), controls(mine, others)) == (1, 0)
    files = [{"source": "operatorDb", "path": path} for path in ("/a.db", "/b.db")]
    assert (controls(files[0], files[0]), controls(files[0], files[1])) == (1, 0)


def test_a_named_variant_is_the_agent_whatever_its_options() -> None:
    other = {"source": "journal", "sourceOptions": {"file": "/b"}}
    assert controls(JOURNAL, other, ("careful", "careful")) == 1
    assert controls(JOURNAL, JOURNAL, ("careful", "bold")) == 0
