"""What is asked first of a linkage: five figures that tell of no few people, each with its sentence and its section."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from linkage.matching.quality.glance import at_a_glance, found_elsewhere
from linkage.matching.quality.measured import WeightCounts, summarise
from linkage.matching.quality.rates import MatchRate
from linkage.matching.quality.report import sections_of, write_report
from tests.fakes.linkage_zone import ADA, LinkageZone
from tests.unit.linkage.matching.quality.test_report import MEASURED, SMALL

RATES = [
    MatchRate("events", "all rows", "all", 20_000, 4_000),  # mostly of people who are nowhere else
    MatchRate("events", "sex", "M", 10_000, 500),
    MatchRate("events", "sex", "F", 10_000, 3_500),
    MatchRate("care", "all rows", "all", 20_000, 19_000),
    MatchRate("care", "sex", "M", 10_000, 9_500),
    MatchRate("care", "sex", "F", 10_000, 9_520),
    MatchRate("care", "ethnic category", "A British", 18_000, 17_300),
    MatchRate("care", "ethnic category", "N African", 2_000, 1_700),
    MatchRate("care", "ethnic category", "R Chinese", SMALL, 0),
    MatchRate("care", "provider", "RX1", 2_000, 100),
]
PAIRS = [["gp", "care", 9_000, 903], ["care", "gp", 1_000, 903], ["gp", "deaths", 9_000, 3], ["deaths", "gp", SMALL, 3]]
SEEN = replace(
    MEASURED, rates=RATES, counts={**MEASURED.counts, "pairs": PAIRS}, weights=WeightCounts({9: 500}, {5: 41, 7: 22})
)


def _answers() -> dict[str, tuple[str, str, str]]:
    return {question: (figure, sentence, key) for question, figure, sentence, key in at_a_glance(SEEN).rows}


def test_five_questions_are_answered_from_what_is_measured() -> None:
    """Share by dataset pair, right, missed, the largest gap, and what waits; each leads to a section that there is."""
    answers = _answers()
    figures = [figure for figure, *_ in answers.values()]
    assert figures == ["90.5 %", figures[1], "7.5 (6.7 to 8.4) %", "11.1 points", "65 pairs"]
    assert figures[1].startswith("over 99.")  # seven wrong of 3,703: the number of few is not told
    assert "care in gp" in answers["How many are linked?"][1]
    keys = {one.key for one in sections_of(SEEN)}
    assert {key for *_, key in answers.values()} <= keys


def test_the_gap_is_of_people_where_nearly_all_are_linked() -> None:
    """Not of who needs care, not of a single organisation, and not of a group of few."""
    _, sentence, key = _answers()["Who is linked less often?"]
    assert "ethnic category (care): N African is found elsewhere less often than A British" in sentence
    assert "Chance" not in sentence
    assert key == "match_rates_of_care"
    even = replace(SEEN, rates=[one for one in RATES if one.by in ("sex", "all rows") and one.table == "care"])
    assert "Chance alone may make such a gap." in at_a_glance(even).rows[3][2]
    none = at_a_glance(replace(SEEN, rates=[])).rows[3]
    assert none[1] == "hidden"


def test_small_numbers_are_hidden_at_a_glance_too() -> None:
    """A pair of datasets with few people is in no figure and no plot, and hidden in its table."""
    section = at_a_glance(SEEN)
    assert section.may_leave
    assert section.plot is not None
    assert section.plot[0] == ["care in gp"]
    assert found_elsewhere(SEEN).rows[3] == ["deaths", "gp", "fewer than 10", "hidden"]
    few = at_a_glance(replace(SEEN, weights=WeightCounts({}, {5: SMALL}), hidden=None, counts={**MEASURED.counts}))
    assert [row[1] for row in few.rows] == ["hidden", "not tried", "not tried", "11.1 points", "fewer than 10 pairs"]
    assert few.plot is None


def test_the_zone_counts_people_and_not_rows_in_each_two_datasets() -> None:
    """Somebody with two rows here and one there is one person in both; who is elsewhere only is in none."""
    zone = LinkageZone()
    rows = [{**ADA, "dataset": "gp", "local_id": "a"}, {**ADA, "dataset": "care", "local_id": "b"}]
    rows += [{**ADA, "dataset": "care", "local_id": "c", "forenames": "Adah"}]
    rows += [{**ADA, "dataset": "gp", "local_id": "d", "surname": "Okonkwo", "date_of_birth": "1984-11-02"}]
    zone.bring("first", rows)
    zone.link()
    assert len(zone.together()) == 2
    assert summarise(zone.zone, [])["pairs"] == [["care", "gp", 1, 1], ["gp", "care", 2, 1]]


class _Seen(HTMLParser):
    """Of a page: addresses, links to them, headings in order, landmarks, and plots with their text."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.heads: list[int] = []
        self.tags: list[str] = []
        self.unnamed: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self.tags.append(tag)
        self.ids += [told["id"] or ""] if "id" in told and tag != "svg" else []
        self.links += [(told["href"] or "").removeprefix("#")] if tag == "a" else []
        self.heads += [int(tag[1])] if tag in ("h1", "h2", "h3") else []
        named = told.get("aria-label") or told.get("aria-labelledby")
        if (tag in ("nav", "section") or told.get("role") in ("img", "group")) and not named:
            self.unnamed.append(tag)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of the run."""
    path: Path = write_report(tmp_path_factory.mktemp("report"), SEEN)[0]
    return path.read_text(encoding="utf-8")


def test_the_page_has_landmarks_contents_and_no_link_to_nowhere(page: str) -> None:
    """Header, navigation and main part; the contents lead to every section; headings leave out no degree."""
    seen = _Seen()
    seen.feed(page)
    assert [seen.tags.count(tag) for tag in ("header", "nav", "main", "h1")] == [1, 1, 1, 1]
    assert seen.unnamed == []
    assert set(seen.links) <= set(seen.ids)
    assert {one.key for one in sections_of(SEEN)} <= set(seen.links)
    assert all(after <= before + 1 for before, after in zip(seen.heads, seen.heads[1:], strict=False))
    assert page.index('id="at_a_glance"') < page.index("<nav") < page.index('id="found_elsewhere"')


def test_long_tables_are_folded_and_named(tmp_path: Path) -> None:
    """A reader opens them; what is short stands open; each section is marked."""
    many = replace(SEEN, rates=[MatchRate("care", "deprivation, decile", str(n), 900, 800) for n in range(20)])
    page = write_report(tmp_path, many)[0].read_text(encoding="utf-8")
    assert page.count("<details>") == 1
    assert "<summary>Show the table (20 rows): Match rate of care</summary>" in page
    marks = [page.count(f"{mark} the linkage unit.") for mark in ("May leave", "Stays within")]
    assert marks == [sum(one.may_leave == leaves for one in sections_of(many)) for leaves in (True, False)]
