"""Who is who in truth? From a column of the files themselves, a file of pairs, or a file of record and person.

Used to measure, never to link. A record that the truth does not name is alone. Within one file pairs are closed:
what is paired with one record is one person with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from linkage.specified.errors import ColumnMissing, TruthUnreadable, columns_near
from linkage.specified.joining import components
from linkage.specified.reading import read_people
from linkage.specified.specification import Specification

Numbers = npt.NDArray[np.int64]
MOST_LABELS = 3
LABEL_IS_TRUE = frozenset({"1", "1.0", "true", "yes", "y", "match", "matched", "link", "t"})
LABEL_IS_FALSE = frozenset({"0", "0.0", "false", "no", "n", "nonmatch", "non-match", "nolink", "f", "-1"})
FEWEST_KNOWN = 0.5  # of a truth's values that must be records of the files
SOURCE = ("source", "dataset", "file", "side", "table")


@dataclass(frozen=True)
class Truth:
    """Either the person of every record (left's, then right's), or the true pairs between two files."""

    person: Numbers | None
    pairs: pl.DataFrame | None  # l, r: record numbers
    left: int  # records in the left file
    two: bool
    unmatched: int = 0  # rows of the truth that name no record of the files

    def true_pairs(self) -> int:
        """How many pairs are one person's."""
        if self.pairs is not None:
            return self.pairs.height
        person = self._person()
        if self.two:
            one, other = (
                pl.DataFrame({"p": part}).group_by("p").len() for part in (person[: self.left], person[self.left :])
            )
            both = one.join(other.rename({"len": "others"}), on="p")
            return int((both["len"].cast(pl.Int64) * both["others"].cast(pl.Int64)).sum())
        return together(person)

    def marks(self, pairs: pl.DataFrame) -> pl.Series:
        """For each of the pairs (l, r): is it one person's?"""
        if self.pairs is not None:
            known = self.pairs.with_columns(true=pl.lit(True))
            return (
                pairs.select("l", "r")
                .join(known, on=["l", "r"], how="left", maintain_order="left")["true"]
                .fill_null(False)
            )
        person = self._person()
        return pl.Series("true", person[pairs["l"].to_numpy()] == person[pairs["r"].to_numpy()])

    def right_in_clusters(self, cluster: Numbers) -> int:
        """Pairs that are together both in the clusters and in truth."""
        return together(self._person() * (int(cluster.max()) + 1) + cluster)

    def missed_of(self, cluster: Numbers, most: int) -> pl.DataFrame:
        """True pairs (l, r) that the clusters keep apart; at most this many."""
        frame = pl.DataFrame({"p": self._person(), "c": cluster, "l": np.arange(len(cluster))})
        frame = frame.filter(pl.len().over("p") > 1)
        pairs = frame.join(frame.rename({"l": "r", "c": "other"}), on="p").filter(
            (pl.col("l") < pl.col("r")) & (pl.col("c") != pl.col("other"))
        )
        return pairs.select("l", "r").sort("l", "r").head(most)

    def all_pairs(self) -> pl.DataFrame:
        """The true pairs between two files."""
        if self.pairs is not None:
            return self.pairs
        person = self._person()
        numbers = np.arange(len(person))
        one = pl.DataFrame({"p": person[: self.left], "l": numbers[: self.left]})
        return one.join(pl.DataFrame({"p": person[self.left :], "r": numbers[self.left :]}), on="p").select("l", "r")

    def _person(self) -> Numbers:
        if self.person is None:
            raise TruthUnreadable("The truth is of pairs between two files.")
        return self.person


def together(groups: Numbers) -> int:
    """Pairs of records in the same group."""
    sizes = np.unique(groups, return_counts=True)[1].astype(np.int64)
    return int((sizes * (sizes - 1) // 2).sum())


def read_truth(named: str, specification: Specification, left: pl.DataFrame, right: pl.DataFrame | None) -> Truth:
    """named: a file, or a column of the files. Raises TruthUnreadable, ColumnMissing, FileUnreadable."""
    if Path(named).is_file():
        return _from_file(Path(named), specification, left, right)
    frames = [left] if right is None else [left, right]
    for frame in frames:
        if named not in frame.columns:
            near = columns_near([named], frame.columns)
            raise ColumnMissing(
                f"The truth '{named}' is neither a file nor a column of every file.",
                where="--truth",
                mend=f"Name a file of pairs or of record and person, or a column. {near}",
            )
    hint = specification.truth
    values = pl.concat([frame[named] for frame in frames])
    if hint and hint.column == named and hint.pattern:
        values = values.str.extract(hint.pattern, 1)
    return Truth(_persons(values), None, left.height, right is not None)


def record_ids(specification: Specification, frame: pl.DataFrame, *, right: bool) -> pl.Series:
    """The records' own names; without a column for them, the rows' numbers from 1."""
    heading = specification.id_heading(right)
    if heading is None:
        return pl.Series([str(number) for number in range(1, frame.height + 1)])
    if heading not in frame.columns:
        raise ColumnMissing(
            f"The {'right' if right else 'left'} file has no column '{heading}' (record_id).",
            where="record_id",
            mend=columns_near([heading], frame.columns),
        )
    return frame[heading]


def _persons(values: pl.Series) -> Numbers:
    """Numbers for persons; each record without one is a person of its own."""
    codes = values.cast(pl.String).rank("dense").cast(pl.Int64)
    alone = pl.Series(np.arange(len(values), dtype=np.int64) + len(values) + 1)
    return (
        codes.fill_null(pl.Series(alone)).to_numpy()
        if codes.null_count() == 0
        else pl.select(pl.coalesce(codes, alone)).to_series().to_numpy()
    )


def _from_file(path: Path, specification: Specification, left: pl.DataFrame, right: pl.DataFrame | None) -> Truth:
    table = _only_true(read_people(path))
    for ids_left, ids_right in _possible_ids(specification, left, right):
        known = _by_ids(table, ids_left, ids_right, right is not None)
        if known is not None:
            _require_unique(ids_left, ids_right)
            return known
    raise TruthUnreadable(
        "No column of the truth holds names of the files' records.",
        where=str(path),
        mend="Give two columns of record names (pairs), or record and person; record_id in the specification says "
        "which column of the files names a record (without it: the row's number from 1).",
    )


def _require_unique(*ids: pl.Series) -> None:
    """Raises TruthUnreadable: a truth about records cannot say which of two it means."""
    if repeated := max(len(one) - one.n_unique() for one in ids):
        raise TruthUnreadable(
            f"{repeated:,} rows have the name of another row's record.",
            where="record_id",
            mend="Give every row a name of its own, or name a person column of the files as the truth.",
        )


def _possible_ids(
    specification: Specification, left: pl.DataFrame, right: pl.DataFrame | None
) -> Iterator[tuple[pl.Series, pl.Series]]:
    """The record ids of the specification (or the rows' numbers); else columns with another value in every row."""
    first = record_ids(specification, left, right=False)
    other = record_ids(specification, right, right=True) if right is not None else first
    yield first, other
    for one in _unique_columns(left):
        if right is None:
            yield left[one], left[one]
        else:
            yield from ((left[one], right[name]) for name in _unique_columns(right) if right is not None)


def _unique_columns(frame: pl.DataFrame) -> list[str]:
    return [name for name in frame.columns if frame[name].null_count() == 0 and frame[name].n_unique() == frame.height]


def _by_ids(table: pl.DataFrame, left: pl.Series, right: pl.Series, two: bool) -> Truth | None:
    ends = _pair_columns(table, left, right, two)
    if ends is not None:
        return _from_pairs(table.select(l=ends[0], r=ends[1]), left, right, two)
    numbered = _numbered(left, right, two)
    record = _best_column(table, numbered["id"])
    person = next((name for name in table.columns if name != record and not _is_source(name)), None)
    if record is None or person is None:
        return None
    known = table.select(id=pl.col(record), person=pl.col(person), source=_source(table))
    on = ["id"]
    if two and known["source"].null_count() < known.height:
        known, on = known.with_columns(side=_side(known["source"])), ["id", "side"]
    joined = numbered.join(known.unique(on, keep="first"), on=on, how="left", maintain_order="left")
    unmatched = known.join(numbered, on=on, how="anti").height
    return Truth(_persons(joined["person"]), None, left.len(), two, unmatched)


def _only_true(table: pl.DataFrame) -> pl.DataFrame:
    """Without the pairs that a label says are not one person's."""
    for name in table.columns[1:]:
        values = set(table[name].str.to_lowercase().unique().drop_nulls())
        if (
            values
            and len(values) <= MOST_LABELS
            and values <= LABEL_IS_TRUE | LABEL_IS_FALSE
            and values & LABEL_IS_TRUE
            and table.width > 2
        ):
            return table.filter(pl.col(name).str.to_lowercase().is_in(list(LABEL_IS_TRUE))).drop(name)
    return table


def _share_in(values: pl.Series, ids: pl.Series) -> float:
    known = values.drop_nulls()
    return float(known.is_in(ids.unique().implode()).mean() or 0.0) if known.len() else 0.0  # type: ignore[arg-type]


def _pair_columns(table: pl.DataFrame, left: pl.Series, right: pl.Series, two: bool) -> tuple[str, str] | None:
    """The two columns that hold records of the left and of the right file, if there are."""
    names = [name for name in table.columns if not _is_source(name)]
    found = [
        (_share_in(table[a], left) + _share_in(table[b], right), a, b)
        for a, b in permutations(names, 2)
        if _share_in(table[a], left) >= FEWEST_KNOWN and _share_in(table[b], right) >= FEWEST_KNOWN
    ]
    if not found:
        return None
    best = max(share for share, _, _ in found)
    return next((a, b) for share, a, b in found if share == best)


def _from_pairs(pairs: pl.DataFrame, left: pl.Series, right: pl.Series, two: bool) -> Truth:
    first = pl.DataFrame({"l": left, "a": np.arange(len(left))})
    offset = len(left) if two else 0
    second = pl.DataFrame({"r": right, "b": np.arange(len(right)) + offset})
    joined = pairs.drop_nulls().join(first, on="l").join(second, on="r")
    unmatched = max(0, pairs.height - joined.height)
    numbers = joined.select(l="a", r="b").unique().sort("l", "r")
    if two:
        return Truth(None, numbers, len(left), two, unmatched)
    person = components(numbers["l"].to_numpy(), numbers["r"].to_numpy(), len(left))
    return Truth(person, None, len(left), two, unmatched)


def _numbered(left: pl.Series, right: pl.Series, two: bool) -> pl.DataFrame:
    parts = [left, right] if two else [left]
    sides = [pl.DataFrame({"id": part.cast(pl.String), "side": [side] * part.len()}) for side, part in enumerate(parts)]
    return pl.concat(sides)


def _best_column(table: pl.DataFrame, ids: pl.Series) -> str | None:
    shares = [(_share_in(table[name], ids), name) for name in table.columns if not _is_source(name)]
    share, name = max(shares, default=(0.0, ""), key=lambda one: one[0])
    return name if share >= FEWEST_KNOWN else None


def _is_source(name: str) -> bool:
    return name.lower().startswith(SOURCE)


def _source(table: pl.DataFrame) -> pl.Expr:
    name = next((name for name in table.columns if _is_source(name)), None)
    return pl.col(name) if name else pl.lit(None, dtype=pl.String)


def _side(source: pl.Series) -> pl.Series:
    """left, a, 1, ... before right, b, 2: in the order of the alphabet, but left before right."""
    lower = source.str.to_lowercase()
    words = {"left": 0, "l": 0, "right": 1, "r": 1}
    order = {word: words.get(word, place) for place, word in enumerate(sorted(lower.drop_nulls().unique()))}
    return lower.replace_strict(order, default=None, return_dtype=pl.Int64)
