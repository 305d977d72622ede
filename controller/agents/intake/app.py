"""The API itself. A request is answered when what it brought is committed; until then the agent sends it again.

Bodies are read, judged and masked in a thread: a mebibyte takes seconds, in which the event loop has trials to watch.
"""

from __future__ import annotations

import asyncio
import html
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, TypeVar

from fastapi import FastAPI, Path, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from pydantic import BaseModel, ValidationError
from sqlalchemy import Connection
from starlette.exceptions import HTTPException as AnyHTTPException
from starlette.types import ASGIApp

from controller.agents.intake.describing import describe, takes
from controller.agents.intake.gate import Gate
from controller.agents.intake.models import Id, LogSent, SessionSent, TicketSent
from controller.records import InboxFull, Records, RecordsError, inbox

log = logging.getLogger(__name__)

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")

InPath = Annotated[Id, Path()]
DONE: Any = {"status_code": 204, "response_class": Response}


def intake(records: Records, campaign_of: Callable[[str], str | None], now: Callable[[], datetime]) -> ASGIApp:
    """The application. `campaign_of` knows which campaign a token sends for; `now` is the one clock."""
    app = FastAPI(
        title="evalcampaign: what an agent did",
        summary="Takes tickets, sessions and log entries; answers nothing else.",
        docs_url=None,  # their pages are fetched from elsewhere
        redoc_url=None,
    )

    async def keep(
        request: Request,
        model: type[M],
        values: Callable[[M], T],
        write: Callable[[Connection, str, T, datetime], None],
    ) -> Response:
        campaign, body = request.state.campaign, await request.body()
        sent = await asyncio.to_thread(lambda: values(model.model_validate_json(body)))
        # It arrives when it is written, not when it begins to wait for that.
        await records.write_at_once(lambda connection: write(connection, campaign, sent, now()))
        return Response(status_code=204)

    @app.put("/v1/tickets/{id}", openapi_extra=takes(TicketSent), **DONE)
    async def put_ticket(id: InPath, request: Request) -> Response:
        """A ticket as it is now; the newest word holds."""
        return await keep(
            request,
            TicketSent,
            TicketSent.values,
            lambda c, campaign, sent, at: inbox.put_ticket(c, campaign, id, sent, at),
        )

    @app.put("/v1/sessions/{id}", openapi_extra=takes(SessionSent), **DONE)
    async def put_session(id: InPath, request: Request) -> Response:
        """A session, and the ticket it works on."""
        return await keep(
            request,
            SessionSent,
            SessionSent.values,
            lambda c, campaign, sent, at: inbox.put_session(c, campaign, id, sent),
        )

    @app.post("/v1/log", openapi_extra=takes(LogSent), **DONE)
    async def post_log(request: Request) -> Response:
        """What was thought, run and answered in sessions."""
        return await keep(request, LogSent, LogSent.values, inbox.add_entries)

    @app.get("/healthz", include_in_schema=False)
    async def healthz() -> Response:
        return Response("ok", media_type="text/plain")

    @app.get("/", include_in_schema=False)
    async def page() -> HTMLResponse:
        return HTMLResponse(_page(app))

    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(ValidationError, _invalid)
    app.add_exception_handler(AnyHTTPException, _no_such)
    app.add_exception_handler(InboxFull, _full)
    app.add_exception_handler(RecordsError, _unavailable)
    describe(app, TicketSent, SessionSent, LogSent)
    return Gate(app, campaign_of)


def _invalid(_: Request, error: Exception) -> Response:
    """Which field, and what is wrong with it; never what was sent, which may be a secret."""
    assert isinstance(error, RequestValidationError | ValidationError)
    said = [f"{'.'.join(map(str, each['loc'])) or 'body'}: {each['msg']}" for each in error.errors()[:5]]
    return JSONResponse({"error": "; ".join(said)}, 422)


def _no_such(_: Request, error: Exception) -> Response:
    assert isinstance(error, AnyHTTPException)
    return JSONResponse({"error": str(error.detail)}, error.status_code)


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
