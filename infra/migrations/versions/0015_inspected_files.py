"""What the inspectors found in a file that is to leave."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What was submitted before was a table each, and no inspector's."""
    op.add_column("release_file", sa.Column("inspection", sa.JSON(), nullable=True))
