"""Who is who in truth? From a column of the files themselves, a file of pairs, or a file of record and person.

Used to measure, never to link. A record that the truth does not name is alone. Within one file pairs are closed:
what is paired with one record is one person with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from linkage.specified.errors import ColumnMissing, SpecifiedError, TruthUnreadable, columns_near
from linkage.specified.joining import components
from linkage.specified.reading import read_people
from linkage.specified.specification import Specification
from linkage.specified.truth_columns import HEAD, Columns, Records, columns_of, is_source

Numbers = npt.NDArray[np.int64]
MOST_LABELS = 3
LABEL_IS_TRUE = frozenset({"1", "1.0", "true", "yes", "y", "match", "matched", "link", "t"})
LABEL_IS_FALSE = frozenset({"0", "0.0", "false", "no", "n", "nonmatch", "non-match", "nolink", "f", "-1"})


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


def read_truth(
    named: str,
    specification: Specification,
    left: pl.DataFrame,
    right: pl.DataFrame | None,
    *,
    files: tuple[str, str] = ("", ""),
) -> Truth:
    """named: a file, or a column of the files. files: what they are called, without endings.

    Raises TruthUnreadable, ColumnMissing, FileUnreadable.
    """
    if Path(named).is_file():
        return _from_file(Path(named), specification, left, right, files)
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
    """The records' own names; without a column for them, the rows' numbers from 1.

    Raises ColumnMissing, and SpecifiedError where a row has no name of its own.
    """
    heading = specification.id_heading(right)
    if heading is None:
        return pl.Series([str(number) for number in range(1, frame.height + 1)])
    file = "right" if right else "left"
    if heading not in frame.columns:
        raise ColumnMissing(
            f"The {file} file has no column '{heading}' (record_id).",
            where="record_id",
            mend=columns_near([heading], frame.columns),
        )
    _require_unique(frame[heading], file)
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


def _from_file(
    path: Path,
    specification: Specification,
    left: pl.DataFrame,
    right: pl.DataFrame | None,
    files: tuple[str, str],
) -> Truth:
    table = read_people(path)
    for records in _possible_records(specification, left, right, files, table.columns):
        known = _by_records(table, records, path)
        if known is not None:
            return known
    raise TruthUnreadable(
        "No column of the truth holds names of the files' records.",
        where=str(path),
        mend="Give two columns of record names (pairs), or record and person; record_id in the specification says "
        "which column of the files names a record (without it: the row's number from 1).",
    )


def _require_unique(ids: pl.Series, file: str) -> None:
    """Raises SpecifiedError: a truth about records, or a link, cannot say which of two it means."""
    known = ids.drop_nulls()
    shared = known.filter(known.is_duplicated())
    wrong = [f"names that several rows share: {shared.n_unique():,} (rows: {len(shared):,})"] if len(shared) else []
    wrong += [f"rows without a name: {ids.null_count():,}"] if ids.null_count() else []
    if wrong:
        raise SpecifiedError(
            f"record_id does not name each row of the {file} file: {'; '.join(wrong)}.",
            where="record_id",
            mend="Give every row a name of its own, or take record_id out: a record is then named by its row's number.",
        )


def _possible_records(
    specification: Specification,
    left: pl.DataFrame,
    right: pl.DataFrame | None,
    files: tuple[str, str],
    headings: list[str],
) -> Iterator[Records]:
    """The record ids of the specification (or the rows' numbers); else columns with another value in every row.

    headings: the truth's; where the specification says none, a unique column of such a heading comes first.
    """
    both = [left, left if right is None else right]
    unique = [sorted(_unique_columns(frame), key=lambda name: name not in headings) for frame in both]
    columns = [(one, one) for one in unique[0]] if right is None else list(product(*unique))
    columns.sort(key=lambda pair: sum(name not in headings for name in set(pair)))

    def of(one: str, other: str) -> Records:
        return Records(both[0][one], both[1][other], right is not None, (one, other), files)

    named = [pair for pair in columns if set(pair) <= set(headings)]
    if not specification.record_id:
        yield from (of(*pair) for pair in named)
    ids = [record_ids(specification, frame, right=place == 1) for place, frame in enumerate(both)]
    own = (specification.id_heading(False), specification.id_heading(right is not None))
    yield Records(ids[0], ids[1], right is not None, own, files)
    yield from (of(*pair) for pair in columns)


def _unique_columns(frame: pl.DataFrame) -> list[str]:
    return [name for name in frame.columns if frame[name].null_count() == 0 and frame[name].n_unique() == frame.height]


def _by_records(table: pl.DataFrame, records: Records, path: Path) -> Truth | None:
    labels = _labels(table)
    columns = columns_of(table.drop(labels), records)
    if columns is None:
        return None
    if set(records.all()) & set(table.columns):
        raise TruthUnreadable(
            "The truth has no headings: a record's name stands in its first line.", where=str(path), mend=HEAD
        )
    if columns.pairs:
        true = [pl.col(name).str.to_lowercase().is_in(list(LABEL_IS_TRUE)) for name in labels]
        pairs = table.filter(*true).select(l=columns.first, r=columns.second)
        return _from_pairs(pairs, records.left, records.right, records.two)
    return _from_persons(table, columns, records, path)


def _labels(table: pl.DataFrame) -> list[str]:
    """The columns that say of a pair whether it is one person's."""
    found: list[str] = []
    for name in table.columns[1:]:
        values = set(table[name].str.to_lowercase().unique().drop_nulls())
        known = values and len(values) <= MOST_LABELS and values <= LABEL_IS_TRUE | LABEL_IS_FALSE
        if known and table.width - len(found) > 2 and not is_source(name, table):
            found.append(name)
    return found


def _from_persons(table: pl.DataFrame, columns: Columns, records: Records, path: Path) -> Truth:
    """Raises TruthUnreadable where the truth says nothing of the file of a record that both have, or two persons."""
    source = pl.lit(None, dtype=pl.String) if columns.source is None else pl.col(columns.source)
    known = table.select(id=columns.first, person=columns.second, source=source).drop_nulls("id")
    numbered, on = _numbered(records), ["id"]
    if records.two and known["source"].null_count() < known.height:
        known, on = known.with_columns(side=_side(known, numbered, records.files)), ["id", "side"]
    elif records.two and (both := known["id"].is_in(_in_both(records).implode()).sum()):
        raise TruthUnreadable(
            f"{both:,} rows of the truth name a record that both files have, and not of which file it is.",
            where=str(path),
            mend="Give the truth a column source that says left or right.",
        )
    known = known.unique([*on, "person"])
    if twice := known.height - known.n_unique(on):
        raise TruthUnreadable(
            f"{twice:,} records of the truth are given another person as well.",
            where=str(path),
            mend="Give each record one person; two that are one person need one number.",
        )
    joined = numbered.join(known, on=on, how="left", maintain_order="left")
    unmatched = known.join(numbered, on=on, how="anti").height
    return Truth(_persons(joined["person"]), None, records.left.len(), records.two, unmatched)


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


def _numbered(records: Records) -> pl.DataFrame:
    parts = [records.left, records.right] if records.two else [records.left]
    sides = [pl.DataFrame({"id": part.cast(pl.String), "side": [side] * part.len()}) for side, part in enumerate(parts)]
    return pl.concat(sides)


def _in_both(records: Records) -> pl.Series:
    return records.left.filter(records.left.is_in(records.right.unique().implode()))


def _side(known: pl.DataFrame, numbered: pl.DataFrame, files: tuple[str, str]) -> pl.Series:
    """left, a, 1, ... before right, b, 2, or as the files are called; else whichever way names more records."""
    lower = known["source"].str.to_lowercase()
    named = sorted(lower.drop_nulls().unique())
    words = {"left": 0, "l": 0, "right": 1, "r": 1}
    stems = [one.lower() for one in files]
    if stems[0] != stems[1]:
        words |= {one: place for place, stem in enumerate(stems) for one in named if Path(one).stem == stem}
    order = {word: words.get(word, place) for place, word in enumerate(named)}
    side = lower.replace_strict(order, default=None, return_dtype=pl.Int64)
    turned = pl.select(1 - side).to_series()
    if not set(named) & set(words) and _fitting(known, turned, numbered) > _fitting(known, side, numbered):
        return turned
    return side


def _fitting(known: pl.DataFrame, side: pl.Series, numbered: pl.DataFrame) -> int:
    return known.with_columns(side=side).join(numbered, on=["id", "side"], how="semi").height
