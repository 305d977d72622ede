"""A fault that changes one object: planned, applied and reverted value by value, in every state a crash can leave."""

from __future__ import annotations

from copy import deepcopy
from random import Random
from typing import Any

import jsonpatch
import pytest

from subjects.cluster import ClusterError, ClusterUnreachable
from subjects.fault import Fault
from subjects.faults.objectfault import ObjectFault, value_at
from subjects.faulttype import Candidates, FaultContext, Params, revert_fully
from subjects.guard import GuardedCluster
from subjects.protocol import ChaosRefused, SubjectError

SERVICES = "v1/services"


class Misrouted(ObjectFault):
    """The Service selects other pods, and says so in a label that was not there."""

    kind = SERVICES

    async def choose(self, context: Any, candidates: Any, params: Any, rng: Any) -> Any:
        return await context.cluster.get_object(context.namespace, self.kind, "web")

    def changes(self, found: Any, params: Any) -> Any:
        return {"/spec/selector/app": "none", "/metadata/labels/a~1b": "c"}


MISROUTED = Misrouted("misrouted", "a Service selects no pod", Params)


class Services:
    """An API with one Service. `answer` is raised by the next patch."""

    def __init__(self) -> None:
        self.service: dict[str, Any] | None = {
            "metadata": {"name": "web", "uid": "u1", "labels": {"team": "x"}},
            "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
        }
        self.patches = 0
        self.answer: Exception | None = None

    async def get_object(self, namespace: Any, kind: Any, name: Any) -> Any:
        if self.service is None:
            raise ClusterError(404, "not found")
        return deepcopy(self.service)

    async def patch_object(self, namespace: Any, kind: Any, name: Any, operations: Any) -> None:
        self.patches += 1
        answer, self.answer = self.answer, None
        if answer is not None:
            raise answer
        try:
            self.service = jsonpatch.apply_patch(self.service, [dict(each) for each in operations])
        except jsonpatch.JsonPatchException as error:
            raise ClusterError(422, "a test failed") from error


async def consents() -> None:
    return None


@pytest.fixture
def api() -> Services:
    return Services()


@pytest.fixture
def context(api: Services) -> FaultContext:
    return FaultContext(GuardedCluster(api, consents), "shop", lambda: None, "app=web")  # type: ignore[arg-type]


async def planned(context: FaultContext) -> Fault:
    fault = await MISROUTED.plan(context, Candidates((), {}), Params(), Random(1))
    return Fault.from_json(fault.to_json())


async def test_a_value_is_replaced_one_is_added_and_both_are_set_back(api: Any, context: Any) -> None:
    before = deepcopy(api.service)
    fault = await planned(context)
    assert api.service == before and await MISROUTED.is_reverted(context, fault)
    await MISROUTED.inject(context, fault, None)
    assert value_at(api.service, "/spec/selector/app") == ["none"]
    assert api.service["metadata"]["labels"] == {"team": "x", "a/b": "c"}
    assert not await MISROUTED.is_reverted(context, fault)
    await revert_fully(MISROUTED, context, fault, 0)
    assert api.service == before and api.patches == 2


async def test_what_somebody_else_set_since_stays_and_the_rest_is_set_back(api: Any, context: Any) -> None:
    fault = await planned(context)
    await MISROUTED.inject(context, fault, None)
    api.service["spec"]["selector"]["app"] = "mended"
    await revert_fully(MISROUTED, context, fault, 0)
    assert api.service["spec"]["selector"] == {"app": "mended"} and api.service["metadata"]["labels"] == {"team": "x"}


async def test_an_object_that_is_gone_or_another_one_is_left_alone(api: Any, context: Any) -> None:
    fault = await planned(context)
    await MISROUTED.inject(context, fault, None)
    api.service["metadata"]["uid"] = "u2"
    assert await MISROUTED.is_reverted(context, fault)
    api.service = None
    assert await MISROUTED.is_reverted(context, fault)
    await MISROUTED.revert(context, fault)
    assert api.patches == 1


@pytest.mark.parametrize("change", [{"uid": "u2"}, {"labels": {"a/b": "theirs"}}])
async def test_an_object_that_was_touched_since_the_plan_is_refused(api: Any, context: Any, change: Any) -> None:
    fault = await planned(context)
    api.service["metadata"] |= change
    with pytest.raises(ChaosRefused):
        await MISROUTED.inject(context, fault, None)
    assert value_at(api.service, "/spec/selector/app") == ["web"]


@pytest.mark.parametrize(
    ("answer", "raised"),
    [
        (ClusterError(403, "forbidden"), ChaosRefused),
        (ClusterError(422, "a test failed"), ChaosRefused),
        (ClusterUnreachable("broke off"), ClusterUnreachable),
    ],
)
async def test_only_a_clear_no_says_that_nothing_was_applied(api: Any, context: Any, answer: Any, raised: Any) -> None:
    fault = await planned(context)
    api.answer = answer
    with pytest.raises(raised):
        await MISROUTED.inject(context, fault, None)
    await revert_fully(MISROUTED, context, fault, 0)
    assert value_at(api.service, "/spec/selector/app") == ["web"]


async def test_a_revert_that_loses_a_race_is_tried_again_and_one_that_is_forbidden_says_so(
    api: Any, context: Any
) -> None:
    fault = await planned(context)
    await MISROUTED.inject(context, fault, None)
    api.answer = ClusterError(422, "a test failed")
    await revert_fully(MISROUTED, context, fault, 0)
    assert api.patches == 3 and value_at(api.service, "/spec/selector/app") == ["web"]
    fault = await planned(context)
    await MISROUTED.inject(context, fault, None)
    api.answer = ClusterError(403, "forbidden")
    with pytest.raises(SubjectError, match="web could not be set back: forbidden"):
        await MISROUTED.revert(context, fault)


@pytest.mark.parametrize(
    ("pointer", "value"),
    [("/a/b", [1]), ("/a/x", []), ("/l/1", [3]), ("/l/2", []), ("/l/x", []), ("/t/0", []), ("/n", [None]), ("", None)],
)
def test_a_pointer_leads_to_a_value_or_to_nothing(pointer: Any, value: Any) -> None:
    tree = {"a": {"b": 1}, "l": [2, 3], "t": "text", "n": None}
    assert value_at(tree, pointer) == ([tree] if value is None else value)
