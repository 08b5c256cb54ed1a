"""Which columns of one or two files say the same thing, and what is each of them? The first half of a proposal."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from difflib import SequenceMatcher

import polars as pl

from linkage.specified.ages import SOME_YEAR, years_taken
from linkage.specified.errors import SpecifiedError
from linkage.specified.guesses import UNSAID, Guess, guess
from linkage.specified.looks import Look, look_at
from linkage.specified.specification import Column
from linkage.specified.vocabulary import NAMES, TEXTS
from linkage.specified.written import fold

OTHER_SPELLING = re.compile(
    r"alias|variant|\balt|other|also|former|previous|maiden|birth name|geburtsname|spelling|aka"
)
WORDS_INSIDE, WORDS_COVERED = 0.85, 0.75
MOST_LOST = 0.05  # of the rows, without a column whose words stand in another
MANY_FIRSTS_OF_JANUARY = 0.03  # by chance 0.3 %
SAMPLE = 3000
HARDLY_COMMON, MOSTLY_COMMON = 0.02, 0.3  # of the values of two columns
CODES = frozenset({"postcode", "house_number", "identifier", "area", "phone"})
OF_AN_AGE = ({"number", "year"}, {"number", "date"})  # a column of ages and one of births
IN_ONE = "only in one of both files"
WORDS_OF_A_WHOLE, OF_A_PIECE = 1.5, 0.6
WORTH = ("truth", "record_id")


@dataclass
class Field:
    """A column to compare, with what was seen of it."""

    column: Column
    look: Look
    evidence: str


@dataclass
class Fields:
    """What the files have: fields to compare, record ids, truth columns, and columns left out with the reason."""

    fields: list[Field] = field(default_factory=list)
    record_id: tuple[str, ...] = ()
    truth: list[str] = field(default_factory=list)
    ignored: dict[str, str] = field(default_factory=dict)


def find_fields(frames: list[pl.DataFrame], truth: frozenset[str]) -> Fields:
    """The fields of one or two files. Raises SpecifiedError when nothing can be compared."""
    looks = [{name: look_at(name, frame[name]) for name in frame.columns} for frame in frames]
    guesses = [{name: guess(look, truth=truth) for name, look in side.items()} for side in looks]
    found = Fields()
    for side in guesses:
        found.truth += [name for name, one in side.items() if one.means == "truth" and name not in found.truth]
        found.ignored |= {name: one.evidence for name, one in side.items() if one.means == "ignored"}
    ids = [next((n for n, one in side.items() if one.means == "record_id"), None) for side in guesses]
    if all(ids):
        found.record_id = tuple(dict.fromkeys(str(one) for one in ids))
    for side in guesses:
        for name, one in side.items():
            if one.means == "record_id" and name not in found.record_id:
                found.ignored[name] = "a record's number: never evidence"
    paired: list[tuple[tuple[str, ...], Guess]]
    paired = _paired(guesses, looks, frames) if len(frames) == 2 else [((n,), g) for n, g in _usable(guesses[0])]
    for headings, one in paired:
        found.fields.append(_field(headings, one, looks, found.fields))
    for place in range(len(frames)):
        used = {headings[min(place, len(headings) - 1)] for headings, _ in paired}
        for name, _ in _usable(guesses[place]):
            if name not in used:
                found.ignored[name] = IN_ONE
    _leave_out_repetitions(found, frames)
    _join_spellings(found)
    if len(frames) == 2:
        _put_names_together(found, frames, looks, guesses)
    _make_years_of_ages(found, frames, guesses)
    if not found.fields:
        raise SpecifiedError(
            "No column of the files can be compared.",
            mend="People are told apart by names, dates and places. Write the specification by hand.",
        )
    return found


def _usable(guesses: dict[str, Guess]) -> list[tuple[str, Guess]]:
    return [(name, one) for name, one in guesses.items() if one.means not in {*WORTH, "ignored"}]


def _paired(
    guesses: list[dict[str, Guess]], looks: list[dict[str, Look]], frames: list[pl.DataFrame]
) -> list[tuple[tuple[str, ...], Guess]]:
    """Columns of the left file with those of the right: by heading, else by kind and common values."""
    left, right = (dict(_usable(side)) for side in guesses)
    _add_known_by_values(left, guesses[0], right, frames[0], frames[1])
    _add_known_by_values(right, guesses[1], left, frames[1], frames[0])
    scores = []
    for one, first in left.items():
        for other, second in right.items():
            score = _alike(looks[0][one], looks[1][other], first, second, frames[0][one], frames[1][other])
            if score > 0:
                scores.append((score, one, other))
    pairs: list[tuple[tuple[str, ...], Guess]] = []
    for _, one, other in sorted(scores, key=lambda s: (-s[0], list(left).index(s[1]), list(right).index(s[2]))):
        if not any(one == pair[0][0] or other == pair[0][1] for pair in pairs):
            pairs.append(((one, other), left[one]))
    order = list(left)
    return sorted(pairs, key=lambda pair: order.index(pair[0][0]))


def _add_known_by_values(
    usable: dict[str, Guess], side: dict[str, Guess], others: dict[str, Guess], frame: pl.DataFrame, other: pl.DataFrame
) -> None:
    """A column whose heading says nothing is what the other file's column is that has the same values and a heading."""
    for name, one in side.items():
        if name in usable or not one.evidence.startswith(UNSAID):
            continue
        for known, said in others.items():
            fits = said.means in CODES and said.evidence.startswith("by its heading")
            if fits and _common(frame[name], other[known]) > MOSTLY_COMMON:
                usable[name] = Guess(said.means, f"it has the values of {known}")


def _alike(one: Look, other: Look, first: Guess, second: Guess, a: pl.Series, b: pl.Series) -> float:
    kind = first.means == second.means
    if one.name == other.name:
        return 10.0 if kind else 8.0
    values = _common(a, b)
    names = SequenceMatcher(None, one.name, other.name).ratio()
    if {first.means, second.means} in OF_AN_AGE:
        return 4.0
    said = all(guess.evidence.startswith("by its heading") for guess in (first, second))
    if kind and first.means in {"street", "place", "full_name"} and values < HARDLY_COMMON and not said:
        return 0.0
    if kind and first.means not in {"category", "text", "number"}:
        return 3.0 + values + names
    if values > 0.3 and (kind or {first.means, second.means} <= TEXTS | {"text"}):
        return 1.0 + values + names
    return 1.0 + names if kind and names > 0.75 else 0.0


def _common(a: pl.Series, b: pl.Series) -> float:
    """The share of the smaller side's distinct values that the other has too."""
    values = (series.drop_nulls().unique().sort().head(SAMPLE * 4).to_list() for series in (a, b))
    sides = [{fold(value).replace(" ", "") for value in one} for one in values]
    smaller = min(map(len, sides))
    return len(sides[0] & sides[1]) / smaller if smaller else 0.0


def _field(headings: tuple[str, ...], one: Guess, looks: list[dict[str, Look]], known: list[Field]) -> Field:
    seen = [looks[side][headings[min(side, len(headings) - 1)]] for side in range(len(looks))]
    means = one.means
    look = max(seen, key=lambda look: look.missing)
    texts = means in TEXTS
    separator = next((s.separator for s in seen if s.separator and texts), None)
    day_first = next((s.day_first for s in seen if s.day_first is not None), None)
    same = len(set(headings)) == 1
    column = Column(
        name=_name(means, {field.column.name for field in known}),
        means=means,  # type: ignore[arg-type]
        heading=(headings[0],) if same else (),
        left=() if same else (headings[0],),
        right=() if same else (headings[1],),
        separator=separator,
        day_first=day_first if means == "date" else None,
        first_of_january="year_only"
        if means == "date" and max(s.first_of_january for s in seen) > MANY_FIRSTS_OF_JANUARY
        else "a_day",
        missing=tuple(sorted({filler for s in seen for filler in s.fillers})),
    )
    shape = f"{look.distinct:,} different values, {look.missing:.0%} missing"
    return Field(column, look, f"{one.evidence}; {shape}")


def _name(means: str, taken: set[str]) -> str:
    base = {"date": "born" if "born" not in taken else "date"}.get(means, means)
    if base not in taken:
        return base
    return next(f"{base}_{number}" for number in range(2, 100) if f"{base}_{number}" not in taken)


def _leave_out_repetitions(found: Fields, frames: list[pl.DataFrame]) -> None:
    """What others say already would count twice: a full name beside its parts, a year beside a date."""
    frame = frames[0].head(SAMPLE * 3).sample(min(SAMPLE, frames[0].height, SAMPLE * 3), seed=3)
    texts = [f for f in found.fields if f.column.means in NAMES | {"text"}]
    folded = {
        f.column.name: [set(fold(v).split()) for v in frame[f.column.headings(False)[0]].fill_null("")] for f in texts
    }
    for whole in sorted(texts, key=lambda f: -f.look.words_each):
        if whole.look.words_each < 1.5 or whole not in found.fields:
            continue
        parts = [
            f
            for f in texts
            if f is not whole and f in found.fields and _inside(folded[f.column.name], folded[whole.column.name])
        ]
        if not parts:
            continue
        covered = _covered([folded[f.column.name] for f in parts], folded[whole.column.name])
        simple = [f for f in parts if f.look.words_each < whole.look.words_each - 0.3]
        if covered >= WORDS_COVERED and simple:
            _leave_out(found, whole, "its words stand in " + " and ".join(f.column.headings(False)[0] for f in simple))
        else:
            for part in parts:
                lost = _beyond(folded[part.column.name], folded[whole.column.name])
                if part.column.means == whole.column.means and lost > MOST_LOST:
                    _join(found, whole, part, f"has another name in {lost:.0%} of the rows: a spelling of it")
                else:
                    _leave_out(found, part, f"its words stand in {whole.column.headings(False)[0]}")
    years = [f for f in found.fields if f.column.means == "year"]
    dates = [f for f in found.fields if f.column.means == "date"]
    for year in years:
        values = frame[year.column.headings(False)[0]].str.extract(r"(\d{4})", 1)
        for date in dates:
            other = frame[date.column.headings(False)[0]].str.extract(r"(\d{4})", 1)
            both = (values == other).drop_nulls()
            if both.len() > 10 and float(both.mean() or 0) > 0.9 and year in found.fields:  # type: ignore[arg-type]
                _leave_out(found, year, f"the year of {date.column.headings(False)[0]}")


def _inside(part: list[set[str]], whole: list[set[str]]) -> bool:
    known = [(p, w) for p, w in zip(part, whole, strict=True) if p and w]
    return len(known) > 10 and sum(p <= w for p, w in known) >= WORDS_INSIDE * len(known)


def _beyond(part: list[set[str]], whole: list[set[str]]) -> float:
    """The share of rows in which the part says what the whole does not: what is lost without it."""
    return sum(not p <= w for p, w in zip(part, whole, strict=True)) / max(len(part), 1)


def _covered(parts: list[list[set[str]]], whole: list[set[str]]) -> float:
    """How much of the whole the parts say together, where all are known: what is missing in one row says nothing."""
    rows = zip(whole, *parts, strict=True)
    shares = [len(set().union(*said) & w) / len(w) for w, *said in rows if w and all(said)]
    return sum(shares) / len(shares) if shares else 0.0


def _make_years_of_ages(found: Fields, frames: list[pl.DataFrame], guesses: list[dict[str, Guess]]) -> None:
    """Ages become years of birth, so that files taken years apart, and ages beside births, can be compared."""
    for one in list(found.fields):
        headings = [one.column.headings(bool(place))[0] for place in range(len(frames))]
        ages = [guesses[place][heading].means == "number" for place, heading in enumerate(headings)]
        if not any(ages) or one.column.means not in {"number", "year", "date"}:
            continue
        taken: dict[str, int] | None = {"left": SOME_YEAR}
        if len(frames) == 2:
            names = [f.column for f in found.fields if f is not one]
            taken = years_taken(frames, names, (headings[0], headings[1]), (ages[0], ages[1]))
        if taken is None:
            apart = "ages, and not known how many years apart they were told: add the column with ages_of"
            _leave_out(found, one, apart if all(ages) else "ages and births of which no year makes one of the other")
            continue
        means = next((guesses[p][h].means for p, h in enumerate(headings) if not ages[p]), "year")
        name = _name(means, {f.column.name for f in found.fields if f is not one})
        kept = {**one.column.model_dump(), "means": means, "name": name, "ages_of": taken}
        one.column = Column.model_validate(kept)
        if len(taken) == 2:
            one.evidence += f"; ages, {abs(taken['right'] - taken['left'])} years apart as people of one name tell"
        else:
            one.evidence += "; ages, made years of birth"


def _put_names_together(
    found: Fields, frames: list[pl.DataFrame], looks: list[dict[str, Look]], guesses: list[dict[str, Guess]]
) -> None:
    """A whole name in one file, of which the other has the pieces: known by the words that they have in common."""
    free = [[name for name, _ in _usable(side) if found.ignored.get(name) == IN_ONE] for side in guesses]
    for place in (0, 1):
        for whole in free[place]:
            look, other = looks[place][whole], looks[1 - place]
            if guesses[place][whole].means not in NAMES | {"text"} or look.words_each < WORDS_OF_A_WHOLE:
                continue
            words = set(_words(frames[place][whole]))
            pieces = [name for name in free[1 - place] if _said_within(frames[1 - place][name], words)]
            pieces.sort(key=lambda name: guesses[1 - place][name].means not in NAMES)
            pieces = sorted(pieces[: round(look.words_each)], key=list(other).index)
            if len(pieces) < 2:
                continue
            headings = {"left": [whole], "right": pieces} if place == 0 else {"left": pieces, "right": [whole]}
            missing = sorted({filler for one in (look, *(other[name] for name in pieces)) for filler in one.fillers})
            name = _name("full_name", {field.column.name for field in found.fields})
            kept = {"name": name, "means": "full_name", "in_parts": True, "missing": missing, **headings}
            evidence = f"the words of {whole} stand in {' and '.join(pieces)}; {look.distinct:,} different values"
            found.fields.append(Field(Column.model_validate(kept), look, evidence))
            for heading in (whole, *pieces):
                found.ignored.pop(heading, None)
            return


def _words(values: pl.Series) -> list[str]:
    return [word for value in values.drop_nulls().head(SAMPLE * 4).to_list() for word in fold(value).split()]


def _said_within(values: pl.Series, words: set[str]) -> bool:
    mine = [word for word in _words(values) if not word.isdigit()]
    return bool(mine) and sum(word in words for word in mine) >= OF_A_PIECE * len(mine)


def _leave_out(found: Fields, one: Field, why: str) -> None:
    found.fields.remove(one)
    for right in (False, True):
        for heading in one.column.headings(right):
            found.ignored[heading] = why


def _join_spellings(found: Fields) -> None:
    """A second column of the same kind that is headed as another spelling joins the first as its spellings."""
    for other in list(found.fields):
        if other.column.means not in NAMES or not OTHER_SPELLING.search(other.look.name):
            continue
        first = next((f for f in found.fields if f.column.means == other.column.means and f is not other), None)
        if first is None or OTHER_SPELLING.search(first.look.name):
            continue
        _join(found, first, other, "is another spelling of it")


def _join(found: Fields, first: Field, other: Field, why: str) -> None:
    """The other column's values become spellings of the first's."""
    sides = {
        "left": first.column.headings(False) + other.column.headings(False),
        "right": first.column.headings(True) + other.column.headings(True),
    }
    same = sides["left"] == sides["right"]
    headings = {"heading": sides["left"], "left": (), "right": ()} if same else {"heading": (), **sides}
    separator = first.column.separator or other.column.separator
    missing = tuple(sorted({*first.column.missing, *other.column.missing}))
    first.column = first.column.model_copy(update={**headings, "separator": separator, "missing": missing})
    first.evidence += f"; {other.look.heading} {why}"
    found.fields.remove(other)
