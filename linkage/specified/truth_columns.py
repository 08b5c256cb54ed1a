"""Which columns of a truth file are what: two records (pairs), or record, person and the file of the record?

Headings decide before values do: records and persons are often both numbered from 1, and so are two files' records.
What neither tells is refused; a truth that is read wrongly gives figures that nobody would question.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import permutations

import polars as pl

from linkage.specified.errors import TruthUnreadable
from linkage.specified.looks import CAMEL

FEWEST_KNOWN = 0.5  # of a truth's values that must be records of the files
NEARLY_ALL = 0.98
FEW = 0.05
CLEARLY = 0.1  # more of the records of one file than of the other
SOURCE = frozenset({"source", "src", "dataset", "file", "side", "table", "origin", "database", "db"})
MOST_SOURCES = 3
PERSON = frozenset(
    {
        "person", "people", "cluster", "entity", "individual", "patient", "subject", "group", "identity", "personid",
        "entityid", "clusterid", "groupid", "patientid", "master", "golden", "truth", "true", "client", "customer",
    }
)  # fmt: skip
SIDES = (
    ("left", "right"), ("l", "r"), ("a", "b"), ("1", "2"), ("0", "1"), ("x", "y"), ("first", "second"), ("one", "two"),
    ("lhs", "rhs"), ("ltable", "rtable"), ("lid", "rid"), ("idl", "idr"), ("source", "target"), ("from", "to"),
    ("original", "duplicate"),
)  # fmt: skip
ANOTHER = frozenset({"duplicate", "duplicates", "dup", "match", "matches", "matched", "partner", "linked", "same"})
HEAD = "Head the columns left and right (pairs), or record and person; with two files also source: left or right."


@dataclass(frozen=True)
class Records:
    """What a truth may name: the records of the left and of the right file (of one file, the same twice)."""

    left: pl.Series
    right: pl.Series
    two: bool
    headings: tuple[str | None, str | None] = (None, None)  # of the records' names
    files: tuple[str, str] = ("", "")  # what the files are called

    def all(self) -> pl.Series:
        """The records of both files."""
        return pl.concat([self.left, self.right]) if self.two else self.left


@dataclass(frozen=True)
class Columns:
    """Either first and second are records of a pair, or first is a record, second its person."""

    pairs: bool
    first: str
    second: str
    source: str | None = None


def columns_of(table: pl.DataFrame, records: Records) -> Columns | None:
    """None where no column names records. Raises TruthUnreadable where two readings fit."""
    sources = [name for name in table.columns if is_source(name, table)]
    names = [name for name in table.columns if name not in sources]
    pairs = _pairs(table, names, records)
    sided = [pair for pair in pairs if _sides(*pair, records) > 0]
    if sided and not records.two and _is_another(*sided[0]) and _each_once(table, sided[0][0], records):
        sided = []  # match_id beside every record is a person's number, or the first record of each: the same people
    if sided and (len(sources) != 1 or not _person(names, records)):
        return Columns(True, *_turned(table, sided[0], pairs, records))
    record = _record(table, names, records)
    rest = [name for name in names if name != record]
    if record is None or not rest:
        return None
    person = _person(rest, records) or rest[0]
    said = len(sources) == 1 or record in records.headings or _person(rest, records)
    if not pairs or said or _is_of_persons(table, record, person, records):
        return Columns(False, record, person, sources[0] if sources else None)
    return Columns(True, *_the_way_round(table, pairs, records))


def share_in(values: pl.Series, ids: pl.Series) -> float:
    """Of the known values, the share that are names of records."""
    known = values.drop_nulls()
    return float(known.is_in(ids.unique().implode()).mean() or 0.0) if known.len() else 0.0  # type: ignore[arg-type]


def is_source(name: str, table: pl.DataFrame) -> bool:
    """Does the column say of which file the record is? By its heading and few values; source, target are records."""
    words = _words(name)
    kinds = table[name].drop_nulls().n_unique()
    if any("target" in _words(other) for other in table.columns):
        return False
    return bool(words & SOURCE) and kinds <= MOST_SOURCES and ("id" not in words or table.height > 2 * MOST_SOURCES)


def _words(heading: str) -> set[str]:
    return set(re.findall(r"[^\W_]+", re.sub(r"(?<=[^\W\d_])(?=\d)", " ", CAMEL.sub(" ", heading)).lower()))


def _pairs(table: pl.DataFrame, names: list[str], records: Records) -> list[tuple[str, str]]:
    """The columns that may be the left and the right record; the best way round first."""
    found = {
        pair: share
        for pair in permutations(names, 2)
        if min(share := _shares(table, pair, records)) >= FEWEST_KNOWN and table[pair[0]].n_unique() > 0
    }
    return sorted(found, key=lambda pair: -sum(found[pair]))


def _shares(table: pl.DataFrame, pair: tuple[str, str], records: Records) -> tuple[float, float]:
    return share_in(table[pair[0]], records.left), share_in(table[pair[1]], records.right)


def _sides(one: str, other: str, records: Records) -> int:
    """By their headings: 1 if these are left and right, -1 the other way round, 0 if nothing is said."""
    left, right = records.headings
    if left and right and left != right and (one in records.headings or other in records.headings):
        return 1 if one == left or other == right else -1
    first, second = _words(one), _words(other)
    stems = [_words(name) for name in records.files]
    for a, b in ((stems[0] - stems[1], stems[1] - stems[0]), *(({a}, {b}) for a, b in SIDES)):
        ahead, behind = bool(first & a - second and second & b - first), bool(second & a - first and first & b - second)
        if ahead != behind:
            return 1 if ahead else -1
    return 1 if _is_another(one, other) else -1 if _is_another(other, one) else 0


def _is_another(one: str, other: str) -> bool:
    """Does the second heading say that it is another record than the first, as record, duplicate_of?"""
    first, second = _words(one), _words(other)
    return bool(second & ANOTHER) and not first & ANOTHER and not (first | second) & PERSON


def _each_once(table: pl.DataFrame, record: str, records: Records) -> bool:
    return min(table.height, table[record].n_unique()) >= NEARLY_ALL * max(table.height, records.left.n_unique())


def _person(names: list[str], records: Records) -> str | None:
    """The column whose heading says that it names persons."""
    return next((name for name in names if _words(name) & PERSON and name not in records.headings), None)


def _record(table: pl.DataFrame, names: list[str], records: Records) -> str | None:
    """The column that names records: by its heading, else the one that does so most."""
    person = _person(names, records)
    shares = {name: share_in(table[name], records.all()) for name in names}
    fitting = [name for name in names if shares[name] >= FEWEST_KNOWN]
    return max(
        fitting,
        key=lambda name: (name in records.headings, name != person, shares[name], table[name].n_unique()),
        default=None,
    )


def _turned(
    table: pl.DataFrame, sided: tuple[str, str], pairs: list[tuple[str, str]], records: Records
) -> tuple[str, str]:
    """As the headings say; the other way round only where all its records are there, and not so as they say."""
    turned = (sided[1], sided[0])
    if turned in pairs and sum(_shares(table, turned, records)) >= 2 > sum(_shares(table, sided, records)) + CLEARLY:
        return turned
    return sided


def _the_way_round(table: pl.DataFrame, pairs: list[tuple[str, str]], records: Records) -> tuple[str, str]:
    """Of two files, the way round that fits more records, where it is clear. Raises TruthUnreadable."""
    best, turned = pairs[0], (pairs[0][1], pairs[0][0])
    if not records.two or turned not in pairs:
        return best
    if sum(_shares(table, best, records)) - sum(_shares(table, turned, records)) > CLEARLY:
        return best
    raise _ambiguous("Which column of the truth names the left file's records cannot be told: both files use the same.")


def _is_of_persons(table: pl.DataFrame, record: str, person: str, records: Records) -> bool:
    """Without headings that tell: every record once, and persons that come again. Raises TruthUnreadable."""
    names = [record, person]
    if records.two:
        alone = (set(records.left) - set(records.right), set(records.right) - set(records.left))
        if all(own and share_in(table[record], pl.Series(list(own))) > FEW for own in alone):
            return True  # a column that names records of both files is no side of pairs
        counts = records.all().value_counts(name="rows").rename({records.all().name: "id"})
        for name in names:
            told = table[name].drop_nulls().rename("id").value_counts(name="rows")
            if told.height == counts.height and told.join(counts, on=["id", "rows"], how="anti").is_empty():
                raise _ambiguous("The truth seems to name every record of both files, and not of which file it is.")
        return False
    once = [name for name in names if table[name].n_unique() >= NEARLY_ALL * table.height]
    if len(once) != 1:  # both once: pairs of two; none: pairs of more
        return False
    again = names[1 - names.index(once[0])]
    if once[0] == record and table[record].n_unique() >= NEARLY_ALL * records.left.n_unique():
        return True  # also where a record's first of its kind is named: it is the person's number
    if (table[again] == table[once[0]]).any():
        return once[0] == record
    if table[again].value_counts(name="rows")["rows"].min() == 1:
        return False
    raise _ambiguous("The truth can be read as pairs, and as record and person.")


def _ambiguous(what: str) -> TruthUnreadable:
    return TruthUnreadable(what, where="--truth", mend=HEAD)
