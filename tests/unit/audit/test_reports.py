"""Can everybody read a page of the evidence? Landmarks, names, links that lead nowhere bad, values escaped."""

from __future__ import annotations

import re

import pytest

from audit.reports import Link, Report


def page() -> Report:
    """A page with one of everything."""
    made = Report("A & B", "<sub>", foot=["As of today."])
    made.links = [Link("First", "index.html")]
    made.heading("Part", "part")
    made.heading("Smaller", level=3)
    made.facts([("State", "<live>"), ("Where", Link("there", "https://example.org/"))])
    made.items(["one", Link("two", "two.html")])
    made.table("Numbers", ["What", "How many"], [["<x>", 1234], [Link("y", "y.html"), 2]], named=True)
    return made


def test_landmarks_language_and_the_way_to_the_content() -> None:
    """A skip link first, then header, navigation, main and footer; the language is said."""
    text = page().render()
    assert '<html lang="en-GB">' in text
    places = [text.index(part) for part in ('class="skip"', "<header>", "<nav ", '<main id="main"', "<footer>")]
    assert places == sorted(places)


def test_a_table_has_its_caption_its_headers_and_a_name_to_scroll_by() -> None:
    """Column and row headers say their scope; the region around it can be reached by the keyboard."""
    text = page().render()
    assert '<div class="scroll" role="region" aria-label="Numbers" tabindex="0">' in text
    assert "<caption>Numbers</caption>" in text
    assert re.findall(r'scope="(\w+)"', text) == ["col", "col", "row", "row"]
    assert '<td class="n">1,234</td>' in text


def test_every_value_is_escaped() -> None:
    """What people wrote is text, wherever it stands."""
    text = page().render()
    for value in ("<sub>", "<live>", "<x>"):
        assert value not in text
    assert "A &amp; B" in text


@pytest.mark.parametrize("address", ["javascript:alert(1)", "http://example.org/", "data:text/html,x"])
def test_a_link_leads_beside_the_page_or_to_https(address: str) -> None:
    """Any other address is a programming error, and no page is made."""
    with pytest.raises(ValueError, match="https"):
        Link("x", address)


def test_no_script_and_nothing_fetched() -> None:
    """The page works by itself."""
    text = page().render()
    assert "<script" not in text
    assert "src=" not in text
