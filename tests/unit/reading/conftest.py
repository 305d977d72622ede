"""Records served over HTTP by an event loop in a thread of its own, as a controller serves them."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator

import pytest

from controller.reading.database import DatabaseReader
from controller.reading.remote import RemoteReader
from controller.reading.server import serving_records
from tests.support.ports import free_port
from tests.unit.cli.conftest import seed


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of a database with three campaigns."""
    made = f"sqlite:///{tmp_path_factory.mktemp('read')}/records.db"
    asyncio.run(seed(made))
    return made


@pytest.fixture(scope="session")
def port(url: str) -> Iterator[int]:
    """Where it is served."""
    chosen = free_port()
    ready, stop = threading.Event(), threading.Event()

    async def serve() -> None:
        async with serving_records(url, chosen) as served:
            assert served == chosen
            ready.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert ready.wait(20)
    yield chosen
    stop.set()
    thread.join()


@pytest.fixture
def direct(url: str) -> DatabaseReader:
    """The records from their database."""
    return DatabaseReader(url)


@pytest.fixture
def remote(port: int) -> Iterator[RemoteReader]:
    """The same over HTTP."""
    reader = RemoteReader(lambda: socket.create_connection(("127.0.0.1", port)), "the test")
    yield reader
    reader.close()
