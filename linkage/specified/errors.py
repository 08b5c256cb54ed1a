"""What can go wrong in linkage by a specification; the tree is drawn in linkage/errors.py."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from linkage.errors import LinkageError


class SpecifiedError(LinkageError):
    """Root of the errors of linkage by a specification."""

    code = "specified.error"
    exit_status = 65


class FileUnreadable(SpecifiedError):
    """A file cannot be read as a table."""

    code = "specified.file"


class ColumnMissing(SpecifiedError):
    """The specification names a column that a file does not have."""

    code = "specified.column_missing"


def columns_near(wanted: Iterable[str], columns: Sequence[str]) -> str:
    """How to find the right heading, without saying others: where headings are forgotten, a person stands there."""
    near = sorted({found for name in wanted for found in get_close_matches(name, columns, n=2, cutoff=0.6)})
    said = f"Nearest of its {len(columns)}: {', '.join(near)}." if near else f"None of its {len(columns)} is like it."
    return f"{said} Does its first row hold the headings?"


class TruthUnreadable(SpecifiedError):
    """The truth names no records of these files, or cannot be read."""

    code = "specified.truth"


class TooManyPairs(SpecifiedError):
    """Blocking lets through more pairs than the budget; nothing was compared."""

    code = "specified.too_many_pairs"


class CannotTrain(SpecifiedError):
    """The files hold too little to learn from without labels."""

    code = "specified.cannot_train"


class ModelRefused(SpecifiedError):
    """A frozen model that was made for another engine, another version or another specification."""

    code = "specified.model_refused"
