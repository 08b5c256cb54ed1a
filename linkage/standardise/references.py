"""Which number or postcode took another's place? Tables old to new, each chain followed to its end.

Who loops, or has several successors, has none: nobody could say which is right. Of an NHS number nothing is then left
(two people's records must not meet in it); a postcode stays as written (it is still where somebody lived). Sources:
NHS England's Personal Demographics Service (superseded and merged NHS numbers); ONS and Royal Mail postcode
directories (terminated and recoded postcodes).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil, log2

import polars as pl


def no_table() -> pl.DataFrame:
    """Nobody took another's place."""
    return pl.DataFrame(schema={"old": pl.String, "new": pl.String})


@dataclass(frozen=True)
class References:
    """Tables old to new, resolved (`resolve`): new is null for who has no single successor."""

    superseded_nhs_numbers: pl.DataFrame = field(default_factory=no_table)
    postcode_history: pl.DataFrame = field(default_factory=no_table)


NO_REFERENCES = References()


def resolve(table: pl.DataFrame) -> pl.DataFrame:
    """old (each once), new: the end of each chain of a table old, new; null where it loops or forks."""
    ends = table.unique().group_by("old").agg(pl.col("new").first(), pl.len().alias("successors"))
    ends = ends.select("old", new=pl.when(pl.col("successors") == 1).then("new"))
    for _ in range(ceil(log2(ends.height + 1)) + 1):  # each round doubles the steps taken
        onward = ends.select(new="old", next="new", goes_on=pl.lit(True))
        joined = ends.join(onward, on="new", how="left")
        if joined["goes_on"].null_count() == joined.height:
            return ends.sort("old")
        ends = joined.select("old", new=pl.when(pl.col("goes_on")).then("next").otherwise("new"))
    loops = ends.join(ends.select(new="old"), on="new", how="semi")["old"]
    return ends.select("old", new=pl.when(~pl.col("old").is_in(loops.implode())).then("new")).sort("old")


def follow(values: pl.Series, resolved: pl.DataFrame, *, keep_unresolved: bool) -> pl.Series:
    """Each value's successor. keep_unresolved: what has no single one stays; else it is nothing."""
    known = resolved.drop_nulls("new") if keep_unresolved else resolved
    return values.replace(known["old"], known["new"]) if known.height else values
