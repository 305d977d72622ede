"""Subjects are watched on time that is free: on a busy machine real time would make members look silent."""

from tests.support.virtual import VirtualLoop


def pytest_asyncio_loop_factories(config, item):
    return {"virtual": VirtualLoop}
