"""Who are the demo's people? Invented: households, twins, movers, plausible illnesses, and deliveries with known truth.

Nobody is real. NHS numbers are of the test range (999, valid modulus 11: about 909,000 numbers; people beyond that have
none, as newly registered people have). Postcodes have a valid shape and are drawn at random. Recording is unequal, by
the rates of `RecordingErrors`: what goes wrong goes wrong half as often again for people of minority ethnic groups.
Shapes are those of the shipped contracts. The same seed gives the same people.
"""

from __future__ import annotations

import gzip
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from audit.progress import Progress, silent
from infra.demo import illness
from infra.demo.illness import FIRST_DAY, TODAY
from infra.demo.names import ENDINGS, FORENAMES, STEMS, SURNAMES
from linkage.standardise.names import PET_FORMS

Ints = npt.NDArray[np.int64]
Texts = npt.NDArray[np.str_]
Bools = npt.NDArray[np.bool_]
GROUPS = ("british", "south_asian", "black", "other")
SHARES = (0.78, 0.10, 0.06, 0.06)
ETHNIC = {"british": "AABC", "south_asian": "HJKL", "black": "MNP", "other": "RSGZ"}
AREAS = ("LS", "HD", "HX", "WF", "BD", "YO", "HG")
COUNCILS = ("Leeds", "Kirklees", "Calderdale", "Wakefield", "Bradford", "York", "Harrogate")
INWARD = np.array(list("ABDEFGHJLNPQRSTUWXYZ"))
PETS = {full: short for short, full in reversed(PET_FORMS.items())}
BAD_ROWS = 0.001


@dataclass(frozen=True)
class RecordingErrors:
    """How often each thing goes wrong for one person in one dataset."""

    nhs_missing: float = 0.002
    nhs_wrong_digit: float = 0.004
    nhs_of_another: float = 0.001
    surname_typing: float = 0.012
    surname_changed: float = 0.01
    forename_pet: float = 0.02
    names_exchanged: float = 0.004
    birthday_unknown: float = 0.004
    day_month_exchanged: float = 0.004
    birthday_typing: float = 0.006
    sex_wrong: float = 0.003
    address_before: float = 0.05


ERRORS = {
    "gp": RecordingErrors(),
    "hospital": RecordingErrors(nhs_missing=0.035, nhs_of_another=0.002, address_before=0.09),
    "social_care": RecordingErrors(nhs_missing=0.09, surname_typing=0.03, forename_pet=0.05, address_before=0.1),
    "deaths": RecordingErrors(nhs_missing=0.05, surname_typing=0.015),
}


@dataclass
class People:
    """Arrays of one entry a person. born: days since 1970; minority: recorded less well; number: '' without one."""

    rng: np.random.Generator
    group: Ints
    sex: Texts
    surname: Texts
    surname_before: Texts
    forename: Texts
    born: npt.NDArray[np.datetime64]
    postcode: Texts
    postcode_before: Texts
    area: Ints
    number: Texts
    ethnic: Texts
    died: npt.NDArray[np.datetime64]  # NaT for the living
    diabetes: Bools  # type 2: drawn once, so that events and episodes agree

    @property
    def count(self) -> int:
        """How many."""
        return len(self.group)

    @property
    def minority(self) -> Bools:
        """Everybody but the largest group."""
        return self.group > 0

    @property
    def age(self) -> Ints:
        """Age in whole years today."""
        return ((TODAY - self.born).astype("timedelta64[D]").astype(np.int64) // 365).astype(np.int64)


def make_deliveries(folder: Path, *, people: int, seed: int = 1, progress: Progress = silent) -> Path:
    """Write four controllers' files below `folder` (gp, hospital, social_care, deaths) and truth.csv; its path."""
    rng = np.random.default_rng(seed)
    population = make_people(people, rng)
    truth = []
    for done, (name, write) in enumerate(
        (("gp", _write_gp), ("hospital", _write_hospital), ("social_care", _write_care), ("deaths", _write_deaths))
    ):
        progress(name, done, 4)
        place = folder / name
        place.mkdir(parents=True, exist_ok=True)
        truth.append(write(population, place))
    path = folder / "truth.csv"
    pl.concat(truth).write_csv(path)
    return path


def make_people(count: int, rng: np.random.Generator) -> People:
    """A population in households, with twins, movers and changed surnames."""
    household = np.sort(rng.integers(0, max(1, int(count / 2.3)), count))
    homes = int(household.max()) + 1
    group = rng.choice(4, homes, p=SHARES)[household].astype(np.int64)
    area = rng.integers(0, len(AREAS), homes)
    codes, earlier = _postcodes(rng, area), _postcodes(rng, rng.integers(0, len(AREAS), homes))
    sex = rng.choice(["F", "M"], count)
    age_days = (rng.beta(1.25, 1.6, count) * 97 * 365.25).astype(np.int64)
    born = TODAY - age_days.astype("timedelta64[D]")
    twin = (rng.random(count) < 0.006) & (np.arange(count) > 0) & (household == np.roll(household, 1))
    born[twin] = np.roll(born, 1)[twin]
    surname_of_home = _drawn(rng, group_names(SURNAMES), _first(group, household, homes))
    surname = np.where(rng.random(count) < 0.8, surname_of_home[household], _drawn(rng, group_names(SURNAMES), group))
    surname = np.where(twin, np.roll(surname, 1), surname)
    age = (TODAY - born).astype(np.int64) // 365
    diabetes_share = np.clip(0.01 + 0.15 * (age - 20) / 60, 0, 0.5) * np.where(group == 1, 2.2, 1.0)
    return People(
        rng=rng,
        group=group,
        sex=sex,
        surname=surname,
        surname_before=_drawn(rng, group_names(SURNAMES), group),
        forename=_forenames(rng, group, sex),
        born=born,
        postcode=codes[household],
        postcode_before=np.where(rng.random(count) < 0.6, codes[household], earlier[household]),
        area=area[household],
        number=_numbers(rng, count),
        ethnic=_ethnic(rng, group),
        died=_deaths(rng, born),
        diabetes=rng.random(count) < diabetes_share,
    )


def group_names(lists: dict[str, list[str]]) -> list[Texts]:
    """The surnames of each group, with a long tail of place-like ones for the largest."""
    tail = [stem + ending for stem in STEMS for ending in ENDINGS]
    return [np.array([*lists[group], *(tail if group == "british" else [])]) for group in GROUPS]


def _first(group: Ints, household: Ints, homes: int) -> Ints:
    found = np.zeros(homes, dtype=np.int64)
    found[household] = group
    return found


def _drawn(rng: np.random.Generator, names: list[Texts], group: Ints) -> Texts:
    """A name of the group's list, frequency falling with rank."""
    out = np.empty(len(group), dtype="U24")
    for number, choices in enumerate(names):
        mask = group == number
        weights = 1 / (np.arange(len(choices)) + 12.0)
        out[mask] = rng.choice(choices, int(mask.sum()), p=weights / weights.sum())
    return out


def _forenames(rng: np.random.Generator, group: Ints, sex: Texts) -> Texts:
    out = np.empty(len(group), dtype="U24")
    for code in ("F", "M"):
        mask = sex == code
        out[mask] = _drawn(rng, [np.array(FORENAMES[(name, code)]) for name in GROUPS], group[mask])
    return out


def _postcodes(rng: np.random.Generator, area: Ints) -> Texts:
    count = len(area)
    district = rng.integers(1, 30, count).astype("U2")
    inward = np.char.add(rng.integers(0, 10, count).astype("U1"), rng.choice(INWARD, count))
    outward = np.char.add(np.array(AREAS)[area], district)
    return np.char.add(np.char.add(outward, " "), np.char.add(inward, rng.choice(INWARD, count)))


def _numbers(rng: np.random.Generator, count: int) -> Texts:
    """NHS numbers of the test range, each once, in random order; people beyond the range have none."""
    serial = np.arange(1_000_000)
    digits = np.stack([np.full(1_000_000, 9)] * 3 + [serial // 10**place % 10 for place in range(5, -1, -1)])
    check = (11 - (digits * np.arange(10, 1, -1)[:, None]).sum(axis=0) % 11) % 11
    valid = rng.permutation(serial[check != 10])
    numbers = 9_990_000_000 + valid * 10 + check[valid]
    out = np.full(count, "", dtype="U10")
    some = min(count, len(numbers))
    out[:some] = numbers[:some].astype("U10")
    return rng.permutation(out)


def _ethnic(rng: np.random.Generator, group: Ints) -> Texts:
    out = np.empty(len(group), dtype="U1")
    for number, name in enumerate(GROUPS):
        mask = group == number
        out[mask] = rng.choice(list(ETHNIC[name]), int(mask.sum()))
    return out


def _deaths(rng: np.random.Generator, born: npt.NDArray[np.datetime64]) -> npt.NDArray[np.datetime64]:
    """Days of death in the last three years; the risk of a year doubles about every eight years of age."""
    age = (TODAY - born).astype(np.int64) / 365.25
    risk = np.minimum(0.6, 3 * 0.00008 * np.exp(age / 11.5))
    days = rng.integers(0, 1095, len(born)).astype("timedelta64[D]")
    return np.where((rng.random(len(born)) < risk) & (age > 4), FIRST_DAY + days, np.datetime64("NaT"))


# -- as each dataset records them


def _recorded(people: People, who: Ints, dataset: str) -> dict[str, Texts]:
    """The identifiers of these people as one dataset holds them, with its errors. birthday: ISO text."""
    rng, rates = people.rng, ERRORS[dataset]
    worse = np.where(people.minority[who], 1.5, 1.0)

    def wrong(rate: float) -> Bools:
        return np.asarray(rng.random(len(who)) < rate * worse)

    number = people.number[who].copy()
    number = np.where(wrong(rates.nhs_of_another), people.number[rng.integers(0, people.count, len(who))], number)
    number = np.where(wrong(rates.nhs_wrong_digit), _mistyped_digits(rng, number), number)
    number = np.where(wrong(rates.nhs_missing), "", number)
    surname, forename = people.surname[who].copy(), people.forename[who].copy()
    surname = np.where(wrong(rates.surname_changed) & (people.sex[who] == "F"), people.surname_before[who], surname)
    surname = np.where(wrong(rates.surname_typing), _mistyped(rng, surname), surname)
    forename = np.where(wrong(rates.forename_pet), _pet_forms(forename), forename)
    swapped = wrong(rates.names_exchanged)
    surname, forename = np.where(swapped, forename, surname), np.where(swapped, surname, forename)
    sex = np.where(wrong(rates.sex_wrong), np.where(people.sex[who] == "F", "M", "F"), people.sex[who])
    moved = wrong(rates.address_before)
    return {
        "number": number,
        "surname": surname,
        "forename": forename,
        "sex": sex,
        "birthday": _birthdays(rng, people.born[who], wrong, rates),
        "postcode": np.where(moved, people.postcode_before[who], people.postcode[who]),
    }


def _birthdays(rng: np.random.Generator, born: npt.NDArray[np.datetime64], wrong: Any, rates: RecordingErrors) -> Texts:
    year = born.astype("datetime64[Y]").astype(np.int64) + 1970
    month = born.astype("datetime64[M]").astype(np.int64) % 12 + 1
    day = (born - born.astype("datetime64[M]")).astype(np.int64) + 1
    swap = wrong(rates.day_month_exchanged) & (day <= 12)
    month, day = np.where(swap, day, month), np.where(swap, month, day)
    unknown = wrong(rates.birthday_unknown)
    month, day = np.where(unknown, 1, month), np.where(unknown, 1, day)
    typing = wrong(rates.birthday_typing)
    year = np.where(typing & (rng.random(len(born)) < 0.5), year - 1, year)
    day = np.where(typing, np.clip(day + rng.choice([-1, 1], len(born)), 1, 28), day)
    parts = pl.DataFrame({"y": year, "m": month, "d": day})
    month_text, day_text = (pl.col(name).cast(pl.String).str.zfill(2) for name in ("m", "d"))
    text = parts.select(pl.format("{}-{}-{}", "y", month_text, day_text))
    return np.asarray(text.to_series().to_numpy(), dtype="U10")


def _mistyped(rng: np.random.Generator, names: Texts) -> Texts:
    """One letter left out, doubled, or exchanged with its neighbour."""

    def one(name: str, place: int, kind: int) -> str:
        place = 1 + place % max(1, len(name) - 2)
        if kind == 0:
            return name[:place] + name[place + 1 :]
        if kind == 1:
            return name[:place] + name[place] + name[place:]
        return name[:place] + name[place + 1 : place + 2] + name[place] + name[place + 2 :]

    places, kinds = rng.integers(0, 12, len(names)), rng.integers(0, 3, len(names))
    return np.array([one(str(n), int(p), int(k)) for n, p, k in zip(names, places, kinds, strict=True)], dtype="U24")


def _mistyped_digits(rng: np.random.Generator, numbers: Texts) -> Texts:
    place, digit = rng.integers(3, 10, len(numbers)), rng.integers(0, 10, len(numbers))
    return np.array(
        [n[:p] + str(d) + n[p + 1 :] if n else "" for n, p, d in zip(numbers.tolist(), place, digit, strict=True)],
        dtype="U10",
    )


def _pet_forms(names: Texts) -> Texts:
    return np.array([PETS.get(name.upper(), name).title() for name in names.tolist()], dtype="U24")


# -- the files


def _write_gp(people: People, folder: Path) -> pl.DataFrame:
    """patients.csv and events.csv.gz: byte-order mark, CRLF, dd/mm/yyyy, numbers with spaces, surnames in capitals."""
    rng = people.rng
    who = rng.permutation(people.count)[: int(people.count * 0.97)]
    ids = np.char.add("P", np.char.zfill(np.arange(1, len(who) + 1).astype("U8"), 7))
    told = _recorded(people, who, "gp")
    registered = np.maximum(people.born[who], TODAY - rng.integers(30, 9000, len(who)).astype("timedelta64[D]"))
    knows = rng.random(len(who)) < 0.8
    died = np.where(knows, people.died[who], np.datetime64("NaT"))
    frame = pl.DataFrame(
        {
            "patient_id": ids,
            "nhs_number": told["number"],
            "surname": told["surname"],
            "forename": told["forename"],
            "sex": told["sex"],
            "date_of_birth": _slashed(told["birthday"]),
            "postcode": told["postcode"],
            "ethnic_category": people.ethnic[who],
            "practice_code": np.char.add("Y", (94000 + people.area[who] * 20 + who % 20).astype("U5")),
            "registration_date": _day_text(registered, "%d/%m/%Y"),
            "date_of_death": _day_text(died, "%d/%m/%Y"),
        }
    ).with_columns(
        pl.col("surname").str.to_uppercase(),
        nhs_number=pl.col("nhs_number").str.replace(r"^(\d{3})(\d{3})(\d{4})$", "$1 $2 $3"),
    )
    bad = _bad(rng, len(who))
    frame = frame.with_columns(date_of_birth=pl.when(bad).then(pl.lit("31/02/1980")).otherwise("date_of_birth"))
    _empty(frame).write_csv(folder / "patients.csv", include_bom=True, line_terminator="\r\n")
    events = illness.events(people, who, ids)
    bad = _bad(rng, events.height)
    events = events.with_columns(event_date=pl.when(bad).then(pl.lit("")).otherwise("event_date"))
    plain = folder / "events.csv"
    _empty(events).write_csv(plain, include_bom=True, line_terminator="\r\n")
    with plain.open("rb") as source, gzip.open(folder / "events.csv.gz", "wb", compresslevel=1) as packed:
        shutil.copyfileobj(source, packed, 1 << 20)
    plain.unlink()
    return _truth("gp_patients", ids, who)


def _write_hospital(people: People, folder: Path) -> pl.DataFrame:
    """apc_episodes.csv: names of Hospital Episode Statistics, yyyymmdd, sex 1 or 2, no names of people."""
    rng = people.rng
    patients, rows, frame = illness.episodes(people)
    told = _recorded(people, patients, "hospital")
    ids = (500_000_000 + np.arange(1, len(rows) + 1)).astype("U9")
    postcode = pl.Series(told["postcode"][rows]).str.split(" ")
    frame = pl.DataFrame(
        {
            "EPIKEY": ids,
            "NEWNHSNO": told["number"][rows],
            "LOPATID": np.char.add("H", np.char.zfill(rows.astype("U8"), 8)),
            "DOB": np.char.replace(told["birthday"][rows], "-", ""),
            "SEX": np.where(told["sex"][rows] == "M", "1", "2"),
            "HOMEADD": postcode.list.get(0).str.pad_end(5) + postcode.list.get(1),
            "ETHNOS": people.ethnic[patients][rows],
        }
    ).hstack(frame)
    bad = _bad(rng, frame.height)
    frame = frame.with_columns(ADMIMETH=pl.when(bad).then(pl.lit("77")).otherwise("ADMIMETH"))
    _empty(frame).write_csv(folder / "apc_episodes.csv")
    return _truth("hospital_episodes", ids, patients[rows])


def _write_care(people: People, folder: Path) -> pl.DataFrame:
    """cld_events.csv: semicolons, Windows-1252, CRLF, the full name in one column, ISO dates."""
    rng = people.rng
    clients, rows, details = illness.care(people)
    told = _recorded(people, clients, "social_care")
    ids = np.char.add("E", np.char.zfill(np.arange(1, len(rows) + 1).astype("U7"), 7))
    frame = pl.DataFrame(
        {
            "Event Reference": ids,
            "NHS Number": told["number"][rows],
            "Client Name": np.char.add(np.char.add(told["surname"], ", "), told["forename"])[rows],
            "Date of Birth": told["birthday"][rows],
            "Gender": np.where(told["sex"][rows] == "M", "Male", "Female"),
            "Postcode": told["postcode"][rows],
            "Local Authority": np.array(COUNCILS)[people.area[clients][rows]],
        }
    ).hstack(details)
    bad = _bad(rng, frame.height)
    start = pl.when(bad).then(pl.lit("2026-13-01")).otherwise("Event Start Date")
    text = _empty(frame.with_columns(start.alias("Event Start Date"))).write_csv(separator=";", line_terminator="\r\n")
    (folder / "cld_events.csv").write_bytes(text.encode("windows-1252", errors="replace"))
    return _truth("social_care", ids, clients[rows])


def _write_deaths(people: People, folder: Path) -> pl.DataFrame:
    """registrations.csv: tabs, dd-Mon-yyyy."""
    rng = people.rng
    who = rng.permutation(np.flatnonzero(~np.isnat(people.died)))
    told = _recorded(people, who, "deaths")
    ids = np.char.add("D", np.char.zfill(np.arange(1, len(who) + 1).astype("U6"), 6))
    died = people.died[who]
    weeks = rng.integers(1, 21, len(who)).astype("timedelta64[D]")
    birthday = pl.Series(told["birthday"]).str.to_date("%Y-%m-%d", strict=False)
    frame = pl.DataFrame(
        {
            "registration_id": ids,
            "nhs_number": told["number"],
            "surname": told["surname"],
            "forenames": told["forename"],
            "sex": told["sex"],
            "date_of_birth": birthday.dt.strftime("%d-%b-%Y"),
            "date_of_death": _day_text(died, "%d-%b-%Y"),
            "date_of_registration": _day_text(died + weeks, "%d-%b-%Y"),
            "postcode": told["postcode"],
            "underlying_cause_icd10": rng.choice(illness.CAUSES, len(who)),
        }
    )
    _empty(frame).write_csv(folder / "registrations.csv", separator="\t")
    return _truth("deaths", ids, who)


def _empty(frame: pl.DataFrame) -> pl.DataFrame:
    """Nothing is written as nothing, not as a quoted empty text."""
    return frame.with_columns(pl.col(pl.String).replace("", None))


def _truth(dataset: str, records: Texts, who: Ints) -> pl.DataFrame:
    person = np.char.add("T", np.char.zfill(who.astype("U8"), 8))
    return pl.DataFrame({"dataset": [dataset] * len(records), "record": records, "person": person})


def _bad(rng: np.random.Generator, count: int) -> pl.Series:
    """Which rows do not keep their contract: about one in a thousand."""
    return pl.Series(rng.random(count) < BAD_ROWS)


def _day_text(days: npt.NDArray[np.datetime64], form: str) -> pl.Series:
    return pl.Series(days.astype("datetime64[D]")).dt.strftime(form)


def _slashed(iso: Texts) -> pl.Series:
    return pl.Series(iso).str.replace(r"^(\d{4})-(\d{2})-(\d{2})$", "$3/$2/$1")
