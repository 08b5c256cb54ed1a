"""What cannot be, or hardly, if each person is one person? Signs of false links that need no truth.

Something happens after a death; two sexes or two birthdays are recorded for one person. Some of it is wrong recording
and not wrong linkage, so a share is a bound and its change from run to run tells more than its height (GUILD, step 2).
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from linkage.intake.tables import quoted
from linkage.matching.ladder import LADDER, NOT_JOINED, PARTS_OF_BIRTH, LadderStep
from linkage.zones import count

DEATHS = ("deaths", "date_of_death")
ACTIVITY = {"gp_events": "event_date", "hospital_episodes": "admidate", "care_events": "event_start_date"}
"""The date on which a person must have lived, by table. What is written of the dead (letters, results) comes late."""
GRACE_DAYS = 30
SIGNS = {
    "s": "people with two sexes recorded",
    "b": "people with two dates of birth recorded",
    "b_y": "people with two years of birth recorded",
    "g": "people with two forenames recorded (pet forms are one)",
}


OF_NAMES = {"f", "g", "fs", "gi", "nm"}
PARTS = ("b_y", *PARTS_OF_BIRTH)


@dataclass(frozen=True)
class Unasked:
    """What two records of one person mostly agree in, and a step did not ask for. known: are both so far known?"""

    what: str
    known: str
    agrees: str


A_NAME = Unasked(
    "surname or forename",
    "a.f IS NOT NULL AND a.g IS NOT NULL AND b.f IS NOT NULL AND b.g IS NOT NULL",
    "a.f = b.f OR a.g = b.g OR coalesce(a.nm = b.nm, false)",
)
A_BIRTHDAY = Unasked(
    "a part of the birthday",
    "a.b IS NOT NULL AND b.b IS NOT NULL",
    " OR ".join(f"coalesce(a.{part} = b.{part}, false)" for part in PARTS),
)
THE_SURNAME = Unasked("surname", "a.f IS NOT NULL AND b.f IS NOT NULL", "a.f = b.f OR coalesce(a.nm = b.nm, false)")


def _unasked(step: LadderStep) -> Unasked | None:
    """By what a step is tried that no hidden number can try, or None where one can: it asks for no number."""
    asked = {field for key in step.keys for field in key}
    if not OF_NAMES & asked:
        return A_NAME
    if not step.certain:
        return None
    return THE_SURNAME if "f" not in asked else A_BIRTHDAY


UNASKED = {step.number: unasked for step in LADDER if (unasked := _unasked(step))}
"""The steps of the NHS number, and those that ask for no name, each with what it is tried by."""


@dataclass(frozen=True)
class Sign:
    """what: the sign in words; of: how many people could show it; shown: how many do. Raw counts."""

    what: str
    of: int
    shown: int


def contradicting_records(zone: duckdb.DuckDBPyConnection) -> list[Sign]:
    """Of the people with several records in the linkage zone: whose records differ in what does not change."""
    signs = []
    for field, what in SIGNS.items():
        (of, shown), *_ = zone.execute(
            f"SELECT count(*), count(*) FILTER (low <> high) FROM (SELECT min({field}) AS low, max({field}) AS high"
            f" FROM evidence JOIN links USING (record) WHERE step <> {NOT_JOINED} AND {field} IS NOT NULL"
            " GROUP BY person HAVING count(*) > 1)"
        ).fetchall()
        signs.append(Sign(what, int(of), int(shown)))
    return signs


def apart_elsewhere(zone: duckdb.DuckDBPyConnection) -> list[tuple[int, int, int]]:
    """step, records, apart: of the records that a step of UNASKED joined and that stand beside another of which the
    same is known, how many agree with none of these in what the step did not ask for. Raw counts.

    Who marries keeps the forename, a misspelt forename mostly stands beside a right surname, and of a wrong birthday a
    part is mostly right: all of it apart is seldom one person. So apart / records estimates what of a step is wrong.
    """
    found = []
    for step, unasked in UNASKED.items():
        (records, apart), *_ = zone.execute(
            "WITH told AS (SELECT e.*, person, step FROM evidence e JOIN links USING (record))"
            " SELECT count(*), count(*) FILTER (NOT agrees) FROM"
            f" (SELECT a.record, bool_or({unasked.agrees}) AS agrees FROM told a JOIN told b"
            f" ON a.person = b.person AND a.record <> b.record WHERE a.step = ? AND {unasked.known} GROUP BY a.record)",
            [step],
        ).fetchall()
        if records:
            found.append((step, int(records), int(apart)))
    return found


def active_after_death(zone: duckdb.DuckDBPyConnection) -> list[Sign]:
    """Of the people of each table in the research zone whose death is registered: who is active after it."""
    table, died = DEATHS
    have = {
        (str(one), str(column))
        for one, column in zone.execute(
            "SELECT table_name, column_name FROM duckdb_columns() WHERE database_name = 'zone'"
        ).fetchall()
    }
    if DEATHS not in have:
        return []
    dead = f"SELECT person, max({quoted(died)}) AS died FROM {quoted(table)} GROUP BY person"
    signs = []
    for other, column in ACTIVITY.items():
        if (other, column) not in have:
            continue
        both = f"FROM {quoted(other)} t JOIN ({dead}) d ON t.person = d.person"
        of = count(zone, f"SELECT count(DISTINCT t.person) {both}")
        late = f"{both} WHERE t.{quoted(column)} > died + INTERVAL {GRACE_DAYS} DAY"
        shown = count(zone, f"SELECT count(DISTINCT t.person) {late}")
        signs.append(Sign(f"the dead with a row of {other} over {GRACE_DAYS} days after their death", of, shown))
    return signs
