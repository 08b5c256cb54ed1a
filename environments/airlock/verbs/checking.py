"""What does the automatic check say of a request's files? Sentences, with the cells and how to mend them; none: passed.

It is never a reviewer (rules/airlock.md, 1); when it breaks, nothing is released (10). Where the author names the
queries that a file was made from, its cells are held against their evidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from audit.errors import HavenError
from environments.airlock.context import context_problems, release_context
from environments.airlock.model import ReleaseFile
from environments.disclosure.check import check_counts_table
from environments.disclosure.errors import EngineFailed, TableUnfit
from environments.disclosure.model import CheckResult
from environments.disclosure.profile import Criteria
from environments.disclosure.sealed.comparing import compare
from environments.disclosure.sealed.model import EvidenceComparison, QueryEvidence
from environments.disclosure.tables import read_table


@dataclass(frozen=True)
class FileCheck:
    """The check of one file: its problems, and the cells when it could be read as a table.

    comparison: how the cells stand to the evidence of the queries that the author named; for checkers alone.
    """

    problems: tuple[str, ...]
    result: CheckResult | None = None
    comparison: EvidenceComparison | None = None


def check_file(
    content: bytes, file: ReleaseFile, criteria: Criteria, evidence: Sequence[QueryEvidence] = ()
) -> FileCheck:
    """Check these bytes under these criteria, beside this evidence. Raises EngineFailed when that could not be done."""
    try:
        table = read_table(content)
        context = release_context(dict(file.context))
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
