"""From the controller's files to linked payload: the real wheel packs, the haven receives and links; nothing leaks."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from linkage.intake.service import REPEATED
from linkage.store import all_deliveries, as_data
from tests.acceptance.canaries import LONG_ENOUGH, files_that_hold
from tests.fakes.agent import Controller
from tests.integration.controller.conftest import BY, Haven, Origin, Sources

RECORDS = {"hospital": "hospital_episodes", "deaths": "deaths"}
LOWEST_RECALL, LOWEST_PRECISION = 0.98, 0.999


@pytest.fixture(scope="module")
def linked(tmp_path_factory: pytest.TempPathFactory, sources: Sources) -> Haven:
    """General practice in mode A; then the hospital and the register in mode B, in one round; linked."""
    top = tmp_path_factory.mktemp("linked")
    haven, controller = Haven(top / "home"), Controller(top / "desk")
    haven.give_round("first", controller)
    haven.receive(sources.folder / "gp")
    for dataset in RECORDS:
        contract = sources.folder / f"{dataset}.yaml"
        haven.contracts.install(contract.read_text(encoding="utf-8"), contract.name, by=BY)
        sealed = controller.pack(sources.folder / dataset, contract, haven.door.recipient, f"{dataset}-first")
        assert haven.receive(sealed).state == "received"
        assert haven.receive(sealed).state == REPEATED
    assert not haven.linker.link(by=BY).nothing_new
    return haven


def _outcome(haven: Haven, sources: Sources, dataset: str) -> tuple[int, int, int]:
    """Rows in mode B of somebody who is in general practice: all, put under that person, put under another."""
    truth = sources.truth.rename({"person": "who"})
    with haven.zones.linkage(read_only=True) as zone:
        known = pl.DataFrame(
            zone.sql(
                "SELECT local_id AS record, person::TEXT AS person FROM identity JOIN links USING (record)"
            ).to_arrow_table()
        )
    with haven.zones.research(read_only=True) as zone:
        rows = pl.DataFrame(
            zone.sql(f"SELECT trace AS record, person::TEXT AS person FROM {RECORDS[dataset]}").to_arrow_table()
        )
    people = known.join(truth.filter(pl.col("dataset").str.starts_with("gp")), on="record")
    rows = rows.join(truth.filter(pl.col("dataset") == RECORDS[dataset]), on="record")
    shared = rows.filter(pl.col("who").is_in(people["who"].implode()))
    found = rows.join(people.select("person", pl.col("who").alias("found")).unique(), on="person")
    wrong = found.filter(pl.col("who") != pl.col("found")).height
    return shared.height, shared.join(people.select("person", "who").unique(), on=["person", "who"]).height, wrong


@pytest.mark.parametrize("dataset", RECORDS)
def test_rows_in_mode_b_find_their_people(linked: Haven, sources: Sources, dataset: str) -> None:
    """Recall and precision against the truth, by row; every row has a person."""
    shared, right, wrong = _outcome(linked, sources, dataset)
    assert shared > 30
    assert right >= LOWEST_RECALL * shared
    assert right >= LOWEST_PRECISION * (right + wrong)


def test_no_identifier_of_a_mode_b_delivery_stands_anywhere_in_the_haven(linked: Haven, sources: Sources) -> None:
    """Byte search over the whole home: NHS numbers, longer surnames and the controller's own keys; in the zones too."""
    rows = pl.read_csv(sources.folder / "deaths" / "registrations.csv", separator="\t", infer_schema=False)
    others = pl.read_csv(sources.folder / "hospital" / "apc_episodes.csv", infer_schema=False)
    wanted = [number for number in [*rows["nhs_number"], *others["NEWNHSNO"]] if number and len(number) > LONG_ENOUGH]
    wanted += [name for name in rows["surname"] if name and len(name) >= LONG_ENOUGH]
    held = linked.keyring.rounds.find("first")
    assert held is not None
    assert len(wanted) > 200
    places = [held.key, held.key.hex().encode(), *(value.encode() for value in set(wanted))]
    assert files_that_hold(linked.home, places, ("keys",)) == []
    with linked.zones.linkage(read_only=True) as zone:
        texts = zone.execute(
            "SELECT table_name, column_name FROM duckdb_columns() WHERE database_name = 'zone'"
            " AND data_type = 'VARCHAR' AND starts_with(table_name, 'sealed')"
        ).fetchall()
    assert {column for _, column in texts} == {"delivery", "dataset", "round", "specification", "id_type", "flag"}


def test_a_deliverys_record_says_under_which_key_its_tokens_were_made(linked: Haven) -> None:
    """The round's name and its key's check value, in the record and for a program; none of a delivery in mode A."""
    held = linked.keyring.rounds.find("first")
    assert held is not None
    with linked.records.read() as session:  # type: ignore[attr-defined]
        found = {one.name: as_data(one) for one in all_deliveries(session)}
    told = {name: (one["round"], one["round_check"]) for name, one in found.items()}
    of_round = ("first", held.check_value)
    assert told == {"gp-first": (None, None), "hospital-first": of_round, "deaths-first": of_round}


def test_after_linkage_nothing_joins_the_zones_but_the_subject(linked: Haven) -> None:
    """Row keys are gone in the linkage zone, tokens have left the rows, and no staged payload is left."""
    with linked.zones.linkage(read_only=True) as zone:
        assert zone.execute("SELECT count(row_key), count(n_b), count(record) > 0 FROM sealed_rows").fetchall() == [
            (0, 0, True)
        ]
    with linked.zones.research(read_only=True) as zone:
        assert zone.execute("SELECT count(*) FROM incoming_hospital_episodes").fetchall() == [(0,)]


def test_the_reports_tell_of_mode_b_and_hold_no_name(linked: Haven) -> None:
    """The run's report has the rows in mode B by step and by reason."""
    (report,) = linked.home.glob("reports/linkage/*/linkage-report.json")
    text = report.read_text(encoding="utf-8")
    assert '"sealed_steps"' in text
    assert "NHS number, date of birth" in text


def test_when_the_round_is_destroyed_the_next_run_removes_its_tokens(
    haven: Haven, origin: Origin, sources: Sources
) -> None:
    """Persons stay, tokens go, a further delivery of the round is refused, and the run after has nothing to do."""
    haven.receive(sources.folder / "gp")
    haven.receive(origin.sealed)
    haven.linker.link(by=BY)
    before = _persons(haven)
    haven.keyring.rounds.destroy("first")
    assert not haven.linker.link(by=BY).nothing_new
    assert _persons(haven) == before
    with haven.zones.linkage(read_only=True) as zone:
        assert zone.execute("SELECT count(n), count(n_b), count(b_s_p) FROM sealed_records").fetchall() == [(0, 0, 0)]
    assert haven.linker.link(by=BY).nothing_new


def test_a_correction_replaces_a_delivery_in_mode_b(haven: Haven, origin: Origin, sources: Sources) -> None:
    """Packed with --supersedes: the rows of the first go from both zones, those of the second are linked."""
    contract = sources.folder / "deaths.yaml"
    to, controller = haven.door.recipient, origin.controller
    haven.receive(origin.sealed)
    haven.linker.link(by=BY)
    second = controller.pack(sources.folder / "deaths", contract, to, "second", "--supersedes", "deaths-first")
    rows = haven.receive(second).rows["deaths"]
    haven.linker.link(by=BY)
    with haven.zones.research(read_only=True) as zone:
        assert zone.execute("SELECT count(*), count(DISTINCT delivery) FROM deaths").fetchall() == [(rows, 1)]
    with haven.zones.linkage(read_only=True) as zone:
        assert zone.execute("SELECT count(*), count(DISTINCT delivery) FROM sealed_rows").fetchall() == [(rows, 1)]


def test_the_same_files_packed_twice_are_one_delivery(haven: Haven, origin: Origin, sources: Sources) -> None:
    """Row keys are random and the archives differ; the content says that it is here already."""
    contract = sources.folder / "deaths.yaml"
    again = origin.controller.pack(sources.folder / "deaths", contract, haven.door.recipient, "deaths-again")
    assert haven.receive(origin.sealed).state == "received"
    assert haven.receive(again).state == REPEATED


def _persons(haven: Haven) -> dict[str, str]:
    with haven.zones.research(read_only=True) as zone:
        return {str(key): str(person) for key, person in zone.execute("SELECT trace, person FROM deaths").fetchall()}


def test_a_home_without_mode_b_has_a_recipient_that_stays(tmp_path: Path) -> None:
    """The recipient is derived: the same after a restart, another in another haven."""
    first, again, other = (Haven(tmp_path / name).door.recipient for name in ("a", "a", "b"))
    assert first == again != other
    assert first.startswith("age1")


def test_bloom_filters_are_received_under_their_agreement(haven: Haven, origin: Origin, sources: Sources) -> None:
    """They lie in the linkage zone with the tokens, the log names the agreement, and they go when the round ends."""
    contract = sources.folder / "deaths.yaml"
    more = ("--bloom", "--agreed", "DSA-2026-7")
    haven.receive(
        origin.controller.pack(sources.folder / "deaths", contract, haven.door.recipient, "with-filters", *more)
    )
    haven.linker.link(by=BY)
    with haven.zones.linkage(read_only=True) as zone:
        lengths = zone.execute("SELECT DISTINCT octet_length(bloom) FROM sealed_records WHERE bloom IS NOT NULL")
        assert lengths.fetchall() == [(128,)]
    told = [event.details for event in haven.records.log.events]  # type: ignore[attr-defined]
    assert "DSA-2026-7" in [details.get("bloom_agreed") for details in told]
    haven.keyring.rounds.destroy("first")
    haven.linker.link(by=BY)
    with haven.zones.linkage(read_only=True) as zone:
        assert zone.execute("SELECT count(bloom) FROM sealed_records").fetchall() == [(0,)]
