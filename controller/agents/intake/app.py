"""The HTTP API of the intake. A request is answered when its content is committed; until then the agent repeats it.

Bodies are parsed, classified and masked by processes of their own, because a mebibyte may take seconds and much memory,
and the controller observes trials meanwhile.
"""

from __future__ import annotations

import html
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.json_schema import models_json_schema
from sqlalchemy import Connection
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from controller.agents.intake.limits import IntakeLimits
from controller.agents.intake.models import Id, InvalidBody, LogSent, SessionSent, TicketSent, in_a_sentence
from controller.agents.intake.parser_pool import ParseLimitExceeded, ParserPool
from controller.meter import UNMETERED, Meter
from controller.records import DiskFull, InboxFull, Records, RecordsError, RecordsUnavailable, inbox

log = logging.getLogger(__name__)

Rows = list[dict[str, Any]]

TITLE = "Tickets"  # an agent may read it
SUMMARY = "Takes tickets, sessions and log entries; answers nothing else."

_ID: TypeAdapter[str] = TypeAdapter(Id)
_REFERENCE = "#/components/schemas/{model}"


def intake(
    records: Records,
    campaign_of: Callable[[str], str | None],
    now: Callable[[], datetime],
    workers: ParserPool,
    meter: Meter = UNMETERED,
) -> ASGIApp:
    """Returns the application. `campaign_of` maps a token to its campaign; `now` is the controller's clock.

    `workers` parse the bodies; whoever made them closes them.
    """
    endpoints = _Endpoints(records, now, workers)
    description = describe_api()
    page = _page(description)

    async def healthz(_: Request) -> Response:
        return PlainTextResponse("ok")

    async def get_description(_: Request) -> Response:
        return JSONResponse(description)

    async def get_page(_: Request) -> Response:
        return HTMLResponse(page)

    app = Starlette(
        routes=[
            Route("/v1/tickets/{id}", endpoints.put_ticket, methods=["PUT"]),
            Route("/v1/sessions/{id}", endpoints.put_session, methods=["PUT"]),
            Route("/v1/log", endpoints.post_log, methods=["POST"]),
            Route("/healthz", healthz, methods=["GET"]),
            Route("/openapi.json", get_description, methods=["GET"]),
            Route("/", get_page, methods=["GET"]),
        ],
        exception_handlers={
            InvalidBody: _invalid_body,
            HTTPException: _http_error,
            InboxFull: _inbox_full,
            DiskFull: _disk_full,
            RecordsError: _unavailable,
        },
    )
    return IntakeLimits(app, campaign_of, records.rejected, meter)


class _Endpoints:
    """The endpoints that accept something. Their docstrings are the descriptions in the API."""

    def __init__(self, records: Records, now: Callable[[], datetime], workers: ParserPool) -> None:
        self._records = records
        self._now = now
        self._workers = workers

    async def put_ticket(self, request: Request) -> Response:
        """A ticket as it is now. It replaces what was sent before."""
        id_ = _path_id(request)
        campaign, [ticket] = await self._read(request, "ticket")
        try:
            await self._write(lambda connection, at: inbox.put_ticket(connection, campaign, id_, ticket, at))
        except RecordsUnavailable:
            self._records.rejected.add_ticket(campaign, id_)
            raise
        self._records.rejected.remove_ticket(campaign, id_)
        return Response(status_code=204)

    async def put_session(self, request: Request) -> Response:
        """A session, and the ticket that it works on."""
        id_ = _path_id(request)
        campaign, [session] = await self._read(request, "session")
        await self._write(lambda connection, at: inbox.put_session(connection, campaign, id_, session))
        return Response(status_code=204)

    async def post_log(self, request: Request) -> Response:
        """Log entries of sessions: reasoning, tool calls and their results."""
        campaign, entries = await self._read(request, "log")
        size = await self._write(lambda c, at: inbox.add_entries(c, campaign, entries, at, self._records.log_quota))
        self._records.log_quota.add(campaign, size)
        return Response(status_code=204)

    async def _read(self, request: Request, kind: str) -> tuple[str, Rows]:
        campaign: str = request.state.campaign
        return campaign, await self._workers.read(campaign, kind, await request.body())

    async def _write(self, work: Callable[[Connection, datetime], int | None]) -> int:
        # The time of arrival is that of the write, not that of the request.
        return await self._records.write_at_once(lambda connection: work(connection, self._now())) or 0


def _path_id(request: Request) -> str:
    """Returns the id in the path. Raises InvalidBody; its text never repeats the id, which may be a secret."""
    try:
        return _ID.validate_python(request.path_params["id"])
    except ValidationError as invalid:
        errors = invalid.errors(include_input=False, include_context=False, include_url=False)
        raise InvalidBody(in_a_sentence([{**each, "loc": ("path", "id")} for each in errors])) from None


def _invalid_body(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 413 if isinstance(error, ParseLimitExceeded) else 422)


def _http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": str(error.detail)}, error.status_code, error.headers)


def _inbox_full(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 409)


def _disk_full(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 507, {"Retry-After": "30"})


def _unavailable(_: Request, error: Exception) -> Response:
    log.warning("nothing can be taken from agents now: %s", error)
    reason = "the records cannot be written just now; nothing of this was kept, come again"
    return JSONResponse({"error": reason}, 503, {"Retry-After": "1"})


def describe_api() -> dict[str, Any]:
    """Returns the OpenAPI 3.1 document of the API."""
    models = (TicketSent, SessionSent, LogSent)
    _, schemas = models_json_schema([(model, "validation") for model in models], ref_template=_REFERENCE)
    id_ = {"name": "id", "in": "path", "required": True, "schema": _ID.json_schema()}
    return {
        "openapi": "3.1.0",
        "info": {"title": TITLE, "summary": SUMMARY, "version": "1"},
        "security": [{"token": []}],
        "paths": {
            "/v1/tickets/{id}": {
                "parameters": [id_],
                "put": _operation("putTicket", _Endpoints.put_ticket, TicketSent),
            },
            "/v1/sessions/{id}": {
                "parameters": [id_],
                "put": _operation("putSession", _Endpoints.put_session, SessionSent),
            },
            "/v1/log": {"post": _operation("postLog", _Endpoints.post_log, LogSent)},
        },
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {
                **schemas["$defs"],
                "Error": {
                    "type": "object",
                    "required": ["error"],
                    "properties": {"error": {"type": "string", "description": "A sentence."}},
                },
            },
        },
    }


def _operation(id_: str, endpoint: Callable[..., Any], body: type[BaseModel]) -> dict[str, Any]:
    schema, error = {"$ref": _REFERENCE.format(model=body.__name__)}, {"$ref": _REFERENCE.format(model="Error")}
    return {
        "operationId": id_,
        "description": endpoint.__doc__,
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "responses": {
            "204": {"description": "Taken."},
            "default": {"description": "Not taken.", "content": {"application/json": {"schema": error}}},
        },
    }


def _page(description: dict[str, Any]) -> str:
    """Returns the description of the API as one HTML page without external resources."""
    rows = [
        f"<tr><td><code>{method.upper()} {html.escape(path)}</code><td>{html.escape(operation['description'])}"
        for path, operations in description["paths"].items()
        for method, operation in operations.items()
        if method != "parameters"
    ]
    return (
        f"<!doctype html><meta charset=utf-8><title>{html.escape(TITLE)}</title><h1>{html.escape(TITLE)}</h1>"
        f"<p>{html.escape(SUMMARY)} All of it with <code>Authorization: Bearer TOKEN</code>; the whole "
        f"description is <a href=openapi.json>openapi.json</a>.<table>{''.join(rows)}</table>"
    )
