"""A row for each test that somebody took; which offices were ever taken up."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

COPY = (
    "INSERT INTO person_test (person, kind, number, passed_on, score, ends)"
    " SELECT person, kind, 1, passed_on, score, ends FROM person_training"
)
HOLDERS = "SELECT id, roles, acknowledged_on FROM person WHERE acknowledged_on IS NOT NULL AND {real} ORDER BY id"
REAL = "(proofing_by IS NULL OR proofing_by <> 'service:invention')"


def upgrade() -> None:
    """The newest test of each kind stays as the first; whoever holds an office and acknowledged has taken it up."""
    op.create_table(
        "person_test",
        sa.Column("person", sa.String(length=60), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("passed_on", sa.Date(), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("ends", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("person", "kind", "number"),
    )
    op.execute(COPY)
    op.drop_table("person_training")
    office = op.create_table(
        "office",
        sa.Column("role", sa.String(length=40), nullable=False),
        sa.Column("person", sa.String(length=60), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("role"),
    )
    taken: dict[str, dict[str, object]] = {}
    for name, roles, on in op.get_bind().execute(sa.text(HOLDERS.format(real=REAL))):
        for role in json.loads(roles) if isinstance(roles, str) else roles:
            taken.setdefault(role, {"role": role, "person": name, "at": _midnight(on)})
    if taken:
        op.bulk_insert(office, list(taken.values()))


def _midnight(day: date | str) -> datetime:
    """SQLite gives days back as text."""
    found = date.fromisoformat(day) if isinstance(day, str) else day
    return datetime.combine(found, time(), UTC)
