from __future__ import annotations

import pytest

from controller.statistics import censored_median


@pytest.mark.parametrize(
    ("times", "median"),
    [
        ([], None),
        ([3.0], 3.0),
        ([None], None),
        ([5.0, 1.0, 3.0], 3.0),
        ([4.0, 2.0], 3.0),
        ([1.0, None], None),
        ([None, 1.0, 2.0], 2.0),
        ([1.0, 2.0, None, None], None),
        ([1.0, 2.0, 4.0, None], 3.0),
        ([1.0, 2.0, 4.0, None, None], 4.0),
    ],
)
def test_the_median_counts_what_was_not_reached_as_longer(times: list[float | None], median: float | None) -> None:
    assert censored_median(times) == median
