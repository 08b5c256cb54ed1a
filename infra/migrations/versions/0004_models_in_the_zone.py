"""A model's numbers lie in the linkage zone; the record says under which rules of standardisation it was trained."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Models of before have no standardisation here, so they fit no more: they are trained again."""
    op.drop_column("linkage_model", "model")
    op.add_column("linkage_model", sa.Column("standardisation", sa.String(length=40), nullable=True))
