"""Whose record is a sealed one? Key by key, from the most certain: one person fits, or it is joined to none.

The guards are the ladder's (linkage.matching.joining): NHS numbers that are known on both sides and differ never join
(a number of a sealed record that is joined counts as its person's), and where one of those who share a key contradicts,
the key says nothing; who fits several persons is joined to none of them; two rows of a register are not one person by a
key without the NHS number; initials that are known must agree. A token that more than LARGEST_GROUP records of either
side share says nothing, and whom it would have concerned is told so: pairs of two large groups would fill any memory.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

import polars as pl

from linkage.matching.joining import CONTRADICTION, LARGEST_GROUP, SEVERAL
from linkage.matching.ladder import NOT_JOINED, STEP_LABELS
from linkage.sealed.composites import COMPOSITES, INITIAL, CompositeKey
from linkage.sealed.filters import FILTER
from linkage.sealed.known import KnownRecords
from linkage.sealed.likeness import alike
from linkage.sealed.numbers import NUMBERS, OWN, contradicts, numbers_of_persons, with_own_number

TOO_LARGE = "group_too_large"
FILTER_STEP = COMPOSITES[-1].step + 1
KEY_LABELS: dict[int, str] = {
    NOT_JOINED: STEP_LABELS[NOT_JOINED],
    **{key.step: key.label for key in COMPOSITES},
    FILTER_STEP: "Bloom filters nearly alike, under an agreement",
}
"""Every key that a link in mode B can name, in words."""


@dataclass
class Joined:
    """met: sealed record to (identified record, person, step). groups: those among themselves, to (group, step)."""

    met: dict[int, tuple[int, str, int]] = field(default_factory=dict)
    groups: dict[int, tuple[int, int]] = field(default_factory=dict)
    doubts: dict[int, str] = field(default_factory=dict)


def join_sealed(records: pl.DataFrame, known: KnownRecords, registers: set[str], taken: set[tuple[str, str]]) -> Joined:
    """Sealed records of one round to persons.

    records: record, dataset, person (None where it has met nobody), met, and TOKENS. taken: dataset and person of every
    record, sealed or not, of a register: the person has their one row.
    """
    joined = Joined()
    records = with_own_number(records, known.superseded)
    unmet = records.filter(pl.col("met").is_null())
    for key in COMPOSITES:
        found = _fitting(unmet, known.hits, _numbers(records, known, joined), key, joined)
        _keep(joined, _once(found, registers, taken) if key.once else found, taken, key.step)
        unmet = unmet.filter(~pl.col("record").is_in(list(joined.met)))
    _join_among(records, joined, _numbers(records, known, joined))
    unmet = unmet.filter(~pl.col("record").is_in([*joined.met, *joined.groups]) & pl.col(FILTER).is_not_null())
    if unmet.height:
        unmet = _without_crowds(unmet, FILTER, joined)
        found = alike(unmet, known.filters, _numbers(records, known, joined))
        _keep(joined, _once(found, registers, taken), taken, FILTER_STEP)
    return joined


def _numbers(records: pl.DataFrame, known: KnownRecords, joined: Joined) -> pl.DataFrame:
    """person and numbers as they are by now: who was joined in this run or an earlier one tells of its person too."""
    now = {record: person for record, (_, person, _) in joined.met.items()}
    persons = pl.col("record").replace_strict(now, default=pl.when(pl.col("met").is_not_null()).then("person"),
                                              return_dtype=pl.String)  # fmt: skip
    return numbers_of_persons(known.numbers, records.select(persons.alias("person"), OWN))


def _keep(joined: Joined, found: pl.DataFrame, taken: set[tuple[str, str]], step: int) -> None:
    """Into `joined`: who is joined on this step, and who is not, and why."""
    for record, dataset, person, met, flag in found.iter_rows():
        if flag is None:
            joined.met[record] = (met, person, step)
            taken.add((dataset, person))
        else:
            joined.doubts[record] = min(flag, joined.doubts.get(record, flag))


def _fitting(
    unmet: pl.DataFrame, hits: pl.DataFrame, numbers: pl.DataFrame, key: CompositeKey, joined: Joined
) -> pl.DataFrame:
    """record, dataset, person, met, flag: who agrees with somebody on this key, and why it is not joined.

    Who is in too large a group, on this side or on the other, goes into the doubts instead.
    """
    sought = unmet.filter(pl.col(key.name).is_not_null()).select(
        "record", "dataset", OWN, pl.col(INITIAL).alias("initial"), at=pl.col(key.name)
    )
    there = hits.filter(pl.col(key.name).is_not_null()).select(
        pl.col("record").alias("met"), "person", pl.col(INITIAL).alias("theirs"), at=pl.col(key.name)
    )
    there = there.unique(maintain_order=True)
    crowded = there.filter(pl.len().over("at") > LARGEST_GROUP)["at"].unique()
    _doubt_crowds(joined, sought.filter(pl.col("at").is_in(crowded.implode())))
    there = there.filter(~pl.col("at").is_in(crowded.implode()))
    sought = _without_crowds(sought.filter(pl.col("at").is_in(there["at"].unique().implode())), "at", joined)
    pairs = contradicts(sought.join(there, on="at"), numbers)
    unlike = (pl.col("initial") != pl.col("theirs")).fill_null(value=False) if key.same_initial else pl.lit(value=False)
    return (
        pairs.with_columns(unlike=unlike)
        .with_columns(unlike=pl.col("unlike").any().over("record", "person"))
        .group_by("record", maintain_order=True)
        .agg(
            pl.col("dataset").first(),
            pl.col("person").first(),
            pl.col("met").min(),
            flag=pl.when(pl.col("apart").any())
            .then(pl.lit(CONTRADICTION))
            .when((pl.col("person").n_unique() > 1) | pl.col("unlike").any())
            .then(pl.lit(SEVERAL)),
        )
        .sort("record")
    )


def _without_crowds(sought: pl.DataFrame, at: str, joined: Joined) -> pl.DataFrame:
    """Without those who share what they are looked for by with too many; these go into the doubts."""
    crowded = pl.len().over(at) > LARGEST_GROUP
    _doubt_crowds(joined, sought.filter(crowded))
    return sought.filter(~crowded)


def _doubt_crowds(joined: Joined, left_out: pl.DataFrame) -> None:
    for record in left_out["record"]:
        joined.doubts[record] = min(TOO_LARGE, joined.doubts.get(record, TOO_LARGE))


def _once(found: pl.DataFrame, registers: set[str], taken: set[tuple[str, str]]) -> pl.DataFrame:
    """Of a register's rows: nobody whose person has a row there, and none of several that fit one person."""
    has_one = pl.Series([pair in taken for pair in found.select("dataset", "person").iter_rows()], dtype=pl.Boolean)
    rivals = (pl.col("flag").is_null().cast(pl.Int32).sum().over("dataset", "person")) > 1
    register = pl.col("dataset").is_in(sorted(registers)) & pl.col("flag").is_null()
    found = found.with_columns(too_many=register & (has_one | rivals))
    return found.with_columns(
        flag=pl.when("too_many").then(pl.lit(SEVERAL)).otherwise(pl.col("flag")).cast(pl.String)
    ).drop("too_many")


def _join_among(records: pl.DataFrame, joined: Joined, numbers: pl.DataFrame) -> None:
    """Sealed records that agree on a certain key are one person's: one of them that has met somebody speaks for all.

    Unless that person has other numbers by now.
    """
    of_person = dict(numbers.select("person", NUMBERS).iter_rows())
    own = dict(records.select("record", OWN).iter_rows())
    together = _Together()
    for key in (key for key in COMPOSITES if key.certain):
        of_key = records.filter(pl.col(key.name).is_not_null()).select("record", "met", at=pl.col(key.name))
        size = pl.len().over("at")
        _doubt_crowds(joined, of_key.filter((size > LARGEST_GROUP) & pl.col("met").is_null()))
        shared = of_key.filter(size.is_between(2, LARGEST_GROUP)).group_by("at").agg("record")
        for first, *others in shared["record"].to_list():
            for other in others:
                together.join(first, other, key.step)
    known = dict(records.filter(pl.col("met").is_not_null()).select("record", pl.struct("met", "person")).iter_rows())
    for members in together.groups():
        met = {joined.met[one][:2] for one in members if one in joined.met}
        met |= {(known[one]["met"], known[one]["person"]) for one in members if one in known}
        open_ones = [one for one in members if one not in joined.met and one not in known]
        persons = {person for _, person in met}
        if len(persons) > 1:
            joined.doubts |= dict.fromkeys(open_ones, SEVERAL)
        elif persons:
            record, person = min(met)
            theirs = of_person.get(person)
            apart = [one for one in open_ones if theirs is not None and own[one] is not None and own[one] not in theirs]
            joined.doubts |= dict.fromkeys(apart, CONTRADICTION)
            joined.met |= {one: (record, person, together.steps[one]) for one in open_ones if one not in apart}
        else:
            joined.groups |= {one: (min(members), together.steps[one]) for one in open_ones}


class _Together:
    """Union-find over records, with the first step that joined each."""

    def __init__(self) -> None:
        self.steps: dict[int, int] = {}
        self._parents: dict[int, int] = {}

    def join(self, one: int, other: int, step: int) -> None:
        for record in (one, other):
            self.steps.setdefault(record, step)
        self._parents[self._root(other)] = self._root(one)

    def groups(self) -> Iterable[list[int]]:
        found: defaultdict[int, list[int]] = defaultdict(list)
        for record in self.steps:
            found[self._root(record)].append(record)
        return found.values()

    def _root(self, record: int) -> int:
        while (parent := self._parents.get(record, record)) != record:
            self._parents[record] = self._parents.get(parent, parent)
            record = parent
        return record
