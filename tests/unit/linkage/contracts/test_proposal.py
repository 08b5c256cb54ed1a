"""`haven contract new`: a proposal from samples cannot be used until a person has confirmed it, and then it can."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import polars as pl
import pytest

from linkage.contracts.contract import CONFIRM, DatasetContract, read_contract
from linkage.contracts.proposal import propose_contract
from linkage.errors import ContractError
from linkage.intake.pack import pack
from tests.fakes.deliveries import CANARY, as_csv, care, episodes, events, intact, patients

KINDS = {"surname": "surname", "forename": "forenames", "nhs_number": "nhs_number", "postcode": "postcode"}


def _confirmed(text: str) -> DatasetContract:
    """The proposal after a person has looked at each line and removed its mark."""
    return read_contract(re.sub(rf" *{CONFIRM}.*", "", text), "proposal.yaml")


@pytest.fixture
def samples(tmp_path: Path) -> list[Path]:
    """A GP's two files, one of them compressed, with enough rows to guess from."""
    (tmp_path / "patients.csv").write_bytes(as_csv(patients(200)).encode("utf-8-sig"))
    (tmp_path / "events.csv.gz").write_bytes(gzip.compress(as_csv(events(400, 200)).encode()))
    return [tmp_path / "patients.csv", tmp_path / "events.csv.gz"]


def test_a_proposal_is_refused_until_it_is_confirmed(samples: list[Path]) -> None:
    """Every guess is marked; with the marks it cannot be used, without them it is a valid contract."""
    text = propose_contract(samples, dataset="gp_two", controller="gp")
    with pytest.raises(ContractError, match="guesses are not confirmed"):
        read_contract(text, "proposal.yaml")
    contract = _confirmed(text)
    assert [file.table for file in contract.files] == ["patients", "events"]
    guesses = [line for line in text.splitlines() if re.match(r" {8}(type|role|identifies|allowed|required):", line)]
    assert guesses
    assert all(CONFIRM in line for line in guesses)


def test_the_guesses_are_the_likely_ones(samples: list[Path]) -> None:
    """Names and shapes tell identifiers, the key that joins the files, the date form, codes and numbers."""
    people, coded = _confirmed(propose_contract(samples, dataset="gp_two", controller="gp")).files
    assert {c.name: c.identifies for c in people.columns if c.name in KINDS} == KINDS
    assert coded.joins is not None
    assert (coded.joins.to, coded.joins.on) == ("patients", "patient_id")
    key = people.with_role("row_key")
    assert key is not None
    assert key.name == "patient_id"
    assert people.date_form == coded.date_form == "dd/mm/yyyy"
    kinds = {column.name: column.type for file in (people, coded) for column in file.columns}
    assert (kinds["event_date"], kinds["value"], kinds["ethnic_category"]) == ("date", "decimal", "code")
    assert {column.name for column in people.columns if column.keep_as} == {"sex_received", "date_of_birth", "postcode"}


def test_no_value_of_a_person_is_written_into_a_proposal(samples: list[Path]) -> None:
    """No name, key or text of the sample is in the proposal: lists of codes come only from short, repeated values."""
    assert CANARY not in propose_contract(samples, dataset="gp_two", controller="gp").casefold().replace(
        f"mm[{CANARY}]", ""
    )


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16"])
def test_encoding_and_delimiter_are_seen(encoding: str, tmp_path: Path) -> None:
    """Windows-1252 and UTF-16, semicolons and tabs are recognised and written into the proposal."""
    delimiter = {"cp1252": ";", "utf-16": "\t"}[encoding]
    (tmp_path / "care.csv").write_bytes(as_csv(care(50), delimiter).encode(encoding))
    (file,) = _confirmed(propose_contract([tmp_path / "care.csv"], dataset="care", controller="council")).files
    assert (file.encoding, file.delimiter) == ({"cp1252": "windows-1252"}.get(encoding, encoding), delimiter)


def test_parquet_is_a_sample_too(tmp_path: Path) -> None:
    """A Parquet file is proposed as its CSV would be."""
    names, *rows = episodes(50)
    pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row").write_parquet(tmp_path / "apc.parquet")
    (file,) = _confirmed(propose_contract([tmp_path / "apc.parquet"], dataset="apc", controller="hospital")).files
    assert file.date_form == "yyyymmdd"
    assert file.with_role("row_key") is not None


def test_a_long_text_is_proposed_as_free_text(tmp_path: Path) -> None:
    """A column of long, different texts is proposed as free text, which can never be put into force."""
    rows = [["record_id", "nhs_number", "notes"], *([f"r{n}", "", f"note {n} " * 30] for n in range(60))]
    (tmp_path / "notes.csv").write_text(as_csv(rows), encoding="utf-8")
    contract = _confirmed(propose_contract([tmp_path / "notes.csv"], dataset="notes", controller="gp"))
    with pytest.raises(ContractError, match=r"free text: notes\.notes"):
        contract.refuse_free_text()


def test_a_sample_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """An empty file, a missing one and a header with a name twice each have their sentence."""
    (tmp_path / "empty.csv").write_bytes(b"")
    (tmp_path / "twice.csv").write_text("a,a\n1,2\n", encoding="utf-8")
    for name, sentence in (("empty.csv", "no rows"), ("twice.csv", "repeated names"), ("none.csv", "cannot be read")):
        with pytest.raises(ContractError, match=sentence):
            propose_contract([tmp_path / name], dataset="x", controller="x")


def test_a_confirmed_proposal_packs_its_own_samples(tmp_path: Path) -> None:
    """The files that a proposal was made from fit the contract it becomes."""
    delivery = intact(tmp_path / "gp", people=200)
    (delivery / "manifest.json").unlink()
    text = propose_contract([delivery / "patients.csv", delivery / "events.csv"], dataset="mine", controller="gp")
    assert {file.rows for file in pack(delivery, _confirmed(text)).files} == {200, 400}
