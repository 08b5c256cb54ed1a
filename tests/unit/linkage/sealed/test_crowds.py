"""What becomes of a token that far too many records share? It joins nobody, costs no memory, and is told."""

from __future__ import annotations

from typing import Any

import polars as pl

from linkage.matching.joining import LARGEST_GROUP
from linkage.sealed.composites import TOKENS
from linkage.sealed.filters import FILTER
from linkage.sealed.joining import TOO_LARGE, Joined, join_sealed
from linkage.sealed.known import KnownRecords
from tests.fakes.little_memory import done_in_little_memory

KEY = "n_b"


def records(count: int, **tokens: Any) -> pl.DataFrame:
    """So many sealed records with one token all the same."""
    others = {name: pl.lit(None, dtype=pl.UInt64) for name in TOKENS}
    shared = {name: pl.lit(value, dtype=pl.UInt64) for name, value in tokens.items()}
    return pl.DataFrame({"record": range(count)}).with_columns(
        pl.lit("hospital").alias("dataset"), pl.lit(None, dtype=pl.Int64).alias("met"),
        pl.lit(None, dtype=pl.String).alias("person"), pl.lit(None, dtype=pl.Binary).alias(FILTER),
        **{**others, **shared},
    )  # fmt: skip


def known(count: int, **tokens: Any) -> KnownRecords:
    """So many identified records, each of a person, with one token all the same."""
    hits = records(count, **tokens).select(
        "record", pl.format("p{}", "record").alias("person"), pl.lit("gp").alias("dataset"), *TOKENS
    )
    numbers = pl.DataFrame(schema={"person": pl.String, "n": pl.UInt64})
    filters = pl.DataFrame(schema={"record": pl.Int64, "person": pl.String, FILTER: pl.Binary})
    return KnownRecords(hits, numbers, filters, pl.DataFrame(schema={"old": pl.UInt64, "new": pl.UInt64}))


def _joined(sealed: int, identified: int) -> Joined:
    return join_sealed(records(sealed, **{KEY: 7}), known(identified, **{KEY: 7}), set(), set())


def test_a_group_of_sealed_records_that_is_too_large_joins_nobody_and_is_told() -> None:
    """One more sealed record under a token than a group may have: none is joined, and each has the reason."""
    most = _joined(LARGEST_GROUP, 1)
    assert set(most.met) == set(range(LARGEST_GROUP))
    more = _joined(LARGEST_GROUP + 1, 1)
    assert not more.met
    assert more.doubts == dict.fromkeys(range(LARGEST_GROUP + 1), TOO_LARGE)


def test_a_group_of_identified_records_that_is_too_large_is_told() -> None:
    """Whom a crowd of identified records shares a token with is not left without a word."""
    assert _joined(1, LARGEST_GROUP + 1).doubts == {0: TOO_LARGE}


def test_another_key_still_joins_whom_a_crowd_left_out() -> None:
    """A record left out on one key is joined on the next that is its own."""
    crowd = records(LARGEST_GROUP + 1, n_b=7).with_columns(
        nm_b_s=pl.when(pl.col("record") == 3).then(pl.lit(9, dtype=pl.UInt64))
    )
    joined = join_sealed(crowd, known(1, n_b=7, nm_b_s=9), set(), set())
    assert joined.met == {3: (0, "p0", 5)}
    assert joined.doubts[4] == TOO_LARGE


def test_two_crowds_under_one_token_fit_into_little_memory() -> None:
    """80,000 sealed records and 200 identified ones with one token: their pairs are never made."""
    prepared = (
        "from tests.unit.linkage.sealed.test_crowds import *\n"
        f"sealed, identified = records(80_000, n_b=7), known({LARGEST_GROUP}, n_b=7)\n"
        "join_sealed(records(9, n_b=7), known(9, n_b=7), set(), set())\n"
    )
    work = "print(len(join_sealed(sealed, identified, set(), set()).doubts))"
    assert done_in_little_memory(prepared, work, megabytes=400) == "80000\n"
