"""What if nobody who holds an office can act any more? Root of the machine gives it back to the haven's own account.

For an hour, for the office of the administrator only, and never while somebody can act: else it were a way around them.
It stands in the log, and before everybody who looks at the administrators' work, for ninety days.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from access.decisions import Allowed, Decision, Refused
from access.people import store
from access.people.model import Role
from access.people.policies import may_hold_office
from access.verbs import Verbs, may_be_said, shortened
from audit.events import EventName
from audit.model import Actor

RECOVERED_FOR = timedelta(hours=1)


class RecoveryVerbs(Verbs):
    """An office without anybody who can act in it."""

    def recover_administration(self, reason: str, *, root: bool, by: Actor) -> datetime:
        """Let the haven's own account act as an administrator for an hour; until when. Raises RefusedError, recorded.

        root: does the machine's root say so? Whoever asks shows it (infra.recovery).
        """
        with self._changing("recovery:administrator", EventName.OFFICE_RECOVER_REFUSED, by) as change:
            decision = self._may_recover(root=root) and may_be_said(reason)
            self._require(decision, EventName.OFFICE_RECOVER_REFUSED, None, by, role=Role.ADMINISTRATOR)
            until = change.at + RECOVERED_FOR
            change.session.add(
                store.RecoveryRow(
                    id=str(uuid.uuid4()),
                    role=Role.ADMINISTRATOR.value,
                    reason=shortened(reason),
                    by=by,
                    at=change.at,
                    until=until,
                )
            )
            change.record(EventName.OFFICE_RECOVERED, role=Role.ADMINISTRATOR.value, until=until.isoformat())
        return until

    def recoveries(self) -> list[store.RecoveryRow]:
        """Every one there was, the newest first."""
        with self.records.read() as session:
            return store.recoveries(session)

    def _may_recover(self, *, root: bool) -> Decision:
        if not root:
            return Refused(
                "office.recovery_not_root",
                "Only root of this machine recovers an office.",
                'As root first: haven recover --reason "WHY" (it says what comes next).',
            )
        able = [one for one in self.people() if may_hold_office(one, Role.ADMINISTRATOR, self._today())]
        if able:
            return Refused(
                "office.held", "An administrator can act; nothing is to be recovered.", "They act: --as NAME."
            )
        if not self.real_data:
            return Refused(
                "office.not_taken", "Without real data the haven's own account may act anyway.", "Leave --as out."
            )
        return Allowed()
