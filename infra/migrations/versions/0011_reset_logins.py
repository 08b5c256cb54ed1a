"""Log-ins that were reset: before whom they are shown needs who, whose, when and why."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table of access.realm. Resets of before stand in the log only."""
    op.create_table(
        "login_reset",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("person", sa.String(length=60), nullable=False),
        sa.Column("reason", sa.String(length=400), nullable=True),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
