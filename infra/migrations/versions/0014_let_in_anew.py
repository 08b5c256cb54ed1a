"""When a person last came to another employer, or was let in after their account was closed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nobody is known to have moved before this."""
    op.add_column("person", sa.Column("anew_at", sa.DateTime(timezone=True), nullable=True))
