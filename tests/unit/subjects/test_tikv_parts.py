"""Small rules of the TiKV subject: round robin, durations, reserved keys, what a campaign may say."""

from typing import Any

import pytest

from subjects.protocol import SubjectOptions, Unsupported
from subjects.tikv.members.options import SELECTORS, Endpoint, check
from subjects.tikv.members.schemas import Region
from subjects.tikv.oracle.observations import DEFAULT_HEARTBEAT_SECONDS, parse_duration, read_heartbeat_seconds
from subjects.tikv.oracle.write_probe import KEY_SUFFIX, reserved_key
from subjects.watching.polling import RoundRobin

# Round robin ---------------------------------------------------------------------------------------------------------


def never(item: int) -> bool:
    return False


def test_few_items_are_all_queried_every_time() -> None:
    round_robin: RoundRobin[int] = RoundRobin(cap=3)
    assert [sorted(round_robin.next_batch([1, 2, 3], never, float(now))) for now in range(3)] == [[1, 2, 3]] * 3
    assert round_robin.rounds() == 1


def test_many_items_come_round_in_turn_and_none_is_left_out() -> None:
    round_robin: RoundRobin[int] = RoundRobin(cap=4)
    rounds = [round_robin.next_batch(range(10), never, float(now)) for now in range(3)]
    assert [len(each) for each in rounds] == [4, 4, 4]
    assert set().union(*rounds) == set(range(10))
    assert round_robin.rounds() == 3


def test_what_is_pressing_is_asked_about_in_every_round_and_others_fill_the_rest() -> None:
    round_robin: RoundRobin[int] = RoundRobin(cap=4)
    rounds = [round_robin.next_batch(range(10), lambda item: item in (8, 9), float(now)) for now in range(4)]
    assert all({8, 9} <= set(each) for each in rounds)
    assert set().union(*rounds) == set(range(10))


def test_more_urgent_items_than_fit_take_turns_too() -> None:
    round_robin: RoundRobin[int] = RoundRobin(cap=2)
    rounds = [round_robin.next_batch(range(6), lambda item: True, float(now)) for now in range(3)]
    assert sorted(thing for each in rounds for thing in each) == list(range(6))


def test_what_is_gone_is_forgotten() -> None:
    round_robin: RoundRobin[int] = RoundRobin(cap=4)
    round_robin.next_batch(range(10), never, 0.0)
    round_robin.next_batch([1], never, 1.0)
    assert round_robin.rounds() == 1


# Durations -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, seconds", [("2s", 2), ("500ms", 0.5), ("1m30s", 90), ("1h", 3600), ("1.5s", 1.5), ("", None), ("2x", None)]
)
def test_durations_are_read_as_tikv_writes_them(text: str, seconds: float | None) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("config", [None, [], {"raftstore": 1}, {"raftstore": {"pd-store-heartbeat-tick-interval": 2}}])
def test_an_interval_that_is_not_in_the_configuration_is_as_shipped(config: dict[str, Any] | list[Any] | None) -> None:
    assert read_heartbeat_seconds(config) == DEFAULT_HEARTBEAT_SECONDS


def test_the_interval_is_found_in_the_configuration() -> None:
    assert read_heartbeat_seconds({"raftstore": {"pd-store-heartbeat-tick-interval": "2s"}}) == 2


# Keys ----------------------------------------------------------------------------------------------------------------


def test_the_reserved_key_lies_inside_its_region_and_says_nothing_of_an_evaluation() -> None:
    key = reserved_key(Region(id=1, start_key="61", end_key="62"))
    assert key is not None
    assert b"a" < key < b"b"
    assert b"eval" not in key and b"chaos" not in key


def test_the_outermost_regions_have_room_for_it() -> None:
    assert reserved_key(Region(id=1)) == KEY_SUFFIX
    assert reserved_key(Region(id=1, start_key="7a")) == b"z" + KEY_SUFFIX


@pytest.mark.parametrize("start, end", [("61", "6100"), ("zz", ""), ("6", ""), ("61", "g")])
def test_a_region_without_room_or_with_nonsense_for_bounds_has_none(start: str, end: str) -> None:
    assert reserved_key(Region(id=1, start_key=start, end_key=end)) is None


# Options -------------------------------------------------------------------------------------------------------------


def test_a_campaign_that_says_nothing_gets_our_own_labels_and_no_client() -> None:
    options = check(SubjectOptions())
    assert (options.writes, options.selectors, options.endpoints, options.recreate) == (False, SELECTORS, {}, False)


def test_one_selector_may_be_given_alone() -> None:
    assert check(SubjectOptions(selectors={"pd": "app=pd"})).selectors == {**SELECTORS, "pd": "app=pd"}


def test_endpoints_are_known_by_their_pods() -> None:
    url = "https://basic-pd-0.basic-pd-peer.tidb.svc:2379"
    options = check(SubjectOptions(endpoints=(url,), tls_secret="basic-cluster-client-secret"))
    assert options.endpoints == {"basic-pd-0": Endpoint("basic-pd-0.basic-pd-peer.tidb.svc", 2379)}


@pytest.mark.parametrize(
    "options, sentence",
    [
        (SubjectOptions(probe="read"), "subject.probe 'read' is unknown; valid: none, write"),
        (SubjectOptions(reset="wipe"), "reset 'wipe' is unknown; valid: heal, recreate"),
        (SubjectOptions(selectors={"tidb": "a=b"}), "tikv has no tidb; it takes: pd, tikv"),
        (SubjectOptions(endpoints=("http://pd-0",)), "must name a host and a port"),
        (SubjectOptions(endpoints=("http://pd-0:99999",)), "is no URL"),
        (SubjectOptions(endpoints=("https://pd-0:2379",)), "must begin with http://, as there is no subject.tlsSecret"),
        (SubjectOptions(endpoints=("http://pd-0:2379",), tls_secret="s"), "must begin with https://"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence(options: SubjectOptions, sentence: str) -> None:
    with pytest.raises(Unsupported, match=sentence.replace("(", r"\(")):
        check(options)
