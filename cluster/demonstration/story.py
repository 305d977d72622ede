"""What a person is told of a running campaign: a line for each thing that happened, and what is done now. Pure."""

from datetime import datetime

from cluster.demonstration.campaigns import Seen
from controller.api import Phase, Recent
from controller.cli.live.news import News
from controller.cli.live.story import countdown


class Story:
    """Tells of one campaign what is new."""

    def __init__(self) -> None:
        self._news = News()

    def news(self, campaign: Seen) -> list[str]:
        """Lines about phases and outcomes that were not told yet, in the order in which they happened."""
        status = campaign.status
        phase_line = f"{campaign.name}: {status.phase}" + (f", {status.message}" if status.message else "")
        return [phase_line if isinstance(each, Phase) else _outcome(campaign, each) for each in self._news.of(status)]


def _outcome(campaign: Seen, ended: Recent) -> str:
    attempt = f", attempt {ended.attempt}" if ended.attempt > 1 else ""
    after = f" after {ended.time_to_recover}" if ended.time_to_recover else ""
    why = f" ({ended.message})" if ended.message else ""
    target = ended.target or "no target"
    return f"{campaign.name}: trial {ended.trial}/{campaign.trials}{attempt} on {target}: {ended.outcome}{after}{why}"


def doing(campaign: Seen) -> str:
    """The trial and its step, without the time; empty between attempts."""
    current = campaign.status.current
    return "" if current is None else f"trial {current.trial}/{campaign.trials}: {current.step}"


def right_now(campaign: Seen, now: datetime) -> str:
    """Trial, step, countdown and what is still missing, for a line that is drawn again and again."""
    current = campaign.status.current
    if current is None:
        return campaign.status.message
    return f"{doing(campaign)}{countdown(current, now)}{f', {current.message}' if current.message else ''}"
