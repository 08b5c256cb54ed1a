"""The schema of the records and its history (Alembic). `upgrade` brings a database to the newest."""

from __future__ import annotations

from sqlalchemy import Engine


def upgrade(engine: Engine) -> None:
    """Make every table that is missing."""
    import access.store
    import linkage.matching.store
    import linkage.scopes.store
    import linkage.store
    from audit.records import Base

    Base.metadata.create_all(engine)
