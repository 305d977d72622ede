"""Reads the records over HTTP from the controller that has them open, on a connection that the caller makes.

One connection is kept for all requests: it may be a port-forward, which takes longer to open than the answer takes.
"""

from __future__ import annotations

import http.client
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlencode

from controller.jsontypes import Json
from controller.reading import serialization
from controller.reading.protocol import AttemptTimeline, CampaignCounts
from controller.records.database import sound_copy
from controller.records.errors import NotRecorded, RecordsError, RecordsUnavailable
from controller.records.queries import CampaignMatch
from controller.records.rows import AttemptSummary, CampaignRow

ANSWER_SECONDS = 60.0
"""The longest pause between two pieces of an answer. A backup is complete before its first byte is sent."""

Dial = Callable[[], object]
"""Makes a connection: a socket, or an object that behaves like one. What it raises is not caught."""


class RemoteReader:
    """Implements `RecordsReader`. Sends one request at a time."""

    def __init__(self, dial: Dial, where: str) -> None:
        self._connection = _Connection(dial)
        self._where = where

    def about(self) -> Mapping[str, str]:
        """Returns the `version` of the controller and the `schema` of its records."""
        return dict(self._json("/v1"))

    def campaigns(self) -> list[CampaignCounts]:
        """See `RecordsReader`."""
        return [serialization.campaign_from_json(each) for each in self._json("/v1/campaigns")]

    def find(self, reference: str) -> CampaignMatch:
        """See `RecordsReader`."""
        meant, *others = self._json("/v1/campaigns", named=reference)
        rows = (serialization.campaign_from_json(each).campaign for each in others)
        return CampaignMatch(serialization.campaign_from_json(meant).campaign, tuple(rows))

    def attempts(self, campaign: CampaignRow) -> list[AttemptSummary]:
        """See `RecordsReader`."""
        return [
            serialization.summary_from_json(each)
            for each in self._json(f"/v1/campaigns/{quote(campaign.uid)}/attempts")
        ]

    def attempt(self, campaign: CampaignRow, trial: int, attempt: int | None = None) -> AttemptTimeline:
        """See `RecordsReader`."""
        which = {} if attempt is None else {"attempt": str(attempt)}
        return serialization.timeline_from_json(
            self._json(f"/v1/campaigns/{quote(campaign.uid)}/trials/{trial}", **which)
        )

    def whole_attempts(self, campaign: CampaignRow) -> Iterator[AttemptTimeline]:
        """See `RecordsReader`."""
        with self._answer(f"/v1/campaigns/{quote(campaign.uid)}/export") as answer:
            for line in answer:
                yield serialization.timeline_from_json(json.loads(line))

    def backup(self, destination: Path) -> None:
        """See `RecordsReader`."""
        with sound_copy(destination) as copy, copy.open("wb") as file, self._answer("/v1/backup") as answer:
            shutil.copyfileobj(answer, file)
            if file.tell() != int(answer.headers["Content-Length"]):
                raise RecordsUnavailable("The backup broke off before its end; it was not kept")

    def token(self, namespace: str, name: str, proof: str) -> str:
        """Returns a campaign's token. Raises NotRecorded where there is none, RecordsUnavailable on a wrong proof."""
        path = f"/v1/tokens/{quote(namespace, safe='')}/{quote(name, safe='')}"
        with self._answer(path, proof) as answer:
            return str(json.loads(answer.read())["token"])

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()

    def _json(self, path: str, **query: str) -> Json:
        with self._answer(path, **query) as answer:
            return json.loads(answer.read())

    @contextmanager
    def _answer(self, path: str, proof: str | None = None, **query: str) -> Iterator[http.client.HTTPResponse]:
        """Yields the answer to one request, not yet read. Raises RecordsError for any status but 200."""
        is_complete, headers = False, {} if proof is None else {"Authorization": f"Proof {proof}"}
        try:
            self._connection.request("GET", f"{path}?{urlencode(query)}" if query else path, headers=headers)
            answer = self._connection.getresponse()
            if answer.status != http.HTTPStatus.OK:
                raise _refusal(answer.status, answer.read().decode(errors="replace"))
            yield answer
            is_complete = answer.isclosed()
        except (http.client.HTTPException, OSError, ValueError) as error:
            raise RecordsUnavailable(
                f"The records cannot be read through {self._where}: {str(error) or type(error).__name__}"
            ) from error
        finally:
            if not is_complete:  # the rest of this answer would be read as the next one
                self._connection.close()


class _Connection(http.client.HTTPConnection):
    def __init__(self, dial: Dial) -> None:
        super().__init__("localhost")
        self._dial = dial

    def connect(self) -> None:
        connection = self._dial()
        connection.settimeout(ANSWER_SECONDS)  # type: ignore[attr-defined]
        self.sock = connection


def _refusal(status: int, message: str) -> RecordsError:
    if status == http.HTTPStatus.NOT_FOUND:
        return NotRecorded(message)
    if status == http.HTTPStatus.SERVICE_UNAVAILABLE:
        return RecordsUnavailable(message)
    return RecordsUnavailable(f"The controller answered with HTTP {status}: {message[:200]}")
