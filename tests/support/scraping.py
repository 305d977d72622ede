"""What a Prometheus would make of the metrics: parsed by its own client's parser."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

OURS = "evalcampaign_"


class Scrape:
    """One answer of `/metrics`."""

    def __init__(self, text: str) -> None:
        self.families = list(text_string_to_metric_families(text))

    @classmethod
    def of(cls, registry: CollectorRegistry) -> Scrape:
        """What the registry would answer."""
        return cls(generate_latest(registry).decode())

    def series(self, name: str, *labels: str) -> dict[Any, float]:
        """The values of a metric above 0, by the value of its label, or by the values of its labels."""
        found = {
            tuple(sample.labels[each] for each in labels): sample.value
            for sample in self._samples()
            if sample.name == OURS + name and sample.value
        }
        return found if len(labels) != 1 else {key: value for (key,), value in found.items()}

    def value(self, name: str) -> float | None:
        """The value of a metric without labels; None where it is absent."""
        return next((sample.value for sample in self._samples() if sample.name == OURS + name), None)

    def labels(self) -> Iterator[tuple[str, str]]:
        """Every label with its value, wherever it stands in one of our metrics."""
        return (pair for sample in self._samples() if sample.name.startswith(OURS) for pair in sample.labels.items())

    def _samples(self) -> Iterable[Any]:
        return (sample for family in self.families for sample in family.samples)
