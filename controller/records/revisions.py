"""The schema's revisions, oldest first: the names of the files in `migrations/versions/`, as a test checks.

Kept as a constant, so that the command line can tell a database's age without loading Alembic.
"""

from __future__ import annotations

from sqlalchemy import Connection, inspect, text

from controller.records.errors import RecordsError, RecordsNewer

REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006")
HEAD = REVISIONS[-1]


def revision(connection: Connection) -> str | None:
    """The database's revision; None when it is new and empty. RecordsError when it is something else's database."""
    tables = inspect(connection).get_table_names()
    if "alembic_version" in tables:
        found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
        return found
    if tables:
        raise RecordsError(f"This database holds something else than records (tables: {', '.join(tables[:5])})")
    return None


def refuse_newer(found: str | None) -> None:
    """Raise RecordsNewer when the database is of a revision that this version does not know."""
    if found is not None and found not in REVISIONS:
        raise RecordsNewer(
            f"The records have schema revision {found}, and this version knows them up to {HEAD}: "
            "they were written by a newer evalcampaign. Use that version, or a backup made before the upgrade."
        )
