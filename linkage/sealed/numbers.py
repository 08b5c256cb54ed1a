"""Whose NHS number is it? What is known of persons' numbers here, and which records contradict it or one another.

A person may have several numbers (contested, or joined by the model or a reviewer): a record that has one of them
agrees. Numbers are compared as their tokens of one round, each superseded one as its successor.
"""

from __future__ import annotations

import polars as pl

from linkage.sealed.composites import COMPOSITES, NUMBER

OWN = "own"
NUMBERS = "numbers"
HOLD_NUMBER = (NUMBER, *(key.name for key in COMPOSITES if key.certain))


def with_own_number(records: pl.DataFrame, superseded: pl.DataFrame) -> pl.DataFrame:
    """Sealed records and the number that each is compared by. superseded: old and new as tokens, new null for none.

    A number without a single successor says nothing: what holds it is nothing too.
    """
    records = records.join(superseded, left_on=NUMBER, right_on="old", how="left", maintain_order="left")
    nothing = pl.col(NUMBER).is_in(superseded.filter(pl.col("new").is_null())["old"].implode())
    return (
        records.with_columns(
            pl.when(nothing.fill_null(value=False)).then(None).otherwise(pl.col(name)).alias(name)
            for name in HOLD_NUMBER
        )
        .with_columns(pl.coalesce("new", NUMBER).alias(OWN))
        .drop("new")
    )


def numbers_of_persons(identified: pl.DataFrame, joined: pl.DataFrame) -> pl.DataFrame:
    """person and the list of its numbers. identified: person and NUMBER. joined: person and OWN of sealed records.

    What sealed records say counts where no identified record has a number; where they differ, no number agrees.
    """
    known = identified.group_by("person").agg(pl.col(NUMBER).unique().alias(NUMBERS))
    others = joined.drop_nulls().join(known, on="person", how="anti").group_by("person")
    said = others.agg(pl.col(OWN).unique().alias(NUMBERS)).with_columns(
        pl.when(pl.col(NUMBERS).list.len() > 1).then(pl.col(NUMBERS).list.head(0)).otherwise(pl.col(NUMBERS))
    )
    return pl.concat([known, said])


def contradicts(pairs: pl.DataFrame, numbers: pl.DataFrame) -> pl.DataFrame:
    """Pairs (person, OWN and others) with `apart`: the person has numbers and not this one, or those who fit differ."""
    pairs = pairs.join(numbers, on="person", how="left", maintain_order="left")
    other = (pl.col(OWN).is_not_null() & ~pl.col(NUMBERS).list.contains(pl.col(OWN))).fill_null(value=False)
    rivals = pl.col(OWN).drop_nulls().n_unique().over("person") > 1
    return pairs.with_columns(apart=other | (pl.col(NUMBERS).is_null() & rivals)).drop(NUMBERS)
