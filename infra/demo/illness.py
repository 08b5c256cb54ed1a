"""Of what are the demo's people ill? Codes with plausible prevalence by age and group, and what follows from them.

Codes are SNOMED CT, LOINC and ICD-10 as the deliveries carry them. Diabetes is commoner with age and among South Asian
people, and brings more admissions: enough truth for a question to have an answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from infra.demo.people import Ints, People, Texts

TODAY = np.datetime64("2026-09-30")
FIRST_DAY = np.datetime64("2023-10-01")
DIABETES = "44054006"
CONDITIONS: tuple[tuple[str, str, float, float], ...] = (  # code, term, share at 20, share at 80
    (DIABETES, "Diabetes mellitus type 2 (disorder)", 0.01, 0.16),
    ("38341003", "Hypertensive disorder, systemic arterial (disorder)", 0.02, 0.5),
    ("195967001", "Asthma (disorder)", 0.11, 0.09),
    ("13645005", "Chronic obstructive lung disease (disorder)", 0.001, 0.08),
    ("53741008", "Coronary arteriosclerosis (disorder)", 0.001, 0.14),
    ("35489007", "Depressive disorder (disorder)", 0.1, 0.09),
    ("709044004", "Chronic kidney disease (disorder)", 0.003, 0.2),
    ("49436004", "Atrial fibrillation (disorder)", 0.001, 0.12),
    ("52448006", "Dementia (disorder)", 0.0001, 0.09),
    ("396275006", "Osteoarthritis (disorder)", 0.01, 0.25),
)
MEASURES: tuple[tuple[str, str, str, float, float], ...] = (  # code, term, unit, mean, spread
    ("8480-6", "Systolic Blood Pressure", "mm[Hg]", 131, 17),
    ("8462-4", "Diastolic Blood Pressure", "mm[Hg]", 79, 10),
    ("39156-5", "Body mass index (BMI) [Ratio]", "kg/m2", 27.5, 5),
    ("4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood", "%", 5.7, 0.9),
    ("2093-3", "Cholesterol [Mass/volume] in Serum or Plasma", "mg/dL", 195, 38),
)
REVIEW = ("314529007", "Medication review due (situation)")
DIAGNOSES = np.array(["I10X", "E119", "J440", "J459", "I259", "N390", "J189", "S720", "K529", "R074", "I48X", "F03X"])
CAUSES = np.array(["I259", "C349", "F03X", "J449", "I64X", "G309", "J189", "C509", "K709", "N189"])
COMPONENTS = np.array(
    ["Home Support", "Direct Payment", "Telecare", "Long Term Support: Residential Care",
     "Long Term Support: Community", "Short Term Support: ST-Max"]
)  # fmt: skip
REASONS = np.array(
    ["Physical Support - Personal Care Support", "Memory and Cognition", "Mental Health Support", "Sensory Support",
     "Learning Disability Support"]
)  # fmt: skip
PERIOD_DAYS = 1095


def has(people: People, low: float, high: float) -> Any:
    """Whom a condition has found, its share rising from age 20 to age 80."""
    share = np.clip(low + (high - low) * (people.age - 20) / 60, 0, 0.9)
    return people.rng.random(people.count) < share


def events(people: People, who: Ints, ids: Texts) -> pl.DataFrame:
    """patient_id, event_date, code, term, value, unit of these people: conditions once, measures and reviews often."""
    rng = people.rng
    parts = []
    for code, term, low, high in CONDITIONS:
        found = people.diabetes if code == DIABETES else has(people, low, high)
        parts.append(_events(people, ids[found[who]], code, term))
    busy = np.clip(people.age[who] / 25, 0.4, 3.2) + 1.5 * people.diabetes[who]
    for code, term, unit, mean, spread in MEASURES:
        rows = np.repeat(np.arange(len(who)), rng.poisson(busy * 0.62))
        values = np.round(np.maximum(1.0, rng.normal(mean, spread, len(rows))), 1)
        if code == "4548-4":
            values = np.round(values + 1.6 * people.diabetes[who][rows], 1)
        parts.append(_events(people, ids[rows], code, term, values.astype("U8"), unit))
    rows = np.repeat(np.arange(len(who)), rng.poisson(busy * 0.5))
    parts.append(_events(people, ids[rows], *REVIEW))
    everything = pl.concat(parts)
    return everything[rng.permutation(everything.height)]


def _events(people: People, ids: Texts, code: str, term: str, value: Any = "", unit: str = "") -> pl.DataFrame:
    days = FIRST_DAY + people.rng.integers(0, PERIOD_DAYS, len(ids)).astype("timedelta64[D]")
    return pl.DataFrame(
        {
            "patient_id": ids,
            "event_date": pl.Series(days.astype("datetime64[D]")).dt.strftime("%d/%m/%Y"),
            "code": np.full(len(ids), code),
            "term": np.full(len(ids), term),
            "value": value if isinstance(value, np.ndarray) else np.full(len(ids), value, dtype="U1"),
            "unit": np.full(len(ids), unit, dtype="U8"),
        }
    )


def episodes(people: People) -> tuple[Ints, Ints, pl.DataFrame]:
    """Patients (people's places), for each episode its patient's place among them, and the episodes' own columns."""
    rng = people.rng
    rate = 0.22 + 0.5 * np.clip(people.age - 40, 0, 60) / 60 + 0.6 * people.diabetes
    number = rng.poisson(rate)
    patients = np.flatnonzero(number)
    rows = np.repeat(np.arange(len(patients)), number[patients])
    admitted = FIRST_DAY + rng.integers(0, PERIOD_DAYS, len(rows)).astype("timedelta64[D]")
    admitted = np.maximum(admitted, people.born[patients][rows])
    stay = rng.geometric(0.35, len(rows)) - 1
    discharged = np.minimum(admitted + stay.astype("timedelta64[D]"), TODAY)
    age = ((admitted - people.born[patients][rows]).astype(np.int64) // 365).astype(np.int64)
    main = rng.choice(DIAGNOSES, len(rows))
    second = np.where(people.diabetes[patients][rows], "E119", "")
    frame = pl.DataFrame(
        {
            "PROCODE3": np.array(["RR8", "RWY", "RXF", "RAE", "RCB"])[people.area[patients][rows] % 5],
            "ADMIMETH": rng.choice(["21", "11", "12", "13", "22"], len(rows), p=[0.55, 0.15, 0.15, 0.1, 0.05]),
            "ADMIDATE": pl.Series(admitted.astype("datetime64[D]")).dt.strftime("%Y%m%d"),
            "DISDATE": pl.Series(discharged.astype("datetime64[D]")).dt.strftime("%Y%m%d"),
            "SPELDUR": stay.astype("U4"),
            "STARTAGE": np.maximum(age, 0).astype("U4"),
            "DIAG_4_01": main,
            "DIAG_4_02": second,
            "DIAG_4_03": np.full(len(rows), "", dtype="U1"),
            "DIAG_4_04": np.full(len(rows), "", dtype="U1"),
        }
    )
    order = rng.permutation(len(rows))
    return patients, rows[order], frame[order]


def care(people: People) -> tuple[Ints, Ints, pl.DataFrame]:
    """Clients, for each event its client's place among them, and the events' own columns."""
    rng = people.rng
    share = np.clip(0.004 + 0.16 * (people.age - 60) / 35, 0.004, 0.2)
    clients = np.flatnonzero(rng.random(people.count) < share)
    rows = np.repeat(np.arange(len(clients)), 1 + rng.poisson(2.0, len(clients)))
    start = FIRST_DAY + rng.integers(0, PERIOD_DAYS, len(rows)).astype("timedelta64[D]")
    end = pl.Series((start + rng.integers(1, 400, len(rows)).astype("timedelta64[D]")).astype("datetime64[D]"))
    goes_on = pl.Series(rng.random(len(rows)) < 0.5)
    frame = pl.DataFrame(
        {
            "Event Type": rng.choice(
                ["Service", "Request", "Assessment", "Review"], len(rows), p=[0.5, 0.2, 0.15, 0.15]
            ),
            "Service Component": rng.choice(COMPONENTS, len(rows)),
            "Event Start Date": pl.Series(start.astype("datetime64[D]")).dt.strftime("%Y-%m-%d"),
            "Event End Date": end.dt.strftime("%Y-%m-%d"),
            "Primary Support Reason": rng.choice(REASONS, len(rows)),
        }
    ).with_columns(pl.when(goes_on).then(pl.lit("")).otherwise("Event End Date").alias("Event End Date"))
    return clients, rows, frame
