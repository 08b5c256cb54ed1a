"""Do the cells of a file say what its queries gave? Each count against true people, each figure against the rules.

A count agrees when it is the number of people of its query's group as the owner lets it be shown, or hidden. Where two
of the named queries have a row's categories, it must agree with both. A total is compared with a query that counts it
by itself; else with the sum of the groups below it, unless one person may be in several of them. What is not clear has
no evidence, and is not called agreeing; a count that is shown without any is for its author to mend.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from environments.disclosure.amounts import amount_findings, few_findings
from environments.disclosure.check import sentences
from environments.disclosure.evidence import WHOLE_NUMBER, Amount
from environments.disclosure.mitigate import shown_count
from environments.disclosure.model import Cell, CellStatus, TableContext
from environments.disclosure.profile import Criteria
from environments.disclosure.rules import NUMBER, Finding
from environments.disclosure.sealed.laying import Laid, laid_beside
from environments.disclosure.sealed.model import (
    CellMatch,
    ComparedCell,
    EvidenceComparison,
    FigurePeople,
    PeopleBehind,
    QueryEvidence,
    QueryGroup,
)

NOT_AS_QUERIED = (
    "Not what the query gave: write the people of the query's groups, rounded as the owner asks, and hidden where they "
    "are too few; keep the names of the query's columns. Rows that are not linked count as one person: ask only for "
    "those that are."
)
NO_QUERY = "No query that is named counts these people: name one that counts them by itself, or leave the count out."
Row = Mapping[str, Cell]
Behind = Sequence[tuple[Laid, Sequence[QueryGroup]]]
"""The groups behind a row, by query; no group: nobody."""


def compare(
    cells: Sequence[Cell], context: TableContext, profile: Criteria, queries: Sequence[QueryEvidence]
) -> EvidenceComparison:
    """Each cell of a checked table beside the evidence of the queries that it was made from."""
    return _Comparing(cells, context, profile, queries).comparison()


class _Comparing:
    """One comparison, row by row."""

    def __init__(
        self, cells: Sequence[Cell], context: TableContext, profile: Criteria, queries: Sequence[QueryEvidence]
    ) -> None:
        self.context, self.profile, self.queries = context, profile, queries
        self.rows: dict[tuple[str, ...], dict[str, Cell]] = {}
        for cell in cells:
            self.rows.setdefault(tuple(cell.categories.values()), {})[cell.column] = cell
        self.by = tuple(cells[0].categories) if cells else ()
        codes = {
            column: {key[place].strip() for key in self.rows if not context.is_total(column, key[place])}
            for place, column in enumerate(self.by)
        }
        self.laid = [one for query in queries if (one := laid_beside(query, codes)) is not None]
        self.places = {id(group): n for one in self.laid for n, group in enumerate(one.evidence.groups)}
        self.used: set[str] = set()
        self.shown: set[int] = set()  # the groups that rows show, by identity

    def comparison(self) -> EvidenceComparison:
        matched = {key: self._row(row) for key, row in self.rows.items()}
        if self.profile.counts.totals == "sum_of_rounded":
            for key in matched:
                self._sum_of_shown(key, matched)
        cells = [one for row in matched.values() for one in row.values()]
        wrong = [one.cell for one in cells if one.match in (CellMatch.DIFFERS, CellMatch.BREAKS)]
        left_out = sum(id(group) not in self.shown for one in self.laid for group in one.evidence.groups)
        problems = [*sentences(wrong), *self._unused(), *self._without(cells)]
        return EvidenceComparison(tuple(one.query for one in self.queries), tuple(cells), tuple(problems), left_out)

    def _unused(self) -> list[str]:
        return [
            f"No row has the categories of query {one.query}: keep the names and codes of its key columns, or do not "
            "name it."
            for one in self.queries
            if one.query not in self.used
        ]

    def _without(self, cells: Sequence[ComparedCell]) -> list[str]:
        """Counts are shown of people whom no query knows: the ledger of releases could not tell who they are."""
        columns = self.context.count_columns
        unknown = [one for one in cells if one.match is CellMatch.NONE and one.cell.column in columns]
        shown = [one.cell for one in unknown if not one.behind and WHOLE_NUMBER.fullmatch(one.cell.shown)]
        return sentences([replace(one, status=CellStatus.NOT_AS_QUERIED, reason=NO_QUERY) for one in shown])

    def _row(self, row: Row) -> dict[str, ComparedCell]:
        categories = next(iter(row.values())).categories
        behind = self._behind(categories)
        for laid, groups in behind or ():
            self.used.add(laid.evidence.query)
            if not self.context.has_total(self.by, list(categories.values())):
                self.shown |= {id(group) for group in groups}
        return {
            column: replace(self._cell(cell, behind), behind=tuple(self._counted(column, behind or ())))
            for column, cell in row.items()
        }

    def _counted(self, column: str, behind: Behind) -> Iterator[PeopleBehind]:
        """Whom a cell counts, by each query that says so: the people of its figures, else everybody of the groups."""
        for laid, groups in behind:
            query, places = laid.evidence.query, tuple(self.places[id(group)] for group in groups)
            figures = [] if self._events(column) else laid.numbers(column)
            if figures:
                yield from (PeopleBehind(query, places, figure) for figure in figures)
            elif self._events(column) or column == self.context.count_column:
                yield PeopleBehind(query, places)

    # which groups

    def _behind(self, categories: Mapping[str, str]) -> Behind | None:
        """The groups behind a row; None where no query says who is, or it is not clear which."""
        named = {column: code for column, code in categories.items() if not self.context.is_total(column, code)}
        if len(named) < len(self.by) and (found := self._groups(categories)):  # a code of the data's own that means all
            return found
        exact = self._of(named)
        if exact or len(named) == len(self.by):
            return self._groups(named) or ([(exact[0], ())] if exact else None)
        return self._below(named)

    def _of(self, categories: Mapping[str, str]) -> list[Laid]:
        """The queries whose keys are exactly these columns, and which know the codes."""
        with_these = [one for one in self.laid if set(one.columns) == categories.keys()]
        return [one for one in with_these if one.of(categories) is not None]

    def _groups(self, categories: Mapping[str, str]) -> Behind:
        return [(one, groups) for one in self._of(categories) if (groups := one.of(categories))]

    def _below(self, named: Mapping[str, str]) -> Behind | None:
        """Of a total: the groups that add up to it, where one query has them and nobody is in two of them."""
        over = set(self.by) - named.keys()
        below = _different(one for one in self.laid if named.keys() < set(one.columns))
        if len(below) != 1 or over & set(self.context.overlapping):
            return None
        groups = below[0].of(named)
        return None if groups is None else [(below[0], groups)]

    # counts

    def _cell(self, cell: Cell, behind: Behind | None) -> ComparedCell:
        if behind is None:
            return ComparedCell(cell, CellMatch.NONE)
        if cell.column in self.context.count_columns:
            return self._count(cell, behind)
        return self._figure(cell, behind)

    def _count(self, cell: Cell, behind: Behind) -> ComparedCell:
        counts = [self._number(cell.column, laid, groups) for laid, groups in behind]
        known = [count for count in counts if count is not None]
        if len(known) < len(counts):
            return ComparedCell(cell, CellMatch.NONE)
        rules, midpoint = self.profile.counts, self.context.rounding == "midpoint_6"
        structural = self.context.is_structural_zero(self.by, list(cell.categories.values()))
        should = {shown_count(count, rules, structural=structural, midpoint=midpoint) for count in known}
        if cell.shown in rules.masks:
            rightly = all(text in rules.masks or (text == "0" and rules.mask_may_hide_zero) for text in should)
            return ComparedCell(cell, CellMatch.HIDDEN if rightly else CellMatch.HIDDEN_LARGE)
        if WHOLE_NUMBER.fullmatch(cell.shown) and should == {str(int(cell.shown))}:
            return ComparedCell(cell, CellMatch.AGREES)
        if self._events(cell.column):  # of some of the rows, perhaps
            return ComparedCell(cell, CellMatch.NONE)
        return _differs(cell, " or ".join(sorted(should)))

    def _events(self, column: str) -> bool:
        return column in self.context.event_counts

    def _number(self, column: str, laid: Laid, groups: Sequence[QueryGroup]) -> int | None:
        """How many there truly are; None where the evidence does not say."""
        if self._events(column):
            return sum(group.rows for group in groups)
        told = [self._people(column, laid, group) for group in groups]
        return None if None in told else sum(one for one in told if one is not None)

    def _people(self, column: str, laid: Laid, group: QueryGroup) -> int | None:
        """Whom the figure of this name counts; without one, of the people column, everybody of the group."""
        figures = laid.figures(group, column)
        if len(figures) == 1:
            return figures[0][1].people
        return group.people if column == self.context.count_column and not figures else None

    def _sum_of_shown(self, key: tuple[str, ...], matched: dict[tuple[str, ...], dict[str, ComparedCell]]) -> None:
        """Where totals are sums of what is shown, a total agrees when all its parts do and it adds them up."""
        named = {place: code for place, code in enumerate(key) if not self.context.is_total(self.by[place], code)}
        parts = [other for other in self.rows if all(other[p] == c for p, c in named.items()) and not self._over(other)]
        if len(named) == len(key):
            return
        for column in self.context.count_columns:
            one, below = matched[key][column], [matched[part][column] for part in parts]
            if WHOLE_NUMBER.fullmatch(one.cell.shown) is None:
                continue
            numbers = [int(part.cell.shown) for part in below if WHOLE_NUMBER.fullmatch(part.cell.shown)]
            if not numbers:
                continue
            if any(part.match is CellMatch.NONE for part in below):
                matched[key][column] = replace(one, match=CellMatch.NONE)
            elif sum(numbers) == int(one.cell.shown) and not any(part.match is CellMatch.DIFFERS for part in below):
                matched[key][column] = replace(one, match=CellMatch.AGREES, should_say="")
            else:
                matched[key][column] = _differs(one.cell, "the sum of what is rightly shown")

    def _over(self, key: tuple[str, ...]) -> bool:
        """Is it a total, or a parent in a hierarchy?"""
        parents = [set(self.context.hierarchies.get(column, {}).values()) for column in self.by]
        return self.context.has_total(self.by, key) or any(
            code in above for code, above in zip(key, parents, strict=True)
        )

    # figures

    def _figure(self, cell: Cell, behind: Behind) -> ComparedCell:
        """A figure of one group: its people, and of what they add to it, their shares."""
        told = [laid.figures(groups[0], cell.column) if len(groups) == 1 else [] for laid, groups in behind]
        if not all(told):
            return ComparedCell(cell, CellMatch.NONE)
        found = [finding for figures in told for adding, one in figures for finding in self._rules(cell, adding, one)]
        if cell.shown in ("", *self.profile.counts.masks):
            return ComparedCell(cell, CellMatch.HIDDEN if found else CellMatch.HIDDEN_LARGE)
        if found:
            return ComparedCell(replace(cell, status=found[0].status, reason=found[0].reason), CellMatch.BREAKS)
        return ComparedCell(cell, CellMatch.JUDGED)

    def _rules(self, cell: Cell, adding: bool, behind: FigurePeople) -> list[Finding]:
        rules = self.profile.amounts
        if not adding or behind.people == 0:
            return few_findings(Amount(cell.shown, None, contributors=behind.people), behind.people, rules)
        below_zero = NUMBER.fullmatch(cell.shown) is not None and cell.shown.startswith("-")
        largest = _at_most(behind, min(rules.contributions_asked, behind.people))
        amount = Amount(cell.shown, behind.total, largest, behind.people, -1.0 if below_zero else None)
        return amount_findings(amount, behind.people, rules)


def _at_most(behind: FigurePeople, asked: int) -> tuple[float, ...]:
    """So many largest shares: those that are known, and for further ones the most that they can be."""
    largest = list(behind.largest)
    while largest and len(largest) < asked:
        largest.append(max(min(largest[-1], behind.total - sum(largest)), 0.0))
    return tuple(largest)


def _differs(cell: Cell, should_say: str) -> ComparedCell:
    return ComparedCell(
        replace(cell, status=CellStatus.NOT_AS_QUERIED, reason=NOT_AS_QUERIED), CellMatch.DIFFERS, should_say
    )


def _different(laid: Iterable[Laid]) -> list[Laid]:
    """Without those that say the same as another: the same statement, asked twice."""
    found: list[Laid] = []
    for one in laid:
        if not any(_same(one.evidence, other.evidence) for other in found):
            found.append(one)
    return found


def _same(one: QueryEvidence, other: QueryEvidence) -> bool:
    heads = [(each.columns, each.keys, each.figures) for each in (one, other)]
    return heads[0] == heads[1] and Counter(one.groups) == Counter(other.groups)
