"""Serves the records over HTTP, read-only, for people who may port-forward to the controller's pod (docs/json.md).

It listens on 127.0.0.1 alone. The API server lets only those through who have the permission `pods/portforward` in the
controller's namespace, so there is no password, and no agent can read how it is assessed. A campaign's token needs a
proof as well: see `controller.agents.intake.tokens`.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from controller.jsontypes import Json
from controller.reading import serialization
from controller.reading.database import DatabaseReader
from controller.records.database import backup
from controller.records.errors import NotRecorded, RecordsError
from controller.records.rows import CampaignRow
from controller.records.schema import HEAD
from controller.serving import serving_if_possible
from controller.settings import LOCALHOST
from controller.tokens import InvalidProof
from controller.version import VERSION
from subjects.cluster import ClusterError, ClusterUnreachable

HOSTS = ["localhost", "127.0.0.1"]
"""The only accepted Host headers: a web page whose own name resolves to 127.0.0.1 gets no answer."""


ExchangeToken = Callable[[str, str, str], Awaitable[str]]
"""Returns the token of the campaign of this namespace and name, for this proof (`controller.agents.intake.tokens`)."""


def application(url: str, exchange_token: ExchangeToken | None = None) -> Starlette:
    """Returns the application that serves the records at this database URL. It knows GET alone.

    With `exchange_token` it also serves tokens of campaigns, to those who prove that they may change the campaign.
    """
    endpoints = RecordsEndpoints(url)
    tokens = (
        []
        if exchange_token is None
        else [Route("/v1/tokens/{namespace}/{name}", _token(exchange_token), methods=["GET"])]
    )
    return Starlette(
        routes=[
            Route("/v1", endpoints.about, methods=["GET"]),
            Route("/v1/campaigns", endpoints.campaigns, methods=["GET"]),
            Route("/v1/campaigns/{uid}/attempts", endpoints.attempts, methods=["GET"]),
            Route("/v1/campaigns/{uid}/trials/{trial:int}", endpoints.timeline, methods=["GET"]),
            Route("/v1/campaigns/{uid}/export", endpoints.export, methods=["GET"]),
            Route("/v1/backup", endpoints.backup, methods=["GET"]),
            *tokens,
        ],
        exception_handlers={
            NotRecorded: _refuse(404),
            RecordsError: _refuse(503),
            InvalidProof: _refuse(403),
            ClusterUnreachable: _refuse(503),
            ClusterError: _refuse_cluster_error,
        },
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=HOSTS)],
    )


def _refuse(status: int) -> Callable[[Request, Exception], Response]:
    return lambda _, error: PlainTextResponse(str(error), status)


def _refuse_cluster_error(_: Request, error: Exception) -> Response:
    """Returns 404 where a Secret does not exist yet, and 503 where the API server refused the controller otherwise."""
    assert isinstance(error, ClusterError)
    return PlainTextResponse(str(error), 404 if error.status == 404 else 503)


def _token(exchange_token: ExchangeToken) -> Callable[[Request], Awaitable[Response]]:
    async def token(request: Request) -> Response:
        """Returns the token of a campaign. The proof is in a header, which no web page can send from a browser."""
        scheme, _, proof = request.headers.get("authorization", "").partition(" ")
        namespace, name = request.path_params["namespace"], request.path_params["name"]
        found = await exchange_token(namespace, name, proof.strip() if scheme.lower() == "proof" else "")
        return _json({"token": found})

    return token


class RecordsEndpoints:
    """The endpoints, one method for each path. Starlette runs those that are not `async` in a thread."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._reader = DatabaseReader(url)

    def about(self, request: Request) -> Response:
        """Returns the versions of the controller and of the schema."""
        return _json({"version": VERSION, "schema": HEAD})

    def campaigns(self, request: Request) -> Response:
        """Returns all campaigns; with `?named=`, those of this name, namespace/name or uid, newest first."""
        reference = request.query_params.get("named")
        found = self._reader.campaigns() if reference is None else self._reader.named(reference)
        return _json([serialization.campaign_to_json(each) for each in found])

    def attempts(self, request: Request) -> Response:
        """Returns the attempts of a campaign, without the large columns."""
        rows = self._reader.attempts(self._campaign(request))
        return _json([serialization.attempt_to_json(row) for row in rows])

    def timeline(self, request: Request) -> Response:
        """Returns one attempt with all its columns: the last of its trial unless `?attempt=` names another."""
        campaign, attempt = self._campaign(request), request.query_params.get("attempt")
        if attempt is not None and not attempt.isdecimal():
            return PlainTextResponse("attempt must be a number", 400)
        timeline = self._reader.attempt(campaign, request.path_params["trial"], int(attempt) if attempt else None)
        return _json(serialization.timeline_to_json(campaign, timeline))

    def export(self, request: Request) -> Response:
        """Returns all attempts of a campaign with all their columns, one line of JSON each."""
        campaign = self._campaign(request)

        def lines() -> Iterator[str]:
            for timeline in self._reader.whole_attempts(campaign):
                yield serialization.dumps(serialization.timeline_to_json(campaign, timeline)) + "\n"

        return StreamingResponse(lines(), media_type="application/x-ndjson")

    async def backup(self, request: Request) -> Response:
        """Returns a copy of the database, with its length."""
        folder = tempfile.TemporaryDirectory()
        copy = Path(folder.name, "records.db")
        try:
            await run_in_threadpool(backup, self._url, copy)
        except BaseException:
            folder.cleanup()
            raise
        return FileResponse(copy, media_type="application/vnd.sqlite3", background=BackgroundTask(folder.cleanup))

    def _campaign(self, request: Request) -> CampaignRow:
        return self._reader.find(request.path_params["uid"]).campaign


def _json(value: Json) -> Response:
    return Response(serialization.dumps(value), media_type="application/json")


@asynccontextmanager
async def serving_records(
    url: str, port: int, exchange_token: ExchangeToken | None = None
) -> AsyncGenerator[int | None]:
    """Serves the records at `url` for as long as the block lasts; yields the port.

    Where that fails, campaigns go on without it: see `serving_if_possible`.
    """
    async with serving_if_possible(application(url, exchange_token), LOCALHOST, port, "the records") as served:
        yield served
