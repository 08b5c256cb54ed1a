"""Make it so: the clerical queue. A reviewer sees both records of a doubtful pair, field by field, and decides.

The queue holds subjects and weights, no identifier; the fields are read from the linkage zone when a reviewer asks,
and each look is recorded before anything is shown. A decision stands from the next linkage on.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from datetime import UTC
from typing import Any

import pyarrow as pa
from sqlalchemy.orm import Session

from access.decisions import Refused
from access.service import Access
from audit.events import EventName
from audit.model import Actor, person
from audit.records import Records
from linkage.errors import ZoneForbids
from linkage.matching.decisions import PairDecision
from linkage.matching.errors import NoRun
from linkage.matching.residual import policies, store
from linkage.matching.residual.asked import Asked
from linkage.matching.residual.door import DIFFERENT, SAME, SHOWN
from linkage.matching.residual.errors import NoPair
from linkage.matching.residual.reduction import CONTRADICTED
from linkage.matching.residual.sampling import judged_steps, sample_pairs
from linkage.matching.residual.shown import AskedPair, ShownPair, both_records
from linkage.matching.residual.store import ClericalPair
from linkage.matching.store import newest_run
from linkage.separation.ports import ZoneRunner, runner_of
from linkage.zones import Zones

DoubtfulPair = tuple[str, str, float, dict[str, float | None], str, str]


class ClericalQueue:
    """The doubtful pairs of one haven, and what people said of them."""

    def __init__(self, zones: Zones, records: Records, access: Access, runner: ZoneRunner | None = None) -> None:
        self._zones = zones
        self._runner = runner or runner_of(zones)
        self._records = records
        self._asked = Asked(records, access)

    def waiting(self) -> list[ClericalPair]:
        """The pairs that wait for an answer, the heaviest first; no identifier."""
        with self._records.read() as session:
            return store.open_pairs(session)

    def decided(self) -> list[ClericalPair]:
        """What was decided, by whom and when."""
        with self._records.read() as session:
            return store.decided_pairs(session)

    def show(self, pair: str, *, by: Actor) -> ShownPair:
        """Both records, for a linkage reviewer only; recorded first. Raises RefusedError (recorded), NoPair."""
        self.require_reviewer(by=by)
        found = self._waiting(pair)
        self._records.note(EventName.LINKAGE_PAIR_SHOWN, by=by, pair=found.id)
        asked = AskedPair(found.id, found.subject_a, found.subject_b, found.why)
        with self._zones.linkage(read_only=True) as zone:
            shown = both_records(zone, asked, spilling=self._zones.spilling("linkage"))
        if shown is None:
            raise _no_pair(pair)
        return shown

    def decide(self, pair: str, same: bool, comment: str = "", *, by: Actor) -> None:
        """One person's or not; it stands from the next linkage on. Raises RefusedError (recorded), NoPair.

        ZoneForbids where the zone has a door of its own: what was not said there, it does not follow.
        """
        if not isinstance(self._zones, Zones):
            raise ZoneForbids(
                "With installed accounts a pair is decided at the linkage zone's door.",
                where="clerical queue",
                mend="As the reviewer's own account: haven linkage review",
            )
        self.require_reviewer(by=by)
        found = self._waiting(pair)
        with self._records.change(by=by) as change:
            row = change.session.get_one(ClericalPair, found.id)
            row.same, row.decided_at, row.decided_by, row.comment = same, change.at, by, comment[:400]
            change.record(EventName.LINKAGE_PAIR_DECIDED, pair=found.id, same=same)

    def take_from_the_door(self) -> int:
        """Record what reviewers were shown and said at the linkage zone's own door, in log and records; how much.

        An answer counts whose account has the name of a person who may review today. Others are recorded as refused,
        and its pair is asked again. Where this is cut short, all of it comes again.
        """
        said = self._runner.run("review.decisions").tables["said"].to_pylist()
        refused = [one["number"] for one in said if not self._take(one)]
        if said:
            self._runner.run("review.taken", {"up_to": said[-1]["number"], "refused": refused})
        return len(said)

    def _take(self, one: dict[str, Any]) -> bool:
        """Record one thing that was shown or said; False where the answer does not count."""
        by, what = person(one["account"]), one["what"]
        about = {"pair": one["pair"], "at_the_door": one["happened"].replace(tzinfo=UTC).isoformat()}
        if what not in (SAME, DIFFERENT):
            event = EventName.LINKAGE_PAIR_SHOWN if what == SHOWN else EventName.LINKAGE_PAIR_UNSURE
            self._records.note(event, by=by, **about)
            return True
        decision = policies.may_review(self._asked.person(by), self._asked.today())
        if isinstance(decision, Refused):
            self._records.note(EventName.LINKAGE_REVIEW_REFUSED, by=by, rule=decision.code, **about)
            return False
        with self._records.change(by=by) as change:
            row = _undecided(change.session, one, change.at)
            if row is not None:  # else it was recorded before, and only the last step was cut short
                row.same, row.decided_at, row.decided_by = what == SAME, change.at, by
            change.record(EventName.LINKAGE_PAIR_DECIDED, same=what == SAME, **about)
        return True

    def draw(self, size: int, *, by: Actor) -> int:
        """Put a sample of what was joined into the queue; how many pairs. Raises RefusedError (recorded), NoRun."""
        self.require_reviewer(by=by)
        with self._records.read() as session:
            newest = newest_run(session)
            known = {frozenset((p.subject_a, p.subject_b)) for p in store.every_pair(session)}
        if newest is None:
            raise NoRun("Nothing has been linked yet.", mend="Receive deliveries, then: haven linkage run")
        pairs_drawn = self._runner.run("linkage.sample", {"size": size}).data["pairs"]
        drawn = [(str(a), str(b), int(step)) for a, b, step in pairs_drawn]
        with self._records.change(by=by) as change:
            pairs = sample_pairs(drawn, change.at, known, newest.id)
            change.session.add_all(pairs)
            change.record(EventName.LINKAGE_SAMPLE_DRAWN, run=newest.id, pairs=len(pairs))
        return len(pairs)

    def judged(self) -> list[tuple[int, int, int]]:
        """step, pairs of the samples judged, pairs called one person."""
        return judged_steps(self.decided())

    def decisions(self) -> tuple[PairDecision, ...]:
        """Everything that was said, the oldest first."""
        return tuple(PairDecision(one.subject_a, one.subject_b, bool(one.same)) for one in self.decided())

    def require_reviewer(self, *, by: Actor) -> None:
        """May this person review at all? Raises RefusedError (recorded)."""
        decision = policies.may_review(self._asked.person(by), self._asked.today())
        self._asked.require(decision, EventName.LINKAGE_REVIEW_REFUSED, by)

    def _waiting(self, pair: str) -> ClericalPair:
        found = [one for one in self.waiting() if pair and one.id.startswith(pair)]
        if len(found) != 1:
            raise _no_pair(pair)
        return found[0]


def _undecided(session: Session, one: dict[str, Any], at: Any) -> ClericalPair | None:
    """The pair of an answer from the door, made where it is not known yet; None where it is decided already."""
    names = frozenset((one["subject_a"], one["subject_b"]))
    known = [row for row in store.every_pair(session) if frozenset((row.subject_a, row.subject_b)) == names]
    undecided = [row for row in known if row.decided_at is None]
    if undecided or any(row.run == one["run"] or one["why"] != CONTRADICTED for row in known):
        return undecided[-1] if undecided else None
    made = _new_pair(one["subject_a"], one["subject_b"], 0.0, {}, one["why"], one["run"], at)
    session.add(made)
    return made


def _new_pair(
    a: str, b: str, weight: float, fields: dict[str, float | None], why: str, run: str, at: Any
) -> ClericalPair:
    return ClericalPair(
        id=str(uuid.uuid4()),
        subject_a=a,
        subject_b=b,
        weight=weight,
        fields=fields,
        why=why,
        run=run,
        asked_at=at,
        settled=False,
    )


def doubtful_of(table: pa.Table) -> list[DoubtfulPair]:
    """The doubtful pairs that the linkage zone told."""
    return [
        (one["subject_a"], one["subject_b"], one["weight"], json.loads(one["fields"]), one["why"], one["run"])
        for one in table.to_pylist()
    ]


def renew_queue(session: Session, doubtful: Sequence[DoubtfulPair], at: Any) -> None:
    """Part of a linkage's record: the pairs that are doubtful now wait; those that are not any more are settled.

    What was answered is asked again only where the answer cannot be followed. Who waits on is told as they weigh now.
    """
    now = {frozenset((a, b)): (weight, fields) for a, b, weight, fields, *_ in doubtful}
    known = set()
    for one in store.open_pairs(session):
        names = frozenset((one.subject_a, one.subject_b))
        known.add(names)
        one.settled = names not in now and not one.is_sample
        if names in now and not one.is_sample:
            one.weight, one.fields = now[names]
    answered = {frozenset((one.subject_a, one.subject_b)) for one in store.decided_pairs(session)}
    for a, b, weight, fields, why, run in doubtful:
        names = frozenset((a, b))
        if names not in known and (names not in answered or why == CONTRADICTED):
            session.add(_new_pair(a, b, weight, fields, why, run, at))


def _no_pair(pair: str) -> NoPair:
    return NoPair(
        "No pair that waits for an answer has this name.", where=pair, mend="`haven linkage queue` shows them."
    )
