"""The number of series has a bound: every label takes its values from a set that is known beforehand."""

from __future__ import annotations

from tests.unit.metrics.everything import CLOSED, scrape_everything


def test_no_label_has_a_value_that_somebody_made_up(url: str) -> None:
    unbounded = {"le", "python"}  # buckets, which are ours, and the interpreter's version
    said = {(name, value) for name, value in scrape_everything(url).labels() if name not in unbounded}
    assert {name for name, _ in said} == set(CLOSED)
    assert [(name, value) for name, value in said if value not in CLOSED[name]] == []  # type: ignore[operator]


def test_the_interpreters_own_words_say_who_runs(url: str) -> None:
    families = {family.name for family in scrape_everything(url).families}
    assert {"python_info", "process_cpu_seconds", "python_gc_collections"} <= families
