"""What does the automatic check say of a request's files? Sentences, with the cells and how to mend them; none: passed.

It is never a reviewer (rules/airlock.md, 1); when it breaks, nothing is released (10). Where the author names the
queries that a file was made from, its cells are held against their evidence.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from audit.errors import HavenError
from environments.airlock.context import FileContext, context_of, context_problems, file_problems
from environments.airlock.model import InspectionRecord, ReleaseFile
from environments.airlock.verbs.inspecting import to_look_at
from environments.disclosure.check import check_counts_table
from environments.disclosure.errors import EngineFailed, TableUnfit
from environments.disclosure.model import CheckResult
from environments.disclosure.profile import Criteria
from environments.disclosure.sealed.comparing import compare
from environments.disclosure.sealed.model import EvidenceComparison, QueryEvidence
from environments.disclosure.tables import read_table
from environments.inspection.model import FindingCode as F

OF_THE_CELLS = frozenset({F.ROW_LEVEL, F.TOO_MANY_ROWS, F.MALFORMED, F.FORMULA})
"""What the cell check says itself of a table, closer: each row counts enough people, and each cell may stand there."""


@dataclass(frozen=True)
class FileCheck:
    """The check of one file: its problems, and the cells when it could be read as a table.

    comparison: how the cells stand to the evidence of the queries that the author named; for checkers alone.
    inspection: what was found in it; look_at: of a file that is no table, what people must see for themselves.
    """

    problems: tuple[str, ...]
    result: CheckResult | None = None
    comparison: EvidenceComparison | None = None
    inspection: InspectionRecord | None = None
    look_at: tuple[str, ...] = ()


def check_file(
    content: bytes, file: ReleaseFile, criteria: Criteria, evidence: Sequence[QueryEvidence] = ()
) -> FileCheck:
    """Check these bytes under these criteria, beside this evidence. Raises EngineFailed when that could not be done."""
    try:
        table = read_table(content)
        context = context_of(file)
        if isinstance(context, FileContext):
            raise TableUnfit("The file is no table of counts.", mend="Write the table as CSV in UTF-8.")
        missing = context_problems(context, table.columns)
        result = check_counts_table(table, context, criteria)
        comparison = compare(result.cells, context, criteria, evidence) if evidence and result.cells else None
    except TableUnfit as unfit:
        return FileCheck((str(unfit),))
    except HavenError:
        raise
    except Exception as fault:  # noqa: BLE001 - whatever broke is "not checked"; its text may quote a cell
        raise EngineFailed(
            "The disclosure check broke.",
            where=f"{file.name}: {type(fault).__name__}",
            mend="Tell the data team; the request is kept and can be checked again.",
        ) from None
    found = comparison.problems if comparison else ()
    return FileCheck((*missing, *result.problems, *found), result, comparison)


def check_inspected(file: ReleaseFile, tables: Collection[str]) -> FileCheck:
    """The same of a file that is no table, from what is said of it and what was found in it.

    tables: the names of those in its request. Raises ContextInvalid.
    """
    context, record = context_of(file), file.inspection
    kind = record.type if record else None
    said = file_problems(context, kind, tables) if isinstance(context, FileContext) else []
    problems = tuple(f"{file.name}: {one}" for one in (*said, *_found(record)))
    return FileCheck(problems, inspection=record, look_at=to_look_at(kind, context))


def with_inspection(check: FileCheck, file: ReleaseFile) -> FileCheck:
    """A table's check, and what was found in it beside its cells' values."""
    found = tuple(f"{file.name}: {one}" for one in _found(file.inspection, but=OF_THE_CELLS))
    return replace(check, problems=(*check.problems, *found), inspection=file.inspection)


def _found(record: InspectionRecord | None, but: Collection[F] = ()) -> list[str]:
    """What keeps a file from leaving, a sentence each."""
    if record is None:
        return ["It was not looked into."]
    found = [str(one) for one in record.findings if one.code not in but]
    return [*found, f"And {record.more:,} more of the same kinds."] if found and record.more else found
