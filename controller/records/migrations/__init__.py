"""Alembic migrations; run by `controller.records.migrate` when the records are opened."""
