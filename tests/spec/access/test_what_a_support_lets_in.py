"""The rule book of deliveries under section 251: with the identifiers that the letter names, and no others."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from access.decisions import Refused, RefusedError
from access.documents import load_document
from access.service import Access
from access.support.file import SupportFile
from audit.clock import FixedClock
from audit.events import EventName
from audit.model import person
from linkage.contracts.registry import find_contract
from tests.fakes.audit_log import MemoryAuditLog
from tests.fakes.havens import HOUSE, START, memory_records, peopled
from tests.fakes.papers import agreement_with, support_for

LENA = person("lena")
ALL = {"nhs_number", "surname", "forenames", "sex", "date_of_birth", "postcode"}
GP = [("gp", "gp")]


@pytest.fixture
def access() -> Access:
    """Real data; the GP's agreement, on the basis of section 251 alone, and an authoriser."""
    access = peopled(memory_records(FixedClock(START)), real_data=True)
    access.register_agreement(agreement_with("gp", ["gp"], legal_bases=["section-251"]), by=LENA)
    access.appoint_authoriser("sian", date(2026, 12, 31), by=LENA)
    return access


def _flow(identifiers: list[str], **changes: object) -> dict[str, object]:
    return {"dataset": "gp", "from": "gp", "to": "haven", "identifiers": identifiers, "purpose": "research"} | changes


def _letter(flows: list[dict[str, object]], **changes: object) -> SupportFile:
    return SupportFile.model_validate(support_for(GP).model_dump(by_alias=True) | {"flows": flows} | changes)


def _code(access: Access, carried: set[str]) -> str:
    decision = access.may_ingest("gp", carried)
    return decision.code if isinstance(decision, Refused) else "yes"


def test_without_a_support_that_names_it_nothing_comes_in_under_section_251(access: Access) -> None:
    """Where agreements know no other basis; a support that was withdrawn is none; another basis needs none."""
    assert _code(access, ALL) == "support.flow_not_named"
    access.register_support(support_for(GP), by=LENA)
    assert _code(access, ALL) == "yes"
    access.withdraw_support("26/CAG/0001", by=LENA)
    assert _code(access, ALL) == "support.flow_not_named"
    access.register_agreement(agreement_with("gp", ["gp"], on=date(2026, 1, 5)), by=LENA)
    assert _code(access, ALL) == "yes"


def test_the_grounds_of_a_delivery_are_the_papers_in_force_that_day(access: Access) -> None:
    """What the receipt keeps: agreements and supports over the dataset; none of another's, none that ended."""
    access.register_support(support_for(GP), by=LENA)
    assert access.grounds_of("gp") == ["agreement gp-2026", "support 26/CAG/0001"]
    assert access.grounds_of("hospital") == []
    access.withdraw_support("26/CAG/0001", by=LENA)
    assert access.grounds_of("gp") == ["agreement gp-2026"]


def test_an_identifier_that_the_letter_does_not_name_is_refused(access: Access) -> None:
    """Told by name, and in the log; a delivery without it comes in."""
    access.register_support(_letter([_flow(["nhs_number", "date_of_birth"])]), by=LENA)
    assert _code(access, {"nhs_number", "date_of_birth"}) == "yes"
    with pytest.raises(RefusedError) as told:
        access.require_ingest("gp", ALL, by=person("tom"))
    assert told.value.refused.code == "support.identifier_not_named"
    assert "without: forenames, postcode, sex, surname;" in told.value.refused.reason
    log = access.records.log
    assert isinstance(log, MemoryAuditLog)
    refused = [one for one in log.events if one.name is EventName.DELIVERY_RECEIVE_REFUSED]
    assert [one.details["rule"] for one in refused] == ["support.identifier_not_named"]


OTHERS: dict[str, Callable[[], SupportFile]] = {
    "another recipient's": lambda: _letter([_flow(["nhs_number"], to="university")]),
    "another dataset's": lambda: _letter(
        [_flow(["nhs_number"], dataset="hospital", **{"from": "hospital"})]),
    "one that has not begun": lambda: _letter(
        [_flow(["nhs_number"])], starts=date(2026, 9, 1), review_due=date(2027, 1, 1)),
}  # fmt: skip


@pytest.mark.parametrize("whose", OTHERS)
def test_a_letter_counts_for_its_own_flows(access: Access, whose: str) -> None:
    """What another flow's letter leaves out is no reason against this delivery."""
    access.register_support(support_for(GP, reference="26/CAG/0002"), by=LENA)
    access.register_support(OTHERS[whose](), by=LENA)
    assert _code(access, ALL) == "yes"


def test_each_letter_names_all_that_comes(access: Access) -> None:
    """Two supports for one flow: what the second names cannot be linked by for the first one's projects."""
    access.register_support(support_for(GP, reference="26/CAG/0002"), by=LENA)
    access.register_support(_letter([_flow(["nhs_number"], purpose="audit")]), by=LENA)
    assert _code(access, ALL) == "support.identifier_not_named"


def test_with_synthetic_data_a_registered_letter_counts_too() -> None:
    """Nobody needs one there; who registers one is held to it."""
    access = peopled(memory_records(FixedClock(START)))
    assert _code(access, ALL) == "yes"
    access.register_support(_letter([_flow(["nhs_number"])]), by=HOUSE)
    assert _code(access, ALL) == "support.identifier_not_named"


def test_the_examples_name_what_the_shipped_contracts_carry(access: Access) -> None:
    """The demo's support lets each of its deliveries in."""
    papers = Path(__file__).resolve().parents[3] / "docs" / "examples" / "governance"
    letter = load_document(papers / "support.yaml", SupportFile).as_support()
    from access.support.policies import may_carry

    for flow in letter.flows:
        contract = find_contract(flow.dataset)
        asked = (flow.dataset, flow.discloser, flow.recipient, contract.identifiers)
        assert may_carry([letter], *asked, letter.starts), flow.dataset
