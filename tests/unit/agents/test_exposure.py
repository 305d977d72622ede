"""What an agent's account may read, and what is said of it: a right is named, and what is unknown is not called no."""

from __future__ import annotations

from typing import Any

import pytest

from controller.agents.exposure import Account, Attributes, Exposure, Namespaces, check_exposure, revealing_permissions
from controller.records.rows import Flag

ACCOUNT = Account("agents", "a")
NAMESPACES = Namespaces("team-a", "tikv", "ours")


async def exposed(answer: Any) -> Exposure:
    async def ask(account: Account, attributes: Attributes) -> bool | None:
        assert account == ACCOUNT
        return answer(attributes)

    return await check_exposure(ACCOUNT, NAMESPACES, ask)


async def test_who_may_nothing_has_no_flag_and_nothing_is_said() -> None:
    found = await exposed(lambda _: False)
    assert (found.flags, found.message, found.can, found.unknown) == (frozenset(), "", (), ())


@pytest.mark.parametrize("right", revealing_permissions(NAMESPACES), ids=lambda right: right.what)
async def test_each_right_by_itself_is_found_by_any_of_its_verbs_and_named(right: Any) -> None:
    for attributes in right.resource_attributes():
        found = await exposed(lambda asked, attributes=attributes: asked == attributes)
        assert found.can == (right,) and found.flags == {right.flag}
        assert found.message == f"the agent's ServiceAccount agents/a can read {right.what}"


@pytest.mark.parametrize("right", revealing_permissions(NAMESPACES), ids=lambda right: right.what)
async def test_where_it_is_not_answered_unknown_is_said_and_not_no(right: Any) -> None:
    found = await exposed(lambda asked: None if asked in list(right.resource_attributes()) else False)
    assert found.flags == {Flag.AGENT_RIGHTS_UNKNOWN} and found.unknown == (right,)
    assert found.message == f"whether the agent's ServiceAccount agents/a can read {right.what} is unknown"


async def test_one_verb_that_is_allowed_is_enough_where_another_is_unknown() -> None:
    found = await exposed(lambda asked: {"get": None, "list": True}.get(asked["verb"], False))
    assert Flag.AGENT_CAN_SEE_EVALUATION in found.flags
    # What has no `list` to be allowed stays unknown.
    assert "logs in namespace ours" in [right.what for right in found.unknown]


async def test_events_of_the_subject_have_a_flag_of_their_own() -> None:
    found = await exposed(lambda asked: asked["resource"] == "events" and asked["namespace"] == "tikv")
    assert found.flags == {Flag.AGENT_CAN_READ_EVENTS}


def test_without_its_deployment_nothing_is_known() -> None:
    assert Exposure(None).flags == {Flag.AGENT_RIGHTS_UNKNOWN}
    assert "unknown" in Exposure(None).message


def test_all_that_makes_an_account_is_asked_about() -> None:
    assert ACCOUNT.user == "system:serviceaccount:agents:a"
    assert ACCOUNT.groups == ("system:serviceaccounts", "system:serviceaccounts:agents", "system:authenticated")
