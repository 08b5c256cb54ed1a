"""Invented people of other places and times, with the truth: names that vary, years only, several spellings, twins.

Four shapes, each with knobs, none made for a specification: files of two registers abroad, two historical censuses,
one large file with many records a person, and one of households with up to six records a person. Seeded; no name is anybody's.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

Row = dict[str, str]
LANGUAGES = {
    "german": (["schu", "mei", "wag", "bec", "hof", "krü", "zim", "ler", "neu", "grö", "bau", "kel", "wol", "jün"],
               ["mann", "er", "ler", "ner", "bach", "berg", "stein", "feld", "hausen", "ß", "ke", "holz"]),
    "polish": (["kowal", "wiśni", "dąbrow", "lewan", "ziel", "szym", "woźn", "kozł", "jabł", "mazur", "krup", "pawł"],
               ["ski", "ska", "ewski", "ewicz", "iński", "czyk", "ak", "owicz", "ek", "iak"]),
    "spanish": (["rodr", "gonz", "hern", "mart", "sánch", "peñ", "núñ", "jimén", "castañ", "muñ", "vald", "orteg"],
                ["íguez", "ález", "ández", "ínez", "ez", "a", "ero", "osa", "illo", "era", "ares"]),
    "nordic": (["ander", "johan", "björk", "sør", "ny", "lind", "hög", "åk", "øst", "berg", "ström", "kjær"],
               ["sson", "sen", "lund", "ström", "gård", "dahl", "qvist", "man", "berg", "vik"]),
    "turkish": (["yıl", "kaya", "dem", "çel", "şah", "öz", "ars", "doğ", "kıl", "ayd", "güne", "bul"],
                ["maz", "oğlu", "ir", "ik", "in", "türk", "lan", "an", "ıç", "ş", "ut"]),
    "old": (["ash", "black", "cart", "down", "ever", "fair", "good", "hart", "ingle", "kirk", "long", "mar", "nor", "old",
             "pen", "row", "stan", "thorn", "under", "whit"],
            ["wright", "wood", "ley", "ton", "field", "man", "son", "smith", "well", "by", "croft", "more", "shaw", "ing"]),
}  # fmt: skip
SPELLINGS = (
    ("y", "i"), ("i", "y"), ("ck", "k"), ("ph", "f"), ("ee", "ea"), ("e", ""), ("ss", "s"), ("tt", "t"), ("ll", "l"),
    ("w", "wh"), ("c", "k"), ("th", "t"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss"), ("ł", "l"), ("ś", "s"), ("ø", "ö"),
)  # fmt: skip
KEYS = "abcdefghijklmnopqrstuvwxyz"


@dataclass
class People:
    """A population's pools and its chance."""

    random: np.random.Generator
    surnames: list[str]
    forenames: dict[str, list[str]]
    places: list[str]
    trades: list[str]
    streets: list[str]

    def one_of(self, pool: list[str], skew: float = 0.9) -> str:
        """A value, the first ones much oftener (Zipf)."""
        weights = 1 / np.arange(1, len(pool) + 1) ** skew
        return pool[int(self.random.choice(len(pool), p=weights / weights.sum()))]

    def chance(self, share: float) -> bool:
        """Does it happen?"""
        return bool(self.random.random() < share)


def people_of(language: str, seed: int, surnames: int = 1500, forenames: int = 150, places: int = 200) -> People:
    """Pools of names that sound like somewhere."""
    random = np.random.default_rng(seed)
    starts, ends = LANGUAGES[language]

    def made(count: int, middles: int) -> list[str]:
        pool: dict[str, None] = {}
        while len(pool) < count:
            parts = [
                random.choice(starts),
                *random.choice(starts, int(random.integers(0, middles + 1))),
                random.choice(ends),
            ]
            pool["".join(parts).capitalize()] = None
        return list(pool)

    vowels = {"M": ["us", "o", "an", "rd", "el"], "F": ["a", "e", "ina", "ette", "is"]}
    first: dict[str, list[str]] = {}
    for sex, tails in vowels.items():
        pool: dict[str, None] = {}
        while len(pool) < forenames:
            letters = "".join(
                random.choice(list("bdfghjklmnprstvw"), 1).tolist() + random.choice(list("aeiou"), 1).tolist()
            )
            more = "".join(random.choice(list("bdglmnrst"), 1).tolist()) + (
                "".join(random.choice(list("aeio"), 1).tolist()) + "l" if random.random() < 0.5 else ""
            )
            pool[(letters + more + str(random.choice(tails))).capitalize()] = None
        first[sex] = list(pool)
    return People(random, made(surnames, 1), first, made(places, 1), made(60, 0), made(400, 1))


def typo(word: str, people: People) -> str:
    """One letter wrong, missing, doubled or swapped."""
    if len(word) < 3:
        return word
    at = int(people.random.integers(1, len(word) - 1))
    kind = int(people.random.integers(0, 4))
    letter = KEYS[int(people.random.integers(0, 26))]
    return [word[:at] + letter + word[at + 1 :], word[:at] + word[at + 1 :], word[:at] + letter + word[at:],
            word[:at] + word[at + 1] + word[at] + word[at + 2 :]][kind]  # fmt: skip


def respelt(word: str, people: People) -> str:
    """Another spelling of the time or the clerk."""
    fitting = [(old, new) for old, new in SPELLINGS if old in word[1:]]
    if not fitting:
        return typo(word, people)
    old, new = fitting[int(people.random.integers(0, len(fitting)))]
    return word[0] + word[1:].replace(old, new, 1)


def damaged(date: tuple[int, int, int], people: People) -> tuple[int, int, int]:
    """A part of a date wrong, or day and month in the other order."""
    year, month, day = date
    kind = int(people.random.integers(0, 4))
    if kind == 0 and day <= 12:
        return year, day, month
    if kind == 1:
        return year + int(people.random.choice([-10, -1, 1, 10])), month, day
    if kind == 2:
        return year, int(people.random.integers(1, 13)), day
    return year, month, int(people.random.integers(1, 29))


def _born(people: People, first: int, last: int) -> tuple[int, int, int]:
    return (
        int(people.random.integers(first, last)),
        int(people.random.integers(1, 13)),
        int(people.random.integers(1, 29)),
    )


def abroad(
    folder: Path, *, language: str, persons: int = 3000, both: float = 0.6, errors: float = 0.12, seed: int = 1
) -> dict[str, Path]:
    """Two registers with headings of the country, part of the people in both; truth: pairs of record numbers."""
    people = people_of(language, seed)
    headings = {
        "german": ("Nachname", "Vorname", "Geburtsdatum", "Geschlecht", "PLZ", "Wohnort", "Strasse"),
        "polish": ("nazwisko", "imie", "data_urodzenia", "plec", "kod_pocztowy", "miasto", "ulica"),
        "spanish": ("apellidos", "nombre", "fecha_nacimiento", "sexo", "codigo_postal", "ciudad", "direccion"),
        "nordic": ("efternamn", "förnamn", "födelsedatum", "kön", "postnummer", "stad", "gata"),
        "turkish": ("surname", "firstName", "birthDate", "gender", "zipCode", "city", "address"),
    }[language]
    form = {"german": "{2:02}.{1:02}.{0}", "polish": "{0}-{1:02}-{2:02}", "spanish": "{2:02}/{1:02}/{0}",
            "nordic": "{0}{1:02}{2:02}", "turkish": "{1:02}/{2:02}/{0}"}[language]  # fmt: skip
    truth, left, right = [], [], []
    twin: tuple[str, tuple[int, int, int], str, str, str] | None = None
    for number in range(persons):
        sex = "MF"[number % 2]
        given = people.one_of(people.forenames[sex], 0.7)
        family, born, place = people.one_of(people.surnames), _born(people, 1930, 2015), people.one_of(people.places)
        street = f"{people.one_of(people.streets, 0.3)} {people.random.integers(1, 120)}"
        code = f"{10000 + 137 * people.places.index(place) + int(people.random.integers(0, 5))}"
        if twin and people.chance(0.012):
            family, born, place, street, code = twin
        twin = (family, born, place, street, code)
        records = []
        for _ in range(2):
            row = [
                family,
                given,
                form.format(*(damaged(born, people) if people.chance(errors / 2) else born)),
                sex,
                code,
                place,
                street,
            ]
            for at in (0, 1, 5, 6):
                if people.chance(errors):
                    row[at] = respelt(row[at], people) if people.chance(0.6) else typo(row[at], people)
            if people.chance(errors / 4):
                row[0], row[1] = row[1], row[0]
            if people.chance(errors):
                row[5], row[6] = (
                    people.one_of(people.places),
                    f"{people.one_of(people.streets, 0.3)} {people.random.integers(1, 120)}",
                )
                row[4] = f"{10000 + 137 * people.places.index(row[5])}"
            row = ["" if people.chance(errors / 3) else value for value in row]
            records.append(row)
        in_both = people.chance(both)
        if in_both or people.chance(0.5):
            left.append([f"L{number:06}", *records[0]])
        if in_both or left[-1:] == [] or left[-1][0] != f"L{number:06}":
            right.append([f"R{number * 7 % 1000003:07}", *records[1]])
        if in_both:
            truth.append([left[-1][0], right[-1][0]])
    order = people.random.permutation(len(right))
    right = [right[at] for at in order]
    paths = {name: folder / f"{language}-{name}.csv" for name in ("left", "right", "truth")}
    _write(paths["left"], ["id", *headings], left)
    _write(paths["right"], ["id", *headings], right)
    _write(paths["truth"], ["id_left", "id_right"], truth)
    return paths


def censuses(
    folder: Path, *, persons: int = 3000, both: float = 0.7, errors: float = 0.2, seed: int = 2
) -> dict[str, Path]:
    """Two historical lists: several spellings in a cell, the year of birth only; truth: record and person."""
    people = people_of("old", seed, surnames=900, forenames=60, places=120)
    truth, sides = [], ([], [])  # type: ignore[var-annotated]
    for number in range(persons):
        sex = "MF"[number % 2]
        given, family = people.one_of(people.forenames[sex], 1.0), people.one_of(people.surnames, 0.8)
        year, place, trade = (
            int(people.random.integers(1780, 1870)),
            people.one_of(people.places),
            people.one_of(people.trades),
        )
        spellings = [family, *(respelt(family, people) for _ in range(int(people.random.integers(0, 3))))]
        for side in (0, 1):
            if side and not people.chance(both):
                continue
            said = [str(word) for word in people.random.choice(spellings, int(people.random.integers(1, 3)))]
            said = list(dict.fromkeys(respelt(word, people) if people.chance(errors / 2) else word for word in said))
            around = year + (int(people.random.choice([-2, -1, 1, 2])) if people.chance(errors) else 0)
            row = [
                f"{'ab'[side]}{number * 13 % 99991}",
                " | ".join(said),
                respelt(given, people) if people.chance(errors / 2) else given[:1] if people.chance(0.03) else given,
                "" if people.chance(0.05) else f"c. {around}" if people.chance(0.1) else str(around),
                "" if people.chance(0.1) else people.one_of(people.places) if people.chance(errors / 2) else place,
                "" if people.chance(0.3) else people.one_of(people.trades) if people.chance(errors) else trade,
                sex.lower(),
            ]
            sides[side].append(row)
            truth.append([row[0], f"p{number}"])
    heads = ["ref", "Surname (all spellings)", "Christian name", "Year of birth", "Parish", "Trade", "Sex"]
    paths = {name: folder / f"census-{name}.csv" for name in ("left", "right", "truth")}
    _write(paths["left"], heads, sides[0])
    _write(paths["right"], heads, [sides[1][at] for at in people.random.permutation(len(sides[1]))])
    _write(paths["truth"], ["ref", "person"], truth)
    return paths


def lives(folder: Path, *, records: int = 50_000, each: float = 8.0, errors: float = 0.25, seed: int = 3) -> Path:
    """One file, many records a person: names in whole and in parts, a date or 1 January, place, trade, a person column."""
    people = people_of("old", seed, surnames=2500, forenames=150, places=400)
    rows: list[list[str]] = []
    number = 0
    while len(rows) < records:
        number += 1
        sex = "MF"[int(people.random.integers(0, 2))]
        given = [people.one_of(people.forenames[sex], 1.0) for _ in range(int(people.random.integers(1, 3)))]
        family, place, trade = (
            people.one_of(people.surnames, 0.7),
            people.one_of(people.places),
            people.one_of(people.trades),
        )
        born = _born(people, 1700, 1950)
        code = f"{place[:2].upper()}{people.places.index(place) % 20} {people.random.integers(1, 9)}{KEYS[number % 26].upper()}{KEYS[number % 17].upper()}"
        if people.chance(0.2):
            born = (born[0], 1, 1)
        other = people.one_of(people.forenames[sex], 1.0)
        for _ in range(1 + int(people.random.poisson(each - 1))):
            first = other if people.chance(errors / 4) else given[0]
            first = typo(first, people) if people.chance(errors / 3) else first[:1] if people.chance(0.02) else first
            last = (
                respelt(family, people)
                if people.chance(errors / 3)
                else typo(family, people)
                if people.chance(errors / 4)
                else family
            )
            whole = " ".join([first, *given[1:], last]) if people.chance(0.7) else f"{first} {last}"
            date = damaged(born, people) if people.chance(errors / 3) else born
            rows.append(
                [
                    f"P{number}-{len(rows)}", f"P{number}", whole, first, last,
                    "" if people.chance(0.2) else f"{date[0]}-{date[1]:02}-{date[2]:02}",
                    "" if people.chance(0.2) else people.one_of(people.places) if people.chance(errors / 4) else place.lower(),
                    "" if people.chance(0.25) else code[:-1] + KEYS[int(people.random.integers(0, 26))].upper() if people.chance(errors) else code,
                    {"M": "male", "F": "female"}[sex],
                    "" if people.chance(0.45) else trade,
                ]
            )  # fmt: skip
    rows = [rows[at] for at in people.random.permutation(records)]
    path = folder / "lives.csv"
    _write(
        path,
        [
            "unique_id",
            "cluster",
            "full_name",
            "first_name",
            "surname",
            "dob",
            "birth_place",
            "postcode",
            "gender",
            "occupation",
        ],
        rows,
    )
    return path


def households(folder: Path, *, records: int = 50_000, errors: float = 0.08, seed: int = 4) -> Path:
    """One file of houses: surname, address, town and its postcode are shared by their people, of whom some are twins."""
    people = people_of("old", seed, surnames=3000, forenames=300, places=300)
    rows: list[list[str]] = []
    person = 0
    while len(rows) < records:
        family, place = people.one_of(people.surnames, 0.6), people.one_of(people.places, 0.5)
        street = f"{people.random.integers(1, 200)} {people.one_of(people.streets, 0.3)}"
        born = _born(people, 1935, 2015)
        for _ in range(int(people.random.integers(1, 6))):
            person += 1
            born = born if people.chance(0.03) else _born(people, 1935, 2015)
            given = people.one_of(people.forenames["MF"[person % 2]], 0.8)
            for _ in range(1 + int(people.random.geometric(0.5)) % 6):
                moved = people.chance(errors)
                town = people.one_of(people.places) if moved else place
                date = damaged(born, people) if people.chance(errors / 2) else born
                row = [
                    typo(given, people) if people.chance(errors) else given[:1] if people.chance(0.02) else given,
                    respelt(family, people) if people.chance(errors) else family,
                    f"{date[1]:02}/{date[2]:02}/{date[0]}",
                    f"{people.random.integers(1, 200)} {people.one_of(people.streets, 0.3)}" if moved else street,
                    town,
                    f"{20000 + 37 * people.places.index(town)}",
                    "MF"[person % 2],
                ]
                rows.append([f"h{person}", *("" if people.chance(errors / 2) else value for value in row)])
    rows = [rows[at] for at in people.random.permutation(len(rows))[:records]]
    path = folder / "households.csv"
    _write(path, ["entity", "given_name", "sname", "dob", "address", "city", "zip", "sex"], rows)
    return path


def with_gaps(path: Path, *, share: float = 0.25, keep: tuple[str, ...] = (), seed: int = 7) -> Path:
    """The file again with this share of the values of each column taken out, but of those to keep."""
    random, people = np.random.default_rng(seed), pl.read_csv(path, infer_schema=False)
    thinned = [
        pl.when(pl.Series(random.random(people.height) >= share)).then(pl.col(name)).alias(name)
        for name in people.columns
        if name not in keep
    ]
    made = path.with_name(f"{path.stem}-with-gaps.csv")
    people.with_columns(thinned).write_csv(made)
    return made


def _write(path: Path, headings: list[str], rows: list[list[str]]) -> None:
    pl.DataFrame(rows, schema=dict.fromkeys(headings, pl.String), orient="row").write_csv(path)
