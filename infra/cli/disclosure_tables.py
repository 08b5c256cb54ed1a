"""How a table is named to `haven disclosure`: microdata or a finished table, its columns, totals and hierarchies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli.common import read_table_file

if TYPE_CHECKING:
    from environments.disclosure.methods import MadeFit
    from environments.disclosure.microdata import Question
    from environments.disclosure.model import Stage, TableContext
    from environments.disclosure.profile import Criteria

MOST_ROWS = 200_000

Table = Annotated[Path | None, typer.Option("--table", help="A table: CSV in long form, one cell a row.")]
Data = Annotated[Path | None, typer.Option("--data", help="Or microdata: CSV or Parquet, of which the table is made.")]
By = Annotated[str, typer.Option("--by", help="Its category columns, separated by commas.")]
Count = Annotated[str | None, typer.Option("--count", help="Of a table: the column that counts distinct people.")]
Person = Annotated[
    str | None,
    typer.Option("--person", help="Of microdata: the column that says whose row it is; else each row is one."),
]
Value = Annotated[str | None, typer.Option("--value", help="The amount that is added up over the people.")]
Largest = Annotated[
    str | None, typer.Option("--largest", help="Of a table: the columns of one person's largest contributions: X1,X2.")
]
ProfileName = Annotated[str, typer.Option("--profile", help="The owner's profile, or several: hes+ons.")]
Totals = Annotated[
    list[str] | None,
    typer.Option("--total", help="A category that means the total: Everybody, or age=Everybody; may be repeated."),
]
Hierarchies = Annotated[
    list[str] | None,
    typer.Option(
        "--hierarchy", help="A column's codes that contain each other: area=FILE, a CSV with parent and child."
    ),
]
Zeros = Annotated[
    list[str] | None,
    typer.Option("--structural-zero", help="A cell that could not be other than zero: sex=M,event=delivery."),
]
Overlapping = Annotated[
    str | None, typer.Option("--overlapping", help="Columns in which one person may be in several categories.")
]
NoTotals = Annotated[bool, typer.Option("--no-totals", help="Of microdata: make the table without totals.")]


@dataclass(frozen=True)
class Source:
    """What was asked for on the command line."""

    by: str
    table: Path | None = None
    data: Path | None = None
    count: str | None = None
    person: str | None = None
    value: str | None = None
    largest: str | None = None
    totals: Sequence[str] = ()
    hierarchies: Sequence[str] = ()
    zeros: Sequence[str] = ()
    overlapping: str | None = None
    no_totals: bool = False
    update: dict[str, Any] = field(default_factory=dict)

    def read(self, profile: Criteria | None) -> tuple[Any, TableContext, Stage]:
        """The table in long form, its context, and where it stands. Raises TableUnfit."""
        from environments.disclosure.errors import TableUnfit
        from environments.disclosure.model import Stage

        if (self.table is None) == (self.data is None):
            raise TableUnfit("Either a table or microdata.", where="--table, --data", mend="Name one of the two files.")
        if self.data is not None:
            return *self._from_microdata(self.data, profile), Stage.TRUE
        table, context = self._finished(self.table or Path())
        return table, context, Stage.TRUE if self.largest else Stage.FINISHED

    @property
    def columns(self) -> list[str]:
        """The category columns."""
        return self.by.split(",")

    def _from_microdata(self, path: Path, profile: Criteria | None) -> tuple[Any, TableContext]:
        import duckdb

        from environments.disclosure.errors import TableUnfit
        from environments.disclosure.microdata import read_microdata, tabulate

        if self.count or self.largest or self.overlapping:
            raise TableUnfit(
                "Of microdata people are counted here.", where="--count, --largest, --overlapping",
                mend="Leave them out; name the person's column with --person.",
            )  # fmt: skip
        asked = self._question(profile)
        with duckdb.connect(":memory:") as connection:
            read_microdata(connection, path).create_view("microdata")
            table, context = tabulate(connection, "microdata", asked)
        return table, context.model_copy(update={"structural_zeros": self._zeros(), **self.update})

    def _question(self, profile: Criteria | None) -> Question:
        from environments.disclosure.microdata import Question

        return Question(
            tuple(self.columns), self.person, self.value, self._totals_of_columns(only=True), self._hierarchies(),
            not self.no_totals, profile.amounts.contributions_asked if profile else 2,
        )  # fmt: skip

    def perturbed(self, profile: Criteria, record_key: str | None, ptable: Path | None) -> MadeFit:
        """The table of these microdata, perturbed by cell keys. Raises TableUnfit."""
        import duckdb

        from environments.disclosure.cellkey import perturb, read_ptable
        from environments.disclosure.errors import TableUnfit
        from environments.disclosure.microdata import read_microdata

        if self.data is None or record_key is None or ptable is None or self.value:
            raise TableUnfit(
                "Cell keys need microdata with record keys, and a p-table; they are for counts.",
                where="--method cell-key",
                mend="Name --data, --record-key and --ptable, and no --value.",
            )  # fmt: skip
        with duckdb.connect(":memory:") as connection:
            read_microdata(connection, self.data).create_view("microdata")
            table = read_ptable(read_table_file(ptable))
            return perturb(connection, "microdata", self._question(profile), record_key, table, profile)

    def _finished(self, path: Path) -> tuple[Any, TableContext]:
        from environments.disclosure.errors import TableUnfit
        from environments.disclosure.model import context_from
        from environments.disclosure.tables import read_table

        if self.person or self.no_totals:
            raise TableUnfit(
                "A table has no rows of people.", where="--person, --no-totals", mend="Name --data instead."
            )
        if not self.count:
            raise TableUnfit("Which column counts people?", where="--count", mend="Name it.")
        table = read_table(read_table_file(path), most_rows=MOST_ROWS)
        largest = self.largest.split(",") if self.largest else []
        columns = [*self.columns, self.count, *([self.value] if self.value else []), *largest]
        if missing := [name for name in columns if name not in table.columns]:
            raise TableUnfit(
                f"There is no column '{missing[0]}'.", where=str(path), mend=f"It has: {', '.join(table.columns)}."
            )
        if len(set(columns)) < len(columns):
            raise TableUnfit(
                "A column is named twice.", where=str(path), mend="Each is a category, the count, or so on."
            )
        plain = tuple(total for total in self.totals if not self._of_column(total))
        context = context_from({
            "count_column": self.count, "value_column": self.value, "largest": largest, "total_codes": plain,
            "totals": self._totals_of_columns(only=False), "hierarchies": self._hierarchies(),
            "structural_zeros": self._zeros(), "overlapping": self.overlapping.split(",") if self.overlapping else (),
        })  # fmt: skip
        return table.select(columns), context.model_copy(update=self.update)

    def _of_column(self, total: str) -> bool:
        return "=" in total and total.partition("=")[0] in self.columns

    def _totals_of_columns(self, *, only: bool) -> dict[str, str]:
        """only: a total without its column is then every column's."""
        named = {column: code for column, _, code in (t.partition("=") for t in self.totals if self._of_column(t))}
        plain = [total for total in self.totals if not self._of_column(total)]
        return dict.fromkeys(self.columns, plain[-1]) | named if only and plain else named

    def _hierarchies(self) -> dict[str, dict[str, str]]:
        from environments.disclosure.errors import TableUnfit
        from environments.disclosure.hierarchy import read_hierarchy

        found = {}
        for one in self.hierarchies:
            column, equals, path = one.partition("=")
            if not equals or column not in self.columns:
                raise TableUnfit(
                    "A hierarchy is named with its column.", where="--hierarchy",
                    mend="Write area=areas.csv, area being one of the columns of --by.",
                )  # fmt: skip
            found[column] = read_hierarchy(read_table_file(Path(path)), column)
        return found

    def _zeros(self) -> tuple[dict[str, str], ...]:
        from environments.disclosure.errors import TableUnfit

        found = []
        for one in self.zeros:
            pairs = [part.partition("=") for part in one.split(",")]
            if any(not equals or column not in self.columns for column, equals, _ in pairs):
                raise TableUnfit(
                    "A structural zero is named by its categories.", where="--structural-zero",
                    mend="Write sex=M,event=delivery, with columns of --by.",
                )  # fmt: skip
            found.append({column: code for column, _, code in pairs})
        return tuple(found)
