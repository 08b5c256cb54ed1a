"""Which combinations does a controller send as tokens, where no identifier may leave it?

The one table that the controller's agent and the haven both take. Each key is nearly unique to a person: a token of a
surname, a forename, a sex or a birthday alone would tell by how often it occurs (design section 8). A key is made after
a step of the ladder (linkage.matching.ladder); what other keys make redundant is left out.

Pure: this file and what it imports are copied into the agent's wheel (clients/haven-controller/hatch_build.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from access.keys.model import HeldKey
from linkage.standardise.references import NO_REFERENCES, References
from linkage.standardise.specification import VERSION, standardise
from linkage.tokens import tokenise

UNIT = "\x1f"  # parts are joined by a sign that no value holds
NUMBER = "n"
INITIAL = "gi_b_s_p"
"""The token of initial, birthday, sex and postcode: how two records whose initials are not known here are compared."""


@dataclass(frozen=True)
class CompositeKey:
    """One key: what must agree, from the most certain to the least.

    same_initial: where both records have a token of INITIAL, those must agree (twins).
    """

    step: int
    name: str
    label: str
    parts: tuple[str, ...]
    same_initial: bool = False

    @property
    def certain(self) -> bool:
        """Does it hold the NHS number?"""
        return "n" in self.parts

    @property
    def once(self) -> bool:
        """Is it too little for two rows of a register?"""
        return not self.certain


COMPOSITES: tuple[CompositeKey, ...] = (
    CompositeKey(1, "n_b", "NHS number, date of birth", ("n", "b")),
    CompositeKey(2, "n_s_y", "NHS number, sex, year of birth", ("n", "s", "y")),
    CompositeKey(3, "n_s_md", "NHS number, sex, day and month of birth", ("n", "s", "md")),
    CompositeKey(4, "n_nm", "NHS number, surname and forename in either order", ("n", "nm")),
    CompositeKey(5, "nm_b_s", "surname and forename in either order, date of birth, sex", ("nm", "b", "s")),
    CompositeKey(6, "f_g_s_p_y", "surname, forename, sex, postcode, year of birth", ("f", "g", "s", "p", "y")),
    CompositeKey(7, "f_g_s_p_md", "surname, forename, sex, postcode, day and month", ("f", "g", "s", "p", "md")),
    CompositeKey(8, "g_b_s_p", "forename, date of birth, sex, postcode", ("g", "b", "s", "p")),
    CompositeKey(
        9, INITIAL, "forename's initial, date of birth (not 1 January), sex, postcode", ("gi", "bk", "s", "p")
    ),
    CompositeKey(10, "b_s_p", "date of birth (not 1 January), sex, postcode", ("bk", "s", "p"), same_initial=True),
    CompositeKey(
        11, "fs_g_b_s", "surname's sound, forename, date of birth (not 1 January), sex", ("fs", "g", "bk", "s")
    ),
    CompositeKey(12, "f_g_b", "surname, forename, date of birth (not 1 January)", ("f", "g", "bk")),
)
TOKENS = (NUMBER, *(key.name for key in COMPOSITES))
"""The columns of a sealed record. The NHS number's own token joins nobody: it tells that two numbers differ."""
ENOUGH = (NUMBER, "f_g_b", "nm_b_s")
"""What a record must hold one of to stand for a person by itself (as linkage.matching.spine has of identifiers)."""


def sealed_tokens(
    people: pl.DataFrame, key: HeldKey, *, test_range: bool, references: References = NO_REFERENCES
) -> pl.DataFrame:
    """IDENTITY columns (text, as received) to one UInt64 or null for each of TOKENS, row by row in the same order.

    references: the agent has none.
    """
    texts = composite_texts(standardise(people, test_range=test_range, references=references))
    return pl.DataFrame({name: token_of(texts[name], name, key) for name in TOKENS})


def token_of(texts: pl.Series, name: str, key: HeldKey) -> pl.Series:
    """The tokens of one of TOKENS, made of its standardised texts."""
    return tokenise(texts, f"{VERSION}/sealed/{name}", key)


def composite_texts(standard: pl.DataFrame) -> pl.DataFrame:
    """STANDARD columns to the text of each of TOKENS; a key of which a part is not known is nothing."""
    parts = standard.lazy().select(
        n="nhs_number",
        f="surname",
        g="forename",
        gi="initial",
        fs="sound",
        nm=_either_order(),
        s="sex",
        b="born",
        bk=pl.when(~((pl.col("day") == "01") & (pl.col("month") == "01"))).then("born"),
        y="year",
        md=_joined(pl.col("month"), pl.col("day")),
        p="postcode",
    )
    return parts.select(
        pl.col("n"), *(_joined(*map(pl.col, key.parts)).alias(key.name) for key in COMPOSITES)
    ).collect()


def _either_order() -> pl.Expr:
    both = pl.col("surname").is_not_null() & pl.col("forename").is_not_null()
    return pl.when(both).then(
        _joined(pl.min_horizontal("surname", "forename"), pl.max_horizontal("surname", "forename"))
    )


def _joined(*parts: pl.Expr) -> pl.Expr:
    return pl.concat_str(parts, separator=UNIT)
