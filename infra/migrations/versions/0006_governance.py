"""People's evidence, sanctions, agreements, support, and every decision about a project.

What was recorded before keeps: a training's end becomes a training whose test nobody recorded (score 0), which does not
count; projects that were live wait for the Guardian. A haven fails closed until the evidence is recorded.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables of access.people, organisations, projects and support as they are now."""
    _people()
    _organisations()
    _projects()


def _people() -> None:
    op.create_table(
        "person_training",
        sa.Column("person", sa.String(length=60), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("passed_on", sa.Date(), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("ends", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("person", "kind"),
    )
    op.execute(
        "INSERT INTO person_training (person, kind, passed_on, score, ends)"
        " SELECT id, 'information-governance', training_ends, 0, training_ends FROM person"
    )
    op.drop_column("person", "training_ends")
    for name, kind in (
        ("proofing_kind", sa.String(length=40)),
        ("proofing_by", sa.String(length=120)),
        ("proofing_on", sa.Date()),
        ("accreditation_scheme", sa.String(length=120)),
        ("accreditation_number", sa.String(length=60)),
        ("accreditation_ends", sa.Date()),
        ("acknowledged_on", sa.Date()),
        ("closed_on", sa.Date()),
        ("last_seen", sa.Date()),
    ):
        op.add_column("person", sa.Column(name, kind, nullable=True))
    op.create_table(
        "emergency_access",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("person", sa.String(length=60), nullable=False),
        sa.Column("project", sa.String(length=60), nullable=False),
        sa.Column("reason", sa.String(length=400), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("starts", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reviewed_by", sa.String(length=120), nullable=True),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("justified", sa.Boolean(), nullable=True),
        sa.Column("finding", sa.String(length=400), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_emergency_access_person"), "emergency_access", ["person"], unique=False)


def _organisations() -> None:
    op.add_column("organisation", sa.Column("ods_code", sa.String(length=20), nullable=True))
    op.add_column("organisation", sa.Column("security_status", sa.String(length=40), nullable=True))
    op.add_column("organisation", sa.Column("security_ends", sa.Date(), nullable=True))
    op.create_table(
        "sanction",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("subject", sa.String(length=120), nullable=False),
        sa.Column("reason", sa.String(length=400), nullable=False),
        sa.Column("starts", sa.Date(), nullable=False),
        sa.Column("until", sa.Date(), nullable=True),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lifted_by", sa.String(length=120), nullable=True),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lifted_because", sa.String(length=400), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_sanction_subject"), "sanction", ["subject"], unique=False)
    op.create_table(
        "agreement",
        sa.Column("id", sa.String(length=60), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_on", sa.Date(), nullable=True),
        sa.Column("withdrawn_by", sa.String(length=120), nullable=True),
        sa.PrimaryKeyConstraint("id", "version"),
    )
    op.create_table(
        "authoriser",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("person", sa.String(length=60), nullable=False),
        sa.Column("starts", sa.Date(), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "support",
        sa.Column("reference", sa.String(length=60), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_on", sa.Date(), nullable=True),
        sa.Column("withdrawn_by", sa.String(length=120), nullable=True),
        sa.PrimaryKeyConstraint("reference", "version"),
    )


def _projects() -> None:
    op.add_column("project_version", sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("project_version", sa.Column("went_live_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("project_version", sa.Column("datasets", sa.JSON(), nullable=True))
    op.execute("UPDATE project_version SET submitted_at = at")
    op.add_column(
        "project_approval", sa.Column("outcome", sa.String(length=20), nullable=False, server_default="approved")
    )
    op.add_column("project_approval", sa.Column("narrowing", sa.JSON(), nullable=True))
    op.create_table(
        "project_endorsement",
        sa.Column("project", sa.String(length=60), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=False),
        sa.Column("answers", sa.JSON(), nullable=False),
        sa.Column("reason", sa.String(length=400), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_by", sa.String(length=120), nullable=True),
        sa.PrimaryKeyConstraint("project", "version"),
    )
    op.create_table(
        "project_suspension",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project", sa.String(length=60), nullable=False),
        sa.Column("reason", sa.String(length=400), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lifted_by", sa.String(length=120), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_project_suspension_project"), "project_suspension", ["project"], unique=False)
    op.create_table(
        "project_recertification",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project", sa.String(length=60), nullable=False),
        sa.Column("kept", sa.JSON(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_project_recertification_project"), "project_recertification", ["project"], unique=False)
