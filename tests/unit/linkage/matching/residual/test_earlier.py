"""Whoever comes later is held to what earlier runs made of those whom nobody looks at again, and people are asked."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from unittest.mock import patch

import duckdb
import polars as pl
import pytest

from linkage.matching.residual import settling
from linkage.matching.residual.reduction import SEVERAL
from linkage.matching.residual.settling import ResidualPlan
from linkage.matching.residual.weighing import NOTHING_WEIGHED
from tests.fakes.deliveries import nhs_number
from tests.fakes.linkage_models import made_model
from tests.fakes.linkage_zone import ADA, LinkageZone, Row


def _row(dataset: str, name: str, **changes: str | None) -> Row:
    return {**ADA, "dataset": dataset, "local_id": name, **changes}


def _misheard(dataset: str, name: str, **changes: str | None) -> Row:
    """No step of the ladder joins Ada and this; the model does."""
    return _row(dataset, name, **{"surname": "Warrington", "date_of_birth": "1951-03-19", **changes})


def _misheard_again(dataset: str, name: str, **changes: str | None) -> Row:
    """No step joins this with the one that was misheard, nor with Ada; the model does both."""
    return _misheard(dataset, name, **{"surname": "Warringtan", "date_of_birth": "1951-03-18", **changes})


OTHERS = [
    _row(dataset, f"{dataset}{n}", surname=f"{kind}{n}xyz", forenames=kind, date_of_birth=f"19{20 + n}-07-01")
    for dataset, kind in (("gp", "Zed"), ("hospital", "Yan"), ("care", "Xia"), ("deaths", "Una"))
    for n in range(2)
]
"""Strangers, so that every dataset is there before, and what comes is few."""
AS_MANY = [{**row, "postcode": f"M{place} 2BB"} for place, row in enumerate(OTHERS, 1)]


def _together(zone: LinkageZone) -> set[frozenset[str]]:
    """Which of the rows with one letter's name are one person's."""
    return {frozenset(group) for group in zone.together() if all(len(name) == 1 for name in group)}


def _linked(deliveries: Sequence[Sequence[Row]], registers: Sequence[str] = ()) -> LinkageZone:
    zone = LinkageZone(ResidualPlan(made_model(), "model"), registers)
    for number, rows in enumerate(deliveries):
        zone.bring(str(number), rows if number else [*rows, *AS_MANY])
        zone.link()
    return zone


ADA_AND_MISHEARD = (_row("gp", "a"), _misheard("hospital", "b"))
LATER = {
    "a row of a register in which the person is": (ADA_AND_MISHEARD, [_misheard_again("gp", "c")], ["gp"]),
    "another NHS number than the person's": (
        (_row("gp", "a", nhs_number=nhs_number(1)), _misheard("hospital", "b")),
        [_misheard_again("care", "c", nhs_number=nhs_number(2))],
        [],
    ),
    "a row of the person's dataset that does not fit the person's row of it": (
        ADA_AND_MISHEARD,
        [_misheard_again("gp", "c", surname="Wallington", date_of_birth="1952-03-19")],
        [],
    ),
    "somebody whom the ladder found in two datasets": (
        ADA_AND_MISHEARD,
        [_misheard_again("gp", "c"), _misheard_again("deaths", "d")],
        ["gp"],
    ),
}


@pytest.mark.parametrize("why", LATER)
def test_who_fits_a_part_of_a_person_comes_later_and_people_are_asked(why: str) -> None:
    """At once nobody is joined and both pairs are asked; later the person stays, and the new pair is asked."""
    earlier, later, registers = LATER[why]
    new = frozenset(str(row["local_id"]) for row in later)
    once = _linked([[*earlier, *later]], registers)
    assert _together(once) == {frozenset("a"), frozenset("b"), new}
    one_by_one = _linked([earlier, later], registers)
    assert _together(one_by_one) == {frozenset("ab"), new}
    assert _asked(one_by_one) == {(frozenset("ab"), new)}
    one_by_one.link(everybody=True)
    assert (one_by_one.together(), _asked(one_by_one)) == (once.together(), _asked(once))


def test_who_fits_two_that_people_told_apart_is_joined_to_neither() -> None:
    """Later or at once: a third that fits both does not make them one person, and people are asked whose it is."""
    zone = _linked([ADA_AND_MISHEARD])
    zone.decide("a", "b", same=False)
    zone.link()
    zone.bring("later", [_misheard_again("care", "c")])
    for everybody in (False, True):
        zone.link(everybody=everybody)
        assert _together(zone) == {frozenset("a"), frozenset("b"), frozenset("c")}
        assert zone.doubtful() == {(frozenset("ac"), SEVERAL), (frozenset("bc"), SEVERAL)}


def test_who_fits_somebody_who_is_asked_about_is_not_joined_either() -> None:
    """One fits two and is joined to neither; whoever comes and fits it too is asked about, as at once."""
    asked = [_row("gp", "a"), _misheard("hospital", "b"), _misheard_again("gp", "c")]
    later = _misheard("care", "d", surname="Wallington", date_of_birth="1952-03-19")
    zone, once = _linked([asked, [later]], ["gp"]), _linked([[*asked, later]], ["gp"])
    assert (frozenset("bd"), SEVERAL) in zone.doubtful()
    assert (_together(zone), zone.doubtful()) == (_together(once), once.doubtful())
    assert _together(zone) == {frozenset("a"), frozenset("b"), frozenset("c"), frozenset("d")}


def test_a_part_of_a_person_finds_somebody_of_their_own() -> None:
    """Who fits the person in all goes with them, later as at once; the person keeps the number they had."""
    zone = _linked([ADA_AND_MISHEARD])
    before = zone.persons()
    zone.bring("later", [_misheard_again("care", "c")])
    zone.link()
    assert _together(zone) == {frozenset("abc")}
    assert zone.persons()["c"] == before["a"]
    assert zone.changes() == set()
    zone.counting.remove("later")
    zone.link()
    assert _together(zone) == {frozenset("ab")}


def test_a_contested_number_keeps_nobody_apart_from_who_comes_later() -> None:
    """A number that two datasets know as another person's is nobody's evidence, later as at once."""
    number = nhs_number(1)
    zoe = {"forenames": "Zoe", "date_of_birth": "1984-11-02", "postcode": "M7 7AA"}
    earlier = [
        _row("gp", "a", nhs_number=number),
        _row("hospital", "x", nhs_number=number),
        _row("care", "b", **zoe, nhs_number=number),
    ]
    later = _row(
        "deaths", "c", **{**zoe, "date_of_birth": "1984-11-03"}, surname="Warrington", nhs_number=nhs_number(2)
    )
    for deliveries in ([[*earlier, later]], [earlier, [later]]):
        assert _together(_linked(deliveries, ["gp"])) == {frozenset("ax"), frozenset("bc")}


def _weighed(*heavy: str) -> Callable[..., pl.DataFrame]:
    """In place of the model: these pairs of rows are one person's, and no others."""

    def weighed(zone: duckdb.DuckDBPyConnection, *_: object, **__: object) -> pl.DataFrame:
        rows = zone.execute(
            "SELECT l, r, a.local_id, b.local_id FROM candidates JOIN identity a ON a.record = l"
            " JOIN identity b ON b.record = r"
        ).fetchall()
        wanted = {frozenset(pair) for pair in heavy}
        found = [
            (left, right, 20.0 if frozenset((a, b)) in wanted else -5.0, '{"born": 5}') for left, right, a, b in rows
        ]
        return pl.DataFrame(found, schema=NOTHING_WEIGHED.schema, orient="row")

    return weighed


NUMBER = nhs_number(1)
OF_ANOTHER = (_row("gp", "a", nhs_number=NUMBER), _row("hospital", "x", nhs_number=NUMBER))
ZOE: Row = {"forenames": "Zoe", "surname": "Quill", "date_of_birth": "1984-11-02", "postcode": "M7 7AA"}
ZOE_AS_ADA: Row = {**ZOE, "nhs_number": NUMBER}
MARRIED: Row = {**ZOE, "surname": "Warrington", "date_of_birth": "1984-11-03"}
ELSEWHERE: Row = {**MARRIED, "date_of_birth": "1984-12-25"}
CONTESTED: dict[str, tuple[list[Row], Row, Collection[str], str]] = {
    "beside a row of the same dataset": (
        [_row("care", "b", **ZOE_AS_ADA), _row("care", "d", **{**ZOE, "postcode": "M8 8AA"})],
        _row("deaths", "c", **{**MARRIED, "postcode": "M8 8AA"}),
        ["cd"],
        "bcd",
    ),
    "beside a row of the same dataset, with others who are one already": (
        [
            _row("care", "b", **ZOE_AS_ADA),
            _row("care", "d", **{**ZOE, "postcode": "M8 8AA"}),
            *(_row("deaths", name, **{**ELSEWHERE, "postcode": f"M9 {n}AA"}) for n, name in enumerate("cfg")),
        ],
        _row("deaths", "e", **{**ELSEWHERE, "postcode": "M8 8AA"}),
        ["de", "be"],
        "bcdefg",
    ),
    "beside a row of another dataset without a number": (
        [_row("care", "b", **ZOE_AS_ADA), _row("hospital", "e", **ZOE)],
        _row("deaths", "c", **MARRIED, nhs_number=nhs_number(2)),
        ["bc", "ce"],
        "bce",
    ),
    "beside a row of another dataset with another number": (
        [_row("care", "b", **ZOE_AS_ADA), _row("hospital", "e", **ZOE, nhs_number=nhs_number(3))],
        _row("deaths", "c", **MARRIED),
        ["bc", "ce"],
        "bce",
    ),
}


@pytest.mark.parametrize("where", CONTESTED)
def test_who_has_a_contested_number_is_one_part(where: str) -> None:
    """Whom the ladder joined to somebody whose number it let go stays with them, and the number stays let go."""
    earlier, later, heavy, expected = CONTESTED[where]
    everybody = [*OF_ANOTHER, *earlier]
    with patch.object(settling, "weigh_in_slices", _weighed(*heavy)):
        for deliveries in ([[*everybody, later]], [everybody, [later]]):
            zone = _linked(deliveries)
            assert _together(zone) == {frozenset("ax"), frozenset(expected)}
            assert zone.doubtful() == set()


def test_whom_people_tell_apart_has_a_number_again() -> None:
    """It is no longer asked whose it is: later as at once, another number keeps apart."""
    earlier, _, _, _ = CONTESTED["beside a row of the same dataset"]
    later = _row("deaths", "c", **MARRIED, nhs_number=nhs_number(2))
    with patch.object(settling, "weigh_in_slices", _weighed("bc")):
        zone = _linked([[*OF_ANOTHER, *earlier]])
        zone.decide("b", "d", same=False)
        zone.link()
        zone.bring("later", [later])
        for everybody in (False, True):
            zone.link(everybody=everybody)
            assert _together(zone) == {frozenset("ax"), frozenset("b"), frozenset("c"), frozenset("d")}


def _asked(zone: LinkageZone) -> set[tuple[frozenset[str], ...]]:
    """Which persons people are asked about; which two rows stand for them may differ."""
    whose = {name: group for group in zone.together() for name in group}
    return {tuple(sorted({whose[name] for name in pair}, key=sorted)) for pair, _ in zone.doubtful()}
