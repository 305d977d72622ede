"""Bringing a database to this version's schema, in one transaction: a crash leaves the old one or the new one."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection

from controller.records import engines
from controller.records.revisions import HEAD, refuse_newer, revision

FOLDER = Path(__file__).with_name("migrations")


def migrate(url: str) -> None:
    """Create or upgrade the schema. RecordsNewer when the database is ahead of us; RecordsUnavailable as for writes."""
    engine = engines.migrator(url)
    try:
        with engines.translated_errors(), engine.begin() as connection:
            found = revision(connection)
            refuse_newer(found)
            if found != HEAD:
                _upgrade(connection)
    finally:
        engine.dispose()


def _upgrade(connection: Connection) -> None:
    # Here, not above: half a second of imports that only a first start or an upgrade needs.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
