"""What cannot be, or hardly, if each person is one person? Signs of false links that need no truth.

Something happens after a death; two sexes or two birthdays are recorded for one person. Some of it is wrong recording
and not wrong linkage, so a share is a bound and its change from run to run tells more than its height (GUILD, step 2).
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from linkage.intake.tables import quoted
from linkage.matching.ladder import LADDER, NOT_JOINED
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
NAMELESS_STEPS = tuple(step.number for step in LADDER if not any(OF_NAMES & set(key) for key in step.keys))
"""The steps that ask for no name: those of the NHS number, mostly, which no hidden number can try."""


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


def names_apart(zone: duckdb.DuckDBPyConnection) -> list[tuple[int, int, int]]:
    """step, records, apart: of the records that a nameless step joined and that stand beside another with names, how
    many agree with none of these in surname, forename, or both exchanged. Raw counts.

    Who marries keeps the forename, and a misspelt forename mostly stands beside a right surname: both apart is seldom
    one person. So apart / records estimates what of a step is wrong, by evidence that the step did not use.
    """
    found = zone.execute(
        "WITH named AS (SELECT record, person, step, f, g, nm FROM evidence JOIN links USING (record)"
        " WHERE f IS NOT NULL AND g IS NOT NULL)"
        " SELECT step, count(*), count(*) FILTER (NOT agrees) FROM (SELECT a.record, a.step,"
        " bool_or(a.f = b.f OR a.g = b.g OR coalesce(a.nm = b.nm, false)) AS agrees FROM named a JOIN named b"
        " ON a.person = b.person AND a.record <> b.record WHERE list_contains(?, a.step) GROUP BY ALL)"
        " GROUP BY step ORDER BY step",
        [list(NAMELESS_STEPS)],
    ).fetchall()
    return [(int(step), int(records), int(apart)) for step, records, apart in found]


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
