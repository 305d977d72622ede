"""The watch on pods: every change, and every gap."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from controller.kube import pods
from tests.support.waiting import eventually
from tests.unit.kube.server import END, HANG_UP, PODS, PodServer, pod, serving


class Follower:
    """Takes the views one by one."""

    def __init__(self, views: AsyncIterator[Any]) -> None:
        self._views = views

    async def next(self) -> dict[str, bool] | None:
        """The next view: pod name to readiness, or None."""
        async with asyncio.timeout(60):
            view = await anext(self._views)
        return None if view.pods is None else {name: each.ready for name, each in view.pods.items()}

    async def until(self, wanted: dict[Any, Any]) -> None:
        """Skip views until one is as wanted."""
        async with asyncio.timeout(60):
            while await self.next() != wanted:
                pass


@pytest.fixture
def server() -> PodServer:
    return PodServer()


@pytest.fixture
async def follower(server: PodServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Any]:
    monkeypatch.setattr(pods, "SILENCE_SECONDS", 0.1)
    monkeypatch.setattr(pods, "REQUEST_SECONDS", 0.6)
    monkeypatch.setattr(pods, "RETRY_SECONDS", 0.05)
    monkeypatch.setattr(pods, "MAX_RETRY_SECONDS", 0.1)
    async with serving(server) as api, aclosing(pods.watch_pods(api, PODS, "app=etcd")) as views:
        yield Follower(views)


async def test_it_begins_with_what_is_there(server: PodServer, follower: Follower) -> None:
    server.pods = [pod("a"), pod("b", ready=False)]
    assert await follower.next() == {"a": True, "b": False}
    assert server.lists == [{"labelSelector": "app=etcd"}]


async def test_each_event_is_a_view_even_when_they_come_together(server: PodServer, follower: Follower) -> None:
    server.pods = [pod("a")]
    await follower.next()
    server.tell("MODIFIED", pod("a", ready=False))
    server.tell("ADDED", pod("b"))
    server.tell("DELETED", pod("a"))
    assert [await follower.next() for _ in range(3)] == [{"a": False}, {"a": False, "b": True}, {"b": True}]
    assert server.watched == [{"watch": "true", "labelSelector": "app=etcd", "resourceVersion": "7"}]


async def test_an_event_that_comes_in_pieces_and_slowly_is_not_torn(server: PodServer, follower: Follower) -> None:
    await follower.next()
    line = b'{"type": "ADDED", "object": ' + str(pod("a")).replace("'", '"').encode() + b"}\n"
    asking = asyncio.create_task(follower.next())
    for piece in (line[:20], line[20:50], line[50:]):
        server.feed.put_nowait(piece)
        await asyncio.sleep(0.25)  # longer than the quiet after which the server is asked
    assert await asking == {"a": True}


async def test_a_watch_that_the_server_ends_is_taken_up_again(server: PodServer, follower: Follower) -> None:
    await follower.next()
    server.pods = [pod("a")]
    server.feed.put_nowait(END)
    assert await follower.next() == {"a": True}
    server.tell("ADDED", pod("b"))
    assert await follower.next() == {"a": True, "b": True}


async def test_a_history_that_is_gone_leads_to_a_new_list(server: PodServer, follower: Follower) -> None:
    await follower.next()
    server.pods = [pod("a")]
    server.tell("ERROR", {"kind": "Status", "code": 410, "reason": "Expired"})
    assert await follower.next() == {"a": True}


@pytest.mark.parametrize(
    "event", [{"type": "ERROR", "object": {"code": 410, "reason": "Expired"}}, END, {"type": "ERROR", "object": {}}]
)
async def test_of_watches_that_end_again_and_again_only_the_first_is_taken_up_at_once(
    server: PodServer, follower: Follower, event: Any
) -> None:
    for _ in range(4):
        server.feed.put_nowait(event)
    # From the second on there is a pause, and who looks on is told of it.
    assert [await follower.next() for _ in range(7)] == [{}, {}, None, {}, None, {}, None]


@pytest.mark.parametrize(
    "line",
    [
        b'{"type": "ADDED", "object": {"meta',
        b"\n",
        b"[]\n",
        b'"ADDED"\n',
        b"{}\n",
        b'{"type": "ADDED"}\n',
        b'{"type": "ADDED", "object": null}\n',
        b'{"type": "ADDED", "object": {"metadata": []}}\n',
        b'{"type": "MODIFIED", "object": {"metadata": {"name": "a", "uid": "u"}, "spec": {"containers": 7}}}\n',
        b'{"type": "ERROR", "object": "gone"}\n',
        b"\xff\xfe\n",
        b"[" * 100_000 + b"\n",
        b"<html>502 Bad Gateway</html>\n",
    ],
    ids=lambda line: repr(line[:40]),
)
async def test_what_is_no_event_breaks_the_watch_and_nothing_else(
    server: PodServer, follower: Follower, line: bytes
) -> None:
    server.pods = [pod("a")]
    await follower.next()
    server.feed.put_nowait(line)
    server.feed.put_nowait(END)
    assert await follower.next() is None
    assert await follower.next() == {"a": True}


async def test_events_of_a_kind_that_we_do_not_know_are_passed_over(server: PodServer, follower: Follower) -> None:
    await follower.next()
    server.tell("BOOKMARK", {"kind": "Pod", "metadata": {"resourceVersion": "9"}})
    server.tell("ADDED", pod("a"))
    assert await follower.next() == {"a": True}


@pytest.mark.parametrize("answer", [{}, {"items": None}, {"items": [7], "metadata": {}}, {"items": []}, [], 7, None])
async def test_a_list_that_makes_no_sense_is_a_gap(
    server: PodServer, follower: Follower, answer: dict[str, Any] | int | list[Any] | None
) -> None:
    server.answer = (200, answer)
    assert [await follower.next() for _ in range(2)] == [None, None]
    server.answer = None
    assert await follower.next() == {}


async def test_a_connection_that_breaks_is_a_gap(server: PodServer, follower: Follower) -> None:
    server.pods = [pod("a")]
    await follower.next()
    server.feed.put_nowait(HANG_UP)
    assert await follower.next() is None
    assert await follower.next() == {"a": True}


@pytest.mark.parametrize("status", [403, 500, 503])
async def test_a_server_that_refuses_is_a_gap_as_long_as_it_does(
    server: PodServer, follower: Follower, status: int
) -> None:
    server.answer = (status, {"message": "no"})
    assert [await follower.next() for _ in range(3)] == [None, None, None]
    server.answer = None
    assert await follower.next() == {}


async def test_a_watch_that_never_begins_is_noticed(server: PodServer, follower: Follower) -> None:
    await follower.next()
    server.silent = True
    assert await follower.next() is None
    server.silent = False
    await follower.until({})


async def test_a_connection_that_died_without_a_word_is_noticed(server: PodServer, follower: Follower) -> None:
    await follower.next()
    asking = asyncio.create_task(follower.next())
    await eventually(lambda: server.watched)
    server.silent = True
    assert await asking is None
    server.silent = False
    await follower.until({})


async def test_a_quiet_namespace_is_no_gap(server: PodServer, follower: Follower) -> None:
    await follower.next()
    asking = asyncio.create_task(follower.next())
    await asyncio.sleep(0.5)
    assert not asking.done()
    assert server.lists[-1] == {"limit": "1", "resourceVersion": "0"}
    server.tell("ADDED", pod("a"))
    assert await asking == {"a": True}


async def test_it_can_be_left_at_any_time(server: PodServer, follower: Follower) -> None:
    await follower.next()
    asking = asyncio.create_task(follower.next())
    await asyncio.sleep(0.05)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
