"""Alembic's own entry: runs the migrations on the connection that `infra.migrations.upgrade` opened."""

from __future__ import annotations

from alembic import context

from audit.records import Base
from infra.migrations import load_tables

load_tables()
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,  # SQLite cannot alter a column in place
)
with context.begin_transaction():
    context.run_migrations()
