"""Make it so: a model of linkage trained from what was received, and approved by another person, before it is used.

Training needs no labels: chance agreement from random pairs, agreement of true pairs by expectation maximisation. A
model is numbers only; no identifier and no count of few people stands in it or in its card. It stays in the linkage
zone; the record has its digest, its card, and who trained and approved it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from access.decisions import Refused
from access.service import Access
from audit.events import EventName
from audit.model import Actor, service
from audit.progress import Progress, silent
from audit.records import Records
from linkage.matching.residual import policies, store
from linkage.matching.residual.asked import Asked
from linkage.matching.residual.errors import NoModel
from linkage.matching.residual.kept_models import TRAIN_AGAIN, made_now
from linkage.matching.residual.store import LinkageModel
from linkage.separation.ports import ZoneRunner, runner_of
from linkage.zones import Zones

TRAINING_FLOW = service("linkage")


@dataclass(frozen=True)
class TrainedModel:
    """A model as it is shown: its card, and who trained and approved it."""

    id: str
    card: dict[str, Any]
    trained_by: str
    approved_by: str | None
    fits: bool  # is it for this version's specification, engine and standardisation?


class LinkageModels:
    """The models of one haven."""

    def __init__(self, zones: Zones | ZoneRunner, records: Records, access: Access, *, real_data: bool = False) -> None:
        self._runner = runner_of(zones)
        self._records = records
        self._asked = Asked(records, access)
        self._test_range = not real_data

    def train(self, *, by: Actor, progress: Progress = silent) -> TrainedModel:
        """Train on what lies in the linkage zone. Raises RefusedError (recorded), NothingToLearnFrom, CannotTrain."""
        if by != TRAINING_FLOW:
            decision = policies.may_train(self._asked.person(by), self._asked.today())
            self._asked.require(decision, EventName.LINKAGE_TRAIN_REFUSED, by)
        progress("reading", 0, None)
        asked = {"test_range": self._test_range, "at": self._records.clock.now().isoformat()}
        learned = self._runner.run("linkage.train", asked, progress=progress).data
        digest, (specification, engine, standardisation) = str(learned["digest"]), learned["made_for"]
        with self._records.change(by=by) as change:
            if change.session.get(LinkageModel, digest) is None:  # the same data give the same model: it stays as it is
                change.session.add(
                    LinkageModel(
                        id=digest,
                        specification=specification,
                        engine=engine,
                        standardisation=standardisation,
                        card=learned["card"],
                        trained_at=change.at,
                        trained_by=by,
                        approved_at=None,
                        approved_by=None,
                    )
                )
            change.record(EventName.LINKAGE_MODEL_TRAINED, model=digest, specification=specification)
        return self.get(digest)

    def approve(self, model: str, *, by: Actor) -> TrainedModel:
        """Approve a model; the next linkage uses it. Raises NoModel, RefusedError (recorded)."""
        found = self.get(model)
        decision = policies.may_approve(self._asked.person(by), found.trained_by, self._asked.today())
        if decision and not found.fits:
            decision = Refused(
                "linkage.model_unfit",
                "The model was made for another specification, engine or standardisation.",
                TRAIN_AGAIN,
            )
        self._asked.require(decision, EventName.LINKAGE_APPROVE_REFUSED, by, model=found.id)
        with self._records.change(by=by) as change:
            row = change.session.get_one(LinkageModel, found.id)
            row.approved_at, row.approved_by = change.at, by
            change.record(EventName.LINKAGE_MODEL_APPROVED, model=found.id)
        return self.get(found.id)

    def get(self, name: str) -> TrainedModel:
        """The model with this id, or the one whose id begins so. Raises NoModel."""
        found = [one for one in self.all() if one.id.startswith(name)]
        if len(found) != 1 or not name:
            raise NoModel(
                "There is no such model." if not found else "Several models begin so.",
                where=name,
                mend="`haven linkage models` shows them.",
            )
        return found[0]

    def the_waiting_one(self) -> TrainedModel:
        """The only model that can be used here and that nobody approved yet. Raises NoModel: none, or several."""
        waiting = [one for one in self.all() if one.approved_by is None and one.fits]
        if len(waiting) != 1:
            raise NoModel(
                "No model waits for approval." if not waiting else "Several models wait for approval: say which.",
                mend="`haven linkage models` shows them; train one: haven linkage train",
            )
        return waiting[0]

    def all(self) -> list[TrainedModel]:
        """Every model, the newest first."""
        with self._records.read() as session:
            return [
                TrainedModel(one.id, one.card, one.trained_by, one.approved_by, _fits(one))
                for one in store.all_models(session)
            ]

    def in_force(self) -> str | None:
        """The id of the model approved last; None when there is none, or it is for another version of the haven."""
        with self._records.read() as session:
            newest = store.newest_approved(session)
            return newest.id if newest is not None and _fits(newest) else None

    def must_be_trained_anew(self) -> bool:
        """Was a model approved, and do the rules of now differ from those under which it was trained?"""
        with self._records.read() as session:
            newest = store.newest_approved(session)
            return newest is not None and not _fits(newest)


def _fits(model: LinkageModel) -> bool:
    return (model.specification, model.engine, model.standardisation) == made_now()
