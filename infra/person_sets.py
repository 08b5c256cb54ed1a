"""Who stands behind a query, for the release ledger? Asked of the project's file, and marked alike in all projects.

The file knows people by the project's pseudonyms. Here, and nowhere else, they become ledger marks: neither the file,
nor a researcher, nor the gateway's queries ever have one (docs/adr/0023-release-ledger.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from access.decisions import Refused
from access.keys import HeldKey, KeyRing, KeyRingError
from access.keys.store import project_key_version
from audit.records import Records
from environments.airlock.errors import EvidenceBroken, PeopleUnknown
from environments.airlock.ledger.model import GroupMarks, Marks
from environments.gateway.enclosure import Accounts
from environments.gateway.errors import EvidenceInvalid, PeopleNotListed
from environments.gateway.evidence.sealed import EvidenceFolder
from environments.gateway.listed import PeopleOfQueries
from environments.gateway.ports import Scopes
from environments.gateway.workers import WorkerPool
from linkage.scopes.pseudonyms import ledger_marks_of
from linkage.scopes.store import current_scope

if TYPE_CHECKING:
    from infra.wiring.environments import EnvironmentParts

KeysOf = Callable[[str], "tuple[HeldKey, HeldKey]"]
FIRST_ACCOUNT = 290_000  # of these workers, where each project's have an account: none of the gateway's


class LedgerSets:
    """The people behind queries, behind the airlock's port `PersonSets`. keys_of: a project's key, and the ledger's."""

    def __init__(self, evidence: EvidenceFolder, scopes: Scopes, listed: PeopleOfQueries, keys_of: KeysOf) -> None:
        self._evidence = evidence
        self._scopes = scopes
        self._listed = listed
        self._keys_of = keys_of

    @classmethod
    def of_haven(cls, haven: EnvironmentParts, scopes: Scopes) -> LedgerSets:
        """Of this haven: its evidence, its published files, workers as its gateway has them."""
        from infra.servers.gateway import enclosure_of

        settings = haven.settings
        accounts = Accounts(FIRST_ACCOUNT)  # of all the pools: each lives for one question

        def pool(folder: Path) -> WorkerPool:
            enclosure, gateway = enclosure_of(settings), settings.gateway
            return WorkerPool(
                folder,
                memory=gateway.worker_memory,
                threads=gateway.worker_threads,
                idle_seconds=gateway.worker_idle_seconds,
                enclosure=enclosure and replace(enclosure, accounts=accounts),
            )

        listed = PeopleOfQueries(settings.run_folder / "l", pool, haven.audit_log, haven.records, scopes)
        return cls(haven.evidence, scopes, listed, KeysOfProjects(haven.keyring, haven.records))

    def of(self, project: str, query: str) -> Mapping[tuple[object, ...], GroupMarks]:
        """Of each group by its key. Raises PeopleUnknown, EvidenceBroken."""
        try:
            evidence = self._evidence.open(project, query)
        except EvidenceInvalid as invalid:
            raise EvidenceBroken(invalid.what, where=invalid.where, mend=invalid.mend) from None
        if evidence is None:
            raise EvidenceBroken("The evidence of a query is not there any more.", where=f"query {query}")
        scope = self._scopes.current(project)
        if isinstance(scope, Refused):
            raise PeopleUnknown(scope.reason, where=f"query {query}", mend=scope.mend)
        try:
            groups = self._listed.of(evidence, scope)
            return _marked(groups, len(evidence.header["keys"]), *self._keys_of(project))
        except PeopleNotListed as error:
            raise PeopleUnknown(error.what, where=error.where, mend=error.mend) from None
        except KeyRingError as error:
            raise EvidenceBroken(error.what, where=error.where, mend=error.mend) from None
        except MemoryError:
            raise PeopleUnknown(
                "Too many people stand behind the query.",
                where=f"query {query}",
                mend="Ask for fewer groups or figures at once; else tell the data team.",
            ) from None


class KeysOfProjects:
    """The key under which a published file's pseudonyms were made, and the ledger's own."""

    def __init__(self, keyring: KeyRing, records: Records) -> None:
        self._keyring = keyring
        self._records = records

    def __call__(self, project: str) -> tuple[HeldKey, HeldKey]:
        """Raises PeopleUnknown where the file is of an older key."""
        with self._records.read() as session:
            key = self._keyring.project_key(project, project_key_version(session, project))
            row = current_scope(session, project)
        if row is None or row.key_check != key.check_value:
            raise PeopleUnknown(
                "The project's key was rotated since its data were published.",
                where=project,
                mend=f"The data team runs: haven scope publish {project}; then ask the query again.",
            )
        return key, self._keyring.ledger_key()


def _marked(
    groups: pa.Table, keys: int, project_key: HeldKey, ledger_key: HeldKey
) -> dict[tuple[object, ...], GroupMarks]:
    """The lists of pseudonyms as marks. Groups with the same shown key are one: no file's row can tell them apart."""
    lists = [_lists(groups[name], project_key, ledger_key) for name in groups.column_names[keys:]]
    named = [groups[name].to_pylist() for name in groups.column_names[:keys]]
    found: dict[tuple[object, ...], GroupMarks] = {}
    for place in range(groups.num_rows):
        key = tuple(column[place] for column in named)
        here = [column[place] for column in lists]
        if (other := found.get(key)) is not None:
            before = [other.everybody, *other.figures]
            here = [np.union1d(one, two) for one, two in zip(before, here, strict=True)]
        found[key] = GroupMarks(here[0], tuple(here[1:]))
    return found


def _lists(column: pa.ChunkedArray[Any], project_key: HeldKey, ledger_key: HeldKey) -> list[Marks]:
    """A list of each row; nobody where there is none."""
    whole = column.combine_chunks()
    marks = ledger_marks_of(whole.flatten(), project_key, ledger_key)
    sizes = whole.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    return np.split(marks, np.cumsum(sizes)[:-1]) if sizes.size else []
