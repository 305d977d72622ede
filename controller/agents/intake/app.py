"""The API itself. A request is answered when what it brought is committed; until then the agent sends it again.

Bodies are read, classified and masked by processes of their own: a mebibyte takes seconds, in which the event loop has
trials to watch, and memory, of which the process that watches must not run out.
"""

from __future__ import annotations

import html
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

from fastapi import FastAPI, Path, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from sqlalchemy import Connection
from starlette.exceptions import HTTPException as AnyHTTPException
from starlette.types import ASGIApp

from controller.agents.intake.describing import describe, takes
from controller.agents.intake.gate import Gate
from controller.agents.intake.models import Id, LogSent, SessionSent, TicketSent
from controller.agents.intake.reading import NotTaken, in_a_sentence
from controller.agents.intake.workers import TooMuchWork, Workers
from controller.meter import UNMETERED, Meter
from controller.records import DiskFull, InboxFull, Records, RecordsError, RecordsUnavailable, inbox

log = logging.getLogger(__name__)

Rows = list[dict[str, Any]]

InPath = Annotated[Id, Path()]
DONE: Any = {"status_code": 204, "response_class": Response}


def intake(
    records: Records,
    campaign_of: Callable[[str], str | None],
    now: Callable[[], datetime],
    workers: Workers,
    meter: Meter = UNMETERED,
) -> ASGIApp:
    """The application. `campaign_of` knows which campaign a token sends for; `now` is the one clock.

    `workers` read the bodies; whoever made them closes them.
    """
    app = FastAPI(
        title="Tickets",  # an agent may read it
        summary="Takes tickets, sessions and log entries; answers nothing else.",
        docs_url=None,  # their pages are fetched from elsewhere
        redoc_url=None,
    )

    async def read(request: Request, kind: str) -> tuple[str, Rows]:
        campaign: str = request.state.campaign
        return campaign, await workers.read(campaign, kind, await request.body())

    async def write(work: Callable[[Connection, datetime], int | None]) -> int:
        # It arrives when it is written, not when it begins to wait for that.
        return await records.write_at_once(lambda connection: work(connection, now())) or 0

    @app.put("/v1/tickets/{id}", openapi_extra=takes(TicketSent), **DONE)
    async def put_ticket(id: InPath, request: Request) -> Response:
        """A ticket as it is now; the newest word holds."""
        campaign, [ticket] = await read(request, "ticket")
        try:
            await write(lambda connection, at: inbox.put_ticket(connection, campaign, id, ticket, at))
        except RecordsUnavailable:
            records.rejected.add_ticket(campaign, id)
            raise
        records.rejected.remove_ticket(campaign, id)
        return Response(status_code=204)

    @app.put("/v1/sessions/{id}", openapi_extra=takes(SessionSent), **DONE)
    async def put_session(id: InPath, request: Request) -> Response:
        """A session, and the ticket it works on."""
        campaign, [session] = await read(request, "session")
        await write(lambda connection, at: inbox.put_session(connection, campaign, id, session))
        return Response(status_code=204)

    @app.post("/v1/log", openapi_extra=takes(LogSent), **DONE)
    async def post_log(request: Request) -> Response:
        """What was thought, run and answered in sessions."""
        campaign, entries = await read(request, "log")
        size = await write(lambda c, at: inbox.add_entries(c, campaign, entries, at, records.log_quota))
        records.log_quota.add(campaign, size)
        return Response(status_code=204)

    @app.get("/healthz", include_in_schema=False)
    async def healthz() -> Response:
        return Response("ok", media_type="text/plain")

    @app.get("/", include_in_schema=False)
    async def page() -> HTMLResponse:
        return HTMLResponse(_page(app))

    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(NotTaken, _makes_no_sense)
    app.add_exception_handler(AnyHTTPException, _no_such)
    app.add_exception_handler(InboxFull, _full)
    app.add_exception_handler(DiskFull, _disk_full)
    app.add_exception_handler(RecordsError, _unavailable)
    describe(app, TicketSent, SessionSent, LogSent)
    return Gate(app, campaign_of, records.rejected, meter)


def _invalid(_: Request, error: Exception) -> Response:
    """Of the path: which part, and what is wrong with it; never what was sent, which may be a secret."""
    assert isinstance(error, RequestValidationError)
    return JSONResponse({"error": in_a_sentence(error.errors())}, 422)


def _makes_no_sense(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 413 if isinstance(error, TooMuchWork) else 422)


def _no_such(_: Request, error: Exception) -> Response:
    assert isinstance(error, AnyHTTPException)
    return JSONResponse({"error": str(error.detail)}, error.status_code)


def _full(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 409)


def _disk_full(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 507, {"Retry-After": "30"})


def _unavailable(_: Request, error: Exception) -> Response:
    log.warning("nothing can be taken from agents now: %s", error)
    why = "the records cannot be written just now; nothing of this was kept, come again"
    return JSONResponse({"error": why}, 503, {"Retry-After": "1"})


def _page(app: FastAPI) -> str:
    """The API on one page that needs nothing from elsewhere."""
    rows = [
        f"<tr><td><code>{method.upper()} {html.escape(path)}</code><td>{html.escape(said['description'])}"
        for path, methods in app.openapi()["paths"].items()
        for method, said in methods.items()
    ]
    return (
        f"<!doctype html><meta charset=utf-8><title>{html.escape(app.title)}</title><h1>{html.escape(app.title)}</h1>"
        f"<p>{html.escape(app.summary or '')} All of it with <code>Authorization: Bearer TOKEN</code>; the whole "
        f"description is <a href=openapi.json>openapi.json</a>.<table>{''.join(rows)}</table>"
    )
