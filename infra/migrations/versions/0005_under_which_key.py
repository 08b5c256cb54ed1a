"""Under which key were a delivery's tokens made, and for which datasets is a round? Known of what comes from now on."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Rounds and deliveries of before say nothing here; the log's entries on them name round and check value."""
    op.add_column("round_key", sa.Column("datasets", sa.JSON(), nullable=True))
    op.add_column("delivery", sa.Column("round", sa.String(length=60), nullable=True))
    op.add_column("delivery", sa.Column("round_check", sa.String(length=16), nullable=True))
