"""The API itself. A request is answered when what it brought is committed; until then the agent sends it again."""

from __future__ import annotations

import html
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, TypeVar

from fastapi import FastAPI, Path, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from sqlalchemy import Connection
from starlette.types import ASGIApp

from controller.agents.intake.gate import Gate
from controller.agents.intake.models import LogSent, SessionSent, TicketSent
from controller.records import InboxFull, Records, RecordsError, inbox

log = logging.getLogger(__name__)

T = TypeVar("T")

Id = Annotated[str, Path(min_length=1, max_length=128)]
DONE: Any = {"status_code": 204, "response_class": Response}


def intake(records: Records, campaign_of: Callable[[str], str | None], now: Callable[[], datetime]) -> ASGIApp:
    """The application. `campaign_of` knows which campaign a token sends for; `now` is the one clock."""
    app = FastAPI(
        title="evalcampaign: what an agent did",
        summary="Takes tickets, sessions and log entries; answers nothing else.",
        docs_url=None,  # their pages are fetched from elsewhere
        redoc_url=None,
    )

    async def keep(request: Request, write: Callable[[Connection, str, datetime], T]) -> Response:
        campaign, at = request.state.campaign, now()
        await records.write_at_once(lambda connection: write(connection, campaign, at))
        return Response(status_code=204)

    @app.put("/v1/tickets/{id}", **DONE)
    async def put_ticket(id: Id, ticket: TicketSent, request: Request) -> Response:
        """A ticket as it is now; the newest word holds."""
        values = ticket.values()
        return await keep(request, lambda c, campaign, at: inbox.put_ticket(c, campaign, id, values, at))

    @app.put("/v1/sessions/{id}", **DONE)
    async def put_session(id: Id, session: SessionSent, request: Request) -> Response:
        """A session, and the ticket it works on."""
        values = session.values()
        return await keep(request, lambda c, campaign, at: inbox.put_session(c, campaign, id, values))

    @app.post("/v1/log", **DONE)
    async def post_log(sent: LogSent, request: Request) -> Response:
        """What was thought, run and answered in sessions."""
        values = [entry.values() for entry in sent.entries]
        return await keep(request, lambda c, campaign, at: inbox.add_entries(c, campaign, values, at))

    @app.get("/healthz", include_in_schema=False)
    async def healthz() -> Response:
        return Response("ok", media_type="text/plain")

    @app.get("/", include_in_schema=False)
    async def page() -> HTMLResponse:
        return HTMLResponse(_page(app))

    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(InboxFull, _full)
    app.add_exception_handler(RecordsError, _unavailable)
    return Gate(app, campaign_of)


def _invalid(_: Request, error: Exception) -> Response:
    """Which field, and what is wrong with it; never what was sent, which may be a secret."""
    assert isinstance(error, RequestValidationError)
    said = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()[:5]]
    return JSONResponse({"error": "; ".join(said)}, 422)


def _full(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 409)


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
