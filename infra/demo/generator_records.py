"""Which events, episodes, care and causes of death follow from age and illnesses? Codes and days, no identifier.

What happens to a person happens between birth and death. Values of measurements lean on the person's illnesses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from infra.demo import illness
from infra.demo.generator_people import Bools, Days, Ints, People, Texts, years
from infra.demo.illness import CONDITIONS, FIRST_DAY, TODAY

PERIOD_DAYS = int((TODAY - FIRST_DAY).astype(int)) + 1
MOST_DIAGNOSES = 4
SERIOUS = 0.3  # conditions that add so many admissions are themselves the reason of some
OWN_CONDITION = 0.4  # of the stays of people with such a condition


@dataclass(frozen=True)
class Measure:
    """A measurement: mean and spread, what the condition and every year beyond 40 add, how often it is taken."""

    code: str
    term: str
    unit: str
    mean: float
    spread: float
    often: float
    condition: int | None = None
    more: float = 0.0
    a_year: float = 0.0


MEASURES = (
    Measure("8480-6", "Systolic Blood Pressure", "mm[Hg]", 124, 14, 0.7, illness.HYPERTENSION, 14, 0.25),
    Measure("8462-4", "Diastolic Blood Pressure", "mm[Hg]", 77, 9, 0.7, illness.HYPERTENSION, 7),
    Measure("39156-5", "Body mass index (BMI) [Ratio]", "kg/m2", 26.5, 4.6, 0.45, illness.DIABETES, 3.5),
    Measure("4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood", "%", 5.4, 0.4, 0.3, illness.DIABETES, 1.9),
    Measure("2093-3", "Cholesterol [Mass/volume] in Serum or Plasma", "mg/dL", 192, 34, 0.3, illness.HEART, -25),
    Measure("33914-3", "Glomerular filtration rate", "mL/min/{1.73_m2}", 96, 13, 0.25, None, 0, -0.7),
    Measure("8867-4", "Heart rate", "/min", 74, 10, 0.3),
    Measure("29463-7", "Body weight", "kg", 76, 14, 0.3, illness.DIABETES, 8),
)
VISITS: tuple[tuple[str, str, float], ...] = (  # code, term, how often
    ("314529007", "Medication review due (situation)", 0.4),
    ("185349003", "Encounter for check up (procedure)", 0.3),
    ("195662009", "Acute viral pharyngitis (disorder)", 0.15),
    ("86198006", "Influenza vaccination (procedure)", 0.3),
)
KINDS = (
    *((condition.code, condition.term, "") for condition in CONDITIONS),
    *((measure.code, measure.term, measure.unit) for measure in MEASURES),
    *((code, term, "") for code, term, _ in VISITS),
)
CHILDHOOD = ("J069", "J219", "K529", "S525", "B349", "H669", "J459")
WORKING_AGE = ("R074", "K529", "K802", "N390", "F329", "S610", "M545", "K359", "R104")
OLD_AGE = ("J189", "N390", "S720", "A419", "R296", "H269", "K573", "I639", "R31X")
MATERNITY = ("O80X", "O342", "O700", "O829")
PROVIDERS = ("RR8", "RWY", "RWY", "RXF", "RAE", "RCB", "RCD")  # by area
CANCERS = ("C349", "C509", "C189", "C61X", "C259")
OTHER_CAUSES = ("I219", "I219", "I219", "J189", "J189", "J189", "I64X", "I64X", "K709", "K709", "A419", "V892")
COMPONENTS = (
    "Home Support",
    "Direct Payment",
    "Telecare",
    "Long Term Support: Community",
    "Short Term Support: ST-Max",
    "Long Term Support: Residential Care",
)
PHYSICAL = "Physical Support - Personal Care Support"
REASONS = (PHYSICAL, PHYSICAL, "Sensory Support", "Learning Disability Support", "Mental Health Support")
EVENT_TYPES, TYPE_SHARES = ("Service", "Request", "Assessment", "Review"), (0.5, 0.2, 0.15, 0.15)
# HES data dictionary, STARTAGE below one year: up to so many days are 7001, 7002 ...
BABIES = np.array([0, 6, 28, 90, 181, 272, 366])


@dataclass(frozen=True)
class Events:
    """Coded events, unordered: whose (place in the people asked for), when, which of KINDS, its value or none (NaN)."""

    whose: Ints
    day: Days
    kind: Ints
    value: Any


def events(people: People, who: Ints) -> Events:
    """About eight events a person: conditions once, measurements and visits more often with age and illness."""
    rng, ill, age = people.rng, people.ill[:, who], people.age[who]
    lived = _last_day(people, who) - _first_day(people, who)
    busy = (np.clip(age / 30, 0.35, 2.6) + 0.35 * ill.sum(axis=0)) * (lived.astype(np.int64) + 1) / PERIOD_DAYS
    whose: list[Ints] = []
    kinds: list[Ints] = []
    values: list[Any] = []

    def add(rows: Ints, value: Any = np.nan) -> None:
        whose.append(rows)
        kinds.append(np.full(len(rows), len(kinds), dtype=np.int64))
        values.append(np.broadcast_to(np.asarray(value, dtype=np.float32), len(rows)))

    for found in ill:
        add(np.flatnonzero(found))
    for measure in MEASURES:
        rows = np.repeat(np.arange(len(who)), rng.poisson(busy * measure.often))
        add(rows, _values(rng, measure, age[rows], ill[:, rows] if measure.condition is not None else None))
    for _, _, often in VISITS:
        add(np.repeat(np.arange(len(who)), rng.poisson(busy * often)))
    rows, kind, value = np.concatenate(whose), np.concatenate(kinds), np.concatenate(values)
    order = rng.permutation(len(rows))
    rows = rows[order]
    return Events(rows, _days(people, who[rows]), kind[order], value[order])


def _values(rng: np.random.Generator, measure: Measure, age: Ints, ill: Bools | None) -> Any:
    value = rng.normal(measure.mean, measure.spread, len(age)) + measure.a_year * np.clip(age - 40, 0, 50)
    if ill is not None and measure.condition is not None:
        value = value + measure.more * ill[measure.condition]
    return np.round(np.maximum(value, measure.mean * 0.2), 1)


def _first_day(people: People, who: Ints) -> Days:
    return np.maximum(people.born[who], FIRST_DAY)


def _last_day(people: People, who: Ints) -> Days:
    died = people.died[who]
    return np.where(np.isnat(died), TODAY, died)


def _days(people: People, who: Ints) -> Days:
    """A day of the period for each of these, in the person's life."""
    first = _first_day(people, who)
    span = (_last_day(people, who) - first).astype(np.int64) + 1
    return np.asarray(first + np.floor(people.rng.random(len(who)) * span).astype("timedelta64[D]"))


@dataclass(frozen=True)
class Episodes:
    """Hospital episodes: whose (a person's number), from when to when, why. age: HES's STARTAGE."""

    whose: Ints
    admitted: Days
    discharged: Days
    age: Ints
    method: Texts
    provider: Texts
    diagnoses: list[Texts]


def episodes(people: People) -> Episodes:
    """Episodes in order of admission, as a hospital's system would send them."""
    rng = people.rng
    everybody = np.arange(people.count)
    whose = np.repeat(everybody, rng.poisson(illness.admissions(people.age, people.ill)))
    admitted = _days(people, whose)
    order = np.argsort(admitted, kind="stable")
    whose, admitted = whose[order], admitted[order]
    age = years(people.born[whose], admitted)
    stay = (rng.geometric(np.where(age >= 65, 0.18, 0.45)) - 1).astype("timedelta64[D]")
    maternity = (people.sex[whose] == "F") & (age >= 18) & (age < 43) & (rng.random(len(whose)) < 0.35)
    planned = rng.choice(["11", "12", "13"], len(whose))
    urgent = rng.choice(["21", "21", "21", "22", "2A"], len(whose))
    method = np.where(rng.random(len(whose)) < np.where(age >= 65, 0.65, 0.5), urgent, planned)
    return Episodes(
        whose,
        admitted,
        np.minimum(admitted + stay, _last_day(people, whose)),
        _start_age(people.born[whose], admitted, age),
        np.where(maternity, "31", method),
        np.array(PROVIDERS)[people.area[whose]],
        _diagnoses(people, whose, age, maternity),
    )


def _start_age(born: Days, admitted: Days, age: Ints) -> Ints:
    """Years, or 7001 to 7007 for babies below one year."""
    days = (admitted - born).astype(np.int64)
    return np.where(age < 1, 7001 + np.searchsorted(BABIES, np.clip(days, 0, 366)), age)


def _diagnoses(people: People, whose: Ints, age: Ints, maternity: Bools) -> list[Texts]:
    """The reason of the stay first, for some one of the person's own conditions; the other conditions follow it."""
    rng, count = people.rng, len(whose)
    main = np.select(
        [maternity, age < 16, age < 65],
        [rng.choice(MATERNITY, count), rng.choice(CHILDHOOD, count), rng.choice(WORKING_AGE, count)],
        rng.choice(OLD_AGE, count),
    )
    ill = people.ill[:, whose]
    serious = ill & np.array([condition.admissions >= SERIOUS for condition in CONDITIONS])[:, None]
    own = serious.any(axis=0) & ~maternity & (rng.random(count) < OWN_CONDITION)
    chosen = np.where(own, np.argmax(rng.random(serious.shape) * serious, axis=0), -1)
    codes = np.array([condition.icd10 for condition in CONDITIONS])
    columns = [np.where(own, codes[chosen], main), *(np.full(count, "", dtype="U4") for _ in range(MOST_DIAGNOSES - 1))]
    used = np.ones(count, dtype=np.int64)
    for number, code in enumerate(codes):
        also = ill[number] & (columns[0] != code)
        for place, column in enumerate(columns):
            column[also & (used == place)] = code
        used += also
    return columns


@dataclass(frozen=True)
class Care:
    """Care events: whose (a person's number), of what type and kind, from when to when (NaT while it goes on), why."""

    whose: Ints
    kind: Texts
    component: Texts
    start: Days
    end: Days
    reason: Texts


def care(people: People) -> Care:
    """Events of social care in order of their start."""
    rng = people.rng
    clients = np.flatnonzero(rng.random(people.count) < illness.share_in_care(people.age, people.ill))
    whose = np.repeat(clients, 1 + rng.poisson(2.0, len(clients)))
    start = _days(people, whose)
    order = np.argsort(start, kind="stable")
    whose, start = whose[order], start[order]
    count, last = len(whose), _last_day(people, whose)
    end = np.minimum(start + rng.integers(1, 400, count).astype("timedelta64[D]"), last)
    goes_on = np.isnat(people.died[whose]) & (rng.random(count) < 0.5)
    forgetful = people.ill[illness.DEMENTIA, whose] & (rng.random(count) < 0.8)
    own_home = rng.choice(COMPONENTS[:5], count)
    reason = np.where(people.ill[illness.DEPRESSION, whose], "Mental Health Support", rng.choice(REASONS, count))
    late = (people.age[whose] >= 65) & (reason == "Learning Disability Support")
    return Care(
        whose,
        rng.choice(EVENT_TYPES, count, p=TYPE_SHARES),
        np.where(rng.random(count) < np.where(forgetful, 0.5, 0.12), COMPONENTS[5], own_home),
        start,
        np.where(goes_on, np.datetime64("NaT"), end),
        np.select([forgetful, late], ["Memory and Cognition", PHYSICAL], reason),
    )


def causes(people: People, who: Ints) -> Texts:
    """Underlying causes of death: the gravest of a person's illnesses, else cancer or something sudden."""
    rng, ill = people.rng, people.ill[:, who]
    grave = (illness.DEMENTIA, illness.FAILURE, illness.LUNG, illness.HEART, illness.STROKE)
    of_it = [ill[number] & (rng.random(len(who)) < 0.7) for number in grave]
    other = np.where(rng.random(len(who)) < 0.5, rng.choice(CANCERS, len(who)), rng.choice(OTHER_CAUSES, len(who)))
    of_a_sex = np.where(people.sex[who] == "F", "C509", "C61X")  # cancer of the breast, of the prostate
    other = np.where((other == "C509") | (other == "C61X"), of_a_sex, other)
    return np.select(of_it, [np.full(len(who), CONDITIONS[number].icd10) for number in grave], other)
