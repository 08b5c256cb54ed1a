"""The linkage report as a page: what is asked first, contents, then a section each, long tables folded."""

from __future__ import annotations

from audit.reports import KeyFigure, Report
from audit.suppression import SMALLEST_SHOWN, shown_count
from linkage.matching.quality.glance import GLANCE
from linkage.matching.quality.measured import Measured, Row, Section
from linkage.standardise.specification import VERSION

LEAVES, STAYS = "May leave the linkage unit.", "Stays within the linkage unit."
LONGEST_OPEN = 12
"""Rows of a table that is shown unfolded."""


def page_of(measured: Measured, sections: list[Section]) -> Report:
    """The whole page. sections: in their order, the first of them at a glance."""
    said_of = f"model {measured.model[:12]}" if measured.model else "no model approved: ladder only"
    page = Report(
        "Linkage report",
        f"Specification {VERSION} · {said_of} · engine {measured.engine} · {measured.at:%Y-%m-%d %H:%M} UTC"
        f" · run {measured.run}",
    )
    titles = {one.key: one.title for one in sections}
    for one in sections:
        with page.section(one.key, one.title):
            page.note(LEAVES if one.may_leave else STAYS, "good" if one.may_leave else "bad")
            page.text(one.about)
            if one.key == GLANCE:
                page.key_figures([_key_figure(row, titles) for row in one.rows])
            if one.plot and one.plot[0]:
                labels, values, unit = one.plot
                page.plot(f"{one.title}: {unit}", labels, values, unit)
            if one.rows and one.key != GLANCE:
                page.table(one.title, one.headers, one.rows, folded=len(one.rows) > LONGEST_OPEN)
        if one.key == GLANCE:
            _reading(page, measured)
            page.contents([(s.key, s.title, "leaves" if s.may_leave else "stays within") for s in sections])
    return page


def _key_figure(row: Row, titles: dict[str, str]) -> KeyFigure:
    question, figure, sentence, section = row
    return KeyFigure(question, figure, sentence, section, titles[section])


def _reading(page: Report, measured: Measured) -> None:
    page.note(
        f"People on the spine: {shown_count(measured.counts['people'])}. Counts under {SMALLEST_SHOWN} are hidden,"
        " others rounded to 5. Each section says whether it may leave the linkage unit; what may is also in"
        " linkage-statement.md, in the order of the GUILD guidance and RECORD."
    )
