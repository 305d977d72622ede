"""The records over HTTP: read-only, for callers on the same host, and never in a campaign's way."""

from __future__ import annotations

import http.client
import logging
import socket
from pathlib import Path

import httpx
import pytest

from controller.reading.server import application, serving_records


def ask(port: int, method: str, path: str, host: str = "localhost") -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request(method, path, headers={"Host": host})
    status = connection.getresponse().status
    connection.close()
    return status


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_nothing_can_be_written(port: int, method: str) -> None:
    for path in ("/v1", "/v1/campaigns", "/v1/campaigns/uid-1/attempts", "/v1/campaigns/uid-1/trials/1", "/v1/backup"):
        assert ask(port, method, path) == 405


def test_a_page_that_goes_by_another_name_gets_no_answer(port: int) -> None:
    assert ask(port, "GET", "/v1") == 200
    assert ask(port, "GET", "/v1", host="evil.example") == 400


def test_a_number_that_is_none_is_refused(port: int) -> None:
    assert ask(port, "GET", "/v1/campaigns/uid-1/trials/1?attempt=x") == 400
    assert ask(port, "GET", "/v1/campaigns/uid-1/trials/x") == 404


async def test_records_that_are_away_are_said_to_be(tmp_path: Path) -> None:
    away = httpx.ASGITransport(application(f"sqlite:///{tmp_path}/none.db"))
    async with httpx.AsyncClient(transport=away, base_url="http://localhost") as client:
        answer = await client.get("/v1/campaigns")
    assert answer.status_code == 503 and "There are no records" in answer.text


async def test_a_port_that_is_taken_is_a_warning_and_no_more(url: str, caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as taken, caplog.at_level(logging.WARNING):
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        async with serving_records(url, taken.getsockname()[1]) as port:
            assert port is None
    assert "cannot be had (somebody else has it)" in caplog.text


async def test_port_0_serves_nothing(url: str) -> None:
    async with serving_records(url, 0) as port:
        assert port is None
