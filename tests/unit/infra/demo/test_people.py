"""The demo's people: invented, in the controllers' shapes, with a complete truth, the same for the same seed."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from infra.demo.people import make_deliveries
from linkage.contracts.registry import find_contract

PEOPLE = 4_000
DIAGNOSES = [f"DIAG_4_{number:02}" for number in range(1, 5)]


@dataclass(frozen=True)
class Shape:
    """How one file is written: dataset, file, table of the contract, separator, encoding, line end, columns."""

    dataset: str
    file: str
    table: str
    separator: str
    encoding: str
    line_end: bytes
    columns: tuple[str, ...]


SHAPES = (
    Shape(
        "gp", "patients.csv", "gp_patients", ",", "utf-8-sig", b"\r\n",
        ("patient_id", "nhs_number", "surname", "forename", "sex", "date_of_birth", "postcode", "ethnic_category",
         "practice_code", "registration_date", "date_of_death"),
    ),
    Shape(
        "gp", "events.csv.gz", "gp_events", ",", "utf-8-sig", b"\r\n",
        ("patient_id", "event_date", "code", "term", "value", "unit"),
    ),
    Shape(
        "hospital", "apc_episodes.csv", "hospital_episodes", ",", "utf-8", b"\n",
        ("EPIKEY", "NEWNHSNO", "LOPATID", "DOB", "SEX", "HOMEADD", "ETHNOS", "PROCODE3", "ADMIMETH", "ADMIDATE",
         "DISDATE", "SPELDUR", "STARTAGE", *DIAGNOSES),
    ),
    Shape(
        "social_care", "cld_events.csv", "care_events", ";", "windows-1252", b"\r\n",
        ("Event Reference", "NHS Number", "Client Name", "Date of Birth", "Gender", "Postcode", "Local Authority",
         "Event Type", "Service Component", "Event Start Date", "Event End Date", "Primary Support Reason"),
    ),
    Shape(
        "deaths", "registrations.csv", "deaths", "\t", "utf-8", b"\n",
        ("registration_id", "nhs_number", "surname", "forenames", "sex", "date_of_birth", "date_of_death",
         "date_of_registration", "postcode", "underlying_cause_icd10"),
    ),
)  # fmt: skip
BY_TABLE = {shape.table: shape for shape in SHAPES}
shapes = pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.table)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One set of deliveries."""
    folder = tmp_path_factory.mktemp("people")
    make_deliveries(folder, people=PEOPLE, seed=3)
    return folder


def _bytes(folder: Path, shape: Shape) -> bytes:
    content = (folder / shape.dataset / shape.file).read_bytes()
    return gzip.decompress(content) if shape.file.endswith(".gz") else content


def _read(folder: Path, table: str) -> pl.DataFrame:
    shape = BY_TABLE[table]
    text = _bytes(folder, shape).decode(shape.encoding)
    return pl.read_csv(text.encode(), separator=shape.separator, infer_schema=False)


def _digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@shapes
def test_a_file_is_written_as_its_controller_writes_it(folder: Path, shape: Shape) -> None:
    """Columns, separator, encoding, byte-order mark and line ends are those of the real-shaped deliveries."""
    content = _bytes(folder, shape)
    assert content.startswith(b"\xef\xbb\xbf") == (shape.encoding == "utf-8-sig")
    header, _, rest = content.partition(shape.line_end)
    assert header.decode(shape.encoding).split(shape.separator) == list(shape.columns)
    assert rest.count(b"\r\n") == (rest.count(b"\n") if shape.line_end == b"\r\n" else 0)
    assert rest.count(b"\n") > 20


@shapes
def test_a_file_has_the_columns_of_its_contract(folder: Path, shape: Shape) -> None:
    """None that the shipped contract does not know, and all that it cannot do without."""
    wanted = find_contract(shape.dataset).table(shape.table)
    assert wanted is not None
    assert set(shape.columns) <= {column.header for column in wanted.columns}
    assert {column.header for column in wanted.columns if not column.may_be_absent} <= set(shape.columns)


def test_no_delivery_comes_packed(folder: Path) -> None:
    """Only the files and the truth: the manifest is the sender's to make."""
    assert set(_digests(folder)) == {f"{shape.dataset}/{shape.file}" for shape in SHAPES} | {"truth.csv"}


def test_days_are_written_as_each_controller_writes_them(folder: Path) -> None:
    """Slashes, eight digits, ISO and English months; a postcode padded to eight; spaces in the practice's numbers."""
    for table, column, pattern in (
        ("gp_patients", "registration_date", r"^\d\d/\d\d/\d{4}$"),
        ("gp_patients", "nhs_number", r"^999 \d{3} \d{4}$"),
        ("gp_events", "event_date", r"^\d\d/\d\d/\d{4}$"),
        ("hospital_episodes", "ADMIDATE", r"^\d{8}$"),
        ("hospital_episodes", "HOMEADD", r"^[A-Z]{2}\d\d \d[A-Z]{2}$"),
        ("care_events", "Event End Date", r"^\d{4}-\d\d-\d\d$"),
        ("care_events", "Client Name", r"^[^,]+, [^,]+$"),
        ("deaths", "date_of_death", r"^\d\d-[A-Z][a-z]{2}-\d{4}$"),
    ):
        assert _read(folder, table)[column].drop_nulls().str.contains(pattern).all(), column


def test_the_truth_names_every_record_once(folder: Path) -> None:
    """Each record of each dataset, no other, under one person; datasets share their people."""
    truth = pl.read_csv(folder / "truth.csv", infer_schema=False)
    assert truth.columns == ["dataset", "record", "person"]
    for dataset, table, column in (
        ("gp_patients", "gp_patients", "patient_id"),
        ("hospital_episodes", "hospital_episodes", "EPIKEY"),
        ("social_care", "care_events", "Event Reference"),
        ("deaths", "deaths", "registration_id"),
    ):
        named = truth.filter(pl.col("dataset") == dataset)["record"]
        assert named.sort().to_list() == _read(folder, table)[column].sort().to_list()
        assert named.n_unique() == len(named)
    shared = truth.group_by("person").agg(pl.col("dataset").n_unique()).filter(pl.col("dataset") > 1)
    assert shared.height > PEOPLE / 5


def test_the_truth_cannot_be_read_off_the_records_numbers(folder: Path) -> None:
    """Neither the order of the patients nor the hospital's own number gives a person away."""
    truth = pl.read_csv(folder / "truth.csv", infer_schema=False)
    people = truth.filter(pl.col("dataset") == "gp_patients")["person"].to_list()
    assert people != sorted(people)
    episodes = _read(folder, "hospital_episodes").join(truth, left_on="EPIKEY", right_on="record")
    known = episodes.select(
        own=pl.col("LOPATID").str.slice(1).cast(int), person=pl.col("person").str.slice(1).cast(int)
    )
    assert not (known["own"] == known["person"]).any()


@pytest.mark.parametrize("table", ["gp_patients", "hospital_episodes", "care_events", "deaths"])
def test_every_number_that_is_written_is_of_the_test_range(folder: Path, table: str) -> None:
    """No NHS number, right or wrong, could be anybody's."""
    column = next(
        name for name in BY_TABLE[table].columns if name.lower().replace(" ", "_") in ("nhs_number", "newnhsno")
    )
    assert _read(folder, table)[column].drop_nulls().str.replace_all(" ", "").str.contains(r"^999\d{7}$").all()


def test_the_same_seed_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    """Also of the compressed file; another seed gives other people."""
    make_deliveries(tmp_path / "again", people=PEOPLE, seed=3)
    make_deliveries(tmp_path / "other", people=PEOPLE, seed=4)
    assert _digests(tmp_path / "again") == _digests(folder)
    other = _digests(tmp_path / "other")
    assert all(other[name] != digest for name, digest in _digests(folder).items())


def test_few_people_make_deliveries_too(tmp_path: Path) -> None:
    """Forty people: every file is there, with its header."""
    make_deliveries(tmp_path, people=40, seed=1)
    for shape in SHAPES:
        assert _read(tmp_path, shape.table).columns == list(shape.columns)


def test_progress_reaches_its_end(tmp_path: Path) -> None:
    """Each step says how far it is; the last one says that it is done."""
    seen: list[tuple[str, int, int | None]] = []
    make_deliveries(tmp_path, people=40, progress=lambda step, done, total: seen.append((step, done, total)))
    assert [done for _, done, _ in seen] == list(range(6))
    assert seen[-1][1] == seen[-1][2]


def test_one_row_in_a_thousand_breaks_its_contract(folder: Path) -> None:
    """At least one in each file, and well under what the contracts tolerate."""
    bad = {
        "gp_patients": _read(folder, "gp_patients")["date_of_birth"] == "31/02/1980",
        "gp_events": _read(folder, "gp_events")["event_date"].is_null(),
        "hospital_episodes": _read(folder, "hospital_episodes")["ADMIMETH"] == "77",
        "care_events": _read(folder, "care_events")["Event Start Date"] == "2026-13-01",
        "deaths": _read(folder, "deaths")["underlying_cause_icd10"] == "heart",
    }
    for table, rows in bad.items():
        assert int(rows.sum()) == max(1, round(len(rows) * 0.001)), table


def test_nothing_happens_after_death(folder: Path) -> None:
    """No stay ends and no care begins after the day in the register; a stay is as long as it says."""
    truth = pl.read_csv(folder / "truth.csv", infer_schema=False)
    deaths = _read(folder, "deaths").join(
        truth.filter(pl.col("dataset") == "deaths"), left_on="registration_id", right_on="record"
    )
    died = deaths.select("person", died=pl.col("date_of_death").str.to_date("%d-%b-%Y"))
    for table, key, column, form in (
        ("hospital_episodes", "EPIKEY", "DISDATE", "%Y%m%d"),
        ("care_events", "Event Reference", "Event Start Date", "%Y-%m-%d"),
    ):
        rows = _read(folder, table).join(truth, left_on=key, right_on="record").join(died, on="person")
        assert rows.height > 0
        assert (rows[column].str.to_date(form, strict=False) <= rows["died"]).drop_nulls().all(), table
    stays = _read(folder, "hospital_episodes").select(
        pl.col("ADMIDATE", "DISDATE").str.to_date("%Y%m%d"), pl.col("SPELDUR").cast(int)
    )
    assert ((stays["DISDATE"] - stays["ADMIDATE"]).dt.total_days() == stays["SPELDUR"]).all()


def test_a_question_about_diabetes_has_an_answer(tmp_path: Path) -> None:
    """People with diabetes are older, more often South Asian, more often admitted, and their HbA1c is higher."""
    make_deliveries(tmp_path, people=20_000, seed=2)
    truth = pl.read_csv(tmp_path / "truth.csv", infer_schema=False)
    events, patients = _read(tmp_path, "gp_events"), _read(tmp_path, "gp_patients")
    ill = events.filter(pl.col("code") == "44054006")["patient_id"].unique()
    admitted = truth.filter(pl.col("dataset") == "hospital_episodes")["person"].unique().implode()
    people = patients.join(truth, left_on="patient_id", right_on="record").select(
        diabetes=pl.col("patient_id").is_in(ill.implode()),
        born=pl.col("date_of_birth").str.slice(6).cast(int),
        south_asian=pl.col("ethnic_category").is_in(list("HJKL")),
        admitted=pl.col("person").is_in(admitted),
    )
    by = people.group_by("diabetes").agg(pl.col("born", "south_asian", "admitted").mean(), pl.len()).sort("diabetes")
    assert 0.04 < by["len"][1] / people.height < 0.12
    assert by["born"][1] < by["born"][0] - 10
    assert by["south_asian"][1] > by["south_asian"][0]
    assert by["admitted"][1] > by["admitted"][0] * 1.5
    sugar = events.filter(pl.col("code") == "4548-4").select(
        pl.col("value").cast(float), diabetes=pl.col("patient_id").is_in(ill.implode())
    )
    means = sugar.group_by("diabetes").agg(pl.col("value").mean()).sort("diabetes")["value"]
    assert means[1] - means[0] == pytest.approx(1.9, abs=0.15)


def test_a_million_people_would_have_the_promised_records(tmp_path: Path) -> None:
    """By person: eight events, over half an episode, care for four in a hundred, a death a year in a hundred."""
    make_deliveries(tmp_path, people=20_000, seed=9)
    truth = pl.read_csv(tmp_path / "truth.csv", infer_schema=False)
    people = dict(truth.group_by("dataset").agg(pl.col("person").n_unique()).iter_rows())
    assert _read(tmp_path, "gp_events").height / 20_000 == pytest.approx(8, abs=1)
    assert _read(tmp_path, "hospital_episodes").height / 20_000 == pytest.approx(0.6, abs=0.1)
    assert people["social_care"] / 20_000 == pytest.approx(0.04, abs=0.01)
    assert people["deaths"] / 3 / 20_000 == pytest.approx(0.01, abs=0.004)
    assert np.isclose(people["gp_patients"] / 20_000, 0.97)
