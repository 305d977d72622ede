"""What Alembic runs: the migrations, inside the transaction that the caller began on its connection."""

from alembic import context

from controller.records.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite changes a column by rebuilding its table
)
with context.begin_transaction():
    context.run_migrations()
