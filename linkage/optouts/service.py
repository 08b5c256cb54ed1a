"""Make it so: ask for the list, wait for it, say how it stands, purge it. Numbers stay in the linkage zone.

The records hold what is known outside: when it was asked, how many were asked, whether the answer could be used. Killed
anywhere, the next refresh goes on with the exchange that is under way.
"""

from __future__ import annotations

import base64
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from access.decisions import Decision, Refused
from access.optouts import store
from access.optouts.model import ListState, OptOutList
from access.people.model import Person
from access.people.policies import may_act
from access.service import Access
from audit.canonical import canonical
from audit.events import EventName
from audit.model import Actor
from audit.progress import Progress, silent
from audit.records import Records
from audit.suppression import shown_count
from linkage.optouts.errors import ListFailed, ObjectorUnknown
from linkage.optouts.judging import FAILURES
from linkage.optouts.model import ANSWERED, UNDER_WAY, ExchangeState
from linkage.separation.ports import ZoneRunner

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds between looks into the mailbox: each pause is twice the one before."""
PURGED = "haven/opt-out-lists-purged/1"
REMAINS = (
    "The lists named here lay in one encrypted file of this haven's linkage unit. It was overwritten and removed;"
    " where a list was kept, it was written into a new one. Not covered: backups made while the file was there, and"
    " blocks that a flash disk keeps aside."
)


@dataclass(frozen=True)
class Refreshed:
    """How an asking stands after this call; done: a list is in force by it."""

    list: OptOutList
    done: bool
    resumed: bool


class OptOutLists:
    """The list of one haven. key: signs certificates of purge; longest: how old a list may be (None: not decided)."""

    def __init__(
        self,
        zones: ZoneRunner,
        records: Records,
        access: Access,
        key: Ed25519PrivateKey,
        *,
        longest: timedelta | None,
        test_range: bool,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._zones = zones
        self._records = records
        self._access = access
        self._key = key
        self._longest = longest
        self._test_range = test_range
        self._pause = pause

    def refresh(self, *, by: Actor, wait: bool, progress: Progress = silent) -> Refreshed:
        """Ask, or go on with what is under way. wait: until there is an answer, or the time for it is over.

        Raises RefusedError (recorded), MailboxUnset, MailboxAway, NothingToAsk, ListFailed.
        """
        self._require(by)
        if (found := self._caught_up(by)) is not None:
            return found
        progress("writing the request", 0, None)
        begun = self._zones.run("optouts.ask", {"at": self._now(), "test_range": self._test_range}).data
        self._note_asked(begun, by)
        pause = FIRST_PAUSE
        while True:
            told = self._zones.run("optouts.step", {"at": self._now()}).data
            told = told if told["state"] is not None else begun
            state = ExchangeState(told["state"])
            if state in ANSWERED or state is ExchangeState.FAILED or not wait:
                return self._kept(told, state, by, resumed=begun["resumed"])
            progress(f"asked {shown_count(told['asked'])} numbers; waiting for the answer", 0, None)
            self._pause(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def status(self) -> tuple[list[OptOutList], list[str]]:
        """Every asking, the newest first; and the ids of objectors who are named in the zone and recorded nowhere."""
        told = self._zones.run("optouts.status").data
        with self._records.read() as session:
            known = {one.id for one in store.objections(session)}
            found = store.lists(session)
        return found, [name for name in told["objections"] if name not in known]

    def require_named(self, objection: str, *, by: Actor) -> None:
        """Is somebody named in the zone under this id? When and by which account goes into the log, never who.

        Raises ObjectorUnknown.
        """
        named = self._zones.run("optouts.status").data["named"].get(objection)
        if named is None:
            raise ObjectorUnknown(
                "Nobody is named in the linkage zone under this id.",
                where=f"objection {objection[:40]}",
                mend="Name the person first: haven optout name-objector",
            )
        self._records.note(
            EventName.OPTOUT_OBJECTOR_NAMED,
            by=by,
            objection=objection,
            named_at=named["at"],
            account=named["account"],
        )

    def purge(self, *, by: Actor, everything: bool = False) -> dict[str, Any] | None:
        """Erase lists that are not in force or older than they may be (everything: all); a signed certificate.

        None where there is nothing to purge. Raises RefusedError (recorded).
        """
        self._require(by)
        with self._records.read() as session:
            using = store.list_in_force(session)
        keep = None if everything or using is None or self._is_old(using) else using.id
        gone = self._zones.run("optouts.purge", {"keep": keep}).data["purged"]
        if not gone:
            return None
        with self._records.change(by=by) as change:
            certificate = self._certificate(gone, keep, change.at, by)
            for name in gone:
                row = change.session.get(store.OptOutListRow, name)
                if row is not None and row.state == ListState.IN_FORCE:
                    row.state = ListState.PURGED.value
            digest = certificate["statement"]["id"]
            change.record(
                EventName.OPTOUT_LIST_PURGED, lists=list(gone), kept=keep, certificate=digest, signed=certificate
            )
        return certificate

    def purge_old(self, *, by: Actor) -> dict[str, Any] | None:
        """Erase the list in force once it is older than it may be; a signed certificate, which is in the log whole.

        None where there is nothing to purge, and while an asking is under way: the next run does it. Raises
        RefusedError (recorded).
        """
        with self._records.read() as session:
            using = store.list_in_force(session)
        if using is None or not self._is_old(using):
            return None
        told = self._zones.run("optouts.status").data["exchanges"]
        if using.id not in {one["id"] for one in told} or {ExchangeState(one["state"]) for one in told} & UNDER_WAY:
            return None
        return self.purge(by=by)

    # -- parts

    def _caught_up(self, by: Actor) -> Refreshed | None:
        """What the zone has and the records do not, as after a crash between the two; where that is a list: it."""
        with self._records.read() as session:
            waiting = {one.id for one in store.lists(session) if one.state is ListState.ASKED}
        told = [one for one in self._zones.run("optouts.status").data["exchanges"] if one["id"] in waiting]
        for one in told:
            if one["state"] == ExchangeState.FAILED:
                self._move(one["id"], ListState.FAILED, one["failure"], EventName.OPTOUT_LIST_FAILED, by)
        done = next((one for one in told if one["state"] == ExchangeState.COMPLETE), None)
        return None if done is None else self._kept(done, ExchangeState.COMPLETE, by, resumed=True)

    def _note_asked(self, begun: dict[str, Any], by: Actor) -> None:
        """The records know of the exchange before anything is sent; of one that was under way they may already."""
        with self._records.read() as session:
            if session.get(store.OptOutListRow, begun["id"]) is not None:
                return
        with self._records.change(by=by) as change:
            at = datetime.fromisoformat(begun["at"]).replace(tzinfo=UTC)
            number = store.next_number(change.session, store.OptOutListRow)
            change.session.add(
                store.OptOutListRow(
                    id=begun["id"], number=number, state=ListState.ASKED.value, as_at=at, asked=begun["asked"],
                    bad=begun["bad"], failure=None, sentence=None,
                )
            )  # fmt: skip
            bad = {f"records_{reason}": shown_count(rows) for reason, rows in begun["bad"].items()}
            change.record(EventName.OPTOUT_LIST_ASKED, list=begun["id"], asked=shown_count(begun["asked"]), **bad)

    def _kept(self, told: dict[str, Any], state: ExchangeState, by: Actor, *, resumed: bool) -> Refreshed:
        """The records say what the zone says. Raises ListFailed."""
        if state in ANSWERED:
            self._move(told["id"], ListState.IN_FORCE, None, EventName.OPTOUT_LIST_RECEIVED, by)
        elif state is ExchangeState.FAILED:
            self._move(told["id"], ListState.FAILED, told["failure"], EventName.OPTOUT_LIST_FAILED, by)
            raise ListFailed(
                FAILURES[told["failure"]],
                where=f"request {told['id']}",
                mend="Nothing to which opt-outs apply is disclosed until an asking succeeds: find the cause, then ask"
                " again: haven optout refresh --wait",
            )
        with self._records.read() as session:
            found = next(one for one in store.lists(session) if one.id == told["id"])
        return Refreshed(found, state in ANSWERED, resumed)

    def _move(self, name: str, state: ListState, failure: str | None, event: EventName, by: Actor) -> None:
        with self._records.change(by=by) as change:
            row = change.session.get_one(store.OptOutListRow, name)
            row.state, row.failure = state.value, failure
            row.sentence = None if failure is None else FAILURES[failure]
            change.record(event, list=name, failure=failure)

    def _certificate(self, gone: list[str], keep: str | None, at: datetime, by: Actor) -> dict[str, Any]:
        statement: dict[str, Any] = {
            "kind": PURGED,
            "id": str(uuid.uuid4()),
            "lists": list(gone),
            "kept": keep,
            "purged_at": at.isoformat(),
            "purged_by": by,
            "what": REMAINS,
        }
        public = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return {
            "statement": statement,
            "signature": base64.b64encode(self._key.sign(canonical(statement))).decode(),
            "public_key": base64.b64encode(public).decode(),
        }

    def _is_old(self, using: OptOutList) -> bool:
        return self._longest is None or self._records.clock.now() - using.as_at > self._longest

    def _require(self, by: Actor) -> None:
        """A service of the haven's, or a registered person who may act."""
        kind, _, name = by.partition(":")
        decision = _may_ask(kind, self._access.person(name) if kind == "person" else None, self._records)
        if isinstance(decision, Refused):
            self._records.note(EventName.OPTOUT_LIST_REFUSED, by=by, rule=decision.code)
        decision.require()

    def _now(self) -> str:
        return self._records.clock.now().astimezone(UTC).replace(tzinfo=None).isoformat()


def _may_ask(kind: str, person: Person | None, records: Records) -> Decision:
    from access.decisions import Allowed
    from access.people.model import Role

    if kind == "service":
        return Allowed()
    acting = may_act(person, records.clock.now().date())
    if not acting or person is None:
        return acting
    if person.roles & {Role.DATA_ENGINEER, Role.ADMINISTRATOR}:
        return Allowed()
    return Refused("optouts.may_not_ask", "Only a data engineer or an administrator asks for opt-outs.", "They do.")
