"""What a contract may say: the shipped ones, each contradiction, unknown keys with their line, unconfirmed guesses."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from access.documents import DocumentError
from access.service import Access
from audit.events import EventName
from audit.model import person
from linkage.contracts.catalogue import entry_of, into_catalogue
from linkage.contracts.contract import CONFIRM, DatasetContract, load_contract, read_contract
from linkage.contracts.registry import SHIPPED, Contracts, find_contract, shipped
from linkage.errors import ContractError
from linkage.store import held_deliveries
from tests.fakes.audit_log import MemoryAuditLog
from tests.fakes.havens import memory_records

TEXT = (SHIPPED / "gp.yaml").read_text(encoding="utf-8")
BY = person("data-engineer")
Change = Callable[[dict[str, Any]], object]


def _with(change: Change) -> DatasetContract:
    data = YAML(typ="safe").load(TEXT)
    change(data)
    return DatasetContract.model_validate(data)


def _column(name: str, /, **values: object) -> Change:
    def change(data: dict[str, Any]) -> None:
        column = next(c for f in data["files"] for c in f["columns"] if c["name"] == name)
        column.update(values)

    return change


def _file(number: int, **values: object) -> Change:
    return lambda data: data["files"][number].update(values)


def test_the_shipped_contracts_load_and_cover_four_controllers() -> None:
    """The haven ships a contract for each of the four shapes, with notice, profile, retention and no free text."""
    contracts = {contract.dataset: contract for _, contract in shipped()}
    assert set(contracts) == {"gp", "hospital", "social_care", "deaths"}
    assert {c.controller for c in contracts.values()} == {"gp", "hospital", "council", "registrar"}
    for contract in contracts.values():
        contract.refuse_free_text()
        assert contract.fair_processing_notice.startswith("https://")
        assert all(column.meaning for file in contract.files for column in file.columns)


def test_no_identifier_is_payload() -> None:
    """In every shipped contract no identifier goes to the research zone but in a named, coarsened form."""
    for _, contract in shipped():
        for file in contract.files:
            identifiers = {column.name for column in file.columns if column.is_identity}
            assert not identifiers & set(file.payload)
            assert not any(column.is_identity and column.is_payload for column in file.columns)


CONTRADICTIONS: dict[str, tuple[Change, str]] = {
    "an unknown key": (lambda d: d.update(colour="blue"), "Extra inputs"),
    "an unknown key of a column": (_column("surname", lenght=3), "Extra inputs"),
    "no notice": (lambda d: d.pop("fair_processing_notice"), "Field required"),
    "a notice that is no address": (lambda d: d.update(fair_processing_notice="soon"), "pattern"),
    "a retention that is none": (lambda d: d.update(retention="as long as needed"), "pattern"),
    "a tolerance of everything": (lambda d: d.update(tolerance=1.0), "less than or equal"),
    "no files": (lambda d: d.update(files=[]), "at least 1"),
    "two files for one table": (_file(1, table="gp_patients"), "one table"),
    "two files of one pattern": (_file(1, pattern="patients*"), "one pattern"),
    "a pattern with a folder": (_file(0, pattern="in/patients*"), "without folders"),
    "a join to nothing": (_file(1, joins={"to": "gp_people", "on": "patient_id"}), "joins a table that is not here"),
    "a join on another column": (_file(1, joins={"to": "gp_patients", "on": "code"}), "joins.on"),
    "a file that names nobody and joins nobody": (_file(1, joins=None), "must join one that has them"),
    "an encoding unknown": (_file(0, encoding="ebcdic"), "Input should be"),
    "a date form unknown": (_file(0, date_form="yyyy"), "Input should be"),
    "an order of what is no date": (_file(0, order=[{"earlier": "sex_code", "later": "postcode"}]), "not dates"),
    "a header twice": (_column("surname", header="forename"), "stands twice"),
    "a name twice": (_column("surname", name="forename"), "stands twice"),
    "a name of the haven's own": (_column("term", name="person"), "haven's own"),
    "two that identify one thing": (_column("surname", identifies="forenames"), "two columns identify"),
    "an identifier of nothing": (_column("surname", identifies=None), "go together"),
    "payload that identifies": (_column("term", identifies="surname"), "go together"),
    "a code of any form": (_column("code", pattern=None), "needs 'allowed' or 'pattern'"),
    "a pattern that is none": (_column("code", pattern="[0-9"), "regular expression"),
    "a pattern that the checks cannot use": (_column("code", pattern="(?=8)[0-9]+"), "regular expression"),
    "a range of the wrong type": (_column("value", minimum=date(2020, 1, 1)), "own type"),
    "a range of a text": (_column("term", minimum=1.0), "a range is for"),
    "a date form of a text": (_column("term", date_form="yyyymmdd"), "date_form is for dates"),
    "a date of birth that is a text": (_column("date_of_birth", type="text"), "has type date"),
    "a year of a postcode": (
        _column("postcode", keep_as={"name": "year", "form": "year", "meaning": "Year"}),
        "for a date of birth",
    ),
    "a surname kept as it is": (
        _column("surname", keep_as={"name": "kept", "form": "as_coded", "meaning": "x"}),
        "only sex",
    ),
    "payload kept in another form": (
        _column("term", keep_as={"name": "kept", "form": "as_coded", "meaning": "x"}),
        "only an identifier",
    ),
    "a key that is a number": (_column("patient_id", type="integer"), "text or code"),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_a_contract_that_contradicts_itself_is_refused(name: str) -> None:
    """Each contradiction is an error when the contract is loaded, never when rows come."""
    change, sentence = CONTRADICTIONS[name]
    with pytest.raises(ValueError, match=sentence):
        _with(change)


def test_an_unknown_key_is_told_with_its_line(tmp_path: Path) -> None:
    """A misspelt key is an error that names the key and its line."""
    path = tmp_path / "gp.yaml"
    path.write_text(TEXT.replace("    encoding: utf-8", "    encodign: utf-8", 1), encoding="utf-8")
    line = next(n for n, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1) if "encodign" in text)
    with pytest.raises(DocumentError) as error:
        load_contract(path)
    assert f"line {line}: unknown key 'files.0.encodign'" in str(error.value)


def test_yaml_that_is_none_is_told_with_its_line(tmp_path: Path) -> None:
    """A file that is not YAML is an error with the line where reading stopped."""
    path = tmp_path / "gp.yaml"
    path.write_text("dataset: gp\nfiles: [\n", encoding="utf-8")
    with pytest.raises(DocumentError, match=r"line \d+: not YAML"):
        load_contract(path)


def test_a_contract_with_marks_is_not_in_force(tmp_path: Path) -> None:
    """While one guess is not confirmed the contract cannot be loaded; the error names the lines."""
    marked = TEXT.replace("tolerance: 0.01", f"tolerance: 0.01  {CONFIRM} as agreed", 1)
    line = next(n for n, text in enumerate(marked.splitlines(), 1) if CONFIRM in text)
    with pytest.raises(ContractError, match=f"1 guesses are not confirmed: lines {line}"):
        read_contract(marked, "gp.yaml")


def test_free_text_is_refused_when_a_contract_is_put_into_force() -> None:
    """A contract with free text can be read, to be shown and mended, and never installed."""
    text = TEXT.replace("name: term, type: text, role: payload", "name: term, type: text, role: free_text")
    with pytest.raises(ContractError, match=r"free text: gp_events\.term"):
        Contracts(memory_records()).install(text, "gp.yaml", by=BY)


def test_a_version_in_force_never_changes() -> None:
    """The same contract again changes nothing; other content under the same version is refused."""
    records, seen = memory_records(), []
    contracts = Contracts(records, lambda contract, by: seen.append((contract.dataset, by)))
    contracts.install(TEXT, "gp.yaml", by=BY)
    contracts.install(TEXT, "gp.yaml", by=BY)
    with pytest.raises(ContractError, match="other content"):
        contracts.install(TEXT.replace("tolerance: 0.01", "tolerance: 0.02"), "gp.yaml", by=BY)
    contracts.install(TEXT.replace('version: "1"', 'version: "2"'), "gp.yaml", by=BY)
    assert seen == [("gp", BY)] * 3
    log = records.log
    assert isinstance(log, MemoryAuditLog)
    assert [event.name for event in log.events] == [EventName.CONTRACT_INSTALLED] * 2
    installed = [(k.contract.dataset, k.contract.version) for k in contracts.all() if k.installed]
    assert installed == [("gp", "1"), ("gp", "2")]
    assert find_contract("gp", contracts).version == "2"


MOVED = {
    "a table that another dataset has": (("dataset: gp", "dataset: other"), "holds a table of this name"),
    "another controller": (("controller: gp", "controller: trust"), "is gp's, not trust's"),
    "another kind of a column": (
        ("name: term, type: text", "name: term, type: integer"),
        r"another kind: gp_events\.term",
    ),
}


@pytest.mark.parametrize("what", MOVED)
def test_no_contract_moves_what_approvals_rest_on(what: str) -> None:
    """Tables of one name are one table in the zone: with or without a catalogue such a contract is not installed."""
    (old, new), told = MOVED[what]
    text = TEXT.replace('version: "1"', 'version: "2"').replace(old, new, 1)
    assert old in TEXT
    records = memory_records()
    contracts = Contracts(records)
    contracts.install(TEXT, "gp.yaml", by=BY)
    with pytest.raises(ContractError, match=told) as refused:
        contracts.install(text, "own.yaml", by=BY)
    assert (refused.value.where, bool(refused.value.mend)) == ("own.yaml", True)
    access = Access(memory_records(), real_data=False, held=held_deliveries)
    listed = Contracts(access.records, into_catalogue(access))
    listed.install(TEXT, "gp.yaml", by=BY)
    with pytest.raises(ContractError, match=told):
        listed.install(text, "own.yaml", by=BY)
    assert access.datasets() == {"gp": entry_of(read_contract(TEXT, "gp.yaml"))}


def test_an_older_version_never_comes_back_by_itself() -> None:
    """Beside an installed version a delivery brings no shipped one in; installed later, it leaves the catalogue."""
    access = Access(memory_records(), real_data=False, held=held_deliveries)
    contracts = Contracts(access.records, into_catalogue(access))
    newer = TEXT.replace('version: "1"', 'version: "2"').replace("disclosure_profile: ", "disclosure_profile: own_")
    contracts.install(newer, "own.yaml", by=BY)
    assert contracts.named("gp", "1") is None
    assert contracts.in_force("gp", "1", by=BY) is None
    contracts.install(TEXT, "gp.yaml", by=BY)
    assert contracts.named("gp", "1") == read_contract(TEXT, "gp.yaml")
    assert access.datasets() == {"gp": entry_of(read_contract(newer, "own.yaml"))}


def test_a_contract_is_found_by_name_or_file(tmp_path: Path) -> None:
    """A contract is named by its dataset or its file; another name says which there are."""
    path = tmp_path / "own.yaml"
    path.write_text(TEXT, encoding="utf-8")
    assert find_contract(str(path)).dataset == find_contract("gp").dataset == "gp"
    with pytest.raises(ContractError) as unknown:
        find_contract("dentist")
    assert "deaths, gp, hospital, social_care" in str(unknown.value.mend)
    with pytest.raises(ContractError, match="cannot be read"):
        find_contract(str(tmp_path / "none.yaml"))
