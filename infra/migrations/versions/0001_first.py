"""The first schema: deliveries, contracts, linkage runs, scopes, people, projects, requests to release, receipts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make every table."""
    op.create_table(
        "audit_receipt",
        sa.Column("event_id", sa.String(length=36), nullable=False),
        sa.Column("log_index", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("event_id"),
    )
    op.create_index(op.f("ix_audit_receipt_log_index"), "audit_receipt", ["log_index"], unique=False)
    op.create_table(
        "dataset_contract",
        sa.Column("dataset", sa.String(length=60), nullable=False),
        sa.Column("version", sa.String(length=40), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.PrimaryKeyConstraint("dataset", "version"),
    )
    op.create_table(
        "dataset_entry",
        sa.Column("id", sa.String(length=60), nullable=False),
        sa.Column("controller", sa.String(length=60), nullable=False),
        sa.Column("notice", sa.String(length=400), nullable=False),
        sa.Column("disclosure_profile", sa.String(length=60), nullable=False),
        sa.Column("tables", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "delivery",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("dataset", sa.String(length=60), nullable=False),
        sa.Column("controller", sa.String(length=60), nullable=False),
        sa.Column("contract_version", sa.String(length=40), nullable=False),
        sa.Column("period_from", sa.Date(), nullable=True),
        sa.Column("period_to", sa.Date(), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("supersedes", sa.String(length=36), nullable=True),
        sa.Column("reason", sa.String(length=60), nullable=True),
        sa.Column("rows", sa.JSON(), nullable=False),
        sa.Column("quarantined", sa.JSON(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_delivery_dataset"), "delivery", ["dataset"], unique=False)
    op.create_index(op.f("ix_delivery_digest"), "delivery", ["digest"], unique=False)
    op.create_index(op.f("ix_delivery_name"), "delivery", ["name"], unique=False)
    op.create_index(op.f("ix_delivery_state"), "delivery", ["state"], unique=False)
    op.create_table(
        "linkage_run",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("specification", sa.String(length=40), nullable=False),
        sa.Column("key_id", sa.String(length=120), nullable=False),
        sa.Column("key_check", sa.String(length=40), nullable=False),
        sa.Column("deliveries", sa.JSON(), nullable=False),
        sa.Column("summary", sa.JSON(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "organisation",
        sa.Column("id", sa.String(length=60), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "person",
        sa.Column("id", sa.String(length=60), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("organisation", sa.String(length=60), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("training_ends", sa.Date(), nullable=False),
        sa.Column("suspended", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "project_approval",
        sa.Column("project", sa.String(length=60), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("controller", sa.String(length=60), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_by", sa.String(length=120), nullable=True),
        sa.Column("reason", sa.String(length=400), nullable=True),
        sa.PrimaryKeyConstraint("project", "version", "controller"),
    )
    op.create_table(
        "project_version",
        sa.Column("project", sa.String(length=60), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("applicant", sa.String(length=60), nullable=False),
        sa.Column("controllers", sa.JSON(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("project", "version"),
    )
    op.create_table(
        "published_scope",
        sa.Column("project", sa.String(length=60), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("build", sa.String(length=64), nullable=False),
        sa.Column("file", sa.String(length=200), nullable=False),
        sa.Column("tables", sa.JSON(), nullable=False),
        sa.Column("rows", sa.JSON(), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("people_digest", sa.String(length=64), nullable=False),
        sa.Column("key_check", sa.String(length=40), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("project"),
    )
    op.create_table(
        "release_request",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project", sa.String(length=60), nullable=False),
        sa.Column("gate", sa.String(length=20), nullable=False),
        sa.Column("recipient", sa.String(length=200), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("author", sa.String(length=120), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("profile", sa.String(length=200), nullable=False),
        sa.Column("scope_version", sa.Integer(), nullable=False),
        sa.Column("members", sa.JSON(), nullable=False),
        sa.Column("checkers", sa.JSON(), nullable=False),
        sa.Column("vetoes", sa.JSON(), nullable=False),
        sa.Column("held", sa.Text(), nullable=True),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("moved", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_release_request_moved"), "release_request", ["moved"], unique=False)
    op.create_index(op.f("ix_release_request_project"), "release_request", ["project"], unique=False)
    op.create_index(op.f("ix_release_request_state"), "release_request", ["state"], unique=False)
    op.create_table(
        "release_file",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("request", sa.String(length=36), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("content", sa.String(length=64), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("uploader", sa.String(length=120), nullable=False),
        sa.Column("context", sa.JSON(), nullable=False),
        sa.Column("problems", sa.JSON(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["request"],
            ["release_request.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_release_file_content"), "release_file", ["content"], unique=False)
    op.create_index(op.f("ix_release_file_request"), "release_file", ["request"], unique=False)
    op.create_index(op.f("ix_release_file_sha256"), "release_file", ["sha256"], unique=False)
    op.create_table(
        "release_manifest",
        sa.Column("request", sa.String(length=36), nullable=False),
        sa.Column("manifest", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["request"],
            ["release_request.id"],
        ),
        sa.PrimaryKeyConstraint("request"),
    )
    op.create_table(
        "release_move",
        sa.Column("request", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("before", sa.String(length=20), nullable=True),
        sa.Column("after", sa.String(length=20), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("event", sa.String(length=36), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["request"],
            ["release_request.id"],
        ),
        sa.PrimaryKeyConstraint("request", "number"),
    )
    op.create_table(
        "release_recall_recipient",
        sa.Column("request", sa.String(length=36), nullable=False),
        sa.Column("recipient", sa.String(length=200), nullable=False),
        sa.Column("notified", sa.DateTime(timezone=True), nullable=False),
        sa.Column("acknowledged", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["request"],
            ["release_request.id"],
        ),
        sa.PrimaryKeyConstraint("request", "recipient"),
    )
    op.create_table(
        "release_recalled_hash",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("request", sa.String(length=36), nullable=False),
        sa.Column("incident", sa.String(length=60), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["request"],
            ["release_request.id"],
        ),
        sa.PrimaryKeyConstraint("sha256"),
    )
    op.create_table(
        "release_verdict",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("request", sa.String(length=36), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("file", sa.String(length=36), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("controller", sa.String(length=60), nullable=True),
        sa.Column("approve", sa.Boolean(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["file"],
            ["release_file.id"],
        ),
        sa.ForeignKeyConstraint(
            ["request"],
            ["release_request.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_release_verdict_request"), "release_verdict", ["request"], unique=False)


def downgrade() -> None:
    """There is nothing before the first schema, and records are never dropped."""
    raise NotImplementedError("records are not dropped; restore a backup instead")
