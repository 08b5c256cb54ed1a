"""Of what are the demo's people ill, and what follows? Codes with plausible prevalence by age, sex and group.

Codes are SNOMED CT, LOINC and ICD-10 as the deliveries carry them. Diabetes is commoner with age and among South Asian
people and brings more admissions; dementia brings care: enough truth for a question to have an answer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Texts = npt.NDArray[np.str_]
Bools = npt.NDArray[np.bool_]

TODAY = np.datetime64("2026-09-30")
FIRST_DAY = np.datetime64("2023-10-01")


@dataclass(frozen=True)
class Condition:
    """A long-term condition: its share at ages 20 and 80, and what it adds: admissions in the period, risk of death."""

    code: str
    term: str
    icd10: str
    at_20: float
    at_80: float
    admissions: float = 0.05
    deadly: float = 1.0  # the risk of death is so many times as high
    women: float = 1.0  # how many times as common as among men
    south_asian: float = 1.0  # how many times as common as among others


CONDITIONS = (
    Condition("44054006", "Diabetes mellitus type 2 (disorder)", "E119", 0.01, 0.16, 0.55, 1.3, 0.8, 2.2),
    Condition("38341003", "Hypertensive disorder, systemic arterial (disorder)", "I10X", 0.02, 0.5, 0.05, 1.1),
    Condition("195967001", "Asthma (disorder)", "J459", 0.11, 0.09, 0.1, 1.0, 1.2),
    Condition("13645005", "Chronic obstructive lung disease (disorder)", "J449", 0.001, 0.08, 0.7, 1.8),
    Condition("53741008", "Coronary arteriosclerosis (disorder)", "I259", 0.001, 0.14, 0.5, 1.6, 0.6, 1.5),
    Condition("84114007", "Heart failure (disorder)", "I509", 0.0005, 0.08, 0.9, 2.2),
    Condition("49436004", "Atrial fibrillation (disorder)", "I48X", 0.001, 0.12, 0.35, 1.3),
    Condition("230690007", "Cerebrovascular accident (disorder)", "I639", 0.0005, 0.05, 0.6, 1.7),
    Condition("709044004", "Chronic kidney disease (disorder)", "N189", 0.003, 0.2, 0.3, 1.4),
    Condition("52448006", "Dementia (disorder)", "F03X", 0.0001, 0.09, 0.4, 2.5, 1.3),
    Condition("35489007", "Depressive disorder (disorder)", "F329", 0.1, 0.09, 0.1, 1.1, 1.6),
    Condition("396275006", "Osteoarthritis (disorder)", "M199", 0.01, 0.25, 0.1, 1.0, 1.4),
    Condition("64859006", "Osteoporosis (disorder)", "M819", 0.001, 0.09, 0.1, 1.1, 3.0),
    Condition("84757009", "Epilepsy (disorder)", "G409", 0.009, 0.012, 0.3, 1.2),
)
DIABETES = 0
HYPERTENSION, ASTHMA, LUNG, HEART, FAILURE = 1, 2, 3, 4, 5
STROKE, DEMENTIA, DEPRESSION = 7, 9, 10


def who_is_ill(rng: np.random.Generator, age: Ints, south_asian: Bools, sex: Texts) -> Bools:
    """conditions x people: whom each condition has found, its share rising or falling between the ages 20 and 80."""
    found = np.zeros((len(CONDITIONS), len(age)), dtype=bool)
    place = np.clip((age - 20) / 60, 0, 1.1)
    grown = np.clip(age / 20, 0, 1)
    women = sex == "F"
    for number, condition in enumerate(CONDITIONS):
        share = (condition.at_20 + (condition.at_80 - condition.at_20) * place) * grown
        share = share * np.where(women, condition.women, 1.0) * np.where(south_asian, condition.south_asian, 1.0)
        found[number] = rng.random(len(age)) < np.clip(share, 0, 0.9)
    return found


def risk_of_death(age: Ints, ill: Bools) -> Floats:
    """Of dying in the period: it doubles about every eight years of age, and grows with some illnesses."""
    risk = 3 * 0.00003 * np.exp(age / 11.5)
    for number, condition in enumerate(CONDITIONS):
        if condition.deadly != 1.0:
            risk = np.where(ill[number], risk * condition.deadly, risk)
    return np.asarray(np.minimum(risk, 0.75), dtype=np.float64)


def admissions(age: Ints, ill: Bools) -> Floats:
    """How many episodes in the whole period are to be expected."""
    rate = 0.27 + 0.35 * np.clip(age - 40, 0, 60) / 60
    for number, condition in enumerate(CONDITIONS):
        rate = rate + condition.admissions * ill[number]
    return np.asarray(rate, dtype=np.float64)


def share_in_care(age: Ints, ill: Bools) -> Floats:
    """Adults with social care: more with age, far more with dementia or after a stroke."""
    share = np.clip(0.018 + 0.16 * (age - 60) / 35, 0.018, 0.2)
    share = share * np.where(ill[DEMENTIA], 4.0, 1.0) * np.where(ill[STROKE], 2.5, 1.0)
    return np.where(age >= 21, np.minimum(share, 0.8), 0.0)  # adults on the first day already
