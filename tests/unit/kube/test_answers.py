"""What members say is read as long as it is an answer, and costs little where it is none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from controller.kube.answers import MAX_LEVELS, MAX_MEBIBYTES, MAX_VALUES, UnreadableAnswer, read_body, read_json


def nested(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


async def pieces(*chunks: bytes) -> AsyncIterator[Any]:
    for chunk in chunks:
        yield chunk


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"health": "true"}', {"health": "true"}),
        (b"[1, -2.5e3, null, true]", [1, -2500.0, None, True]),
        (b"18446744073709551615", 2**64 - 1),
        (b"-9223372036854775808", -(2**63)),
        ('"größe"'.encode(), "größe"),
        (nested(3), [[[]]]),
    ],
    ids=["object", "list", "the largest unsigned", "the smallest signed", "text", "nested"],
)
def test_json_is_decoded(body: bytes, value: dict[str, str] | int | list[bool | float | None] | str) -> None:
    assert read_json(body) == value


def test_as_many_levels_and_values_as_allowed_are_read() -> None:
    assert read_json(nested(MAX_LEVELS)) is not None
    assert len(read_json(b"[" + b"1," * (MAX_VALUES - 1) + b"1]")) == MAX_VALUES


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"ok",
        b'{"health": ',
        b"\xff\xfe\x00\xd8",
        b"NaN",
        b'{"size": Infinity}',
        b"[1e999]",
        b"9" * 21,
        b"9" * 5000,
        nested(MAX_LEVELS + 1),
        nested(100_000),
        b'{"a":' * 5000 + b"1" + b"}" * 5000,
        b"[" + b"[]," * MAX_VALUES + b"0]",
    ],
    ids=[
        "nothing",
        "a word",
        "half an object",
        "no text at all",
        "not a number",
        "infinity",
        "a number that is as good as infinity",
        "more than 64 bits",
        "more digits than Python converts",
        "one level too many",
        "levels beyond Python's stack",
        "objects beyond Python's stack",
        "too many values",
    ],
)
def test_what_is_no_json_for_us_is_none_and_raises_nothing(body: bytes) -> None:
    assert read_json(body) is None


async def test_a_body_is_put_together_from_its_pieces() -> None:
    assert await read_body(pieces(b"a", b"", b"bc"), None) == b"abc"
    assert await read_body(pieces(b"abc"), "identity") == b"abc"


async def test_a_body_is_taken_up_to_its_limit_and_no_further() -> None:
    mebibyte, taken = bytes(1 << 20), []

    async def endless() -> AsyncIterator[Any]:
        while True:
            taken.append(mebibyte)
            yield mebibyte

    assert len(await read_body(pieces(*[mebibyte] * MAX_MEBIBYTES), None)) == MAX_MEBIBYTES << 20
    with pytest.raises(UnreadableAnswer, match=f"^answer longer than {MAX_MEBIBYTES} MiB$"):
        await read_body(endless(), None)
    assert len(taken) == MAX_MEBIBYTES + 1


async def test_a_body_in_a_thousand_crumbs_lets_others_have_their_turn() -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    waiting = asyncio.create_task(others())
    await read_body(pieces(*[b"x"] * 1000), None)
    waiting.cancel()
    assert turns >= 999


@pytest.mark.parametrize("encoding", ["gzip", "br", "x" * 1000])
async def test_an_encoded_body_is_not_even_begun(encoding: str) -> None:
    with pytest.raises(UnreadableAnswer, match="the answer is encoded") as refused:
        await read_body(pieces(), encoding)
    assert len(str(refused.value)) < 100
