"""How is what was delivered destroyed with proof, by a person or, where that is agreed, by housekeeping?

Destroyed means: the delivery counts no more, its rows are removed, a linkage run has removed what was linked from
them; then the certificate is signed. Cut short between two of these, the same command finishes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from access.decisions import Decision, Refused
from access.people.model import Role
from access.people.policies import may_hold_office
from access.retention import policies
from access.retention.certificate import delivery_certificate
from access.retention.model import Retention
from access.retention.store import DestructionRow
from audit.events import EventName
from audit.model import Actor, service
from audit.progress import Progress, silent

if TYPE_CHECKING:
    from infra.wiring.haven import Haven

HOUSEKEEPING = service("housekeeping")


def destroy_overdue(haven: Haven, *, progress: Progress = silent) -> list[Retention]:
    """Destroy and certify what housekeeping is agreed to destroy today; what it was. Again: nothing."""
    today = haven.clock.now().date()
    due = [one for one in haven.access.retentions() if policies.may_be_automatic(one, today)]
    for one in due:
        destroy_delivery(haven, one.held.id, by=HOUSEKEEPING, progress=progress)
    return due


def destroy_delivery(
    haven: Haven, name: str, *, early: str | None = None, by: Actor, progress: Progress = silent
) -> dict[str, Any]:
    """Destroy a delivery, by its name or id, and certify it. Raises RefusedError, which is recorded."""
    found = next((one for one in haven.access.retentions() if name in (one.held.id, one.held.name)), None)
    decision = may_destroy(haven, found, early, by)
    if isinstance(decision, Refused):
        dataset = found.held.dataset if found else None
        haven.records.note(EventName.DELIVERY_DESTROY_REFUSED, by=by, dataset=dataset, rule=decision.code)
    decision.require()
    if found is None:
        raise RuntimeError("a delivery that may be destroyed is held")
    haven.delivery_intake.destroy(found.held.id, by=by)
    haven.linker.link(by=by, progress=progress)
    return _certify(haven, found, early, by)


def may_destroy(haven: Haven, found: Retention | None, early: str | None, by: Actor) -> Decision:
    """May whoever acts destroy it now? A governance lead; housekeeping where the agreement says so.

    The haven's own account only where data are synthetic.
    """
    today = haven.clock.now().date()
    kind, _, name = by.partition(":")
    if kind == "person":
        office = may_hold_office(haven.access.person(name), Role.GOVERNANCE_LEAD, today)
        return policies.may_destroy(found, early, today) if office else office
    if by == HOUSEKEEPING and not early:
        return policies.may_be_automatic(found, today)
    if haven.settings.real_data:
        return Refused("office.not_held", "A governance lead destroys deliveries.", "Say who: --as PERSON.")
    return policies.may_destroy(found, early, today)


def certificate_of(haven: Haven, name: str) -> dict[str, Any]:
    """The certificate of a destroyed delivery. Raises RefusedError: none is there."""
    with haven.records.read() as session:
        for row in session.scalars(select(DestructionRow).order_by(DestructionRow.at)):
            statement = row.certificate["statement"]
            if name in (statement["delivery"], statement["name"]):
                return row.certificate
    Refused(
        "retention.not_certified", "No such delivery was destroyed.", "`haven retention list` shows what is held."
    ).require()
    raise RuntimeError("a refusal raises")


def _certify(haven: Haven, found: Retention, early: str | None, by: Actor) -> dict[str, Any]:
    key = haven.keyring.signing_key("certificate")
    with haven.records.change(by=by) as change:
        made = delivery_certificate(found, at=change.at, by=by, early=early, key=key)
        change.session.add(DestructionRow(delivery=found.held.id, certificate=made, by=by, at=change.at))
        change.record(
            EventName.DELIVERY_DESTRUCTION_CERTIFIED,
            dataset=found.held.dataset,
            delivery=found.held.id,
            agreement=found.agreement,
            signature=made["signature"],
        )
    return made
