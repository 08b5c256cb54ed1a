"""An agreement on paper: nothing of it is lost, nothing runs over an edge, and the same text gives the same bytes."""

from __future__ import annotations

import re

import pytest

from infra.governance.agreement_page import agreement_pdf
from infra.governance.printed import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, PrintedPages, Unprintable
from tests.fakes.registers import agreement

PAGES = re.compile(rb"/Type /Page\b")


def _words(pages: PrintedPages) -> str:
    return " ".join(word.text for sheet in pages._sheets for word in sheet.words)


def test_an_agreement_becomes_a_pdf_of_numbered_pages() -> None:
    """Its title and typeface are in it; the same agreement gives the same bytes, a changed one others."""
    made = agreement_pdf(agreement())
    assert made.startswith(b"%PDF-")
    assert made.rstrip().endswith(b"%%EOF")
    assert b"/Title (Data sharing agreement: GP records for linkage inside the haven)" in made
    assert b"DejaVuSans" in made
    assert b"/FontFile2" in made
    assert len(PAGES.findall(made)) == 1
    assert agreement_pdf(agreement()) == made
    assert agreement_pdf(agreement(breach_notice_hours=48)) != made


def test_a_long_agreement_goes_on_over_pages() -> None:
    """With datasets for several pages, each page is there."""
    terms = agreement().datasets["gp"].model_dump()
    many = agreement(datasets={f"dataset_{n}": terms for n in range(60)})
    assert len(PAGES.findall(agreement_pdf(many))) > 2


def test_nothing_is_lost_and_nothing_runs_over_an_edge() -> None:
    """Words keep their order, a word that is too wide is cut, and every line is within the margins."""
    pages = PrintedPages("A title that is so long that it has to go on in a second line of its own", "foot")
    said = " ".join(f"clause-{n} says what it says" for n in range(400))
    address = "https://gp.example/" + "a-very-long-path/" * 30
    pages.heading("A heading")
    pages.text(said)
    pages.text(address)
    pages.table("A caption", ["one", "two"], [[f"cell {n}", address] for n in range(12)])
    assert said in _words(pages)
    assert address in "".join(word.text for sheet in pages._sheets for word in sheet.words)
    assert len(pages._sheets) > 2
    for word in (word for sheet in pages._sheets for word in sheet.words):
        wide = pages._measure(word.size, bold=word.bold)(word.text)
        assert word.x >= LEFT
        assert word.x + wide <= WIDTH - RIGHT + 0.5
        assert TOP <= word.y <= HEIGHT - BOTTOM
    heads = [sum(word.text == "one" for word in sheet.words) for sheet in pages._sheets]
    assert sum(heads) == sum(1 for sheet in pages._sheets if any(word.text.startswith("cell") for word in sheet.words))


def test_signs_of_the_typeface_are_printed_and_others_refused() -> None:
    """Welsh and Greek names are; a sign that would be a gap in what is signed is refused, by its number."""
    pages = PrintedPages("Ŵyr Llŷr, Ελένη, $5 and $6", "foot")
    assert pages.render().startswith(b"%PDF-")
    other = PrintedPages("A title", "foot")
    with pytest.raises(Unprintable, match=r"U\+4E2D"):
        other.text("\u4e2d")
