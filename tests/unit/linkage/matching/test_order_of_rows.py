"""In which order does leave the linkage zone what leaves it? In none that tells of whom it is: not by birthdays."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pyarrow as pa

from audit.model import service
from linkage.separation.ports import Answer
from tests.fakes.zones import LinkageBench

BY = service("test")
PEOPLE, BIRTHDAYS = 150, 10
MOSTLY_CHANCE = 2.5 / BIRTHDAYS


def _people(chance: random.Random) -> list[dict[str, str]]:
    letters = "ABCDEFGHIJKLMNO"
    people = [
        {
            "surname": f"Q{letters[n // 15]}{letters[n % 15].lower()}",
            "forenames": f"{letters[n % 15]}da",
            "sex": "F",
            "date_of_birth": f"19{50 + n % BIRTHDAYS}-07-01",
            "postcode": "LS1 1AA",
            "code": str(n),
            "local_id": str(n),
        }
        for n in range(PEOPLE)
    ]
    return chance.sample(people, len(people))


def _share(birthdays: Sequence[str]) -> float:
    """How many neighbours have one birthday."""
    return sum(one == other for one, other in pairwise(birthdays)) / (len(birthdays) - 1)


def test_neighbours_seldom_share_a_birthday(tmp_path: Path) -> None:
    """In the links and subjects that pass between the zones, and in the table of the research zone."""
    bench, chance = LinkageBench(tmp_path), random.Random(1)  # noqa: S311 - invented people
    for dataset in ("gp", "hospital"):
        bench.deliver(dataset, f"{dataset}_rows", _people(chance), {"code": "TEXT"})
    bench.clock.at += timedelta(hours=1)
    passed: dict[str, pa.Table] = {}
    run = bench.linker._runner.run

    def seen(verb: str, *asked: Any, **more: Any) -> Answer:
        answer = run(verb, *asked, **more)
        if verb == "linkage.outcome":
            passed.update(answer.tables)
        return answer

    with patch.object(bench.linker._runner, "run", seen):
        bench.linker.link(by=BY)
    with bench.zones.research(read_only=True) as research:
        rows = research.execute("SELECT subject::TEXT, code FROM gp_rows").fetchall()
        rows += research.execute("SELECT subject::TEXT, code FROM hospital_rows").fetchall()
    born: Mapping[str, str] = {subject: str(int(code) % BIRTHDAYS) for subject, code in rows}
    assert len(born) == 2 * PEOPLE
    assert _share([born[subject] for subject, _ in rows]) < MOSTLY_CHANCE
    for name in ("links", "subjects"):
        subjects = [str(subject) for subject in passed[name]["subject"].to_pylist()]
        assert len(subjects) == 2 * PEOPLE
        assert _share([born[subject] for subject in subjects]) < MOSTLY_CHANCE, name
