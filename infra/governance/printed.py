"""How does a text with tables come onto paper? A4 pages as PDF, by matplotlib, whose typeface is embedded.

It takes what a Report takes of headings, texts and tables, so that one text becomes either. The text can be searched
and copied; every page carries the foot and its number. The same text gives the same bytes.
"""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from infra.errors import DeploymentError

WIDTH, HEIGHT = 595.0, 842.0  # A4 in points
LEFT, RIGHT, TOP, BOTTOM = 57.0, 57.0, 57.0, 64.0
BODY, HEADING, TITLE, SMALL = 9.5, 12.0, 17.0, 7.5
LEADING = 1.35
GAP = 6.0
HAIRLINE = 0.4
UNITS = 64.0  # FreeType measures in 64ths of a point


class Unprintable(DeploymentError):
    """The typeface has no sign for a letter of the text; nothing is printed with a gap in it."""

    code = "print.no_sign"
    exit_status = 65


@dataclass(frozen=True)
class _Word:
    """One line of text in its place; y from the top of the page."""

    x: float
    y: float
    text: str
    size: float
    bold: bool


@dataclass
class _Sheet:
    words: list[_Word] = field(default_factory=list)
    rules: list[float] = field(default_factory=list)  # lines across the page, by their y


@dataclass
class PrintedPages:
    """Pages under construction; methods add to them in order. foot: below each page. Raises Unprintable."""

    title: str
    foot: str
    _sheets: list[_Sheet] = field(default_factory=lambda: [_Sheet()])
    _y: float = TOP

    def __post_init__(self) -> None:
        self._lines(self.title, TITLE, bold=True)
        self._y += GAP

    def heading(self, text: str) -> None:
        """A heading, kept with what follows it."""
        self._room(HEADING * LEADING + GAP + 3 * BODY * LEADING)
        self._y += GAP
        self._lines(text, HEADING, bold=True)

    def text(self, text: str) -> None:
        """A paragraph."""
        self._lines(text, BODY)
        self._y += GAP

    def table(self, caption: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """A table over the whole width; its head stands again on each page."""
        self._lines(caption, BODY, bold=True)
        width = (WIDTH - LEFT - RIGHT) / len(head)
        self._row([str(one) for one in head], width, bold=True, head=None)
        for row in rows:
            self._row([str(one) for one in row], width, bold=False, head=head)
        self._y += GAP

    def render(self) -> bytes:
        """The PDF."""
        from matplotlib import rc_context
        from matplotlib.backends.backend_pdf import PdfPages
        from matplotlib.figure import Figure
        from matplotlib.lines import Line2D

        made = io.BytesIO()
        told = {"Title": self.title, "CreationDate": None, "Producer": None, "Creator": "Haven"}
        with rc_context({"pdf.fonttype": 42, "font.family": "DejaVu Sans"}), PdfPages(made, metadata=told) as pages:
            for number, sheet in enumerate(self._sheets, 1):
                figure = Figure(figsize=(WIDTH / 72, HEIGHT / 72))
                foot = f"{self.foot}   page {number} of {len(self._sheets)}"
                for word in (*sheet.words, _Word(LEFT, HEIGHT - BOTTOM / 2, foot, SMALL, bold=False)):
                    figure.text(
                        word.x / WIDTH, 1 - word.y / HEIGHT, word.text, fontsize=word.size, va="baseline",
                        fontweight="bold" if word.bold else "normal", parse_math=False,
                    )  # fmt: skip
                for y in sheet.rules:
                    across = [LEFT / WIDTH, 1 - RIGHT / WIDTH]
                    figure.add_artist(Line2D(across, [1 - y / HEIGHT] * 2, linewidth=HAIRLINE, color="black"))
                pages.savefig(figure)
        return made.getvalue()

    # -- parts

    def _lines(self, text: str, size: float, *, bold: bool = False) -> None:
        for line in self._wrapped(text, WIDTH - LEFT - RIGHT, size, bold=bold):
            self._room(size * LEADING)
            self._y += size * LEADING
            self._sheets[-1].words.append(_Word(LEFT, self._y, line, size, bold))

    def _row(self, cells: Sequence[str], width: float, *, bold: bool, head: Sequence[str] | None) -> None:
        wrapped = [list(self._wrapped(one, width - GAP, SMALL + 1, bold=bold)) for one in cells]
        step = (SMALL + 1) * LEADING
        height = max(map(len, wrapped)) * step + GAP
        if self._room(height) and head is not None:
            self._row(head, width, bold=True, head=None)
        for column, lines in enumerate(wrapped):
            for number, line in enumerate(lines, 1):
                place = (LEFT + column * width, self._y + number * step)
                self._sheets[-1].words.append(_Word(*place, line, SMALL + 1, bold))
        self._y += height
        self._sheets[-1].rules.append(self._y - GAP / 4)

    def _room(self, height: float) -> bool:
        """Begin a new page where there is no room for this; was one begun?"""
        if self._y + height <= HEIGHT - BOTTOM:
            return False
        self._sheets.append(_Sheet())
        self._y = TOP
        return True

    def _wrapped(self, text: str, width: float, size: float, *, bold: bool) -> Iterator[str]:
        """The lines of a text in this width; a word that is wider than it is cut."""
        self._require_signs(text, bold=bold)
        measured, line = self._measure(size, bold=bold), ""
        for word in (part for whole in text.split() for part in _cut(whole, width, measured)):
            tried = f"{line} {word}" if line else word
            if line and measured(tried) > width:
                yield line
                tried = word
            line = tried
        yield line

    def _measure(self, size: float, *, bold: bool) -> Callable[[str], float]:
        font = self._fonts[bold]

        def width_of(text: str) -> float:
            font.set_size(size, 72)
            font.set_text(text, 0.0)
            return float(font.get_width_height()[0]) / UNITS

        return width_of

    @cached_property
    def _fonts(self) -> dict[bool, Any]:
        from matplotlib.font_manager import FontProperties, findfont, get_font

        weights = {False: "normal", True: "bold"}
        return {
            bold: get_font(findfont(FontProperties(family="DejaVu Sans", weight=weight), fallback_to_default=False))
            for bold, weight in weights.items()
        }

    def _require_signs(self, text: str, *, bold: bool) -> None:
        font = self._fonts[bold]
        lacking = sorted({sign for sign in text if not sign.isspace() and not font.get_char_index(ord(sign))})
        if lacking:
            named = ", ".join(f"U+{ord(sign):04X}" for sign in lacking[:8])
            raise Unprintable(
                f"The typeface has no sign for {named}.",
                where=self.title,
                mend="Print the HTML page from a browser instead: name a file that ends in .html.",
            )


def _cut(word: str, width: float, measured: Callable[[str], float]) -> Iterator[str]:
    """The word, or the longest pieces of it that fit."""
    while len(word) > 1 and measured(word) > width:
        fits = bisect_right(range(2, len(word)), width, key=lambda n: measured(word[:n])) + 1
        yield word[:fits]
        word = word[fits:]
    yield word
