"""Invented records as the ladder sees them: tokens by record and dataset; the demo's people, or many accidents."""

from __future__ import annotations

import random

import numpy as np
import polars as pl

from access.keys import HeldKey
from infra.demo.generator_errors import address, record
from infra.demo.generator_people import make_people
from infra.demo.illness import TODAY
from linkage.matching.evidence import tokens_of
from linkage.matching.ladder import FIELDS, IMPLIED, LADDER

KEY = HeldKey("token/test", 1, b"k" * 32, "check")
SHARE = 0.9  # of the people whom each dataset knows
DATASETS = ("one", "two", "three")
SAME = 0.75  # how often a field agrees within an accidental person: low, so that every step has work
KINDS = {"record": pl.Int64, "dataset": pl.String, **dict.fromkeys(FIELDS, pl.UInt64)}


def demo_records(people: int, datasets: tuple[str, ...] = ("gp", "hospital"), seed: int = 1) -> pl.DataFrame:
    """The demo's people as these of its datasets record them, with its errors: record, dataset, what is written."""
    known = make_people(people, np.random.default_rng(seed))
    frames = []
    for dataset in datasets:
        who = known.rng.permutation(people)[: round(people * SHARE)]
        told = record(known, who, dataset)
        frames.append(
            pl.DataFrame(
                {
                    "dataset": pl.repeat(dataset, len(who), eager=True),
                    "nhs_number": told.number,
                    "surname": told.surname,
                    "forenames": told.forename,
                    "full_name": pl.repeat(None, len(who), dtype=pl.String, eager=True),
                    "sex": told.sex,
                    "date_of_birth": told.birthday,
                    "postcode": address(known, who, np.full(len(who), TODAY), told.old_address),
                }
            )
        )
    return pl.concat(frames).with_columns(pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias("record"))


def demo_evidence(people: int, datasets: tuple[str, ...] = ("gp", "hospital"), seed: int = 1) -> pl.DataFrame:
    """The same as the ladder sees them: record, dataset, tokens."""
    rows = demo_records(people, datasets, seed)
    return tokens_of(rows, KEY, test_range=True).select(*KINDS)


def accidental_evidence(seed: int, people: int, datasets: int) -> pl.DataFrame:
    """Records of people with few values a field, so that namesakes, contradictions and chains are frequent."""
    chance = random.Random(seed)  # noqa: S311 - invented values
    rows = []
    for _person in range(people):
        true = {name: chance.randrange(1, 3 + 3 * people if name in ("n", "nm") else 6) for name in FIELDS}
        for _ in range(chance.randrange(1, 4)):
            row = {name: true[name] if chance.random() < SAME else chance.choice([None, 1, 2, 3]) for name in FIELDS}
            row["b"] = row["b"] if row["b_known"] is None else row["b_known"]
            rows.append({"record": len(rows) + 1, "dataset": DATASETS[chance.randrange(datasets)], **row})
    return pl.DataFrame(rows, schema=KINDS)


def evidence_of_each_key(datasets: tuple[str, str] = ("gp", "hospital")) -> pl.DataFrame:
    """For each key of the ladder two records, of two datasets, that agree on it and know nothing else."""
    rows = []
    for number, key in enumerate((key for step in LADDER for key in step.keys), start=1):
        known = {*key, *(IMPLIED[name] for name in key if name in IMPLIED)}
        told = {name: number if name in known else None for name in FIELDS}
        rows += [{"record": len(rows) + place, "dataset": one, **told} for place, one in enumerate(datasets, start=1)]
    return pl.DataFrame(rows, schema=KINDS)
