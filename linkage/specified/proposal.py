"""A complete, commented specification for files that nobody here has seen, that works without editing.

Every guess stands with its evidence. No value of a column is written but the signs that stand for nothing and the sign
between spellings.
"""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl

from access.documents import parse_document
from linkage.specified.errors import SpecifiedError
from linkage.specified.fields import Field, Fields, find_fields
from linkage.specified.guesses import FEWEST_ROWS
from linkage.specified.keys import Counter, blocking_keys, certain_keys, repetition_keys, training_keys
from linkage.specified.pairs import Key
from linkage.specified.reading import read_people
from linkage.specified.specification import Specification
from linkage.specified.vocabulary import ONES_OWN
from linkage.specified.written import written

FEWEST_PAIRS, MOST_PAIRS, PAIRS_PER_RECORD = 400_000, 6_000_000, 100
DUPLICATES_WITHIN = 0.01
THRESHOLD = 0  # as likely as not
NAMES_TF = frozenset({"forename", "surname", "full_name", "text", "place", "street", "occupation"})
LEVELS: dict[str, list[str]] = {
    "forename": ["same", "same_joined", "pet_form", "jaro_winkler: 0.92", "jaro_winkler: 0.82", "starts_alike"],
    "surname": ["same", "same_joined", "jaro_winkler: 0.92", "jaro_winkler: 0.82", "sounds_alike"],
    "full_name": [
        "same",
        "same_joined",
        "jaro_winkler: 0.95",
        "words_within",
        "jaro_winkler: 0.88",
        "jaro_winkler: 0.8",
    ],
    "date": [
        "same",
        "same_where_known",
        "day_month_swapped",
        "one_sign_differs",
        "one_part_differs",
        "same_year",
        "years: 2",
    ],
    "year": ["same", "difference: 1", "difference: 2", "difference: 5"],
    "month": ["same"],
    "day": ["same"],
    "sex": ["same"],
    "postcode": ["same", "damerau: 1", "same_area"],
    "area": ["same"],
    "place": ["same", "same_joined", "jaro_winkler: 0.92", "words_within", "jaro_winkler: 0.82"],
    "street": ["same", "same_joined", "jaro_winkler: 0.92", "words_within", "jaro_winkler: 0.82"],
    "house_number": ["same", "levenshtein: 1"],
    "identifier": ["same", "damerau: 1"],
    "phone": ["same", "damerau: 1"],
    "email": ["same", "damerau: 1", "damerau: 2"],
    "occupation": ["same", "words_within", "jaro_winkler: 0.88"],
    "category": ["same"],
    "number": ["same", "difference: 1", "difference: 2", "difference: 5"],
    "text": ["same", "same_joined", "jaro_winkler: 0.92", "jaro_winkler: 0.82"],
}
SPELT = ["share_spelling", "spelling_jaro_winkler: 0.94", "spelling_jaro_winkler: 0.88", "spelling_jaro_winkler: 0.8"]


def proposed(files: list[Path], *, truth: str | None = None) -> Specification:
    """The proposed specification itself. truth: as `evaluate` takes it; a column of the files is no evidence then."""
    column = () if truth is None or Path(truth).exists() else (truth,)
    return parse_document(propose_specification(files, truth=column), Specification, name="proposed specification")


def propose_specification(files: list[Path], *, truth: tuple[str, ...] = ()) -> str:
    """The text of a specification for one file (duplicates) or two (linkage). Raises SpecifiedError's family."""
    if not 1 <= len(files) <= 2:
        raise SpecifiedError("Name one file to find duplicates in, or two to link.", where="FILE...")
    frames = [read_people(path) for path in files]
    _require_rows(files, frames)
    found = find_fields(frames, frozenset(truth))
    columns = [one.column for one in found.fields]
    people = [written(frame, columns, right=place == 1) for place, frame in enumerate(frames)]
    counter = Counter(people, columns)
    budget = min(max(PAIRS_PER_RECORD * sum(counter.heights), FEWEST_PAIRS), MOST_PAIRS)
    blocking = blocking_keys(counter, budget)
    if not blocking:
        raise SpecifiedError(
            "No blocking keeps the pairs within what can be compared.",
            mend="The columns tell people apart too little. Write the specification by hand.",
        )
    certain = certain_keys(counter)
    lines = _head(files, found)
    lines += _columns(found.fields)
    lines += _comparisons(found.fields)
    lines += _certain(certain, counter)
    lines += ["blocking:  # two records are compared when they agree on all of one line"]
    lines += [f"  - [{', '.join(key)}]  # about {counter.pairs(key):,.0f} pairs" for key in blocking]
    if training := training_keys(counter):
        lines += ["training:  # what is learned from: pairs that agree on a line, each mostly one person's"]
        lines += [f"  - [{', '.join(key)}]" for key in training]
    lines += _link(people, counter, certain, budget)
    text = "\n".join(lines) + "\n"
    _check(text)
    return text


def _require_rows(files: list[Path], frames: list[pl.DataFrame]) -> None:
    """Raises SpecifiedError for a file that is too small to show what its columns are."""
    for path, frame in zip(files, frames, strict=True):
        if frame.height < FEWEST_ROWS:
            raise SpecifiedError(
                f"The file has fewer than {FEWEST_ROWS} rows: too few to tell from them what its columns are.",
                where=str(path),
                mend="Write the specification by hand and name it with --spec: by one a small file can be linked too."
                " What it holds: docs/how-to-link-your-own-data.md",
            )


def _head(files: list[Path], found: Fields) -> list[str]:
    names = " and ".join(path.name for path in files)
    stands = "It works as it stands."
    if not ONES_OWN & {one.column.means for one in found.fields}:
        stands = "NO COLUMN WAS FOUND that tells people apart: a name, a date of birth, a number. Say which one does."
    lines = [
        f"# Proposed from {names}. Each remark says why; correct what is wrong. {stands}",
        "specification: 1",
        f"title: {_quoted(names)}",
        f"files: {len(files)}",
    ]
    if found.record_id:
        ids = ", ".join(map(_quoted, found.record_id))
        lines.append(f"record_id: [{ids}]  # another value in every row; without this line: the row's number, from 1")
    if len(found.truth) == 1:
        lines.append(f"truth: {{column: {_quoted(found.truth[0])}}}  # says who is who: measured with, never compared")
    left_out = {**dict.fromkeys(found.truth, "says who is who: never evidence"), **found.ignored}
    if left_out:
        lines.append("ignored:")
        lines += [f"  - {_quoted(name)}  # {why}" for name, why in left_out.items()]
    return lines


def _columns(fields: list[Field]) -> list[str]:
    lines = ["columns:"]
    for one in fields:
        column = one.column
        parts = [f"name: {column.name}", f"means: {column.means}"]
        for side in ("heading", "left", "right"):
            headings = getattr(column, side)
            if headings:
                parts.append(f"{side}: [{', '.join(map(_quoted, headings))}]")
        if column.in_parts:
            parts.append("in_parts: true")
        if column.separator:
            parts.append(f"separator: {_quoted(column.separator)}")
        if column.day_first is not None:
            parts.append(f"day_first: {str(column.day_first).lower()}")
        if column.first_of_january == "year_only":
            parts.append("first_of_january: year_only")
        if column.ages_of:
            parts.append("ages_of: {" + ", ".join(f"{side}: {year}" for side, year in column.ages_of.items()) + "}")
        if column.missing:
            parts.append(f"missing: [{', '.join(map(_quoted, column.missing))}]")
        lines += [f"  - {{{', '.join(parts)}}}", f"    # {one.evidence}"]
        if column.first_of_january == "year_only":
            lines.append("    # 1 January is far more frequent than other days: taken as a year only")
    return lines


def _comparisons(fields: list[Field]) -> list[str]:
    by_kind = {one.column.means: one.column.name for one in reversed(fields)}
    swaps = {by_kind.get("forename"): by_kind.get("surname"), by_kind.get("surname"): by_kind.get("forename")}
    lines = ["comparisons:  # levels from the best agreement down; what fits none disagrees"]
    for one in fields:
        column = one.column
        levels = list(SPELT if column.has_spellings else LEVELS[column.means])
        partner = swaps.get(column.name)
        if partner and not column.has_spellings:
            levels.insert(1, f"swapped_with: {partner}")
        frequent = column.means in NAMES_TF and not column.has_spellings and one.look.distinct >= 20
        lines.append(f"  - of: {column.name}")
        if frequent:
            lines.append("    term_frequency: true  # agreement on a rare value is worth more")
        lines.append(f"    levels: [{', '.join(levels)}]")
    return lines


def _certain(keys: list[Key], counter: Counter) -> list[str]:
    if not keys:
        return []
    lines = ["certain:  # one person, unless an identifier or a sign of twins contradicts"]
    for key in keys:
        label = " + ".join(key)
        lines.append(
            f"  - {{label: {_quoted(label)}, on: [{', '.join(key)}]}}  # about {counter.pairs(key):,.0f} pairs"
        )
    return lines


def _link(people: list[pl.DataFrame], counter: Counter, certain: list[Key], budget: float) -> list[str]:
    lines = ["link:"]
    if len(people) == 2:
        lines.append(f"  one_to_one: {_one_to_one(people, counter, certain)}")
    lines += [
        f"  threshold: {THRESHOLD}  # the weight (log2 of the odds) from which on a pair is one person",
        f"  most_pairs: {int(budget)}  # above it blocking is drawn tighter, then refused",
    ]
    return lines


def _one_to_one(people: list[pl.DataFrame], counter: Counter, certain: list[Key]) -> str:
    """Whether records have one partner at most, and why; only where it was measured in both files.

    Where it is taken without being so, equally good partners speak against each other and all links are lost.
    """
    columns = list(counter.columns.values())
    keys = [certain or repetition_keys(Counter([frame], columns)) for frame in people]
    shares = [
        max((_repeated(frame, key) for key in of_file), default=None)
        for frame, of_file in zip(people, keys, strict=True)
    ]
    known = [share for share in shares if share is not None]
    repeated = max(known, default=0.0)
    if repeated >= DUPLICATES_WITHIN:
        return f"false  # {repeated:.0%} stand more than once in one file"
    if len(known) < len(people):
        return "false  # not known whether anybody stands twice in one file: write true if nobody does"
    return "true  # hardly anybody stands twice in one file"


def _repeated(frame: pl.DataFrame, key: Key) -> float:
    names = [part.replace(".", "__") for part in key]
    known = frame.select(names).drop_nulls()
    return 1 - known.unique().height / known.height if known.height else 0.0


def _check(text: str) -> None:
    parse_document(text, Specification, name="the proposed specification")


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
