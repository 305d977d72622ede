"""Where leaders should be, and getting them there."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from subjects.cluster import Answer
from subjects.tikv.members.endpoints import Endpoints
from subjects.tikv.members.options import check
from subjects.tikv.members.pd import Pd
from subjects.tikv.members.schemas import Region
from subjects.tikv.reset.leaders import MAX_EXACT_REGIONS, assign_leaders, is_even, spread_leaders
from tests.unit.subjects.tikv_fakes import HANG, PACE, STORES, FakeTikv


def region(number: int, leader: int | None, *voters: int, learners: tuple[int, ...] = ()) -> Region:
    peers = [{"store_id": store, "role_name": "Voter"} for store in voters]
    peers += [{"store_id": store, "role_name": "Learner"} for store in learners]
    return Region.model_validate({"id": number, "peers": peers, "leader": {"store_id": leader} if leader else {}})


async def spread(cluster: FakeTikv) -> None:
    endpoints = Endpoints(cluster.context(), check(cluster.context().options))
    await asyncio.wait_for(spread_leaders(endpoints, Pd(endpoints, 0.02), STORES, 3, PACE), 2)


def orders(cluster: FakeTikv) -> list[Any]:
    return [call[4] for call in cluster.calls if call[0] == "ask_member" and call[2] == "POST"]


def many_regions() -> FakeTikv:
    return FakeTikv(keys=[f"{number:04X}" for number in range(1, MAX_EXACT_REGIONS + 80)])


# Where ---------------------------------------------------------------------------------------------------------------


def test_regions_take_the_stores_in_turn() -> None:
    regions = [region(number, 7, 7, 1, 4) for number in (2, 3, 5, 8)]
    assert assign_leaders(regions, [7, 1, 4]) == {2: 7, 3: 1, 5: 4, 8: 7}


def test_a_store_without_a_replica_that_could_lead_is_passed_over() -> None:
    regions = [region(2, 1, 1, 4, learners=(7,)), region(3, 1, 4, 7)]
    assert assign_leaders(regions, [7, 1, 4]) == {2: 1, 3: 4}


def test_a_region_that_nobody_here_could_lead_has_no_place() -> None:
    assert assign_leaders([region(2, 9, 9)], [1, 4, 7]) == {}


@pytest.mark.parametrize(
    ("leaders", "expected"),
    [
        ((1, 4, 7), True),
        ((1, 1, 4, 7), True),
        ((1, 1, 4, 4), False),
        ((1,), True),
        ((1, 4, None), False),
        ((1, 4, 9), False),
    ],
)
def test_an_even_spread_leaves_no_store_two_ahead_and_nothing_to_others(
    leaders: tuple[Any, ...], expected: Any
) -> None:
    assert is_even([region(number, leader) for number, leader in enumerate(leaders, 1)], [1, 4, 7]) is expected


# Getting there -------------------------------------------------------------------------------------------------------


async def test_leaders_are_moved_to_their_places_by_orders_to_pd() -> None:
    cluster = FakeTikv()
    await spread(cluster)
    assert cluster.leaders() == [1, 2, 3, 1, 2, 3]
    assert orders(cluster) == [
        {"name": "transfer-leader", "region_id": number, "to_store_id": store}
        for number, store in ((20, 2), (30, 3), (50, 2), (60, 3))
    ]


async def test_leaders_in_their_places_are_left_alone() -> None:
    cluster = FakeTikv()
    cluster.lead(1, 2, 3, 1, 2, 3)
    await spread(cluster)
    assert orders(cluster) == []


async def test_an_even_spread_of_few_regions_is_not_yet_their_places() -> None:
    cluster = FakeTikv()
    cluster.lead(3, 2, 1, 3, 2, 1)
    await spread(cluster)
    assert cluster.leaders() == [1, 2, 3, 1, 2, 3]


async def test_a_balance_that_keeps_moving_equals_about_is_not_fought_for_ever() -> None:
    cluster = FakeTikv()
    cluster.obeys_transfers = False
    cluster.lead(3, 2, 1, 3, 2, 1)
    await spread(cluster)
    assert cluster.leaders() == [3, 2, 1, 3, 2, 1]


async def test_an_uneven_spread_that_does_not_yield_is_never_taken_for_the_known_state() -> None:
    cluster = FakeTikv()
    cluster.obeys_transfers = False
    spreading = asyncio.create_task(spread(cluster))
    await asyncio.sleep(0.2)
    assert not spreading.done()
    cluster.obeys_transfers = True
    await spreading


async def test_a_leader_that_does_not_call_itself_one_is_waited_for_whatever_pd_says() -> None:
    cluster = FakeTikv()
    cluster.lead(1, 2, 3, 1, 2, 3)
    follower = Answer(200, {"raft_status": {"soft_state": {"raft_state": "Follower"}}})
    cluster.script["tikv-1", "/region/20"] = follower
    looks = iter(range(3))
    cluster.on_path["/region/20"] = lambda: next(looks, None) is None and cluster.script.clear()  # type: ignore[func-returns-value]
    await spread(cluster)
    assert next(looks, None) is None
    assert orders(cluster) == []


async def test_regions_that_have_not_all_their_replicas_yet_are_waited_for() -> None:
    cluster = FakeTikv()
    for each in cluster.data.regions.values():
        each["peers"] = each["peers"][:1]
    cluster.replicates = False
    spreading = asyncio.create_task(spread(cluster))
    await asyncio.sleep(0.05)
    assert not spreading.done()
    cluster.replicates = True
    await spreading
    assert cluster.leaders() == [1, 2, 3, 1, 2, 3]


@pytest.mark.parametrize("silence", [HANG, Answer(500, "not bootstrapped"), Answer(200, {"regions": None})])
async def test_a_pd_that_has_nothing_to_say_yet_is_waited_for(silence: Any) -> None:
    cluster = FakeTikv()
    for name in ("/pd/api/v1/regions",):
        cluster.script["*", name] = silence
    spreading = asyncio.create_task(spread(cluster))
    await asyncio.sleep(0.01)
    assert not spreading.done()
    cluster.script.clear()
    await spreading


async def test_an_order_that_pd_refuses_is_given_again() -> None:
    cluster = FakeTikv()
    cluster.script["*", "/pd/api/v1/operators"] = Answer(400, "invalid")
    spreading = asyncio.create_task(spread(cluster))
    await asyncio.sleep(0.02)
    assert not spreading.done()
    cluster.script.clear()
    await spreading


async def test_many_regions_are_spread_evenly_in_bounded_numbers_of_orders_at_a_time() -> None:
    cluster = many_regions()
    await spread(cluster)
    led = Counter(cluster.leaders())
    assert max(led.values()) - min(led.values()) <= 1
    at_once, longest = 0, 0
    for call in cluster.calls:
        at_once = at_once + 1 if call[2:3] == ("POST",) else 0 if call[2:3] == ("GET",) else at_once
        longest = max(longest, at_once)
    assert longest == 16


async def test_many_regions_that_are_spread_evenly_are_left_where_they_are() -> None:
    cluster = many_regions()
    stores = [3, 1, 2]
    cluster.lead(*(stores[number % 3] for number in range(len(cluster.data.regions))))
    await spread(cluster)
    assert orders(cluster) == []
    assert {call[1] for call in cluster.calls if call[0] == "ask_member"} <= {"pd-0", "pd-1", "pd-2"}
