"""What people wrote, fit for the public: without the haven's people's names, numbers like identifiers, addresses.

Titles, summaries and reasons are written by people who may forget that the public reads them. Whatever is the name or
the id of somebody registered here is withheld, wherever it stands; a title of a project stays as its applicant gave it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

NAME, NUMBER, ADDRESS = "[name withheld]", "[number withheld]", "[address withheld]"
TEN_DIGITS = re.compile(r"(?<!\d)\d{3}[\s.-]{0,2}\d{3}[\s.-]{0,2}\d{4}(?!\d)")  # as an NHS number is written
MAIL = re.compile(r"[^\s@<>]+@[^\s@<>]+\.[^\s@<>]+")
SHORTEST_PART = 3


class Withholding:
    """Withholds names. people: ids and names of everybody registered; organisations: names that stay public."""

    def __init__(self, people: Iterable[str], organisations: Iterable[str]) -> None:
        public = {one.casefold() for one in organisations}
        names = {word for name in people for word in (name, *_parts(name)) if word.casefold() not in public}
        longest_first = sorted(names, key=lambda name: (-len(name), name))
        self._names = (
            re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)", re.IGNORECASE) if names else None
        )

    def __call__(self, text: str) -> str:
        """The text without them."""
        shown = MAIL.sub(ADDRESS, TEN_DIGITS.sub(NUMBER, text))
        return self._names.sub(NAME, shown) if self._names else shown

    def or_none(self, text: str | None) -> str | None:
        """The same; nothing stays nothing."""
        return None if text is None else self(text)


def _parts(name: str) -> list[str]:
    """The last word of a name of several, by which people are called: 'Prof. Example' of 'Ann Example'."""
    words = name.split()
    return [words[-1]] if len(words) > 1 and len(words[-1]) >= SHORTEST_PART else []
