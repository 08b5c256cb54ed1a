"""What does a table made of microdata say of people? Its cells with their evidence, counted in DuckDB.

People are counted, not rows: a person's rows are one, and what they contribute is summed before anything is said of
shares (rules/disclosure.md, 2). Codes stay text, a missing one is a category of its own, shown as an empty text. Rows
without a person count as one and the same person: nobody can say how many they are, and the fewest is what protects.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import polars as pl

from environments.disclosure.errors import TableUnfit
from environments.disclosure.evidence import MOST_MEMBERS
from environments.disclosure.hierarchy import ancestors
from environments.disclosure.model import TableContext, only_root

TOTAL = "Total"
MOST_CATEGORIES = 10
LONGEST_HEADER = 100_000
SMALL = 30_000  # so many codes have a number of two bytes
WIDEST = 1 << 28  # so many numbers of persons are told apart by one bit each


@dataclass(frozen=True)
class Question:
    """Which table is asked for. largest: how many of the largest contributions are looked at."""

    by: tuple[str, ...]
    person: str | None = None
    value: str | None = None
    totals: Mapping[str, str] = field(default_factory=dict)  # column -> how its total is called
    hierarchies: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    with_totals: bool = True
    largest: int = 2


def read_microdata(connection: duckdb.DuckDBPyConnection, path: Path) -> duckdb.DuckDBPyRelation:
    """The rows of a CSV (every field as text; only an empty one is missing) or Parquet file. Raises TableUnfit."""
    if not path.is_file():
        raise TableUnfit("There is no such file.", where=str(path), mend="Name a CSV or Parquet file.")
    name = str(path).translate({ord(one): f"[{one}]" for one in "*?["})  # the file itself, no pattern
    try:
        if path.suffix == ".parquet":
            return connection.read_parquet(name)
        columns = ", ".join(f"'{one.replace(chr(39), chr(39) * 2)}': 'VARCHAR'" for one in _header(path))
        return connection.sql(
            f"select * from read_csv(?, auto_detect=false, header=true, columns={{{columns}}}, delim=',', quote='\"', "
            "escape='\"', nullstr='', strict_mode=true, max_line_size=1048576)",
            params=[name],
        )
    except duckdb.Error as error:
        raise _unreadable(path, error) from None


def _header(path: Path) -> list[str]:
    """The columns as the first line names them: nothing is guessed. Raises TableUnfit."""
    names: list[str] = []
    try:
        with (
            gzip.open(path, "rt", encoding="utf-8-sig", errors="replace", newline="")
            if path.suffix == ".gz"
            else path.open(encoding="utf-8-sig", errors="replace", newline="") as file
        ):
            names = next(csv.reader([file.readline(LONGEST_HEADER)], strict=True), [])
    except (OSError, csv.Error, EOFError):
        names = []
    if not names or not all(name.strip() for name in names) or len(set(names)) < len(names):
        raise TableUnfit(
            "The first line must name every column, each by a name of its own.", where=str(path),
            mend="Write CSV in UTF-8 with commas, or Parquet.",
        )  # fmt: skip
    return names


def tabulate(
    connection: duckdb.DuckDBPyConnection, source: str, question: Question
) -> tuple[pl.DataFrame, TableContext]:
    """The table in long form with its context, from rows known to this connection as `source`.

    Raises TableUnfit: a column is not there, a value is no number, or there are more cells than a table has.
    """
    try:
        connection.execute("set enable_progress_bar = false")
        return _Tabulation(connection, source, question).table()
    except duckdb.Error as error:
        raise _unreadable(None, error) from None


def _unreadable(path: Path | None, error: duckdb.Error) -> TableUnfit:
    """The kind of fault, never DuckDB's own sentence: that quotes the line."""
    text = str(error)
    line = next((part.split()[0] for part in text.split("Line: ")[1:] if part.split()[0].isdigit()), None)
    return TableUnfit(
        f"The microdata cannot be read ({type(error).__name__}).",
        where=", ".join(filter(None, (str(path) if path else None, f"line {line}" if line else None))) or "microdata",
        mend="Write CSV in UTF-8 with commas, every line as wide as the first, or Parquet.",
    )


def quoted(name: str) -> str:
    """A column's name in SQL."""
    return '"' + name.replace('"', '""') + '"'


class _Tabulation:
    """The steps: people by their codes; those with one place, those with several; cells; the crossing filled up."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, source: str, question: Question) -> None:
        self.connection = connection
        self.source = source
        self.question = question
        self.codes = [f"c{place}" for place in range(len(question.by))]
        self.code_list = ", ".join(self.codes)
        self._check_columns()
        self.top = max(1, question.largest)
        self.evidence = f"count(*) as n, count(v) as k, fsum(v) as t, max(v, {self.top}) as x, min(v) as l"
        self.by_person = bool(question.person) and not self._one_row_each()

    def table(self) -> tuple[pl.DataFrame, TableContext]:
        """The whole crossing, each cell with its evidence."""
        self._people()
        hierarchies = self._nodes()
        overlapping = self._overlapping()
        cells = self._cells()
        return self._filled(cells), self._context(hierarchies, overlapping)

    def _check_columns(self) -> None:
        asked = self.question
        known = [row[0] for row in self.connection.execute(f"describe {self.source}").fetchall()]
        for name in filter(None, (*asked.by, asked.person, asked.value, *asked.hierarchies, *asked.totals)):
            if name not in known:
                raise TableUnfit(
                    f"There is no column '{name}'.", where="microdata", mend=f"It has: {', '.join(known)}."
                )
        if len(set(asked.by)) < len(asked.by) or not 0 < len(asked.by) <= MOST_CATEGORIES:
            raise TableUnfit("A table has one to ten category columns, each once.", where="--by", mend="Name them.")
        if strange := [name for name in (*asked.hierarchies, *asked.totals) if name not in asked.by]:
            raise TableUnfit(f"'{strange[0]}' is no category column.", where="--by", mend="Name it there as well.")
        if not self.connection.execute(f"select 1 from {self.source} limit 1").fetchall():
            raise TableUnfit("The microdata have no rows.", where="microdata", mend="Name the file with the people.")

    def _one_row_each(self) -> bool:
        """Is nobody in two rows? Then rows are people, and are counted faster."""
        person = quoted(self.question.person or "")
        kinds = {row[0]: row[1] for row in self.connection.execute(f"describe {self.source}").fetchall()}
        distinct = f"count(distinct {person})"
        if kinds[self.question.person or ""] in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT"):
            ends = f"min({person}), max({person})"
            least, most = self.connection.execute(f"select {ends} from {self.source}").fetchall()[0]
            if least is not None and most - least < WIDEST:  # a bit for each number is faster than a table of them
                distinct = f"bit_count(bitstring_agg({person}, {least}, {most}))"
        found = self.connection.execute(f"select {distinct} = count(*) from {self.source}").fetchall()
        return bool(found[0][0])

    def _people(self) -> None:
        """Those who are in one combination of codes, counted in it; and each of the others once in each of theirs."""
        asked = self.question
        codes = ", ".join(f"{quoted(name)} as {code}" for name, code in zip(asked.by, self.codes, strict=True))
        value = "cast(null as double)"
        if asked.value:
            value = f"try_cast({quoted(asked.value)} as double)"
            wrong = self.connection.execute(
                f"select count(*) from {self.source} where {quoted(asked.value)} is not null "
                f"and ({value} is null or not isfinite({value}))"
            ).fetchall()
            if wrong[0][0]:
                raise TableUnfit(
                    "The amounts hold what is not a number.",
                    where=f"column {asked.value}",
                    mend="Write numbers, or nothing.",
                )
        person = f", {quoted(asked.person)} as person" if self.by_person and asked.person else ""
        rows = f"select {codes}, {value} as v{person} from {self.source}"
        alone = f"({rows})"
        if self.by_person:
            self._make(
                "people",
                f"select {self.code_list}, person, fsum(v) as v from {alone} group by {self.code_list}, person",
            )
            self._make("several", "select person from haven_people group by person having count(*) > 1")
            same = "haven_several s on p.person is not distinct from s.person"
            self._make("shared", f"select p.* from haven_people p semi join {same}")
            alone = f"(select p.* from haven_people p anti join {same})"
        self._make("leaves", f"select {self.code_list}, {self.evidence} from {alone} group by {self.code_list}")
        codes = f"select distinct {self.code_list} from haven_"
        self._make("codes", f"{codes}leaves union {codes}shared" if self.by_person else f"{codes}leaves")

    def _make(self, name: str, sql: str) -> None:
        self.connection.execute(f"create or replace temp table haven_{name} as {sql}")

    def _nodes(self) -> dict[str, dict[str, str]]:
        """For each column which codes stand for which others: itself, those above it, and the total."""
        found = {}
        for name, code in zip(self.question.by, self.codes, strict=True):
            text = f"coalesce(cast({code} as varchar), '')"  # only here, as texts cost time
            shown = {row[0] for row in self.connection.execute(f"select distinct {text} from haven_codes").fetchall()}
            parents = dict(self.question.hierarchies.get(name, {}))
            if parents:
                found[name] = parents = _pruned(parents, shown, name)
            pairs = [(one, above) for one in sorted(shown) for above in (one, *ancestors(parents, one))]
            total = self._total(name, parents)
            if total in shown:
                raise TableUnfit(
                    f"'{total}' is one of the categories of '{name}'.", where="microdata",
                    mend=f"Name the total otherwise: --total {name}=Everybody.",
                )  # fmt: skip
            if self.question.with_totals:
                known = set(pairs)
                pairs += [(one, total) for one in sorted(shown) if (one, total) not in known]
            numbers = {node: number for number, node in enumerate(sorted({node for _, node in pairs}))}
            self._known(
                f"names_{code}",
                list(numbers.items()),
                {"node": pl.String, "id": pl.Int16 if len(numbers) < SMALL else pl.Int32},
            )
            self._known(
                "pairs",
                [(one, numbers[node]) for one, node in pairs],
                {"code": pl.String, "id": pl.Int16 if len(numbers) < SMALL else pl.Int32},
            )
            self._make(
                f"nodes_{code}",
                f"select {code} as code, id from (select distinct {code} from haven_codes) "
                f"join haven_pairs on haven_pairs.code = {text}",
            )
        return found

    def _known(self, name: str, rows: list[tuple[str, int]], schema: dict[str, type[pl.DataType]]) -> None:
        self.connection.register("haven_given", pl.DataFrame(rows, schema=schema, orient="row").to_arrow())
        self._make(name, "select * from haven_given")
        self.connection.unregister("haven_given")

    def _total(self, name: str, parents: Mapping[str, str]) -> str:
        return self.question.totals.get(name) or (only_root(parents) if parents else None) or TOTAL

    def _overlapping(self) -> tuple[str, ...]:
        """The columns in which somebody has several codes: their totals are of people, and no sums."""
        if not self.by_person:
            return ()
        several = ", ".join(
            f"min({code}) is distinct from max({code}) or count({code}) not in (0, count(*)) as {code}"
            for code in self.codes
        )
        anybody = ", ".join(f"coalesce(bool_or({code}), false)" for code in self.codes)
        row = self.connection.execute(
            f"select {anybody} from (select {several} from haven_shared group by person)"
        ).fetchall()[0]
        return tuple(name for name, found in zip(self.question.by, row, strict=True) if found)

    def _cells(self) -> pl.DataFrame:
        """Every cell that has people: those with one place are counted once and added up, the others at each cell."""
        joins = " ".join(
            f"join haven_nodes_{code} n_{code} on n_{code}.code is not distinct from p.{code}" for code in self.codes
        )
        nodes = ", ".join(f"n_{code}.id as {code}" for code in self.codes)
        parts = [f"select {nodes}, n, k, t, x, l from haven_leaves p {joins}"]
        if self.by_person:
            once = f"select {self.code_list}, person, sum(v) as v from ("
            once += f"select {nodes}, p.person, p.v from haven_shared p {joins}) group by {self.code_list}, person"
            parts.append(f"select {self.code_list}, {self.evidence} from ({once}) group by {self.code_list}")
        top = self.top
        tops = ", ".join(f"x[{place + 1}] as x{place + 1}" for place in range(top))
        texts = ", ".join(f"names_{code}.node as {code}" for code in self.codes)
        named = " ".join(
            f"join haven_names_{code} names_{code} on names_{code}.id = cells.{code}" for code in self.codes
        )
        return self._asked(
            f"select {texts}, n, k, t, {tops}, l from (select {self.code_list}, sum(n)::bigint as n, "
            f"sum(k)::bigint as k, fsum(t) as t, list_slice(list_reverse_sort(flatten(list(x))), 1, {top}) as x, "
            f"min(l) as l from ({' union all '.join(parts)}) group by {self.code_list}) cells {named}"
        )

    def _asked(self, sql: str) -> pl.DataFrame:
        found = pl.from_arrow(self.connection.sql(sql).to_arrow_table())
        return found if isinstance(found, pl.DataFrame) else found.to_frame()

    def _filled(self, cells: pl.DataFrame) -> pl.DataFrame:
        """The whole crossing: a combination that nobody is in is a cell of nobody."""
        frames = [self._asked(f"select node as {c} from haven_names_{c} order by id") for c in self.codes]
        size = 1
        for frame in frames:
            size *= frame.height
        if size > MOST_MEMBERS:
            raise TableUnfit(
                f"The table would have more than {MOST_MEMBERS:,} cells: closer to a list of people than to a table.",
                mend="Make the categories coarser, or make several tables.",
            )
        crossing = frames[0]
        for frame in frames[1:]:
            crossing = crossing.join(frame, how="cross")
        full = crossing.join(cells, on=self.codes, how="left", maintain_order="left")
        full = full.with_columns(pl.col("n", "k").fill_null(0), pl.col("t").fill_null(0.0))
        names = dict(zip(self.codes, self.question.by, strict=True)) | {"n": self._name("people")}
        if not self.question.value:
            return full.select(*self.codes, "n").rename(names)
        names |= {"k": self._name("contributors"), "t": self._name("value"), "l": self._name("least")}
        names |= {f"x{place}": self._name(f"largest_{place}") for place in range(1, self.top + 1)}
        return full.rename(names)

    def _name(self, wanted: str) -> str:
        """A column's name that no category has."""
        while wanted in self.question.by:
            wanted += "_"
        return wanted

    def _context(self, hierarchies: dict[str, dict[str, str]], overlapping: tuple[str, ...]) -> TableContext:
        totals = {name: self._total(name, hierarchies.get(name, {})) for name in self.question.by}
        context = TableContext(
            count_column=self._name("people"),
            totals=totals if self.question.with_totals else {},
            hierarchies=hierarchies,
            overlapping=overlapping,
        )
        if not self.question.value:
            return context
        amount = {
            "value_column": self._name("value"),
            "largest": tuple(self._name(f"largest_{place}") for place in range(1, self.top + 1)),
            "contributors": self._name("contributors"),
            "least": self._name("least"),
        }
        return context.model_copy(update=amount)


def _pruned(parents: Mapping[str, str], shown: Sequence[str] | set[str], column: str) -> dict[str, str]:
    """The hierarchy of the codes that somebody has. Raises TableUnfit where such a code is not one of its last."""
    above = set(parents.values())
    for code in sorted(shown):
        if code in above:
            raise TableUnfit(
                f"People have the code '{code}', which the hierarchy of '{column}' divides into others.",
                where="microdata", mend="Give them a code of its own below it, such as 'elsewhere in it'.",
            )  # fmt: skip
        if code and code not in parents:
            raise TableUnfit(
                f"The code '{code}' of column '{column}' is not in its hierarchy.", where="microdata",
                mend="Add its line to the hierarchy, with its parent.",
            )  # fmt: skip
    held = {one for code in shown for one in (code, *ancestors(parents, code))}
    return {child: parent for child, parent in parents.items() if child in held}
