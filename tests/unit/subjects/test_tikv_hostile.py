"""Members may answer anything at all: the oracle then does not know, and says why. It never breaks."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from subjects.cluster import Answer
from subjects.tikv.members.queries import (
    ALIVE,
    CLUSTER,
    CLUSTER_STATUS,
    HEALTH,
    MEMBERS,
    PD,
    PING,
    REGIONS,
    STATUS_PORT,
    STORES,
    TIKV,
    region_status,
)
from subjects.tikv.members.schemas import (
    ClusterStatus,
    Header,
    Member,
    MemberList,
    MetaStore,
    Peer,
    Region,
    Regions,
    RegionStatus,
    StoreInfo,
    Stores,
)
from tests.unit.subjects.tikv_world import GONE, LEADERS, World, names

ODD = [2**200, -(2**63), 1e308, "long" * 500]
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=9), st.sampled_from(ODD))
MODELS = (MemberList, Member, Header, Stores, StoreInfo, MetaStore, Regions, Region, Peer, RegionStatus, ClusterStatus)
KNOWN = st.sampled_from(sorted({name for model in MODELS for name in model.model_fields}))
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KNOWN, inner, max_size=4),
    max_leaves=8,
)
QUESTIONS = [
    *((name, each) for name in names(PD) for each in (PING, MEMBERS, HEALTH, STORES, REGIONS, CLUSTER, CLUSTER_STATUS)),
    *((name, each) for name in names(TIKV) for each in (ALIVE, *(region_status(id_, STATUS_PORT) for id_ in LEADERS))),
]
ANSWERS = st.one_of(
    st.builds(Answer, st.sampled_from([100, 200, 200, 200, 204, 302, 404, 500, 503]), JSON),
    st.text(max_size=20),
    st.just(GONE),
)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from(QUESTIONS), ANSWERS, max_size=8))
def test_whatever_members_answer_there_is_a_verdict_with_a_reason(spoiled: dict[Any, Any]) -> None:
    world = World()
    world.answers.update(spoiled)
    verdict = world.verdict()
    assert verdict.healthy is True or verdict.message
    assert verdict.healthy is not True or verdict.serving is True
    assert all(len(problem.message) < 4000 for problem in verdict.problems)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.dictionaries(KNOWN, JSON, max_size=6), max_size=4))
def test_whatever_stores_pd_lists_there_is_a_verdict(stores: list[Any]) -> None:
    world = World()
    world.say("pd-0", STORES, Answer(200, {"stores": [{"store": each} for each in stores]}))
    assert world.verdict().healthy is not True


def test_a_deeply_nested_answer_breaks_nothing() -> None:
    world, nested = World(), []  # type: ignore[var-annotated]
    for _ in range(100_000):
        nested = [nested]
    world.say("pd-0", REGIONS, Answer(200, {"regions": [{"id": 1, "peers": nested}]}))
    assert world.verdict().healthy is None
