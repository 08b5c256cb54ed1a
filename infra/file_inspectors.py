"""How does the airlock have files looked into? In the inspectors' own process, and with what the haven alone knows.

The process apart knows no pseudonyms: numbers of 128 bits that a format keeps for itself come back, and the project's
own file is asked whether any of them is one of its people. Where it cannot be asked, the file was not looked into.
The readers of files are imported where they are used: most commands of the airlock look into none.
"""

from __future__ import annotations

from collections.abc import Collection
from threading import BoundedSemaphore

from access.decisions import Refused
from environments.gateway.engine import SHUT_OFF
from environments.gateway.model import ScopeFile
from environments.gateway.ports import Scopes
from environments.inspection.errors import InspectorsDown
from environments.inspection.model import Inspection

NUMBER = "UUID"
AT_ONCE = 2  # processes, each of which may take its gigabytes: who submits much waits


class EnclosedInspectors:
    """The inspectors, behind the airlock's port `Inspectors`. scopes: what is published for each project."""

    def __init__(self, scopes: Scopes) -> None:
        self._scopes = scopes
        self._room = BoundedSemaphore(AT_ONCE)

    @property
    def rules(self) -> str:
        """A digest of the inspectors and their libraries, as they stand on the disk."""
        from environments.inspection.enclosed import rules_digest

        return rules_digest()

    def look(self, project: str, name: str, content: bytes) -> Inspection:
        """What is in these bytes. Raises InspectorsDown: the project cannot be asked for its pseudonyms."""
        from environments.inspection.enclosed import inspect_apart

        with self._room:
            found = inspect_apart(name, content)
        if not found.own_numbers:
            return found
        scope = self._scopes.current(project)
        if isinstance(scope, Refused):
            raise _unasked(scope.reason)
        return found.asked(pseudonyms_among(scope, found.own_numbers).__contains__)


def pseudonyms_among(scope: ScopeFile, numbers: Collection[str]) -> set[str]:
    """Which of these numbers (8-4-4-4-12 hex digits) stand in the project's own file. Raises InspectorsDown."""
    import duckdb

    columns = [(table, name) for table, kinds in scope.tables.items() for name, kind in kinds.items() if kind == NUMBER]
    found: set[str] = set()
    try:
        with duckdb.connect(config={**SHUT_OFF}) as connection:
            connection.execute("ATTACH ? AS scope (ENCRYPTION_KEY ?, READ_ONLY)", [str(scope.path), scope.key])
            for table, column in columns:
                asked = (
                    f"SELECT DISTINCT {_quoted(column)}::VARCHAR FROM scope.{_quoted(table)}"
                    f" WHERE {_quoted(column)} IN (SELECT unnest(?::UUID[]))"
                )
                found |= {row[0] for row in connection.execute(asked, [sorted(numbers)]).fetchall()}
    except (duckdb.Error, OSError):  # the engine's own text may name the key
        raise _unasked("The project's file cannot be opened.") from None
    return found


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _unasked(why: str) -> InspectorsDown:
    return InspectorsDown(
        f"The project could not be asked whether the file holds its pseudonyms. {why}",
        mend="Tell the data team; or submit the file without numbers of its own (cell ids of a notebook).",
    )
