"""How the campaigns stand is read from the records when somebody asks."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from controller.metrics.collectors import RecordedCampaigns
from tests.support.scraping import Scrape


def scrape(url: str) -> Scrape:
    registry = CollectorRegistry()
    registry.register(RecordedCampaigns(url, ["etcd", "tikv"]))
    return Scrape.of(registry)


def test_campaigns_are_counted_by_phase_as_long_as_their_object_is_there(url: str) -> None:
    assert scrape(url).series("campaigns", "phase") == {"Running": 1, "Queued": 4, "Complete": 1, "Failed": 1}
    assert scrape(url).value("records_readable") == 1


def test_a_queue_is_counted_by_the_type_of_subject_and_one_nobody_knows_is_other(url: str) -> None:
    assert scrape(url).series("queue_length", "subject") == {"etcd": 1, "tikv": 2, "other": 1}


def test_what_is_nowhere_is_0_and_not_absent(url: str) -> None:
    (campaigns,) = (each for each in scrape(url).families if each.name == "evalcampaign_campaigns")
    assert {"Pending", "Suspended", "Aborted"} <= {s.labels["phase"] for s in campaigns.samples if s.value == 0}


def test_where_the_records_cannot_be_read_it_says_so_and_gives_no_old_numbers(missing: str) -> None:
    seen = scrape(missing)
    assert seen.value("records_readable") == 0
    assert [family.name for family in seen.families] == ["evalcampaign_records_readable"]
