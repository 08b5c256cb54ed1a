"""Make it so: rotate, make and destroy rounds, hand out a project's key to two people's will; every refusal recorded.

A destruction has two entries: begun, and done. The certificate is written only when the file is erased, so that no
certificate tells of a key that still lies there; killed between the two, the same command finishes.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import CursorResult, update
from sqlalchemy.orm import Session

from access.decisions import Decision, Refused
from access.keys import policies, store
from access.keys.certificate import destruction_certificate
from access.keys.errors import KeyRingError, RecipientUnlisted, RoundTaken
from access.keys.model import (
    EndedRound,
    HeldKey,
    KeyEntry,
    RoundKey,
    RoundState,
    UnwrapRequest,
    UnwrapState,
    check_value,
)
from access.keys.ports import RoundPlace
from access.keys.ring import KeyRing
from access.keys.rounds import STANDING_ROUNDS
from access.keys.rounds_here import RoundsHere, as_text
from access.keys.sealing import age_recipient, sealed_for
from access.keys.store import ProjectKeyRow, RoundKeyRow, UnwrapRow
from access.people.model import Person
from access.projects.model import ProjectVersion
from access.service import Access
from audit.events import EventName
from audit.model import Actor
from audit.records import Records

TO_APPROVE = timedelta(hours=48)
TO_HAND_OUT = timedelta(hours=24)
ROUND_FILE_DAYS = 30
"""For which a round's file may be used, unless another number is said."""
ZONES = ("linkage", "quarantine", "research", "review")


class KeyCustody:
    """The keys of one haven and the records of them. rounds: where the rounds' keys lie; None: in this ring."""

    def __init__(self, ring: KeyRing, records: Records, access: Access, rounds: RoundPlace | None = None) -> None:
        self._ring = ring
        self._records = records
        self._access = access
        self._place = rounds

    @property
    def _rounds(self) -> RoundPlace:
        return self._place or RoundsHere(self._ring, self._records.clock)

    # -- looking: check values only

    def entries(self) -> list[KeyEntry]:
        """Every key that is known by name."""
        ring = self._ring
        rows = [KeyEntry(f"role/{role}", 1, check, "founding" if ring.founding else "wrapped")
                for role, check in ring.role_checks.items()]  # fmt: skip
        rows += [KeyEntry(f"zone/{zone}", 1, check_value(ring.zone_key(zone).encode()), "derived")
                 for zone in ZONES if ring.derives(f"zone/{zone}")]  # fmt: skip
        rows += [_entry(ring.token_key(name), "standing") for name in STANDING_ROUNDS if ring.derives(f"token/{name}")]
        with self._records.read() as session:
            rows += [KeyEntry(f"token/{one.name}", 1, one.check_value, one.state) for one in store.all_rounds(session)]
            for project in [standing.version.project for standing in self._access.projects()]:
                current = store.project_key_version(session, project)
                rows += [_entry(ring.project_key(project, version), "current" if version == current else "before")
                         for version in range(1, current + 1)]  # fmt: skip
        return rows

    def round(self, name: str) -> RoundKey | None:
        """The record of a round."""
        with self._records.read() as session:
            return store.find_round(session, name)

    def certificate(self, name: str) -> dict[str, Any]:
        """The certificate of a round's destruction. Raises KeyRingError."""
        with self._records.read() as session:
            row = session.get(RoundKeyRow, name)
        if row is None or row.certificate is None:
            raise KeyRingError(
                "There is no certificate for this round: its key was not destroyed.",
                where=name,
                mend="`haven keys list` shows the rounds.",
            )
        return row.certificate

    def round_signer(self) -> str:
        """The public key, as a line, that checks the files in which rounds' keys go to controllers."""
        return self._rounds.signer()

    def ended_rounds(self) -> list[EndedRound]:
        """Every round whose key was erased, by certificate or without one, as the place of the keys tells it."""
        return self._rounds.ended()

    def unwraps(self) -> list[UnwrapRequest]:
        """Every request for a project's key, as it stands now."""
        with self._records.read() as session:
            return store.all_unwraps(session, self._records.clock.now())

    # -- rotation

    def rotate_root(self, rotation: Callable[[], None], *, by: Actor) -> None:
        """Rotate or move the root key by `rotation` (access.keys.rotate_root). Raises RefusedError, recorded."""
        self._require(policies.may_keep_keys(self._person(by), self._today()), EventName.KEY_ROTATE_REFUSED, by)
        before = self._ring.root_name
        self._records.note(EventName.KEY_ROOT_ROTATION_STARTED, by=by, root=before)
        rotation()
        self._records.note(EventName.KEY_ROOT_ROTATED, by=by, root=before)

    def rotate_project_key(self, project: str, reason: str, *, by: Actor) -> KeyEntry:
        """A new version of the project's key; its next publication uses it. Raises RefusedError, recorded.

        No identifier and no person number is touched: pseudonyms are made anew from the person numbers.
        """
        inside = self._access.members(project)
        decision = policies.may_rotate_project_key(
            self._person(by), self._project(project), self._today(), inside=inside
        )
        self._require(decision, EventName.KEY_ROTATE_REFUSED, by, project=project)
        with self._records.change(by=by) as change:
            version = store.project_key_version(change.session, project) + 1
            key = self._ring.project_key(project, version)
            change.session.add(
                ProjectKeyRow(
                    project=project, version=version, check_value=key.check_value, reason=reason, at=change.at, by=by
                )
            )
            change.record(
                EventName.KEY_PROJECT_ROTATED, project=project, key_version=version, key_check=key.check_value
            )
        return _entry(key, "current")

    # -- rounds

    def create_round(self, name: str, purpose: str, datasets: Sequence[str], *, by: Actor) -> RoundKey:
        """Make a round's key, for records of these datasets. Raises RefusedError, recorded; KeyRingError: no name."""
        known = name in STANDING_ROUNDS or self.round(name) is not None
        decision = policies.may_create_round(self._person(by), self._today(), known=known)
        self._require(decision, EventName.KEY_ROUND_CREATE_REFUSED, by, round=name)
        key = self._rounds.create(name, datasets, by=by)
        try:
            with self._records.change(by=by) as change:
                row = RoundKeyRow(
                    name=name,
                    purpose=purpose,
                    datasets=list(datasets),
                    check_value=key.check_value,
                    state=RoundState.CREATED.value,
                    ending=False,
                    created_at=change.at,
                    created_by=by,
                )
                change.session.add(row)
                change.record(EventName.KEY_ROUND_CREATED, round=name, key_check=key.check_value,
                              datasets=" ".join(datasets))  # fmt: skip
        except BaseException:
            self._rounds.forget(name, by=by)  # a key that no record tells of must not lie there
            raise
        return store.as_round(row)

    def use_round(self, name: str, recipient: str, *, by: Actor, days: int = ROUND_FILE_DAYS) -> bytes:
        """The round's file: its key sealed for an age recipient, signed; once. Raises RefusedError, recorded."""
        found = self.round(name)
        decision = policies.may_use_round(self._person(by), found, self._today())
        decision = decision and age_recipient(recipient)
        self._require(decision, EventName.KEY_ROUND_USE_REFUSED, by, round=name)
        sealed = self._sealed_round(name, recipient, days, by)
        with self._records.change(by=by) as change:
            moved = _moved(
                change.session,
                update(RoundKeyRow)
                .where(RoundKeyRow.name == name, RoundKeyRow.state == RoundState.CREATED.value)
                .values(state=RoundState.USED.value, used_at=change.at, used_by=by),
            )
            change.record(EventName.KEY_ROUND_USED if moved else EventName.KEY_ROUND_USE_REFUSED,
                          round=name, key_check=found.check_value if found else None,
                          recipient=recipient)  # fmt: skip
        if not moved:
            _overtaken().require()
        return sealed

    def _sealed_round(self, name: str, recipient: str, days: int, by: Actor) -> bytes:
        """The place where the keys lie may refuse what the records allow; that is recorded too."""
        try:
            return self._rounds.sealed(name, recipient, days=days, by=by)
        except (RecipientUnlisted, RoundTaken) as refused:
            self._records.note(EventName.KEY_ROUND_USE_REFUSED, by=by, round=name, rule=refused.code)
            raise

    def destroy_round(self, name: str, *, by: Actor) -> dict[str, Any]:
        """Erase the round's key and certify it; a destruction that was cut short is finished. Raises RefusedError."""
        found = self.round(name)
        decision = policies.may_destroy_round(self._person(by), found, self._today(), standing=name in STANDING_ROUNDS)
        self._require(decision, EventName.KEY_ROUND_DESTROY_REFUSED, by, round=name)
        with self._records.change(by=by) as change:
            _moved(change.session, update(RoundKeyRow).where(RoundKeyRow.name == name).values(ending=True))
            change.record(EventName.KEY_ROUND_DESTRUCTION_STARTED, round=name)
        if not self._rounds.destroy(name, by=by) or found is None:
            raise KeyRingError("The round's key could not be erased.", where=name, mend="Look at the folder of keys.")
        signing = self._ring.signing_key("certificate")
        with self._records.change(by=by) as change:
            handed_out = found.state is RoundState.USED
            made = destruction_certificate(found, at=change.at, by=by, handed_out=handed_out, key=signing)
            _moved(
                change.session,
                update(RoundKeyRow)
                .where(RoundKeyRow.name == name, RoundKeyRow.state != RoundState.DESTROYED.value)
                .values(state=RoundState.DESTROYED.value, certificate=made),
            )
            change.record(
                EventName.KEY_ROUND_DESTROYED,
                round=name,
                key_id=f"token/{name}",
                key_check=found.check_value,
                signature=made["signature"],
            )
        return made

    # -- two people unwrap a project's key

    def request_unwrap(self, project: str, recipient: str, reason: str, *, by: Actor) -> UnwrapRequest:
        """Ask that the project's current key be handed out, sealed for `recipient`. Raises RefusedError, recorded."""
        live, inside = self._access.standing(project), self._access.members(project)
        decision = policies.may_request_unwrap(
            self._person(by), self._project(project), self._today(), live=live, inside=inside
        )
        decision = decision and age_recipient(recipient)
        self._require(decision, EventName.KEY_UNWRAP_REQUEST_REFUSED, by, project=project)
        name = str(uuid.uuid4())
        with self._records.change(by=by) as change:
            version = store.project_key_version(change.session, project)
            change.session.add(
                UnwrapRow(
                    id=name,
                    project=project,
                    version=version,
                    recipient=recipient,
                    reason=reason,
                    state=UnwrapState.REQUESTED.value,
                    ends=change.at + TO_APPROVE,
                    requested_by=_name(by),
                    requested_at=change.at,
                )
            )
            change.record(EventName.KEY_UNWRAP_REQUESTED, project=project, request=name, key_version=version,
                          recipient=recipient)  # fmt: skip
        return self._known_unwrap(name)

    def approve_unwrap(self, request: str, *, by: Actor) -> UnwrapRequest:
        """Another person approves, for the recipient that the request names. Raises RefusedError, recorded."""
        found, now = self._unwrap(request), self._records.clock.now()
        name = found.project if found else ""
        decision = policies.may_approve_unwrap(
            self._person(by), found, self._project(name), now,
            live=self._access.standing(name), inside=self._access.members(name),
        )  # fmt: skip
        self._require(decision, EventName.KEY_UNWRAP_APPROVE_REFUSED, by, request=request)
        self._move_unwrap(
            request, UnwrapState.REQUESTED, UnwrapState.APPROVED, EventName.KEY_UNWRAP_APPROVED,
            EventName.KEY_UNWRAP_APPROVE_REFUSED, by,
            approved_by=_name(by), approved_at=now, ends=now + TO_HAND_OUT,
        )  # fmt: skip
        return self._known_unwrap(request)

    def hand_out(self, request: str, *, by: Actor) -> bytes:
        """The project's key, sealed for the recipient of the request; once. Raises RefusedError, recorded."""
        found, now = self._unwrap(request), self._records.clock.now()
        name, approver = (found.project, found.approved_by) if found else ("", None)
        decision = policies.may_hand_out(
            self._person(by), found, self._access.person(approver or ""), self._project(name), now,
            live=self._access.standing(name), inside=self._access.members(name),
        )  # fmt: skip
        self._require(decision, EventName.KEY_UNWRAP_HAND_OUT_REFUSED, by, request=request)
        known = self._known_unwrap(request)
        key = self._ring.project_key(known.project, known.version)
        sealed = sealed_for(known.recipient, as_text(key))
        self._move_unwrap(
            request, UnwrapState.APPROVED, UnwrapState.HANDED_OUT, EventName.KEY_UNWRAP_HANDED_OUT,
            EventName.KEY_UNWRAP_HAND_OUT_REFUSED, by, handed_out_at=now,
        )  # fmt: skip
        return sealed

    def _move_unwrap(
        self,
        request: str,
        before: UnwrapState,
        after: UnwrapState,
        done: EventName,
        refused: EventName,
        by: Actor,
        **values: Any,
    ) -> None:
        """One step of a request; of two people who take it at once, one does, and the other is refused."""
        known = self._known_unwrap(request)
        with self._records.change(by=by) as change:
            moved = _moved(
                change.session,
                update(UnwrapRow)
                .where(UnwrapRow.id == request, UnwrapRow.state == before.value)
                .values(state=after.value, **values),
            )
            change.record(done if moved else refused, project=known.project, request=request,
                          key_version=known.version, recipient=known.recipient)  # fmt: skip
        if not moved:
            _overtaken().require()

    # -- parts

    def _today(self) -> Any:
        return self._records.clock.now().date()

    def _person(self, by: Actor) -> Person | None:
        """The person who acts; an organisation's account or a service is nobody here."""
        kind, _, name = by.partition(":")
        return self._access.person(name) if kind == "person" else None

    def _project(self, project: str) -> ProjectVersion | None:
        return next((one.version for one in self._access.projects() if one.version.project == project), None)

    def _unwrap(self, request: str) -> UnwrapRequest | None:
        with self._records.read() as session:
            return store.find_unwrap(session, request, self._records.clock.now())

    def _known_unwrap(self, request: str) -> UnwrapRequest:
        found = self._unwrap(request)
        if found is None:
            raise KeyRingError("There is no such request.", where=request, mend="`haven keys unwrap list` shows them.")
        return found

    def _require(
        self, decision: Decision, event: EventName, by: Actor, project: str | None = None, **details: str
    ) -> None:
        if isinstance(decision, Refused):
            self._records.note(event, by=by, project=project, rule=decision.code, **details)
        decision.require()


def _moved(session: Session, statement: Any) -> bool:
    """Did the statement find its row? The condition in it decides between two who come at once."""
    done = session.execute(statement)
    return isinstance(done, CursorResult) and done.rowcount == 1


def _overtaken() -> Refused:
    return Refused("keys.overtaken", "Another process was quicker.", "Look how it stands now: haven keys list")


def _entry(key: HeldKey, state: str) -> KeyEntry:
    return KeyEntry(key.key_id, key.version, key.check_value, state)


def _name(by: Actor) -> str:
    return by.partition(":")[2]
