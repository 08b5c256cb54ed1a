"""Make it so: the clerical queue. A reviewer sees both records of a doubtful pair, field by field, and decides.

The queue holds subjects and weights, no identifier; the fields are read from the linkage zone when a reviewer asks,
and each look is recorded before anything is shown. A decision stands from the next linkage on.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from sqlalchemy.orm import Session

from access.service import Access
from audit.events import EventName
from audit.model import Actor
from audit.records import Records
from linkage.matching.decisions import PairDecision
from linkage.matching.errors import NoRun
from linkage.matching.residual import policies, store
from linkage.matching.residual.asked import Asked
from linkage.matching.residual.errors import NoPair
from linkage.matching.residual.reduction import CONTRADICTED
from linkage.matching.residual.sampling import judged_steps, sample_pairs
from linkage.matching.residual.store import ClericalPair
from linkage.matching.store import newest_run
from linkage.separation.ports import ZoneRunner, runner_of
from linkage.standardise.specification import IDENTITY
from linkage.zones import Zones

DoubtfulPair = tuple[str, str, float, dict[str, float | None], str, str]


@dataclass(frozen=True)
class ShownPair:
    """Both records of a pair. rows: field, left, right, and the weight of the column that the field is part of."""

    id: str
    why: str
    weight: float
    datasets: tuple[str, str]
    rows: tuple[tuple[str, str, str, float | None], ...]

    @property
    def fields_weighed(self) -> bool:
        """Was the pair weighed by a model? A sample of what the ladder joined was not."""
        return any(weight is not None for *_, weight in self.rows)


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
        columns = ", ".join(f"any_value(i.{name})" for name in IDENTITY)
        with self._zones.linkage(read_only=True) as zone:
            sides = [
                zone.execute(
                    f"SELECT e.dataset, {columns} FROM evidence e JOIN identity i USING (record)"
                    " WHERE e.subject = ?::UUID GROUP BY e.dataset",
                    [subject],
                ).fetchall()
                for subject in (found.subject_a, found.subject_b)
            ]
        if not all(sides):
            raise _no_pair(pair)
        left, right = (side[0] for side in sides)
        rows = tuple(
            (name, left[place] or "", right[place] or "", found.fields.get(WEIGHED_AS.get(name, name)))
            for place, name in enumerate(IDENTITY, 1)
            if left[place] or right[place]
        )
        return ShownPair(found.id, found.why, found.weight, (str(left[0]), str(right[0])), rows)

    def decide(self, pair: str, same: bool, comment: str = "", *, by: Actor) -> None:
        """One person's or not; it stands from the next linkage on. Raises RefusedError (recorded), NoPair."""
        self.require_reviewer(by=by)
        found = self._waiting(pair)
        with self._records.change(by=by) as change:
            row = change.session.get_one(ClericalPair, found.id)
            row.same, row.decided_at, row.decided_by, row.comment = same, change.at, by, comment[:400]
            change.record(EventName.LINKAGE_PAIR_DECIDED, pair=found.id, same=same)

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


WEIGHED_AS = {"forenames": "forename", "date_of_birth": "born"}


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
            session.add(
                ClericalPair(
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
            )


def _no_pair(pair: str) -> NoPair:
    return NoPair(
        "No pair that waits for an answer has this name.", where=pair, mend="`haven linkage queue` shows them."
    )
