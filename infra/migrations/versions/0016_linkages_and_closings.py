"""Which linkage runs may have changed who is whom: published files are held for that. When a project was closed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The last run of before is marked: whether a file was published after it nobody kept, so each is published anew.

    Of what was closed before this the log alone has the day.
    """
    op.create_table(
        "optout_linkage",
        sa.Column("run", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("ended", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("run"),
    )
    op.create_index("ix_optout_linkage_number", "optout_linkage", ["number"])
    op.execute(
        "INSERT INTO optout_linkage (run, number, ended, at)"
        " SELECT id, 1, true, at FROM linkage_run ORDER BY at DESC, id LIMIT 1"
    )
    op.add_column("project_version", sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True))
