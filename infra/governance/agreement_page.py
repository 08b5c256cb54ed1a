"""How does an agreement look on paper? One page for both parties to sign (recommendation 20: one standard template)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Protocol

from access.organisations.agreement import Agreement, Destroyer
from audit.reports import Report
from infra.governance.printed import PrintedPages

BY_WHOM = {
    Destroyer.GOVERNANCE_LEAD: "a governance lead of the recipient",
    Destroyer.HOUSEKEEPING: "the recipient's system by itself, on the day after the last",
}


class Page(Protocol):
    """What an agreement is written onto: a page for a browser, or pages of paper."""

    def heading(self, text: str) -> None: ...

    def text(self, text: str) -> None: ...

    def table(self, caption: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None: ...


def agreement_page(agreement: Agreement) -> str:
    """The agreement as HTML; its digest on the page ties the signatures to this text."""
    page = Report(*_heads(agreement))
    _write(page, agreement)
    return page.render()


def agreement_pdf(agreement: Agreement) -> bytes:
    """The same as PDF; the digest stands on each page. Raises Unprintable."""
    pages = PrintedPages(*_heads(agreement))
    _write(pages, agreement)
    return pages.render()


def _heads(agreement: Agreement) -> tuple[str, str]:
    """The title, and what ties a page to its text."""
    digest = hashlib.sha256(agreement.model_dump_json(exclude={"signatures"}).encode()).hexdigest()
    return f"Data sharing agreement: {agreement.title}", f"{agreement.id}; text {digest[:16]}"


def _write(page: Page, agreement: Agreement) -> None:
    page.heading("1. Parties")
    page.text(
        f"{agreement.discloser}, the controller, gives data to {agreement.recipient}, which acts as"
        f" {agreement.recipient_acts_as}."
    )
    page.heading("2. Purposes and legal bases")
    page.text(
        f"The data may be used for: {', '.join(agreement.purposes)}. They rest on: {', '.join(agreement.legal_bases)}."
        " No other use is agreed."
    )
    _datasets(page, agreement)
    page.heading("4. Security, breaches and audit")
    page.text(
        "Both parties hold an assessment with the Data Security and Protection Toolkit at standards met or better for"
        " as long as this agreement is in force. A personal data breach is told to the other party within"
        f" {agreement.breach_notice_hours} hours of its detection. {agreement.audit_rights}"
    )
    page.heading("5. Onward sharing")
    page.text(agreement.onward_sharing)
    page.heading("6. Time")
    page.text(
        f"In force from {agreement.starts} to {agreement.ends}; reviewed by {agreement.review_due}. Either party may"
        " end it; use of the data stops on that day."
    )
    _signatures(page, agreement)


def _datasets(page: Page, agreement: Agreement) -> None:
    page.heading("3. Datasets")
    page.table(
        "What is shared, how people are told, how long it is kept and how it ends",
        ["Dataset", "Fair-processing notice", "Days kept", "Destruction", "Destroyed by"],
        [
            [name, one.notice, one.retention_days, one.destruction, BY_WHOM[one.destroyed_by]]
            for name, one in agreement.datasets.items()
        ],
    )


def _signatures(page: Page, agreement: Agreement) -> None:
    page.heading("7. Signatures")
    signed = [(party, agreement.signatures.get(party)) for party in (agreement.discloser, agreement.recipient)]
    page.table(
        "Signed for the parties",
        ["Party", "Name", "Office", "Day", "Signature"],
        [
            [party, one.name if one else "", one.office if one else "", one.on if one else "", ""]
            for party, one in signed
        ],
    )
