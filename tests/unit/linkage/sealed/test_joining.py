"""Records in mode B beside identified ones: who is joined, who is not and why, and what becomes of them over time."""

from __future__ import annotations

import polars as pl
import pytest

from audit.progress import silent
from linkage.references.tables import prepare_references
from linkage.sealed.composites import sealed_tokens
from linkage.sealed.filters import FILTER
from linkage.sealed.known import known_records
from linkage.sealed.service import link_sealed
from tests.fakes.linkage_zone import AT
from tests.fakes.sealed_zone import SealedZone

N1, N2, N3 = "9990000018", "9990000026", "9990000034"
NO_PLACE: dict[str, str | None] = {"postcode": None}


def _person(name: str, dataset: str = "gp", /, **changes: str | None) -> dict[str, str | None]:
    row: dict[str, str | None] = {
        "local_id": name,
        "dataset": dataset,
        "nhs_number": N1,
        "surname": "Hale",
        "forenames": "Zara",
        "sex": "F",
        "date_of_birth": "1980-02-03",
        "postcode": "LS1 2AB",
    }
    return row | changes


@pytest.fixture
def zone() -> SealedZone:
    """Nobody yet."""
    return SealedZone()


@pytest.mark.parametrize(
    ("changes", "step"),
    [
        ({}, 1),
        ({"date_of_birth": "1980-05-09"}, 2),
        ({"date_of_birth": "1990-02-03"}, 3),
        ({"date_of_birth": "1991-05-09", "sex": None}, 4),
        ({"nhs_number": None}, 5),
        ({"nhs_number": None, "date_of_birth": "1980-05-09"}, 6),
        ({"nhs_number": None, "date_of_birth": "1990-02-03"}, 7),
        ({"nhs_number": None, "surname": "Ngata"}, 8),
        ({"nhs_number": None, "surname": "Ngata", "forenames": "Z"}, 9),
        ({"nhs_number": None, "surname": None, "forenames": None}, 10),
        ({"nhs_number": None, "surname": "Hail", "postcode": "M1 1AA"}, 11),
        ({"nhs_number": None, "sex": None, "postcode": "M1 1AA"}, 12),
    ],
)
def test_each_key_finds_its_person(zone: SealedZone, changes: dict[str, str | None], step: int) -> None:
    """A record that agrees on a key becomes that person's, with the key's step."""
    zone.bring("a", [_person("p")])
    zone.bring_sealed("b", [_person("s", "hospital", **changes)])
    zone.link_all()
    assert zone.sealed()["s"] == (zone.persons()["p"], step, None)


@pytest.mark.parametrize(
    ("known", "sealed", "flag"),
    [
        ([{}], {"nhs_number": N2}, "nhs_number_contradicts"),
        ([{"nhs_number": None}, {"nhs_number": N2, "forenames": "Ada"}],
         {"nhs_number": None, "surname": None, "forenames": None}, "several_candidates"),
        ([{"nhs_number": None}], {"nhs_number": None, "surname": "Ngata", "forenames": "Mo"}, "several_candidates"),
        ([{}], {"nhs_number": None, "surname": "Ngata", "forenames": "Mo", "postcode": "M1 1AA"}, "no_match"),
        ([{}], {"nhs_number": None, "surname": "Ngata", "forenames": None, "postcode": "M1 1AA"}, "too_little"),
    ],
    ids=["another NHS number", "two persons fit", "twins by their initials", "nobody fits", "too little is known"],
)  # fmt: skip
def test_who_is_joined_to_nobody(
    zone: SealedZone, known: list[dict[str, str | None]], sealed: dict[str, str | None], flag: str
) -> None:
    """The guards hold as on the ladder: the record has a person of its own, no step, and the reason."""
    zone.bring("a", [_person(f"p{place}", **changes) for place, changes in enumerate(known)])
    zone.bring_sealed("b", [_person("s", "hospital", **sealed)])
    zone.link_all()
    person, step, found = zone.sealed()["s"]
    assert (step, found) == (0, flag)
    assert person not in zone.persons().values()


def test_a_register_has_one_row_of_a_person(zone: SealedZone) -> None:
    """Of two rows of a register that fit one person by names and birthday at most one is joined, by more than that.

    By NHS number both are: two rows are two people unless their NHS numbers say otherwise.
    """
    zone.bring("a", [_person("p")])
    less: dict[str, str | None] = {"nhs_number": None}
    zone.bring_sealed("b", [_person("s1", "deaths", **less), _person("s2", "deaths", **less, postcode="M1 1AA")])
    zone.bring_sealed("c", [_person("s3", "births"), _person("s4", "births", postcode="M1 1AA")])
    zone.link_all(registers=["deaths", "births"])
    found, person = zone.sealed(), zone.persons()["p"]
    assert found["s1"] == (person, 6, None)  # also the postcode
    assert found["s2"][1:] == (0, "several_candidates")
    assert {found["s3"][0], found["s4"][0]} == {person}


def test_a_persons_one_row_of_a_register_is_taken(zone: SealedZone) -> None:
    """Who has a row in the register already is not given a second one by names and birthday."""
    zone.bring("a", [_person("p", "deaths")])
    zone.bring_sealed("b", [_person("s", "deaths", nhs_number=None)])
    zone.link_all(registers=["deaths"])
    assert zone.sealed()["s"][2] == "several_candidates"


def test_sealed_records_that_match_nobody_are_joined_among_themselves_by_certain_keys_only(zone: SealedZone) -> None:
    """One person by an NHS number and more; two by names and birthday. The group's number stays from run to run."""
    zone.bring("a", [_person("p", nhs_number=N3, surname="Ngata", forenames="Mo", date_of_birth="1950-06-07")])
    less: dict[str, str | None] = {"nhs_number": None, "surname": "Omar", "forenames": "Ada"}
    zone.bring_sealed(
        "b",
        [
            _person("s1", "hospital"),
            _person("s2", "hospital", postcode="M1 1AA"),
            _person("s3", "hospital", **less),
            _person("s4", "hospital", **less, postcode="M1 1AA"),
        ],
    )
    zone.link_all()
    before = zone.sealed()
    assert before["s1"][0] == before["s2"][0]
    assert before["s1"][1] == 1
    assert len({person for person, _, _ in before.values()}) == 3
    zone.link_all()
    assert zone.sealed() == before


def test_one_that_has_met_somebody_speaks_for_its_group(zone: SealedZone) -> None:
    """A record without names and place is joined through another that has the same NHS number and birthday."""
    zone.bring("a", [_person("p", nhs_number=None)])
    zone.bring_sealed(
        "b",
        [_person("s1", "hospital"), _person("s2", "hospital", surname=None, forenames=None, postcode=None)],
    )
    zone.link_all()
    found, person = zone.sealed(), zone.persons()["p"]
    assert found["s1"][:2] == (person, 5)
    assert found["s2"][:2] == (person, 1)


def test_a_later_identified_delivery_finds_who_was_unmatched(zone: SealedZone) -> None:
    """The sealed record's own number ends in a merge into the person, and is told as one."""
    zone.bring("a", [_person("q", nhs_number=N2, surname="Ngata", forenames="Mo", date_of_birth="1950-06-07")])
    zone.bring_sealed("b", [_person("s", "hospital")])
    zone.link_all()
    own = zone.sealed()["s"][0]
    zone.bring("c", [_person("p")])
    zone.link_all()
    person = zone.persons()["p"]
    assert zone.sealed()["s"][0] == person != own
    assert (own, person, "merge") in zone.changes()


def test_a_link_follows_its_record_when_persons_merge(zone: SealedZone) -> None:
    """Two persons turn out to be one by a third delivery: the sealed record is of the one that is left, told once."""
    zone.bring("a", [_person("p", nhs_number=None, postcode="M1 1AA", surname="Ngata")])
    zone.bring("a2", [_person("q", "deaths")])
    zone.bring_sealed("b", [_person("s", "hospital", nhs_number=None, surname="Ngata", postcode="M1 1AA")])
    zone.link_all()
    assert zone.sealed()["s"][0] == zone.persons()["p"] != zone.persons()["q"]
    zone.bring("c", [_person("r", "care", postcode="M1 1AA", surname="Ngata"), _person("t", "care")])
    zone.link_all()
    persons = zone.persons()
    assert persons["p"] == persons["q"]
    assert zone.sealed()["s"][0] == persons["p"]
    assert len(zone.changes()) == len(set(zone.changes())) == 1


def test_when_the_round_ends_tokens_go_and_links_stay(zone: SealedZone) -> None:
    """After the key's destruction a run removes every token; links stay, and nobody new is found."""
    zone.bring("a", [_person("p")])
    zone.bring_sealed("b", [_person("s1", "hospital"), _person("s2", "hospital", nhs_number=N2, forenames="Ada")])
    zone.link_all()
    before = zone.sealed()
    del zone.rounds["r1"]
    zone.bring("c", [_person("q", "care", nhs_number=N2, forenames="Ada")])
    zone.link_all()
    assert zone.sealed() == before
    tokens = zone.zone.execute("SELECT count(COLUMNS(* EXCLUDE (record))) FROM (SELECT record, n, n_b, f_g_b, b_s_p"
                               " FROM sealed_records)").fetchall()  # fmt: skip
    assert set(tokens[0]) == {0}


def test_a_frozen_link_follows_its_person_while_the_person_has_a_record(zone: SealedZone) -> None:
    """The identified record is withdrawn after the round's end: the link stays with the person it had."""
    zone.bring("a", [_person("p")])
    zone.bring("a2", [_person("q", "care")])
    zone.bring_sealed("b", [_person("s", "hospital")])
    zone.link_all()
    person = zone.sealed()["s"][0]
    del zone.rounds["r1"]
    zone.counting.remove("a")
    zone.link_all()
    assert zone.sealed()["s"][0] == person == zone.persons()["q"]


def test_rounds_are_never_compared(zone: SealedZone) -> None:
    """Two deliveries of one person in two rounds meet through an identified record, and else are two persons."""
    zone.bring("a", [_person("q", nhs_number=N2, surname="Ngata", forenames="Mo", date_of_birth="1950-06-07")])
    zone.bring_sealed("b", [_person("s1", "hospital")], round_name="r1")
    zone.bring_sealed("c", [_person("s2", "care")], round_name="r2")
    zone.link_all()
    assert zone.sealed()["s1"][0] != zone.sealed()["s2"][0]
    zone.bring("d", [_person("p")])
    zone.link_all()
    assert zone.sealed()["s1"][0] == zone.sealed()["s2"][0] == zone.persons()["p"]


def test_withdrawn_rows_take_their_records_along(zone: SealedZone) -> None:
    """A superseded delivery's records go; the others stay."""
    zone.bring("a", [_person("p")])
    zone.bring_sealed("b", [_person("s1", "hospital")])
    zone.bring_sealed("c", [_person("s2", "hospital", postcode="M1 1AA")])
    zone.link_all()
    zone.counting.remove("b")
    zone.link_all()
    assert set(zone.sealed()) == {"s2"}
    assert zone.zone.execute("SELECT count(*) FROM sealed_records").fetchall() == [(1,)]


def test_the_ladder_never_sees_a_sealed_record(zone: SealedZone) -> None:
    """Evidence, links and datasets are those of identified records: the ladder, the model and the trials go on."""
    zone.bring("a", [_person("p")])
    zone.bring_sealed("b", [_person("s", "hospital")])
    zone.link_all()
    assert zone.zone.execute("SELECT DISTINCT dataset FROM evidence").fetchall() == [("gp",)]
    assert zone.zone.execute("SELECT count(*) FROM links").fetchall() == [(1,)]


@pytest.mark.parametrize(
    ("known", "changes", "flag"),
    [
        ([{}], {}, None),
        ([{}], {"surname": "Vandermolen"}, "no_match"),
        ([{"nhs_number": None}], {"date_of_birth": "1980-02-04"}, "no_match"),
        ([{}, {"surname": "Featherstonhaugb", "forenames": "Alexandrina"}], {}, "several_candidates"),
    ],
    ids=["one person is like", "nobody is like enough", "another birthday", "two persons are like"],
)
def test_a_bloom_filter_finds_who_is_nearly_alike(
    zone: SealedZone, known: list[dict[str, str | None]], changes: dict[str, str | None], flag: str | None
) -> None:
    """Only for those whom no key joined, only where one person is so like, and under a step of its own."""
    names: dict[str, str | None] = {
        "nhs_number": None, "surname": "Featherstonhaugh", "forenames": "Alexandrina", "postcode": None, "sex": None,
    }  # fmt: skip
    zone.bring("a", [_person(f"p{place}", **{**names, **one}) for place, one in enumerate(known)])
    sealed = _person("s", "hospital", **{**names, "surname": "Featherstonhaughe", **changes})
    zone.bring_sealed("b", [sealed], bloom=True)
    zone.link_all()
    person, step, found = zone.sealed()["s"]
    assert (step, found) == ((13, None) if flag is None else (0, flag))
    assert (person == zone.persons()["p0"]) == (flag is None)


def test_without_a_filter_nobody_is_joined_by_likeness(zone: SealedZone) -> None:
    """The same record without a filter stays alone."""
    zone.bring("a", [_person("p", nhs_number=None, surname="Featherstonhaugh", sex=None)])
    less: dict[str, str | None] = {"nhs_number": None, "sex": None}
    zone.bring_sealed("b", [_person("s", "hospital", surname="Featherstonhaughe", **less)])
    zone.link_all()
    assert zone.sealed()["s"][2] == "no_match"


def test_two_numbers_never_become_one_person(zone: SealedZone) -> None:
    """Of sealed records with different numbers none is joined to the one person, without a number, that both fit."""
    zone.bring("a", [_person("p", nhs_number=None)])
    zone.bring_sealed("b", [_person("s1", "hospital"), _person("s2", "hospital", nhs_number=N2)])
    zone.link_all()
    found = zone.sealed()
    assert {flag for _, _, flag in found.values()} == {"nhs_number_contradicts"}
    assert len({zone.persons()["p"], *(person for person, _, _ in found.values())}) == 3


@pytest.mark.parametrize("later", [True, False], ids=["in a later run", "by a later key"])
def test_a_joined_records_number_is_its_persons(zone: SealedZone, later: bool) -> None:
    """Who was joined tells of the person: another number contradicts from then on, and the same one does not."""
    zone.bring("a", [_person("p", nhs_number=None)])
    zone.bring_sealed("b", [_person("s1", "hospital")])
    if later:
        zone.link_all()
    zone.bring_sealed("c", [_person("s2", "care", nhs_number=N2, sex=None), _person("s3", "care", sex=None)])
    zone.link_all()
    found, person = zone.sealed(), zone.persons()["p"]
    assert found["s1"][0] == found["s3"][0] == person
    assert found["s2"][2] == "nhs_number_contradicts"


def test_nobody_is_joined_through_a_record_whose_person_has_another_number(zone: SealedZone) -> None:
    """The person's number came later and is another than the group's: its newcomers are not joined through it."""
    zone.bring("a", [_person("p", nhs_number=None)])
    zone.bring_sealed("b", [_person("s1", "hospital")])
    zone.link_all()
    zone.bring("c", [_person("q", "care", nhs_number=N2)])
    bare: dict[str, str | None] = {"surname": None, "forenames": None, **NO_PLACE}
    zone.bring_sealed("d", [_person("s2", "hospital", **bare)])
    zone.link_all()
    assert zone.persons()["p"] == zone.persons()["q"] == zone.sealed()["s1"][0]
    assert zone.sealed()["s2"][2] == "nhs_number_contradicts"


def test_who_has_one_of_a_persons_numbers_is_met(zone: SealedZone) -> None:
    """A person with two numbers (as a reviewer may have said) is met by either, and by no third."""
    zone.bring("a", [_person("p"), _person("q", nhs_number=N2)])
    zone.link_all()
    zone.zone.execute("UPDATE links SET person = (SELECT min(person) FROM links)")
    rows = [_person("s1", "hospital"), _person("s2", "care", nhs_number=N2), _person("s3", "care", nhs_number=N3)]
    zone.bring_sealed("b", rows)
    link_sealed(zone.zone, zone.counting, zone.run, AT, zone.rounds.get, test_range=True)
    found, person = zone.sealed(), zone.persons()["p"]
    assert found["s1"][0] == found["s2"][0] == person
    assert found["s3"][2] == "nhs_number_contradicts"


def test_rows_without_any_token_are_a_person_each(zone: SealedZone) -> None:
    """Nothing says that they are one: each has its own subject and one-time number, which stays from run to run."""
    zone.bring("a", [_person("p")])
    nothing = dict.fromkeys(("nhs_number", "surname", "forenames", "sex", "date_of_birth", "postcode"))
    zone.bring_sealed("b", [_person(f"s{place}", "hospital", **nothing) for place in range(3)])
    zone.link_all()
    before = zone.sealed()
    assert len({person for person, _, _ in before.values()}) == 3
    kinds = zone.zone.execute("SELECT count(DISTINCT subject), list(DISTINCT id_type) FROM sealed_records").fetchall()
    assert kinds == [(3, ["one_time"])]
    zone.bring_sealed("c", [_person("t", "hospital", **nothing)])
    zone.link_all()
    assert {name: of for name, of in zone.sealed().items() if name != "t"} == before
    assert zone.sealed()["t"][0] not in {person for person, _, _ in before.values()}


def _superseded(zone: SealedZone, *pairs: tuple[str, str], kind: str = "superseded-nhs-numbers") -> None:
    prepare_references(zone.zone)
    names = "(kind, old, new, version)"
    zone.zone.executemany(f"INSERT INTO reference_rows {names} VALUES (?, ?, ?, 1)", [[kind, *pair] for pair in pairs])
    zone.zone.execute(
        "INSERT INTO reference_tables (kind, version, digest, rows, as_at, in_force)"
        " VALUES (?, 1, '', ?, TIMESTAMP '2026-01-01', true)",
        [kind, len(pairs)],
    )


@pytest.mark.parametrize(("known", "sealed"), [(N1, N1), (N1, N2), (N2, N1)], ids=["both old", "new here", "old here"])
def test_a_superseded_number_is_its_successor(zone: SealedZone, known: str, sealed: str) -> None:
    """The old number and the new one agree, whichever side has which; the old ones of both sides meet by it."""
    _superseded(zone, (N1, N2))
    zone.bring("a", [_person("p", nhs_number=known)])
    zone.bring_sealed("b", [_person("s", "hospital", nhs_number=sealed)])
    zone.link_all()
    assert zone.sealed()["s"][0] == zone.persons()["p"]
    assert zone.sealed()["s"][1] == (5 if (known, sealed) == (N2, N1) else 1)


def test_a_number_with_two_successors_joins_nobody_and_contradicts_nobody(zone: SealedZone) -> None:
    """It says nothing in mode B either: not by its own keys, and not against others."""
    _superseded(zone, (N1, N2), (N1, N3))
    zone.bring("a", [_person("p", surname="Ngata", forenames="Mo"), _person("q", nhs_number=N2, sex="M")])
    zone.bring_sealed("b", [_person("s", "hospital", **NO_PLACE), _person("t", "care", sex=None, **NO_PLACE)])
    zone.link_all()
    found, persons = zone.sealed(), zone.persons()
    assert found["t"][:2] == (persons["q"], 12)
    assert found["s"][0] == persons["q"]


@pytest.mark.parametrize("sealed", ["LS1 2AB", "LS9 7TF"], ids=["as it was", "as it is"])
def test_a_recoded_postcode_is_met_in_both_forms(zone: SealedZone, sealed: str) -> None:
    """The agent knows no table: whichever postcode the controller has, the record meets its person."""
    _superseded(zone, ("LS1 2AB", "LS9 7TF"), ("LS12AB", "LS97TF"), kind="postcode-history")
    zone.bring("a", [_person("p", nhs_number=None)])
    zone.bring_sealed("b", [_person("s", "hospital", nhs_number=None, surname="Ngata", postcode=sealed)])
    zone.link_all()
    assert zone.sealed()["s"][:2] == (zone.persons()["p"], 8)


def test_one_row_speaks_for_a_record(zone: SealedZone) -> None:
    """A record's rows are not mixed: a postcode of one row and a number of another make no token."""
    zone.bring("a", [_person("p", nhs_number=None), _person("q", nhs_number=None, postcode=None)])
    zone.link()
    zone.zone.execute("UPDATE identity SET record = (SELECT min(record) FROM identity)")
    zone.zone.execute("UPDATE identity SET nhs_number = ?, surname = 'Ngata' WHERE local_id = 'q'", [N1])
    zone.zone.execute("UPDATE identity SET surname = NULL WHERE local_id = 'p'")
    wanted = sealed_tokens(
        pl.DataFrame([_person("s", surname="Ngata", full_name="")]), zone.rounds["r1"], test_range=True
    )
    wanted = wanted.with_columns(pl.Series(FILTER, [None], dtype=pl.Binary))
    known = known_records(zone.zone, wanted, zone.rounds["r1"], test_range=True, progress=silent)
    assert known.hits.height == 1
    assert known.hits.select((pl.col("n").is_null()) == (pl.col("b_s_p").is_not_null())).item()
