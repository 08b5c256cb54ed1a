"""What does the page docs/reference/standardisation.md say? The rules and their vectors, from the files themselves.

Write it anew: python -m linkage.standardise.page > docs/reference/standardisation.md
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from linkage.standardise import addresses, dates, letters, names, nhs_numbers, pet_forms, postcodes, references, sexes
from linkage.standardise.specification import IDENTITY, STANDARD, VERSION

VECTORS = Path(__file__).with_name("vectors.json")
OPENING = f"""# Standardisation {VERSION}

What linkage compares of each identifying value. Generated from `linkage/standardise` and its `vectors.json`; a test
holds this page to them. In: {", ".join(f"`{name}`" for name in IDENTITY)}, as received (dates as ISO text). Out:
{", ".join(f"`{name}`" for name in STANDARD)}; nothing (null) where a value tells nobody apart.

The version is part of what is hashed into tokens. A haven that was linked under another version, or under other
reference tables, makes the evidence of all its records anew in its next linkage, and looks at everybody.

## For other implementations

`vectors.json` holds `version`, `test_range` and `vectors`. For each vector:

1. Make one row of the columns in `in`; a column left out is null.
2. Take `references` (kind to pairs of old and new), `test_range` and `today` from the vector where it has them; else no
   tables, the file's `test_range`, and no day.
3. Standardise the row, and compare each column in `out`; null means nothing. Columns that `out` does not name are free.

Beside the columns of linkage, `out` may name `nhs_number_fault`, `sex_meaning`, `birth_fault` and `address_key` (of the
column `address`), and `swapped` (are `date_of_birth` and `other_date` one day with day and month in each other's
place?). The runner of this repository is `tests/spec/linkage/test_standardisation.py`.
"""


def page() -> str:
    """The whole page."""
    vectors = json.loads(VECTORS.read_text(encoding="utf-8"))["vectors"]
    parts = [
        OPENING,
        _section("NHS number", nhs_numbers, _table(("fault", "the number"), nhs_numbers.FAULTS.items())),
        _examples(vectors, "NHS number"),
        _section("Superseded numbers and recoded postcodes", references),
        _section("Names", names, _lists()),
        _section("Letters", letters),
        _section("Pet forms and spellings", pet_forms, _families()),
        _examples(vectors, "name", "full name", "surname's sound"),
        _section("Sex", sexes, _table(("as recorded, folded", "means"), sexes.MEANINGS.items())),
        _examples(vectors, "sex"),
        _section("Date of birth", dates, _table(("fault", "the date"), dates.FAULTS.items())),
        "Fillers: " + ", ".join(str(day) for day in sorted(dates.PLACEHOLDER_DATES)) + ".\n",
        _examples(vectors, "date of birth"),
        _section("Postcode", postcodes),
        _examples(vectors, "postcode"),
        _section("Address", addresses),
        _examples(vectors, "address"),
    ]
    return "\n".join(parts)


def _section(title: str, rules: ModuleType, more: str = "") -> str:
    return f"## {title}\n\n{(rules.__doc__ or '').strip()}\n" + (f"\n{more}" if more else "")


def _lists() -> str:
    lists = {
        "Titles, taken from the front": names.TITLES,
        "In a surname's column only": names.TITLES_OF_SURNAMES,
        "Taken from the end": names.AFTER_NAMES,
        "What follows is another name": names.FORMER_NAME,
        "Belong to the surname behind them": names.PARTICLES,
        "Nobody's name": names.NO_NAME,
    }
    return "".join(f"{title}: {', '.join(sorted(words))}.\n\n" for title, words in lists.items()).rstrip("\n") + "\n"


def _families() -> str:
    forms = [(name, ", ".join(shorts.split())) for name, shorts in pet_forms.FAMILIES.items()]
    both = [(name, man, woman) for name, (man, woman) in pet_forms.BY_SEX.items()]
    surnames = [(full, short) for short, full in pet_forms.SURNAMES.items()]
    gathered = {full: ", ".join(short for one, short in surnames if one == full) for full, _ in surnames}
    return (
        _table(("forename", "also written"), forms)
        + "\n"
        + _table(("of both sexes", "of a man", "of a woman"), both)
        + "\n"
        + _table(("surname", "also written"), gathered.items())
    )


def _examples(vectors: list[Mapping[str, Any]], *subjects: str) -> str:
    chosen = [vector for vector in vectors if vector["rule"].split(":")[0] in subjects]
    rows = [(vector["rule"], _shown(vector["in"]) + _with(vector), _shown(vector["out"])) for vector in chosen]
    return _table(("rule", "received", "comes out"), rows)


def _shown(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {_cell(value)}" for name, value in values.items())


def _cell(value: object) -> str:
    if value is None:
        return "nothing"
    return f"`{value}`" if str(value).strip() else f"`{value} `"


def _with(vector: Mapping[str, Any]) -> str:
    """What else the vector needs."""
    tables = vector.get("references", {}).values()
    told = [", ".join(f"{old} to {new}" for old, new in pairs) for pairs in tables]
    told += ["real data"] if vector.get("test_range") is False else []
    told += [f"today {vector['today']}"] if "today" in vector else []
    return f" ({'; '.join(told)})" if told else ""


def _table(head: tuple[str, ...], rows: Iterable[tuple[str | None, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(str(cell).replace('|', '/') for cell in line)} |\n" for line in lines)


if __name__ == "__main__":
    sys.stdout.write(page())
