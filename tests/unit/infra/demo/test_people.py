"""The demo's people: invented, in the contracts' shapes, with a complete truth, the same for the same seed."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from infra.demo.people import ERRORS, make_deliveries, make_people
from linkage.contracts.registry import find_contract

PEOPLE = 4_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One set of deliveries."""
    folder = tmp_path_factory.mktemp("people")
    make_deliveries(folder, people=PEOPLE, seed=3)
    return folder


def _headers(path: Path, delimiter: str) -> list[str]:
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return content.decode("windows-1252" if delimiter == ";" else "utf-8-sig").splitlines()[0].split(delimiter)


@pytest.mark.parametrize(
    ("dataset", "file", "table"),
    [
        ("gp", "patients.csv", "gp_patients"),
        ("gp", "events.csv.gz", "gp_events"),
        ("hospital", "apc_episodes.csv", "hospital_episodes"),
        ("social_care", "cld_events.csv", "care_events"),
        ("deaths", "registrations.csv", "deaths"),
    ],
)
def test_the_files_have_the_columns_of_their_contract(folder: Path, dataset: str, file: str, table: str) -> None:
    """Every column that the contract cannot do without is there, and none that it does not know."""
    wanted = find_contract(dataset).table(table)
    assert wanted is not None
    headers = _headers(folder / dataset / file, wanted.delimiter)
    known = {column.header for column in wanted.columns}
    assert set(headers) <= known
    assert {column.header for column in wanted.columns if not column.may_be_absent} <= set(headers)


def test_the_truth_names_every_record_once(folder: Path) -> None:
    """As many rows as records, by dataset; records of several datasets share their people."""
    truth = pl.read_csv(folder / "truth.csv")
    assert truth.select(pl.struct("dataset", "record").n_unique()).item() == truth.height
    patients = (folder / "gp" / "patients.csv").read_text(encoding="utf-8-sig").splitlines()
    assert truth.filter(pl.col("dataset") == "gp_patients").height == len(patients) - 1
    shared = truth.group_by("person").agg(pl.col("dataset").n_unique()).filter(pl.col("dataset") > 1)
    assert shared.height > PEOPLE / 10


def test_numbers_are_of_the_test_range_valid_and_each_once() -> None:
    """No NHS number could be anybody's: 999, modulus 11, one for each person."""
    people = make_people(PEOPLE, np.random.default_rng(1))
    numbers = [number for number in people.number.tolist() if number]
    assert len(set(numbers)) == len(numbers) == PEOPLE
    for number in numbers[:500]:
        total = sum(int(digit) * weight for digit, weight in zip(number, range(10, 1, -1), strict=False))
        assert number.startswith("999")
        assert (11 - total % 11) % 11 == int(number[9])


def test_beyond_the_test_range_people_have_no_number() -> None:
    """A million people: about 909,000 numbers, no number twice, the others empty."""
    numbers = make_people(1_000_000, np.random.default_rng(1)).number
    given = numbers[numbers != ""]
    assert 900_000 < len(given) < 920_000
    assert len(np.unique(given)) == len(given)


def test_the_same_seed_gives_the_same_files(folder: Path, tmp_path: Path) -> None:
    """Deterministic by seed, and another seed gives other people."""
    make_deliveries(tmp_path / "again", people=PEOPLE, seed=3)
    make_deliveries(tmp_path / "other", people=PEOPLE, seed=4)
    same = (folder / "hospital" / "apc_episodes.csv").read_bytes()
    assert (tmp_path / "again" / "hospital" / "apc_episodes.csv").read_bytes() == same
    assert (tmp_path / "other" / "hospital" / "apc_episodes.csv").read_bytes() != same


def test_what_goes_wrong_goes_wrong_as_often_as_the_rates_say(tmp_path: Path) -> None:
    """Missing numbers in hospital data are near their rate; minority groups are recorded less well."""
    make_deliveries(tmp_path, people=60_000, seed=5)
    frame = pl.read_csv(tmp_path / "hospital" / "apc_episodes.csv", infer_schema=False)
    by_patient = frame.group_by("LOPATID").agg(pl.col("NEWNHSNO").first(), pl.col("ETHNOS").first())
    minority = by_patient.filter(~pl.col("ETHNOS").is_in(["A", "B", "C"]))["NEWNHSNO"].is_null().mean()
    majority = by_patient.filter(pl.col("ETHNOS").is_in(["A", "B", "C"]))["NEWNHSNO"].is_null().mean()
    rate = ERRORS["hospital"].nhs_missing
    assert isinstance(majority, float)
    assert isinstance(minority, float)
    assert abs(majority - rate) < 0.01
    assert minority > majority * 1.2
