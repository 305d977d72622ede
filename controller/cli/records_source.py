"""Opens the records for a command: a database if one is named, or else the controller in the cluster."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from controller.records.errors import RecordsUnavailable
from controller.usererror import UserError

if TYPE_CHECKING:
    from controller.reading.protocol import RecordsReader
    from controller.reading.remote import RemoteReader

DEFAULT_PORT = 8091
"""The port on which the controller serves the records, on its pod's 127.0.0.1."""


@contextmanager
def records(db: str | None, context: str | None = None) -> Iterator[RecordsReader]:
    """Opens the records at the database URL `db`, or without one those of the controller in the current cluster."""
    if db:
        from controller.reading.database import DatabaseReader

        yield DatabaseReader(db)
        return
    with records_of_cluster(context) as reader:
        yield reader


@contextmanager
def records_of_cluster(context: str | None = None) -> Iterator[RemoteReader]:
    """Opens the controller's records through a port-forward, with the user's permissions. Opens no local port."""
    from controller.cli.cluster import controller
    from controller.cli.cluster.api import Api
    from controller.cli.cluster.errors import CommandFailed
    from controller.reading.remote import RemoteReader

    try:
        api = Api.connect(context)
        pod = controller.find_pod(api)
    except CommandFailed as error:
        raise _instead(error) from None

    def dial() -> object:
        try:
            return controller.forward(api, pod, port())
        except CommandFailed as error:
            raise _instead(error) from None

    reader = RemoteReader(dial, f"the port-forward to {pod}")
    try:
        yield reader
    finally:
        reader.close()


def about_controller(context: str | None = None) -> Mapping[str, str]:
    """Returns the controller's version and the schema of its records."""
    with records_of_cluster(context) as reader:
        return reader.about()


def port() -> int:
    """Returns EVALCAMPAIGN_RECORDS_PORT, which the controller reads too."""
    text = os.environ.get("EVALCAMPAIGN_RECORDS_PORT", "")
    return int(text) if text.isdecimal() and 0 < int(text) <= 65535 else DEFAULT_PORT


def _instead(error: UserError) -> RecordsUnavailable:
    return RecordsUnavailable(f"{error}. To read a copy of the records instead, name it: --db sqlite:///records.db")
