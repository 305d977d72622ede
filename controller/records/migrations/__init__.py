"""Alembic migrations; run by `controller.records.store` when the records are opened."""
