"""The schema of the records and its history (Alembic). `upgrade` brings a database to the newest.

Every command opens the records, so the common case, a database that is at the newest, asks one question and imports
nothing of Alembic.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, text

from infra.errors import DeploymentError

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0016"
FOLDER = Path(__file__).parent


class SchemaUnknown(DeploymentError):
    """The database is of a newer haven, or of something else."""

    code = "records.schema_unknown"
    exit_status = 78


def upgrade(engine: Engine) -> None:
    """Bring the schema to HEAD. Raises SchemaUnknown for a version that this haven does not know."""
    load_tables()
    with engine.connect() as connection:
        found = current_version(connection)
    if found == HEAD:
        return
    if found is not None and not any(FOLDER.glob(f"versions/{found}_*.py")):
        raise SchemaUnknown(
            "The records were written by a newer haven.",
            where=f"schema {found}",
            mend="Use that version of Haven, or restore the records from before its first start.",
        )
    from alembic import command

    with engine.begin() as connection:
        command.upgrade(configuration(connection), HEAD)


def current_version(connection: Connection) -> str | None:
    """The schema's version; None for an empty database."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def configuration(connection: Connection) -> Config:
    """Alembic's configuration on an open connection."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["connection"] = connection
    return config


def load_tables() -> None:
    """Every component's tables into the one metadata."""
    import access.housekeeping.store
    import access.keys.store
    import access.optouts.linkages
    import access.optouts.store
    import access.organisations.store
    import access.people.store
    import access.projects.store
    import access.realm.store
    import access.retention.store
    import access.support.store
    import environments.airlock.imports.store
    import environments.airlock.packages.store
    import environments.airlock.store
    import linkage.matching.residual.store
    import linkage.matching.store
    import linkage.scopes.store
    import linkage.store
