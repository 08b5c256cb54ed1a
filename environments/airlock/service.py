"""The airlock, as the rest of the haven calls it: one door, its verbs, and its questions.

Submitted, checked, decided by two people, released with a signed manifest, or held with the reason. rules/airlock.md is
the rule book; policies.py has a refusal for each of its rules; verbs/ makes it so.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import NoReturn

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from access.decisions import Refused
from audit.model import Actor, Json
from audit.records import Records
from environments.airlock import store
from environments.airlock.files.container import Container
from environments.airlock.files.outbox import Outbox
from environments.airlock.ledger.service import ReleaseLedger
from environments.airlock.ledger.store import LedgerStore
from environments.airlock.model import Gate, Released, ReleaseRequest
from environments.airlock.ports import Approvals, Inspectors, PersonSets, SealedEvidence
from environments.airlock.states import ReleaseState
from environments.airlock.verbs.checking import FileCheck, check_file
from environments.airlock.verbs.desk import SYSTEM, Check, Desk
from environments.airlock.verbs.releasing import Releasing
from environments.airlock.verbs.review import Review
from environments.airlock.verbs.submission import Context, Offer, Submission
from environments.airlock.visibility import as_seen_by
from environments.disclosure.ledger.model import LedgerDifference
from environments.disclosure.sealed.model import EvidenceComparison

IDLE_UNTIL_LAPSE = timedelta(days=30)


class Airlock:
    """The one door through which anything leaves.

    folder: for the sealed files; outbox: where recipients are served; register: the public list; evidence: what was
    counted behind queries; people: who stands behind them; key_of: the key under which a project's part of the ledger
    is sealed; inspectors: of files that are no tables of counts. Every verb raises RefusedError with the rule, and
    UnknownRequest; what else it raises, it says.
    """

    def __init__(
        self,
        records: Records,
        approvals: Approvals,
        folder: Path,
        outbox: Path,
        register: Path,
        signing_key: Ed25519PrivateKey,
        *,
        evidence: SealedEvidence,
        people: PersonSets,
        key_of: Callable[[str], bytes],
        inspectors: Inspectors,
        check: Check = check_file,
    ) -> None:
        ledger = ReleaseLedger(LedgerStore(folder / "ledger", key_of), records, evidence, people)
        places = (Container(folder), Outbox(outbox), register)
        self._desk = Desk(records, approvals, evidence, ledger, inspectors, *places, signing_key, check)
        self._submission = Submission(self._desk)
        self._review = Review(self._desk)
        self._releasing = Releasing(self._desk)

    # -- the author's turn

    def draft(
        self, project: str, *, by: Actor, gate: Gate = Gate.TO_RESEARCHER, recipient: str | None = None
    ) -> ReleaseRequest:
        """Begin a request without files."""
        return self.get(self._submission.draft(project, gate, recipient, by), viewer=by)

    def submit(
        self,
        project: str,
        name: str,
        content: bytes,
        context: Context,
        *,
        by: Actor,
        request_id: str | None = None,
    ) -> ReleaseRequest:
        """Seal one file and have it checked; then it is `checking`, or `returned` with its problems.

        A CSV is a table of counts, checked cell by cell; every other file is looked into by the inspector of its type,
        and a picture is sealed as it was written anew. request_id: a draft or a returned request that goes on. Raises
        ContextInvalid, FileUnfit, TableUnfit, UnknownProfile, InspectionError.
        """
        return self.submit_set(project, [(name, content)], context, by=by, request_id=request_id)

    def submit_set(
        self, project: str, files: Sequence[Offer], context: Context, *, by: Actor, request_id: str | None = None
    ) -> ReleaseRequest:
        """The same for several files (name, bytes), which pass together or not at all.

        context: of all of them, and under `files`, by name, what is said of single ones.
        """
        return self.get(self._submission.submit(project, files, context, request_id, by), viewer=by)

    def withdraw(self, request_id: str, *, by: Actor) -> ReleaseRequest:
        """Its author takes a request back."""
        self._submission.withdraw(request_id, by)
        return self.get(request_id, viewer=by)

    def refuse(self, refused: Refused, project: str, *, by: Actor) -> NoReturn:
        """Refuse a submission that a door cannot take for this project. Raises RefusedError, which is recorded."""
        self._submission.refuse(refused, project, by)

    # -- the system's turn, and the operator's

    def check(self, request_id: str, *, by: Actor = SYSTEM) -> ReleaseRequest:
        """Check what was submitted, if a crash kept that from happening by itself."""
        return self.get(self._submission.check(request_id, by), viewer=by)

    def retry(self, request_id: str, *, by: Actor) -> ReleaseRequest:
        """Put a failed request through again; its verdicts are asked anew. Raises SealBroken."""
        return self.get(self._submission.retry(request_id, by), viewer=by)

    def lapse_idle(self, *, idle: timedelta = IDLE_UNTIL_LAPSE, by: Actor = SYSTEM) -> builtins.list[str]:
        """Let every request lapse on which nothing has moved for so long; their numbers."""
        return self._submission.lapse_idle(idle, by)

    # -- the checkers' turn, and the controllers'

    def decide(
        self, request_id: str, approve: bool, comment: str = "", *, by: Actor, file: str | None = None
    ) -> ReleaseRequest:
        """One checker's verdict, on one file or on all; blind until every verdict is in.

        Unanimous checkers move the request on; those who differ see each other's verdicts and consolidate.
        """
        self._review.decide(request_id, approve, comment, file, by)
        return self.get(request_id, viewer=by)

    def consolidate(self, request_id: str, outcome: ReleaseState, comment: str, *, by: Actor) -> ReleaseRequest:
        """What the checkers agreed after they differed: approved, returned or rejected."""
        self._review.consolidate(request_id, outcome, comment, by)
        return self.get(request_id, viewer=by)

    def send_back(self, request_id: str, comment: str, *, by: Actor) -> ReleaseRequest:
        """A checker returns a request that cannot be judged as it is."""
        self._review.send_back(request_id, comment, by)
        return self.get(request_id, viewer=by)

    def decide_as_controller(
        self, request_id: str, controller: str, approve: bool, comment: str = "", *, by: Actor
    ) -> ReleaseRequest:
        """The decision of a controller that kept a veto, by its delegate."""
        self._review.decide_as_controller(request_id, controller, approve, comment, by)
        return self.get(request_id, viewer=by)

    def review(self, request_id: str, name: str, *, by: Actor) -> tuple[bytes, FileCheck]:
        """A sealed file and its check, for a checker of the request or a member of its project. Raises SealBroken."""
        return self._review.read(request_id, name, by)

    def take(self, request_id: str, name: str, *, by: Actor) -> bytes:
        """A sealed file for a checker of the request to open; that it was taken is recorded. Raises SealBroken."""
        return self._review.take(request_id, name, by)

    def require_look(self, project: str, *, by: Actor) -> None:
        """May this person see the project's requests now? A refusal is recorded."""
        self._review.require_look(project, by)

    def comparisons(self, request_id: str, *, by: Actor) -> dict[str, EvidenceComparison]:
        """How each file stands to the sealed evidence of its queries, by file name; nothing for whom it is not.

        Raises SealBroken, EvidenceBroken.
        """
        return self._review.comparisons(request_id, by)

    def near(self, request_id: str, *, by: Actor) -> tuple[LedgerDifference, ...]:
        """Which earlier cells a request's tables differ from by too few people; nothing for whom it is not.

        Raises EvidenceBroken.
        """
        return self._review.near(request_id, by)

    # -- out, and back

    def release(self, request_id: str, *, by: Actor) -> Released:
        """Ask everything again, then write the files to the outbox with their signed manifest.

        Held with the reason when anything no longer stands. Done again, it finishes what a crash left, or changes
        nothing. Raises OutboxFailed.
        """
        return self._releasing.release(request_id, by)

    def recall(
        self, request_id: str, reason: str, incident: str, *, by: Actor, recipients: Sequence[str] = ()
    ) -> ReleaseRequest:
        """Take a release back, and tell its recipients; its hashes can never leave again. Raises OutboxFailed."""
        self._releasing.recall(request_id, reason, incident, recipients, by)
        return self.get(request_id, viewer=by)

    def acknowledge_recall(self, request_id: str, recipient: str, *, by: Actor) -> ReleaseRequest:
        """Record that a recipient has acknowledged a recall; only they, or somebody of the organisation."""
        self._releasing.acknowledge(request_id, recipient, by)
        return self.get(request_id, viewer=by)

    def publish_register(self) -> Path:
        """Write the public list of releases from the records; done again it changes nothing."""
        with self._desk.container.alone():
            return self._releasing.publish_register()

    def register_entries(self) -> builtins.list[dict[str, Json]]:
        """What the public register says of each release and recall, the newest first."""
        return self._releasing.register_entries()

    # -- questions

    def get(self, request_id: str, *, viewer: Actor | None = None) -> ReleaseRequest:
        """A request as this viewer may see it now."""
        return self._desk.seen(request_id, viewer)

    def whole(self, request_id: str) -> ReleaseRequest:
        """A request with every verdict, blind ones too: for the auditor."""
        return self._desk.whole(request_id)

    def list(self, project: str | None = None, *, viewer: Actor | None = None) -> builtins.list[ReleaseRequest]:
        """Every request, of one project or of all, the oldest first, as this viewer may see it."""
        with self._desk.records.read() as session:
            return [as_seen_by(one, viewer) for one in store.all_requests(session, project)]
