"""Specs as nobody should write them, and somebody will: for hypothesis.

Most are nearly right, for what is wrong everywhere is refused at its first mistake and tests nothing behind it.
EVALCAMPAIGN_FUZZ=20 tries twenty times as many, and other ones every time.
"""

from __future__ import annotations

import os
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

FACTOR = int(os.environ.get("EVALCAMPAIGN_FUZZ", "0"))


def fuzz(examples: int) -> settings:
    """So many examples, the same ones every time; with EVALCAMPAIGN_FUZZ more, and new ones."""
    return settings(
        max_examples=examples * max(1, FACTOR),
        derandomize=not FACTOR,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
    )


NUMBERS = st.one_of(
    st.integers(-3, 7),
    st.sampled_from([2**31, 2**53 - 1, 2**53, 2**63 - 1, 2**63, -(2**63) - 1, 10**30]),
    st.floats(allow_nan=False, allow_infinity=False),
)
ODD = ["", " ", "\x00", "*", "5s", "true", "größe", "大" * 63, "🔥" * 256, "..", "a..b", "a,b"]
LENGTHS = [1, 62, 63, 64, 253, 254, 256, 257, 512, 513, 5000]
TEXTS = st.one_of(st.text(max_size=20), st.sampled_from(ODD), st.sampled_from(LENGTHS).map("n".__mul__))
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(TEXTS, inner, max_size=3),
        inner.map(lambda value: {"a": {"b": {"c": {"d": {"e": [[[value]]]}}}}}),
    ),
    max_leaves=6,
)


def mostly(right: st.SearchStrategy[Any], wrong: st.SearchStrategy[Any] = ANYTHING) -> st.SearchStrategy[Any]:
    """Right nineteen times of twenty: a spec has as many fields."""
    return st.integers(1, 20).flatmap(lambda roll: wrong if roll == 13 else right)


ENDPOINTS = st.sampled_from(["http://pd-0:2379", "https://pd-0.pd:1", "http://[::1]:2379"])
NAMES = st.one_of(st.sampled_from(["gracePeriodSeconds", "leaders", "count"]), TEXTS)
PARAMS = st.dictionaries(NAMES, st.one_of(st.integers(0, 4), st.sampled_from(["any", "most"]), SCALARS), max_size=17)
SUBJECT = st.fixed_dictionaries(
    {
        "type": mostly(st.sampled_from(["etcd", "etcd", "tikv", "tikv", "mongodb"])),
        "namespace": mostly(st.sampled_from(["etcd", "tikv", "default"])),
    },
    optional={
        "probe": mostly(st.sampled_from(["none", "write"])),
        "selectors": mostly(st.just({"pd": "app=pd"}), st.dictionaries(TEXTS, TEXTS, max_size=9)),
        "endpoints": mostly(st.lists(ENDPOINTS, max_size=3), st.lists(ENDPOINTS | TEXTS, max_size=17)),
        "tlsSecret": mostly(st.just("client"), TEXTS),
    },
)
CHAOS = st.fixed_dictionaries(
    {"type": mostly(st.sampled_from(["node_kill", "node_down", "pd_kill", "pd_leader_kill", "meteor"]))},
    optional={"params": st.one_of(st.just({"count": 2}), mostly(PARAMS))},
)
SECONDS = mostly(st.integers(1, 100), NUMBERS | ANYTHING)
FLAG = mostly(st.booleans())
SPECS = st.fixed_dictionaries(
    {"subject": mostly(SUBJECT), "chaos": mostly(CHAOS)},
    optional={
        "mode": mostly(st.just("baseline")),
        "reset": mostly(st.sampled_from(["heal", "recreate"])),
        "seed": mostly(st.integers(0, 2**53 - 1), NUMBERS),
        "surprise": ANYTHING,
        "deadlines": mostly(st.dictionaries(st.sampled_from(["resetSeconds", "attemptSeconds", "x"]), SECONDS)),
        **dict.fromkeys(["allowQuorumLoss", "dryRun", "suspend", "abort"], FLAG),
        **dict.fromkeys(["trials", "observeSeconds", "settleSeconds", "maxBlindSeconds", "cooldownSeconds"], SECONDS),
        **dict.fromkeys(["activeDeadlineSeconds", "ttlSecondsAfterFinished", "startDeadlineSeconds"], SECONDS),
    },
)
