"""Subjects are watched on time that is free: on a busy machine real time would make members look silent."""

from typing import Any

from tests.support.virtual import VirtualLoop


def pytest_asyncio_loop_factories(config: Any, item: Any) -> dict[str, type[VirtualLoop]]:
    return {"virtual": VirtualLoop}
