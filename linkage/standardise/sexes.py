"""Which sex is recorded? M or F for linkage; everything else is nothing there, since it tells nobody apart.

What was meant by it is kept for reports (`sex_meanings`): not known, not stated, indeterminate, neither. Sources: NHS
Data Dictionary, PERSON STATED GENDER CODE, PERSON PHENOTYPIC SEX, GENDER IDENTITY CODE and SEX of its message
vocabulary (0, 1, 2, 9; X; 3, 4, Z), after ISO 5218; HL7 administrative gender (FHIR R4, and table 0001 of version 2).
"""

from __future__ import annotations

import polars as pl

SEXES = {
    **dict.fromkeys(("M", "MALE", "1", "MAN", "BOY", "MASCULINE"), "M"),
    **dict.fromkeys(("F", "FEMALE", "2", "WOMAN", "GIRL", "FEMININE"), "F"),
}
SPELLINGS = {
    **SEXES,
    **dict.fromkeys(("01", "10", "1MALE", "MMALE", "MALE1", "MALEM", "MALEINCLUDINGTRANSMAN", "TRANSMAN"), "M"),
    **dict.fromkeys(
        ("02", "20", "2FEMALE", "FFEMALE", "FEMALE2", "FEMALEF", "FEMALEINCLUDINGTRANSWOMAN", "TRANSWOMAN"), "F"
    ),
}
MEANINGS = {
    **SPELLINGS,
    **dict.fromkeys(("0", "X", "U", "UNK", "UNKNOWN", "NOTKNOWN", "NK", "NOTRECORDED"), "not known"),
    **dict.fromkeys(("Z", "NOTSTATED", "DECLINED", "PREFERNOTTOSAY", "REFUSED"), "not stated"),
    **dict.fromkeys(("9", "I", "INDETERMINATE", "NOTSPECIFIED", "A", "AMBIGUOUS", "INTERSEX"), "indeterminate"),
    **dict.fromkeys(("3", "4", "O", "OTHER", "NONBINARY", "NONBINARYOTHER", "OTHERNOTLISTED"), "neither"),
}
"""Each code or word, folded, to M, F, or in words what it says."""


def sexes(recorded: pl.Series) -> pl.Series:
    """M or F, else null."""
    return _folded(recorded).replace_strict(SPELLINGS, default=None, return_dtype=pl.String)


def sex_meanings(recorded: pl.Series) -> pl.Series:
    """For reports: M, F, `not known`, `not stated`, `indeterminate`, `neither`; null where there is no code."""
    return _folded(recorded).replace_strict(MEANINGS, default=None, return_dtype=pl.String)


def _folded(recorded: pl.Series) -> pl.Series:
    """Letters and digits only, as capitals, so that `2 - Female` is one word; worked out once for each code."""
    distinct = recorded.unique().drop_nulls()
    folded = distinct.str.to_uppercase().str.replace_all(r"[^A-Z0-9]+", "")
    return recorded.replace_strict(distinct, folded, default=None, return_dtype=pl.String)
