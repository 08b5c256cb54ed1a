"""Invented people, lists, objections, decisions: nobody who opted out is in a disclosure to which the rule applies.

The real gate and the real builder, against a slow oracle that knows nothing of zones, links or SQL.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import hypothesis.strategies as st
from hypothesis import HealthCheck, given, settings

from access.optouts.model import ObjectionState, ObjectionTarget, OptOutCase
from audit.model import organisation
from linkage.optouts.errors import ListFailed, NothingToAsk
from tests.fakes.deliveries import nhs_number
from tests.fakes.optouts import BY, COLUMNS, TABLES, OptOutHaven, one
from tests.fakes.refusals import refused

NUMBERS = [nhs_number(n) for n in range(1, 7)]
NAMES = ["Ada", "Ben", "Cay", "Dot", "Eve", "Fay"]
CONTROLLERS = ("gp", "hospital")
DATASETS = {
    "gp": {"tables": {"gp_events": {"columns": {"code": "who it is"}}}},
    "hospital": {"tables": {"hospital_episodes": {"columns": {"diag_4_01": "who it is"}}}},
}
REFERENCE = "21/CAG/0123"


@dataclass(frozen=True)
class Someone:
    """A made-up person: at whom recorded, and with which number there (None: without)."""

    gp: bool
    hospital: bool
    gp_number: bool
    hospital_number: bool


someone = st.builds(Someone, st.booleans(), st.booleans(), st.booleans(), st.booleans())
objection = st.tuples(
    st.integers(0, 5),
    st.sampled_from(["controller:gp", "controller:hospital", "project:admissions", "project:other"]),
    st.sampled_from(list(ObjectionState)),
)
decision = st.tuples(
    st.sampled_from(CONTROLLERS),
    st.sampled_from(["haven", "university"]),
    st.sampled_from([OptOutCase.SECTION_251, OptOutCase.NUMBER_MISSING]),
    st.sampled_from([None, REFERENCE, "not worth it"]),
)


@given(
    people=st.lists(someone, min_size=6, max_size=6),
    opted_out=st.sets(st.integers(0, 5)),
    used=st.sets(st.sampled_from(CONTROLLERS), min_size=1),
    objections=st.lists(objection, max_size=4),
    decisions=st.lists(decision, max_size=6),
    superseded=st.sampled_from([None, *CONTROLLERS]),
)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_nobody_who_opted_out_is_in_a_disclosure_to_which_it_applies(
    people: list[Someone],
    opted_out: set[int],
    used: set[str],
    objections: list[tuple[int, str, ObjectionState]],
    decisions: list[tuple[str, str, OptOutCase, str | None]],
    superseded: str | None,
) -> None:
    """And everybody else is: whom the oracle lets in is in the file with all their rows, and nobody besides."""
    with tempfile.TemporaryDirectory() as folder:
        haven = OptOutHaven(Path(folder))
        try:
            _play(haven, people, opted_out, used, objections, decisions, superseded)
        finally:
            haven.close()


def _play(
    haven: OptOutHaven,
    people: list[Someone],
    opted_out: set[int],
    used: set[str],
    objections: list[tuple[int, str, ObjectionState]],
    decisions: list[tuple[str, str, OptOutCase, str | None]],
    superseded: str | None,
) -> None:
    rows = (
        {
            "gp": [one(f"g{n}", NUMBERS[n] if p.gp_number else None, NAMES[n], code=NAMES[n])
                   for n, p in enumerate(people) if p.gp],
            "hospital": [one(f"h{n}", NUMBERS[n] if p.hospital_number else None, NAMES[n], diag_4_01=NAMES[n])
                         for n, p in enumerate(people) if p.hospital],
        }
    )  # fmt: skip
    haven.people(rows)
    datasets = {name: DATASETS[name] for name in used}
    haven.live(datasets=datasets)
    haven.live("other", datasets=datasets)
    for dataset, recipient, case, evidence in decisions:
        if dataset in used:
            haven.clock_on()
            haven.optouts.decide("admissions", dataset, recipient, case, evidence, by=organisation(dataset))
    concerned = used | {"gp", "hospital"}
    for number, (who, target, state) in enumerate(objections):
        kind, _, name = target.partition(":")
        if name not in concerned | {"admissions", "other"}:
            continue
        haven.name_objector(NUMBERS[who], f"o{number}")
        goal = ObjectionTarget(kind, name)
        haven.optouts.record_objection(f"o{number}", goal, "a wish", by=organisation("gp"))
        if state is not ObjectionState.OPEN:
            by = organisation(name if kind == "controller" else sorted(used)[0])
            haven.optouts.answer(f"o{number}", goal, state, "reasons", by=by)
    missing = _missing_list(haven, [NUMBERS[n] for n in opted_out])
    applies, numberless_stay = _oracle_applies(used, decisions)
    if applies and missing:
        assert refused(haven.publish) == missing
        return
    heeds = applies or bool(haven.disclosures.plan(haven.access.live_scope("admissions")).objections)
    if superseded and rows[superseded] and heeds:  # the same again, and nothing linked since
        haven.clock_on()
        before = haven.bench.newest(superseded)
        haven.bench.deliver(superseded, TABLES[superseded], rows[superseded], COLUMNS[superseded], supersedes=before)
        assert refused(haven.publish) == "optouts.linkage_due"
        haven.bench.linker.link(by=BY)
    haven.publish()
    expected = _oracle_people(people, opted_out, used, objections, applies, numberless_stay)
    found = haven.codes()
    for dataset, table in (("gp", "gp_events"), ("hospital", "hospital_episodes")):
        if dataset in used:
            assert found[table] == sorted(NAMES[n] for n in expected if getattr(people[n], dataset))


def _missing_list(haven: OptOutHaven, opted_out: list[str]) -> str | None:
    """Ask for the list; where none can be had, the rule by which a disclosure that needs it is refused."""
    try:
        haven.refresh(opted_out)
    except ListFailed:  # the answer could not be used
        return "optouts.list_failed"
    except NothingToAsk:  # nobody has a number
        return "optouts.no_list"
    return None


def _oracle_applies(used: set[str], decisions: list[tuple[str, str, OptOutCase, str | None]]) -> tuple[bool, bool]:
    """To the disclosure as a whole, and may people without a number stay: from the last word on each flow."""
    applying, staying = [], []
    for dataset in used:
        for recipient in ("haven", "university"):
            said = {case: evidence for d, r, case, evidence in decisions if (d, r) == (dataset, recipient)}
            applies = said.get(OptOutCase.SECTION_251) != REFERENCE
            applying.append(applies)
            if applies:
                staying.append(bool(said.get(OptOutCase.NUMBER_MISSING)))
    return any(applying), all(staying)


def _oracle_people(
    people: list[Someone],
    opted_out: set[int],
    used: set[str],
    objections: list[tuple[int, str, ObjectionState]],
    applies: bool,
    numberless_stay: bool,
) -> set[int]:
    """Who may be in the file. Everybody is one person across datasets: their names and birthdays differ."""
    heeded = {f"controller:{name}" for name in used} | {"project:admissions"}
    left = set()
    for n, p in enumerate(people):
        numbered = (p.gp and p.gp_number) or (p.hospital and p.hospital_number)
        objects = any(
            who == n and target in heeded and state in (ObjectionState.OPEN, ObjectionState.UPHELD)
            for who, target, state in objections
        )
        out = (objects and numbered) or (
            applies and ((numbered and n in opted_out) or (not numbered and not numberless_stay))
        )
        if not out:
            left.add(n)
    return left
