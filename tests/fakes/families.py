"""Two lists of the same families, years apart, that tell ages: children are born, daughters marry, houses move.

Seeded; ages are a little wrong, as clerks wrote them; no name is anybody's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from tests.fakes.strangers import People, people_of, typo

HEADINGS = ["ref", "forename", "surname", "sex", "age", "occupation", "birth_place", "parish"]


@dataclass(frozen=True)
class Member:
    """Of a family, as the earlier list has it."""

    forename: str
    surname: str
    sex: str
    age: int
    born_in: str


def listed_twice(folder: Path, *, houses: int = 400, apart: int = 10, seed: int = 5) -> dict[str, Path]:
    """Paths of `left`, `right` and `truth` (pairs of refs); the right list is so many years later."""
    people = people_of("old", seed, surnames=600, forenames=50, places=50)
    left: list[list[str]] = []
    right: list[list[str]] = []
    truth: list[list[str]] = []
    for _ in range(houses):
        parish, later = people.one_of(people.places, 0.6), people.one_of(people.places, 0.6)
        later = later if people.chance(0.35) else parish
        gone = people.chance(0.2)
        for member in _family(people, parish):
            left.append([f"a{len(left)}", *_written(people, member, member.age, parish)])
            if gone or people.chance(0.25):
                continue
            married = member.sex == "F" and 10 <= member.age < 20 and people.chance(0.5)
            kept = replace(member, surname=people.one_of(people.surnames, 0.7)) if married else member
            right.append([f"b{len(right)}", *_written(people, kept, member.age + apart, later)])
            truth.append([left[-1][0], right[-1][0]])
        for member in _family(people, later)[2:] if people.chance(0.5) else []:
            young = replace(member, age=int(people.random.integers(0, max(apart, 1))))
            right.append([f"b{len(right)}", *_written(people, young, young.age, later)])
    paths = {name: folder / f"families-{name}.csv" for name in ("left", "right", "truth")}
    shuffled = [right[at] for at in people.random.permutation(len(right))]
    for name, heads, rows in (("left", HEADINGS, left), ("right", HEADINGS, shuffled), ("truth", ["a", "b"], truth)):
        pl.DataFrame(rows, schema=dict.fromkeys(heads, pl.String), orient="row").write_csv(paths[name])
    return paths


def _family(people: People, parish: str) -> list[Member]:
    """Parents, and up to six children of different names."""
    surname, age = people.one_of(people.surnames, 0.7), int(people.random.integers(24, 60))
    members: dict[str, Member] = {}
    for place in range(2 + int(people.random.integers(0, 7))):
        sex = "MF"[place % 2] if place < 2 else "MF"[int(people.random.integers(0, 2))]
        old = age - place if place < 2 else int(people.random.integers(0, max(1, min(age - 20, 25))))
        born_in = people.one_of(people.places, 0.6) if place < 2 and people.chance(0.5) else parish
        name = people.one_of(people.forenames[sex], 1.0)
        members.setdefault(name, Member(name, surname, sex, old, born_in))
    return list(members.values())


def _written(people: People, member: Member, age: int, parish: str) -> list[str]:
    told = age + (int(people.random.choice([-2, -1, 1, 2])) if age > 3 and people.chance(0.25) else 0)
    row = [
        typo(member.forename, people) if people.chance(0.05) else member.forename,
        typo(member.surname, people) if people.chance(0.07) else member.surname,
        member.sex,
        str(round(told / 5) * 5 if told > 20 and people.chance(0.1) else told),
        people.one_of(people.trades, 0.8) if age > 12 else "",
        member.born_in,
        parish,
    ]
    return ["" if people.chance(0.03) else value for value in row]
