"""Which classes do microdata fall into, and how are sensitive values spread over them? Counted in DuckDB.

With nulls that match every value, a class (rows with the same cells, the same ones empty) is counted with all rows that
may agree with it. Two classes may agree if they do where neither is empty; so for each two patterns of empty cells the
one side is summed over the columns that both have, and joined: no pair of rows is ever made.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from environments.anonymity.errors import AnonymityError, ColumnsUnfit
from environments.anonymity.model import ColumnRoles, NullRule
from environments.anonymity.reading import Microdata
from environments.anonymity.spread import Ints, Spread

PLAIN_NUMBER = r"-?(0|[1-9]\d{0,14})(\.\d{1,9})?"
"""A number and no code: 01 has a zero in front that a number has not."""


@contextmanager
def counting(microdata: Microdata, roles: ColumnRoles, null_codes: Sequence[str] = ()) -> Iterator[Counted]:
    """The microdata in a database of their own, in memory only. Raises AnonymityError where it does not suffice."""
    connection = duckdb.connect()
    try:
        connection.execute("SET temp_directory = ''")
        connection.execute("SET enable_external_access = false")
        yield Counted(connection, microdata, roles, null_codes)
    except duckdb.OutOfMemoryException:
        raise AnonymityError(
            "The classes could not be counted: there is too little memory.",
            mend="Name fewer quasi-identifiers, or measure the file where there is more memory.",
        ) from None
    finally:
        connection.close()


class Counted:
    """The tables of one measurement: classes (class from 0, q0.., pattern) and members (class, s0.., person, row)."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        microdata: Microdata,
        roles: ColumnRoles,
        null_codes: Sequence[str] = (),
    ) -> None:
        self.roles = roles
        self.keys = [f"q{number}" for number in range(len(roles.quasi))]
        self._connection = connection
        self._load(microdata, list(null_codes))
        pattern = " + ".join(f"CASE WHEN q{number} IS NULL THEN {1 << number} ELSE 0 END" for number in
                             range(len(self.keys)))  # fmt: skip
        keys = ", ".join(self.keys)
        self._run(
            f"CREATE TABLE classes AS SELECT row_number() OVER () - 1 AS class, *, {pattern} AS pattern"
            f" FROM (SELECT DISTINCT {keys} FROM records)"
        )
        self._run(
            f"CREATE TABLE members AS SELECT class, records.* EXCLUDE ({keys}) FROM records JOIN classes ON"
            f" {' AND '.join(f'records.{key} IS NOT DISTINCT FROM classes.{key}' for key in self.keys)}"
        )
        self._run("DROP VIEW records")
        self._connection.unregister("given")
        self.ordered = [self._has_order(number, microdata) for number in range(len(roles.sensitive))]

    def _load(self, microdata: Microdata, null_codes: list[str]) -> None:
        names = [*self.keys, *(f"s{number}" for number in range(len(self.roles.sensitive)))]
        names += ["person"] if self.roles.person else []
        table = microdata.table.rename_columns(names)
        numbers = pa.array(np.arange(table.num_rows, dtype=np.int64))
        self._connection.register("given", table.append_column("row", numbers))
        cells = ", ".join(f"{_text(name, null_codes)} AS {name}" for name in names)
        self._run(f"CREATE VIEW records AS SELECT {cells}, row FROM given")
        if self.roles.person:
            nobody = self._run("SELECT min(row) FROM records WHERE person IS NULL").fetchall()[0][0]
            if nobody is not None:
                raise _whose(self.roles.person, f"{microdata.places_are} {microdata.place(nobody)}")

    def _has_order(self, number: int, microdata: Microdata) -> bool:
        """Are the values numbers? As the file says; in a CSV, as every value looks."""
        column = self.roles.sensitive[number]
        if column in self.roles.categorical:
            return False
        if microdata.numeric is None:
            test = f"count(*) FILTER (WHERE NOT regexp_full_match(s{number}, '{PLAIN_NUMBER}')), count(s{number})"
            wrong, there = self._run(f"SELECT {test} FROM members").fetchall()[0]
            return bool(there and not wrong)
        return column in microdata.numeric

    def _run(self, sql: str) -> duckdb.DuckDBPyConnection:
        return self._connection.execute(sql)

    def numbers(self, sql: str) -> list[Ints]:
        """The columns of a result, each a whole number."""
        return [np.asarray(column, dtype=np.int64) for column in self._run(sql).fetchnumpy().values()]

    @property
    def rows(self) -> int:
        """Rows of the file."""
        return int(self._run("SELECT count(*) FROM members").fetchall()[0][0])

    @property
    def people(self) -> int | None:
        """Distinct people, where a column says whose each row is."""
        if not self.roles.person:
            return None
        return int(self._run("SELECT count(DISTINCT person) FROM members").fetchall()[0][0])

    @property
    def _size(self) -> str:
        return "count(DISTINCT person)" if self.roles.person else "sum(n)::BIGINT"

    def sizes(self, nulls: NullRule) -> Ints:
        """People, or rows, of each class."""
        carried = ["person"] if self.roles.person else []
        self._gather("counted", carried, nulls)
        return self.numbers(f"SELECT {self._size} FROM counted GROUP BY class ORDER BY class")[0]

    def spread(self, number: int, nulls: NullRule) -> tuple[Spread, Ints]:
        """How the values of a sensitive column are spread over the classes, and over the whole table."""
        joined = self._rank(number)
        carried = ["rank", *(["person"] if self.roles.person else [])]
        self._gather("counted", carried, nulls, joined)
        found = self.numbers(f"SELECT class, rank, {self._size} FROM counted GROUP BY ALL ORDER BY class, rank")
        nothing = self._run("SELECT min(rank) FROM ranks WHERE value IS NULL").fetchall()[0][0]
        whole = "count(DISTINCT person)" if self.roles.person else "count(*)"
        share = self.numbers(f"SELECT {whole} FROM members {joined} GROUP BY rank ORDER BY rank")[0]
        return Spread(found[0], found[1], found[2], nothing), share

    def entries(self, number: int) -> tuple[Ints, Ints, Ints]:
        """Each class with each value of a sensitive column, and how many rows; or, with each person, that person."""
        joined = self._rank(number)
        sql = f"SELECT class, rank, count(*) FROM members {joined} GROUP BY ALL"
        if self.roles.person:
            sql = f"SELECT DISTINCT class, rank, dense_rank() OVER (ORDER BY person) FROM members {joined}"
        classes, values, last = self.numbers(sql)
        return classes, values, last

    def _rank(self, number: int) -> str:
        """Put the values of a sensitive column in order; the join that gives each row its value's place."""
        kind = f"s{number}::DOUBLE" if self.ordered[number] else f"s{number}"
        self._run(
            f"CREATE OR REPLACE TABLE ranks AS SELECT value, row_number() OVER (ORDER BY value NULLS LAST) - 1 AS rank"
            f" FROM (SELECT DISTINCT {kind} AS value FROM members)"
        )
        return f"JOIN ranks ON {kind} IS NOT DISTINCT FROM value"

    def _gather(self, name: str, carried: list[str], nulls: NullRule, joined: str = "") -> None:
        """A table of class, the carried columns, and n rows; with nulls that match, of all that may agree with it."""
        more = "".join(f", {column}" for column in carried)
        own = f"SELECT class{more}, count(*) AS n FROM members {joined} GROUP BY ALL"
        if nulls is NullRule.OWN_VALUE:
            self._run(f"CREATE OR REPLACE TABLE {name} AS {own}")
            return
        self._run(f"CREATE OR REPLACE TABLE own AS SELECT * FROM ({own}) JOIN classes USING (class)")
        self._run(f"CREATE OR REPLACE TABLE {name} AS SELECT class{more}, n FROM own WHERE false")
        patterns = [row[0] for row in self._run("SELECT DISTINCT pattern FROM classes ORDER BY 1").fetchall()]
        for one in patterns:
            for union in sorted({one | other for other in patterns}):
                others = [str(other) for other in patterns if one | other == union]
                both = [key for number, key in enumerate(self.keys) if not union >> number & 1]
                grouped = f"SELECT {''.join(f'{key}, ' for key in both)}{''.join(f'{column}, ' for column in carried)}"
                self._run(
                    f"INSERT INTO {name} SELECT class{more}, n"
                    f" FROM (SELECT * FROM classes WHERE pattern = {one}) AS classes"
                    f" JOIN ({grouped}sum(n)::BIGINT AS n FROM own WHERE pattern IN ({', '.join(others)}) GROUP BY ALL)"
                    f" AS found ON {_equal('classes', 'found', both)}"
                )

    def codes(self, number: int) -> tuple[list[str | None], Ints]:
        """The values of a quasi-identifier, and the place in them of each class's."""
        key = self.keys[number]
        self._run(
            f"CREATE OR REPLACE TABLE codes AS SELECT {key} AS value, row_number() OVER (ORDER BY {key} NULLS LAST) - 1"
            f" AS code FROM (SELECT DISTINCT {key} FROM classes)"
        )
        values = [row[0] for row in self._run("SELECT value FROM codes ORDER BY code").fetchall()]
        joined = f"classes JOIN codes ON {key} IS NOT DISTINCT FROM value"
        return values, self.numbers(f"SELECT code FROM {joined} ORDER BY class")[0]

    def rows_by_class(self) -> Ints:
        """How many rows each class has."""
        return self.numbers("SELECT count(*) FROM members GROUP BY class ORDER BY class")[0]

    def class_of_rows(self) -> Ints:
        """The class of each row, in the file's order."""
        return self.numbers("SELECT class FROM members ORDER BY row")[0]

    def owners(self) -> list[Ints] | None:
        """Each class with each of its people, as numbers; None where nothing says whose the rows are."""
        if not self.roles.person:
            return None
        return self.numbers("SELECT DISTINCT class, dense_rank() OVER (ORDER BY person) FROM members")

    def named(self, numbers: Sequence[int]) -> list[tuple[str | None, ...]]:
        """The quasi-identifiers of these classes."""
        self._register("wanted", numbers)
        found = self._run(f"SELECT {_of('classes', self.keys)} FROM wanted JOIN classes USING (class) ORDER BY place")
        return [tuple(row) for row in found.fetchall()]

    def rows_of(self, numbers: Sequence[int]) -> list[Ints]:
        """The rows of these classes, each counted from 0, in order."""
        self._register("wanted", numbers)
        found = self.numbers("SELECT place, row FROM wanted JOIN members USING (class) ORDER BY place, row")
        return np.split(found[1], np.flatnonzero(np.diff(found[0])) + 1) if len(numbers) else []

    def _register(self, name: str, numbers: Sequence[int]) -> None:
        values: dict[str, Any] = {"class": np.asarray(numbers, dtype=np.int64), "place": np.arange(len(numbers))}
        self._connection.register(name, pa.table(values))


def _whose(column: str, place: str) -> ColumnsUnfit:
    return ColumnsUnfit(
        f"A row does not say whose it is: '{column}' is empty.", where=place, mend="Fill it, or leave the row out."
    )


def _text(name: str, null_codes: list[str]) -> str:
    text = f"{name}::VARCHAR"
    codes = ", ".join(f"'{code.replace(chr(39), chr(39) * 2)}'" for code in null_codes)
    return f"CASE WHEN {text} IN ({codes}) THEN NULL ELSE {text} END" if codes else text


def _of(table: str, keys: Sequence[str]) -> str:
    return ", ".join(f"{table}.{key}" for key in keys)


def _equal(left: str, right: str, keys: Sequence[str]) -> str:
    return " AND ".join(f"{left}.{key} = {right}.{key}" for key in keys) or "true"
