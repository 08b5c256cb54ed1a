"""How is a table perturbed by cell keys? Every person has a random record key; equal groups get equal noise everywhere.

The method of the Office for National Statistics (Census 2021; its description in the Statistical Methods Library, "Cell
Key Perturbation"): a cell's key is the sum of its people's record keys modulo the keys' range; count and cell key are
looked up in a p-table, which says what is added. Rows 501 to 750 of the p-table serve all greater counts in turn. A
count that is then below the owner's threshold is hidden. Totals are cells of their own, and need not add up.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import polars as pl

from environments.disclosure.check import check_counts_table
from environments.disclosure.errors import TableUnfit
from environments.disclosure.evidence import Key
from environments.disclosure.methods import CELL_KEY, MadeFit
from environments.disclosure.microdata import Question, quoted, tabulate
from environments.disclosure.model import CellStatus, Stage
from environments.disclosure.profile import Criteria
from environments.disclosure.tables import read_table

RANGES = (256, 4096)  # of record keys: the census's, and that of administrative data
LAST, TURN = 750, 250
MOST_ROWS = 4_000_000


@dataclass(frozen=True)
class PTable:
    """What is added: by (count as looked up, cell key); size: how many record keys there are."""

    added: dict[tuple[int, int], int]
    size: int

    def perturbed(self, count: int, key: int) -> int:
        """The count with its noise. Raises TableUnfit when the p-table has no row for it."""
        if count == 0 and (0, key) not in self.added:
            return 0
        place = count if count <= LAST else (count - 1) % TURN + LAST - TURN + 1
        if (place, key) not in self.added:
            raise TableUnfit("The p-table has no row for a count.", where="--ptable", mend="Use one with all 750 rows.")
        return count + self.added[place, key]


def read_ptable(content: bytes) -> PTable:
    """A p-table, from a CSV with the columns pcv, ckey and pvalue. Raises TableUnfit."""
    table = read_table(content, most_rows=MOST_ROWS)
    if not {"pcv", "ckey", "pvalue"} <= set(table.columns):
        raise TableUnfit("A p-table has the columns pcv, ckey and pvalue.", where="--ptable", mend="Name them so.")
    try:
        rows = [(int(pcv), int(ckey), int(added)) for pcv, ckey, added in table.select("pcv", "ckey", "pvalue").rows()]
    except ValueError:
        raise TableUnfit("A p-table holds whole numbers.", where="--ptable", mend="Correct it.") from None
    size = max((ckey for _, ckey, _ in rows), default=0) + 1
    if size not in RANGES or any(pcv + added < 0 for pcv, _, added in rows):
        raise TableUnfit(
            "Cell keys run from 0 to 255 or to 4095, and no count falls below zero.", where="--ptable",
            mend="Use the p-table that belongs to the record keys.",
        )  # fmt: skip
    return PTable({(pcv, ckey): added for pcv, ckey, added in rows}, size)


def perturb(
    connection: duckdb.DuckDBPyConnection, source: str, question: Question, record_key: str, ptable: PTable,
    profile: Criteria,
) -> MadeFit:  # fmt: skip
    """The table of these microdata, perturbed. Raises TableUnfit: keys that are none, people in several categories."""
    _check_keys(connection, source, question, record_key, ptable.size)
    names = ", ".join(quoted(name) for name in (*question.by, question.person, record_key) if name)
    once = "distinct " if question.person else ""
    connection.execute(f"create or replace temp view haven_keyed as select {once}{names} from {source}")
    asked = Question(
        question.by, question.person, record_key, question.totals, question.hierarchies, question.with_totals
    )
    table, context = tabulate(connection, "haven_keyed", asked)
    if context.overlapping:
        raise TableUnfit(
            "Some people are in several categories: their keys would count twice in a total.",
            where=", ".join(context.overlapping), mend="Choose one category for each person, or use --no-totals.",
        )  # fmt: skip
    rules = profile.counts
    primary: dict[Key, tuple[CellStatus, ...]] = {}
    shown = []
    for row in table.iter_rows(named=True):
        people, keys = row[context.count_column], int(row[str(context.value_column)])
        count = ptable.perturbed(people, keys % ptable.size)
        hidden = 0 < count < rules.smallest_shown or (count == 0 and rules.zero != "shown")
        if hidden:
            primary[tuple(row[name] for name in asked.by)] = (CellStatus.SMALL if count else CellStatus.ZERO,)
        shown.append(rules.masks[0] if hidden else str(count))
    counts = pl.Series(context.count_column, shown, dtype=pl.String)
    made = table.select(*asked.by).with_columns(counts)
    update = {"value_column": None, "largest": (), "contributors": None, "least": None, "rounding": "cell_key"}
    context = context.model_copy(update=update)
    result = check_counts_table(made, context, profile, Stage.MITIGATED)
    return MadeFit(CELL_KEY, made, context, primary, (), {}, {}, result)


def _check_keys(
    connection: duckdb.DuckDBPyConnection, source: str, question: Question, record_key: str, size: int
) -> None:
    known = [row[0] for row in connection.execute(f"describe {source}").fetchall()]
    if missing := [one for one in (record_key, question.person) if one and one not in known]:
        raise TableUnfit(f"There is no column '{missing[0]}'.", where="microdata", mend=f"It has: {', '.join(known)}.")
    key = f"try_cast({quoted(record_key)} as bigint)"
    wrong = connection.execute(
        f"select count(*) from {source} where {key} is null or {key} < 0 or {key} >= {size}"
    ).fetchall()
    twice = []
    if question.person:
        person = quoted(question.person)
        twice = connection.execute(
            f"select 1 from {source} group by {person} having {person} is null or count(distinct {key}) > 1 limit 1"
        ).fetchall()
    if wrong[0][0] or twice:
        raise TableUnfit(
            f"A record key is a whole number from 0 to {size - 1}, and each person has one.",
            where=f"column {record_key}", mend="Give each person a random one, and keep it for every table.",
        )  # fmt: skip
