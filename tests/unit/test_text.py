"""The small rules about texts that every room uses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from pydantic import BaseModel, ValidationError

from controller.text import truncate, truncate_bytes, utc_microseconds, utc_seconds
from controller.validation import describe_invalid

NOON_IN_TOKYO = datetime(2026, 11, 28, 12, 0, 0, 5, tzinfo=timezone(timedelta(hours=9)))


class Wanted(BaseModel):
    one: int
    two: int


def invalid(value: object) -> ValidationError:
    with pytest.raises(ValidationError) as caught:
        Wanted.model_validate(value)
    return caught.value


def test_times_are_utc_whatever_zone_they_came_in() -> None:
    assert utc_seconds(NOON_IN_TOKYO) == "2026-11-28T03:00:00Z"
    assert utc_microseconds(NOON_IN_TOKYO) == "2026-11-28T03:00:00.000005Z"
    assert utc_microseconds(datetime(2026, 1, 1, tzinfo=UTC)) == "2026-01-01T00:00:00.000000Z"


def test_a_text_that_fits_is_left_alone_and_a_longer_one_ends_with_an_ellipsis() -> None:
    assert truncate("short", 5) == "short"
    assert truncate("longer", 5) == "long…"


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [("äöü", 6, "äöü"), ("äöüß", 7, "äö…"), ("äöüß", 6, "ä…"), ("a\x00b", 9, "a b"), ("a\ud800b", 9, "a?b")],
)
def test_bytes_are_counted_in_utf8_and_no_character_is_halved(text: str, limit: int, expected: str) -> None:
    assert truncate_bytes(text, limit) == expected


def test_an_invalid_value_is_described_by_field_without_what_was_given() -> None:
    error = invalid({"one": "secret", "two": "secret"})
    first = "one: Input should be a valid integer, unable to parse string as an integer"
    assert describe_invalid(error, "spec") == first
    assert describe_invalid(error, "spec", max_errors=2) == f"{first}; {first.replace('one', 'two')}"
    assert describe_invalid(error, "spec", tell_more=True) == f"{first}; and 1 more"


def test_what_is_wrong_with_the_whole_value_names_the_root_and_is_cut_to_its_length() -> None:
    assert describe_invalid(invalid([]), "spec", length=40) == "spec: Input should be a v…"
