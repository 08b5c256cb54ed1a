"""Does a specification agree with itself? Each part that does not, with its place in the file and how it is mended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from access.documents import Place, Problem
from linkage.specified.vocabulary import LEVELS_OF, ON_SPELLINGS, RESERVED, words_of_the_database

if TYPE_CHECKING:
    from linkage.specified.specification import Column, Comparison, Specification


def contradictions(specification: Specification) -> Iterator[Problem]:
    """All of them."""
    yield from _names(specification)
    yield from _comparisons(specification)
    yield from _counts(specification)
    yield from _keys(specification)
    yield from _truth(specification)


def _names(specification: Specification) -> Iterator[Problem]:
    frequent = {one.of for one in specification.comparisons if one.term_frequency} & words_of_the_database()
    for place, name in enumerate(one.name for one in specification.columns):
        at: Place = ("columns", place, "name")
        if name in [one.name for one in specification.columns[:place]]:
            yield Problem(f"two columns are named '{name}'", "name each column otherwise", at)
        if name in RESERVED or "__" in name:
            words = ", ".join(f"'{word}'" for word in sorted(RESERVED))
            what = f"a column cannot be named '{name}': {words} and '__' have a meaning of their own"
            yield Problem(what, "choose another name; its heading stays as it is", at)
        if name in frequent:
            what = f"'{name}' is a word of the database: a column with term_frequency needs another name"
            yield Problem(what, f"choose another name, such as {name}_1; its heading stays as it is", at)


def _comparisons(specification: Specification) -> Iterator[Problem]:
    kinds = _kinds(specification)
    compared = Counter[str]()
    for place, comparison in enumerate(specification.comparisons):
        at: Place = ("comparisons", place, "of")
        compared[comparison.of] += 1
        if compared[comparison.of] > 1:
            what = f"'{comparison.of}' is compared twice; a column has one list of levels"
            yield Problem(what, "write all its levels into one comparison", at)
        if comparison.of not in kinds:
            yield Problem(f"comparison of '{comparison.of}': no column has this name", _there_are(kinds), at)
        else:
            yield from _levels(place, comparison, specification.column(comparison.of), kinds)


def _levels(place: int, comparison: Comparison, column: Column, kinds: dict[str, str]) -> Iterator[Problem]:
    """What of this comparison its column has nothing for; each with what there is instead."""
    fitting = LEVELS_OF[column.means] - (frozenset() if column.has_spellings else ON_SPELLINGS)
    items = [(number, *item) for number, level in enumerate(comparison.levels) for item in level.items()]
    for number, name, value in items:
        at: Place = ("comparisons", place, "levels", number)
        if name not in LEVELS_OF[column.means]:
            there = ", ".join(sorted(fitting))
            yield Problem(
                f"level '{name}' is not for {column.means}", f"'{column.name}' can be compared by: {there}", at
            )
        elif name not in fitting:
            mend = f"give '{column.name}' a separator or several headings, or take another level"
            yield Problem(f"level '{name}' needs several spellings", mend, at)
        elif name == "swapped_with" and str(value) not in kinds:
            yield Problem(f"swapped_with: no column is named '{value}'", _there_are(kinds), at)
    of_frequency: Place = ("comparisons", place, "term_frequency")
    if comparison.term_frequency and column.means == "date":
        yield Problem(f"term_frequency is not for date: '{column.name}'", "leave it out here", of_frequency)
    elif comparison.term_frequency and not column.has_spellings and {"same": None} not in comparison.levels:
        mend = "add 'same' to the levels, or leave term_frequency out"
        yield Problem(f"term_frequency needs the level 'same': '{column.name}'", mend, of_frequency)


def _counts(specification: Specification) -> Iterator[Problem]:
    if specification.link.one_to_one and specification.files == 1:
        mend = "leave it out, or write files: 2"
        yield Problem("one_to_one is for two files", mend, ("link", "one_to_one"))
    if len(specification.record_id) > specification.files:
        mend = "name one heading, or with two files the left one's and the right one's"
        yield Problem("record_id names more headings than there are files", mend, ("record_id",))
    for place, column in enumerate(specification.columns):
        if specification.files == 1 and "right" in column.ages_of:
            mend = "write {left: year}, or files: 2"
            yield Problem("ages_of: right is for two files", mend, ("columns", place, "ages_of"))


def _keys(specification: Specification) -> Iterator[Problem]:
    kinds = _kinds(specification)
    for at, key in _parts(specification):
        name, dot, part = key.partition(".")
        if name not in kinds:
            yield Problem(f"'{key}': no column is named '{name}'", _there_are(kinds), at)
        elif dot and part not in (parts := specification.column(name).parts):
            there = f"a {kinds[name]} has the parts: {', '.join(sorted(parts))}"
            yield Problem(f"'{key}' is no part", there if parts else f"a {kinds[name]} has none: write {name}", at)


def _parts(specification: Specification) -> Iterable[tuple[Place, str]]:
    """Each column or part of one by which records are blocked, joined or learned from, and where it stands."""
    for word, rules in (("blocking", specification.blocking), ("training", specification.training)):
        yield from (((word, n, k), key) for n, rule in enumerate(rules) for k, key in enumerate(rule))
    yield from (
        (("certain", n, "on", k), key) for n, step in enumerate(specification.certain) for k, key in enumerate(step.on)
    )


def _truth(specification: Specification) -> Iterator[Problem]:
    evidence = {h for c in specification.columns for right in (False, True) for h in c.headings(right)}
    if specification.truth and specification.truth.column in evidence:
        mend = "take it out of 'columns', and name it under 'ignored'"
        yield Problem("the truth's column is compared: it must never be evidence", mend, ("truth", "column"))


def _kinds(specification: Specification) -> dict[str, str]:
    return {column.name: column.means for column in specification.columns}


def _there_are(kinds: dict[str, str]) -> str:
    return f"there are: {', '.join(kinds)}"
