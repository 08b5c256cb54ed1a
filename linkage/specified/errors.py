"""What can go wrong in linkage by a specification; the tree is drawn in linkage/errors.py."""

from __future__ import annotations

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
