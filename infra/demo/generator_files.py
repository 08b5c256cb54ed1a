"""How do four controllers write down the demo's people? Files in the shapes of the shipped contracts, some rows bad.

One row in a thousand of every file (at least one) breaks its contract in a known way, so that quarantine has its part.
"""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import polars as pl

from infra.demo import generator_records as records
from infra.demo.generator_errors import address, plain, record
from infra.demo.generator_people import Days, Ints, People, Texts
from infra.demo.illness import TODAY

ON_A_GP_LIST = 0.97
DEATH_KNOWN_TO_GP = 0.8
BAD_ROWS = 0.001
ROWS_AT_ONCE = 500_000
COUNCILS = ("Leeds", "Kirklees", "Calderdale", "Wakefield", "Bradford", "York", "Harrogate")
ENGLISH_DAY = {"gp": "%d/%m/%Y", "hospital": "%Y%m%d", "social_care": "%Y-%m-%d", "deaths": "%d-%b-%Y"}


def write_gp(people: People, folder: Path) -> pl.DataFrame:
    """patients.csv, events.csv.gz: byte-order mark, CRLF, dd/mm/yyyy, numbers with spaces, surnames in capitals."""
    rng = people.rng
    who = rng.permutation(people.count)[: round(people.count * ON_A_GP_LIST)]
    ids = _ids("P", len(who), 7)
    told = record(people, who, "gp")
    died = people.died[who]
    registered = _registered(people, who)
    known = np.where(rng.random(len(who)) < DEATH_KNOWN_TO_GP, died, np.datetime64("NaT"))
    now = np.full(len(who), TODAY)
    frame = pl.DataFrame(
        {
            "patient_id": ids,
            "nhs_number": pl.Series(told.number).str.replace(r"^(\d{3})(\d{3})(\d{4})$", "$1 $2 $3"),
            "surname": pl.Series(told.surname).str.to_uppercase(),
            "forename": told.forename,
            "sex": told.sex,
            "date_of_birth": _day(told.birthday.astype("datetime64[D]"), "gp"),
            "postcode": address(people, who, now, told.old_address),
            "ethnic_category": people.ethnic[who],
            "practice_code": np.char.add(
                "Y", (94000 + people.area[who] * 20 + people.born[who].astype(int) % 20).astype("U5")
            ),
            "registration_date": _day(registered, "gp"),
            "date_of_death": _day(known, "gp"),
        }
    )
    frame = _spoilt(rng, frame, "date_of_birth", "31/02/1980")
    _empty(frame).write_csv(folder / "patients.csv", include_bom=True, line_terminator="\r\n")
    _write_events(people, who, ids, folder / "events.csv.gz")
    return _truth("gp_patients", ids, who)


def _registered(people: People, who: Ints) -> Days:
    """Weeks after birth, or with a later move; never after death."""
    rng = people.rng
    newborn = people.born[who] + rng.integers(5, 60, len(who)).astype("timedelta64[D]")
    joined = np.maximum(newborn, TODAY - rng.integers(30, 9000, len(who)).astype("timedelta64[D]"))
    died = people.died[who]
    return np.asarray(np.minimum(joined, np.where(np.isnat(died), TODAY, died)))


def _write_events(people: People, who: Ints, ids: Texts, path: Path) -> None:
    """In parts, because eight million events are more than the people; the same bytes at any time of day."""
    found = records.events(people, who)
    kinds, names = pl.DataFrame(records.KINDS, schema=["code", "term", "unit"], orient="row"), pl.Series(ids)
    with path.open("wb") as target, gzip.GzipFile("", "wb", 1, target, mtime=0) as packed:
        for start in range(0, max(1, len(found.whose)), ROWS_AT_ONCE):
            part = slice(start, start + ROWS_AT_ONCE)
            kind = kinds[found.kind[part].astype(np.int64)]
            frame = pl.DataFrame(
                {
                    "patient_id": names.gather(pl.Series(found.whose[part])),
                    "event_date": _day(found.day[part], "gp"),
                    "code": kind["code"],
                    "term": kind["term"],
                    "value": pl.Series(found.value[part].astype(np.float64)).fill_nan(None).round(1),
                    "unit": kind["unit"],
                }
            )
            frame = _spoilt(people.rng, frame, "event_date", "")
            packed.write(
                _empty(frame)
                .write_csv(include_header=start == 0, include_bom=start == 0, line_terminator="\r\n")
                .encode("utf-8")
            )


def write_hospital(people: People, folder: Path) -> pl.DataFrame:
    """apc_episodes.csv: names of Hospital Episode Statistics, yyyymmdd, sex 1 or 2, no names of people."""
    found = records.episodes(people)
    patients, place = np.unique(found.whose, return_inverse=True)
    told = record(people, patients, "hospital")
    own_numbers = people.rng.permutation(np.arange(1, len(patients) + 1) * 7)
    ids = _ids("5", len(found.whose), 8)
    postcode = pl.Series(address(people, found.whose, found.admitted, told.old_address[place])).str.split(" ")
    stay = (found.discharged - found.admitted).astype(np.int64)
    frame = pl.DataFrame(
        {
            "EPIKEY": ids,
            "NEWNHSNO": told.number[place],
            "LOPATID": np.char.add("H", np.char.zfill(own_numbers[place].astype("U8"), 8)),
            "DOB": _day(told.birthday.astype("datetime64[D]"), "hospital").gather(place),
            "SEX": np.where(told.sex[place] == "M", "1", "2"),
            "HOMEADD": postcode.list.get(0).str.pad_end(5) + postcode.list.get(1),
            "ETHNOS": people.ethnic[found.whose],
            "PROCODE3": found.provider,
            "ADMIMETH": found.method,
            "ADMIDATE": _day(found.admitted, "hospital"),
            "DISDATE": _day(found.discharged, "hospital"),
            "SPELDUR": stay,
            "STARTAGE": found.age,
            **{f"DIAG_4_{number:02}": codes for number, codes in enumerate(found.diagnoses, 1)},
        }
    )
    frame = _spoilt(people.rng, frame, "ADMIMETH", "77")
    _empty(frame).write_csv(folder / "apc_episodes.csv")
    return _truth("hospital_episodes", ids, found.whose)


def write_care(people: People, folder: Path) -> pl.DataFrame:
    """cld_events.csv: semicolons, Windows-1252, CRLF, the full name in one column, ISO dates."""
    found = records.care(people)
    clients, place = np.unique(found.whose, return_inverse=True)
    told = record(people, clients, "social_care")
    names = pl.Series(np.char.add(np.char.add(told.surname, ", "), told.forename).tolist(), dtype=pl.String)
    names = names.map_elements(lambda name: plain(name, "windows-1252"), return_dtype=pl.String)
    ids = _ids("E", len(found.whose), 6)
    frame = pl.DataFrame(
        {
            "Event Reference": ids,
            "NHS Number": told.number[place],
            "Client Name": names.gather(place),
            "Date of Birth": told.birthday[place],
            "Gender": np.where(told.sex[place] == "M", "Male", "Female"),
            "Postcode": address(people, found.whose, found.start, told.old_address[place]),
            "Local Authority": np.array(COUNCILS)[people.area[found.whose]],
            "Event Type": found.kind,
            "Service Component": found.component,
            "Event Start Date": _day(found.start, "social_care"),
            "Event End Date": _day(found.end, "social_care"),
            "Primary Support Reason": found.reason,
        }
    )
    frame = _spoilt(people.rng, frame, "Event Start Date", "2026-13-01")
    text = _empty(frame).write_csv(separator=";", line_terminator="\r\n")
    (folder / "cld_events.csv").write_bytes(text.encode("windows-1252"))
    return _truth("social_care", ids, found.whose)


def write_deaths(people: People, folder: Path) -> pl.DataFrame:
    """registrations.csv: tabs, dd-Mon-yyyy; deaths that were registered within the period, in order of registration."""
    died = np.flatnonzero(~np.isnat(people.died))
    registered = people.died[died] + people.rng.integers(1, 21, len(died)).astype("timedelta64[D]")
    order = np.argsort(registered, kind="stable")
    order = order[registered[order] <= TODAY]
    who, registered = died[order], registered[order]
    told = record(people, who, "deaths")
    ids = _ids("D", len(who), 5)
    frame = pl.DataFrame(
        {
            "registration_id": ids,
            "nhs_number": told.number,
            "surname": told.surname,
            "forenames": told.forename,
            "sex": told.sex,
            "date_of_birth": _day(told.birthday.astype("datetime64[D]"), "deaths"),
            "date_of_death": _day(people.died[who], "deaths"),
            "date_of_registration": _day(registered, "deaths"),
            "postcode": address(people, who, people.died[who], told.old_address),
            "underlying_cause_icd10": records.causes(people, who),
        }
    )
    frame = _spoilt(people.rng, frame, "underlying_cause_icd10", "heart")
    _empty(frame).write_csv(folder / "registrations.csv", separator="\t")
    return _truth("deaths", ids, who)


def _ids(letter: str, count: int, digits: int) -> Texts:
    return np.char.add(letter, np.char.zfill(np.arange(1, count + 1).astype("U8"), digits))


def _day(days: Days, dataset: str) -> pl.Series:
    """Days as this dataset writes them, nothing for NaT."""
    return pl.Series(days.astype("datetime64[D]")).dt.strftime(ENGLISH_DAY[dataset])


def _spoilt(rng: np.random.Generator, frame: pl.DataFrame, column: str, value: str) -> pl.DataFrame:
    """One row in a thousand, at least one, holds this value."""
    bad = rng.choice(frame.height, min(frame.height, max(1, round(frame.height * BAD_ROWS))), replace=False)
    marked = pl.Series(np.isin(np.arange(frame.height), bad))
    return frame.with_columns(pl.when(marked).then(pl.lit(value)).otherwise(column).alias(column))


def _empty(frame: pl.DataFrame) -> pl.DataFrame:
    """Nothing is written as nothing, not as a quoted empty text."""
    return frame.with_columns(pl.col(pl.String).replace("", None))


def _truth(dataset: str, ids: Texts, who: Ints) -> pl.DataFrame:
    person = np.char.add("T", np.char.zfill(who.astype("U8"), 8))
    return pl.DataFrame({"dataset": [dataset] * len(ids), "record": ids, "person": person})
