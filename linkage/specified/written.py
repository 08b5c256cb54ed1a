"""What is compared of each value? One written form and its parts, or nothing where the value tells nothing.

Letters of every script are kept, Cyrillic, Greek and Arabic ones as Latin letters; case, accents, signs and titles are
taken away. Distinct values are worked out once.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable

import polars as pl

from linkage.specified.age_values import years_of_birth
from linkage.specified.dates import NEWEST, PartialDate, day_number, read_date
from linkage.specified.specification import Column
from linkage.specified.vocabulary import NAMES, TEXTS
from linkage.standardise.addresses import address_keys
from linkage.standardise.letters import LATIN, latin
from linkage.standardise.names import NO_NAME, TITLES, soundex
from linkage.standardise.pet_forms import PET_FORMS
from linkage.standardise.sexes import SEXES

FILLERS = frozenset(
    {"NA", "N A", "NULL", "NONE", "NAN", "NIL", "UNKNOWN", "UNK", "NOT KNOWN", "NOT STATED", "NOT GIVEN", "MISSING"}
    | {"NOT RECORDED", "NO DATA", "INCONNU", "UNBEKANNT", "ONBEKEND", "DESCONOCIDO", "OKAND", "UKJENT", "SCONOSCIUTO"}
)
"""Written where nothing is known, folded; a column's own stand in its specification."""
LETTERS = str.maketrans(LATIN)
CLOSED_UP = re.compile(r"['’`ʼʹ.]")
SIGNS = re.compile(r"[^\w]+|_")
WORDS_OF_SEX = {
    **SEXES,
    **dict.fromkeys(
        ("HOMME", "HOMBRE", "MANN", "MANNLICH", "UOMO", "MASCHIO", "MASCULINO", "MANLIG", "H", "MASC"), "M"
    ),
    **dict.fromkeys(("FEMME", "MUJER", "FRAU", "WEIBLICH", "DONNA", "FEMMINA", "FEMENINO", "KVINNA", "KVINDE"), "F"),
    **dict.fromkeys(("W", "V", "K", "VROUW", "FEM", "FEMININO", "KVINNLIG", "KOBIETA", "B"), "F"),
    **dict.fromkeys(("ERKEK", "MEZCZYZNA", "MAN", "MUZH", "MUZHSKOI", "男", "男性"), "M"),
    **dict.fromkeys(("KADIN", "ZH", "ZHEN", "ZHENSKII", "女", "女性"), "F"),
    **dict.fromkeys(("GUY", "BOY", "FATHER", "SON", "HUSBAND"), "M"),
}
START = 4
NATIONAL = 9  # digits of a telephone number that are compared: before them may stand the country


def written(frame: pl.DataFrame, columns: Iterable[Column], *, right: bool) -> pl.DataFrame:
    """The forms and parts of every column: `name`, `name__written`, `name__spellings` and `name__part`s, row by row."""
    made: list[pl.Series] = []
    for column in columns:
        headings = column.headings(right)
        values = [_known(frame[heading], column.missing) for heading in headings]
        if column.in_parts:
            values = [_together(values)]
        if (taken := column.taken(right)) is not None:
            values = [years_of_birth(one, taken) for one in values]
        if column.means == "address":
            values = [address_keys(one) for one in values]
        made += _spelt(column, values) if column.has_spellings else _single(column, values[0])
    return pl.DataFrame(made)


def fold(text: str | None, *, in_latin: bool = True) -> str:
    """Upper case without accents and signs, words apart by one blank; Cyrillic, Greek and Arabic in Latin letters.

    Letters of other scripts stay as they are; without in_latin those of all.
    """
    if not text:
        return ""
    plain = text if text.isascii() else _without_accents(latin(text) if in_latin else text)
    return " ".join(SIGNS.sub(" ", CLOSED_UP.sub("", plain.upper())).split())


def _without_accents(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.translate(LETTERS))
    return "".join(sign for sign in decomposed if not unicodedata.combining(sign))


def _known(values: pl.Series, missing: tuple[str, ...]) -> pl.Series:
    return values.replace(list(missing), [None] * len(missing)) if missing else values


def _together(pieces: list[pl.Series]) -> pl.Series:
    """One value a row of those pieces that are known."""
    return pl.select(pl.concat_str(pieces, separator=" ", ignore_nulls=True)).to_series().replace("", None)


def _single(column: Column, values: pl.Series) -> list[pl.Series]:
    forms = PARTS_OF.get(column.means, _text_forms)
    names = _part_names(column)
    distinct = values.unique().drop_nulls()
    rows = [forms(column, value) for value in distinct]
    known = pl.DataFrame(
        {"value": distinct, **{n: pl.Series([row.get(n) for row in rows], dtype=pl.String) for n in names}}
    )
    joined = values.alias("value").to_frame().join(known, on="value", how="left", maintain_order="left")
    out = [joined[name].alias(f"{column.name}__{name}" if name else column.name) for name in names]
    if column.means in TEXTS:
        out.append(values.alias(f"{column.name}__written"))
    if column.means in {"date", "year", "month", "day", "number", "house_number"}:
        out = [_as_number(series) for series in out]
    return out


def _as_number(series: pl.Series) -> pl.Series:
    _, of, part = series.name.rpartition("__")
    whole = bool(of) and part in {"year", "month", "day", "decade", "number"}
    return series.cast(pl.Float64, strict=False).cast(pl.Int32, strict=False) if whole else series


def _part_names(column: Column) -> list[str]:
    extra = ["number"] if column.means in {"date", "year", "month", "day", "number", "house_number"} else []
    return ["", *extra, *sorted(column.parts | ({"sound"} if column.means in NAMES else set()))]


def _spelt(column: Column, values: list[pl.Series]) -> list[pl.Series]:
    """Several values a record: the list of them, and the first one's parts for blocking."""
    cells = [
        value.str.split(column.separator) if column.separator else value.reshape((-1, 1)).arr.to_list()
        for value in values
    ]
    cells = [cell.fill_null([]) for cell in cells]
    joined = cells[0]
    for cell in cells[1:]:
        joined = joined.list.concat(cell)
    folded = {
        text: _text_forms(column, text).get("") for text in joined.explode(empty_as_null=True).drop_nulls().unique()
    }
    lists = joined.map_elements(
        lambda cell: sorted({form for text in cell if (form := folded.get(text))}) or None,
        return_dtype=pl.List(pl.String),
    )
    first = joined.map_elements(
        lambda cell: next((text for text in cell if folded.get(text)), None), return_dtype=pl.String
    )
    return [*_single(column, first.alias(column.name)), lists.alias(f"{column.name}__spellings")]


def _text_forms(column: Column, value: str) -> dict[str, str | None]:
    form = fold(value)
    words = form.split()
    if column.means in NAMES:
        while len(words) > 1 and words[0] in TITLES:
            words = words[1:]
        form = " ".join(words)
        if form.replace(" ", "") in NO_NAME:
            return {}
    if not form or form in FILLERS:
        return {}
    first, last, joined = words[0], words[-1], "".join(words)
    return {
        "": form,
        "initial": form[:1],
        "start": joined[:START],
        "joined": joined,
        "first_word": first,
        "last_word": last,
        "last_sound": sound(last),
        "sound": sound(joined),
        "sorted": " ".join(sorted(words)),
        "pet_form": PET_FORMS.get(first, first),
    }


def sound(name: str) -> str:
    """Soundex of a name in Latin letters; of others the first three letters."""
    return soundex(name) if name.isascii() and name[:1].isalpha() else name[:3]


def _date_forms(column: Column, value: str) -> dict[str, str | None]:
    day_first = True if column.day_first is None else column.day_first
    found = read_date(value, day_first=day_first)
    if found is None:
        return {}
    if column.first_of_january == "year_only" and (found.month, found.day) == (1, 1):
        found = PartialDate(found.year, None, None)
    return {
        "": str(found),
        "year": str(found.year),
        "month": _text(found.month),
        "day": _text(found.day),
        "decade": str(found.year // 10),
        "month_day": f"{found.month:02}-{found.day:02}" if found.month and found.day else None,
        "number": _text(day_number(found)),
    }


def _number_forms(column: Column, value: str) -> dict[str, str | None]:
    number = re.search(r"-?\d+(\.\d+)?", value)
    form = fold(value)
    if not form or form in FILLERS or (number is None and column.means != "house_number"):
        return {}
    if column.means == "year" and number and not 0 < float(number[0]) <= NEWEST:
        return {}  # 0000 and 9999 stand for nothing
    return {"": form, "number": number[0] if number else None}


def _code_forms(column: Column, value: str) -> dict[str, str | None]:
    form = fold(value).replace(" ", "")
    if not form or form in FILLERS or (len(set(form)) == 1 and len(form) > 3):
        return {}
    if column.means == "phone":
        digits = "".join(sign for sign in form if sign.isdigit()).lstrip("0")
        return {"": digits[-NATIONAL:], "end": digits[-7:]} if len(digits) >= 5 else {}
    if column.means == "postcode":
        form = form.removesuffix("0") if re.fullmatch(r"\d+\.0", value) else form
        return {"": form, "area": form[:-3] if re.fullmatch(r"[A-Z]{1,2}\d[A-Z\d]?\d[A-Z]{2}", form) else form[:3]}
    return {"": form, "start": form[:START]}


def _sex_forms(column: Column, value: str) -> dict[str, str | None]:
    form = fold(value)
    return (
        {"": WORDS_OF_SEX.get(form, form)} if form and form not in FILLERS and form not in {"0", "9", "U", "X"} else {}
    )


def _email_forms(column: Column, value: str) -> dict[str, str | None]:
    form = value.casefold().strip()
    return {"": form} if "@" in form else {}


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)


PARTS_OF: dict[str, Callable[[Column, str], dict[str, str | None]]] = {
    "date": _date_forms,
    **dict.fromkeys(("year", "month", "day", "number", "house_number"), _number_forms),
    **dict.fromkeys(("postcode", "identifier", "phone"), _code_forms),
    "sex": _sex_forms,
    "email": _email_forms,
}
