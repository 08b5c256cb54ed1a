"""Make it so: every received delivery linked to the person spine, and its payload put under person numbers.

Three phases, each one transaction in one zone, each a no-op where it was done before: (1) records, ladder, links in
the linkage zone; (2) payload moved from `incoming_<table>` to `<table>` in the research zone; (3) row keys dropped.
Killed at any point and run again, it ends in the same state. The zones are never open in one connection, nor here: each
phase is a verb asked of its zone (linkage.matching.in_zones). What passes from one to the other is row key, subject,
person and whether linked, in memory.
"""

from __future__ import annotations

import hashlib
import uuid
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import duckdb
import pyarrow as pa

from access.keys import HeldKey, KeyRing
from access.optouts.linkages import forget_mark, mark_begun, mark_ended, under_way_since
from access.service import Access
from audit.events import EventName
from audit.model import Actor
from audit.progress import Progress, silent
from audit.records import Records
from audit.suppression import shown_count
from linkage.contracts.registry import registers
from linkage.errors import LinkageError
from linkage.intake.tables import remove_deliveries_except
from linkage.matching.decisions import MOST_PAIRS, RunPlan
from linkage.matching.engines.choice import LinkageEngine
from linkage.matching.engines.duckdb_tables import DuckDBTables
from linkage.matching.engines.running import RunLadder, in_duckdb
from linkage.matching.errors import wrong_key
from linkage.matching.joining import drop_work
from linkage.matching.ladder import LAST_STEP, MODEL_STEP
from linkage.matching.neighbourhood import gather_pool
from linkage.matching.passing import plan_as_data, rates_of, signs_of, trial_of
from linkage.matching.quality.measured import Measured, WeightCounts
from linkage.matching.quality.report import write_report
from linkage.matching.records_to_link import add_new_records, forget_records
from linkage.matching.renewal import renew_evidence
from linkage.matching.residual.models import LinkageModels
from linkage.matching.residual.review import ClericalQueue, doubtful_of, renew_queue
from linkage.matching.residual.settling import (
    LADDER_ONLY,
    ResidualPlan,
    settle_residual,
)
from linkage.matching.spine import purge, write_links
from linkage.matching.store import LinkageRun, all_runs, newest_run
from linkage.separation.elsewhere import ZonesElsewhere
from linkage.separation.ports import ZoneRunner, runner_of
from linkage.standardise.specification import VERSION
from linkage.store import Delivery, held_deliveries, received_deliveries
from linkage.zones import Zones, count

LINKAGE_ROUND = "spine"


@dataclass(frozen=True)
class TokenKeyName:
    """Which key the tokens are made with. The key itself stays with the linkage zone."""

    key_id: str
    version: int
    check_value: str


@dataclass(frozen=True)
class LinkageSummary:
    """What a run did. counts: by dataset and step, and people; raw (linkage.matching.explained shows them)."""

    run: str
    deliveries: tuple[str, ...]
    counts: dict[str, Any]
    reports: tuple[Path, ...]
    model: str | None = None  # by which the residual was weighed
    waiting: int = 0  # doubtful pairs that wait for a reviewer
    model_outgrown: bool = False  # one was approved, but under other rules than those of now

    @property
    def nothing_new(self) -> bool:
        """Was everything linked before?"""
        return not self.reports


class Linker:
    """Links deliveries. real_data: NHS numbers of the test range then stand for nobody.

    engine: on what the records are linked, where that is done in this process.
    """

    def __init__(
        self,
        zones: Zones | ZoneRunner,
        keyring: KeyRing,
        records: Records,
        reports: Path,
        *,
        access: Access | None = None,
        real_data: bool = False,
        most_pairs: int = MOST_PAIRS,
        engine: LinkageEngine | None = None,
    ) -> None:
        self._engine = (engine or LinkageEngine()).name
        self._runner = runner_of(zones, keyring, engine)
        self._records = records
        self._reports = reports
        self._test_range = not real_data
        self._most_pairs = most_pairs
        asked = access or Access(records, real_data=real_data, held=held_deliveries)
        opened = zones if isinstance(zones, Zones) else cast("Zones", ZonesElsewhere())
        self.models = LinkageModels(self._runner, records, asked, real_data=real_data)
        self.queue = ClericalQueue(opened, records, asked, self._runner)

    def link(self, *, by: Actor, progress: Progress = silent) -> LinkageSummary:
        """Link what was received and not yet linked. Raises WrongKey, ZoneBusy."""
        with self._runner.one_linkage_at_a_time():
            return self._link(by, progress)

    def _link(self, by: Actor, progress: Progress) -> LinkageSummary:
        key = self._token_key()
        self.queue.take_from_the_door()
        received = self._received()
        ids = [delivery.id for delivery in received]
        run = str(uuid.uuid4())
        waiting, plan, everybody = self._waiting(ids), *self._plan()
        recorded = {delivery for one in self._recorded() for delivery in one.deliveries}
        waiting = tuple(sorted({*waiting, *set(ids) - recorded}))  # also those whose run died before it was recorded
        changed = waiting or everybody or self._decided_since(plan) or self._holds_files()
        if not changed and self._zone_is_done():
            return LinkageSummary(run, (), {}, (), model_outgrown=self.models.must_be_trained_anew())
        with self._records.change(by=by) as change:
            mark_begun(change.session, run, change.at)
            change.record(EventName.LINKAGE_STARTED, run=run, deliveries=list(waiting), specification=VERSION)
        try:
            self._link_records(ids, run, plan, everybody, progress)
            self._move_payload(ids, progress)
            self._drop_row_keys(ids)
            return self._completed(run, waiting, received, key, plan, by, progress)
        except BaseException:
            self._failed(run, by)
            raise

    # phase 1: the linkage zone

    def _link_records(
        self, deliveries: list[str], run: str, plan: RunPlan, everybody: bool, progress: Progress
    ) -> None:
        with self._records.read() as session:
            once = sorted(registers(session))
        asked = {
            "deliveries": deliveries,
            "run": run,
            "at": self._records.clock.now().isoformat(),
            "registers": once,
            "plan": plan_as_data(plan),
            "everybody": everybody,
            "test_range": self._test_range,
        }
        self._runner.run("linkage.link", asked, progress=progress)

    # phase 2: the research zone

    def _move_payload(self, deliveries: list[str], progress: Progress) -> None:
        """Payload from staging to its table, under person numbers; superseded deliveries' rows go.

        Payload of earlier deliveries follows its subjects where a run made them somebody else.
        """
        progress("putting payload under person numbers", 0, None)
        applied = self._runner.run("research.applied").data["runs"]
        outcome = self._runner.run("linkage.outcome", {"applied": applied})
        passed = [(name, table.to_reader()) for name, table in outcome.tables.items()]
        self._runner.run("research.move", {"deliveries": deliveries}, passed, progress=progress)

    # phase 3: the linkage zone again

    def _drop_row_keys(self, deliveries: list[str]) -> None:
        self._runner.run("linkage.drop_row_keys", {"deliveries": deliveries})

    # before and after

    def _failed(self, run: str, by: Actor) -> None:
        """Published files that heed opt-outs stay held until a run ends, unless this one surely changed no link."""
        try:
            unchanged = self._runner.run("linkage.stands").data["last_run"] != run
        except Exception:  # noqa: BLE001 - whatever it is: what the zone holds cannot be told
            unchanged = False
        with suppress(Exception), self._records.change(by=by) as change:  # what ended the run is to be told
            if unchanged:
                forget_mark(change.session, run)
            change.record(EventName.LINKAGE_FAILED, run=run)

    def _waiting(self, deliveries: list[str]) -> tuple[str, ...]:
        """The received deliveries with rows that are not linked, or with rows left from what they replaced."""
        unlinked = set(self._runner.run("linkage.unlinked").data["deliveries"]) & set(deliveries)
        linked = set(self._runner.run("research.linked").data["deliveries"])
        return tuple(sorted(unlinked | (set(deliveries) - linked) | (linked - set(deliveries))))

    def _plan(self) -> tuple[RunPlan, bool]:
        """What the run goes by, and whether it was another model before: then everybody is looked at."""
        model, newest = self.models.in_force(), self.newest()
        plan = RunPlan(model, self.queue.decisions(), self._most_pairs)
        return plan, newest is not None and newest.model != model

    def _decided_since(self, plan: RunPlan) -> bool:
        """Has anybody decided on a pair since the last linkage read the decisions? By their number: clocks tie."""
        newest = self.newest()
        return newest is not None and len(plan.decisions) != newest.decisions

    def _holds_files(self) -> bool:
        """Did a run die that holds published files? What it ran for may be gone: only a run to its end lets them go."""
        with self._records.read() as session:
            return under_way_since(session) is not None

    def _zone_is_done(self) -> bool:
        """Was all made under the rules, tables and rounds of now, and has the last run come to its report and record?

        One that died in between left persons that no report tells of: the next run completes it.
        """
        found = self._runner.run("linkage.stands").data
        return bool(found["stands"]) and found["last_run"] in {None, *(one.id for one in self._recorded())}

    def _token_key(self) -> TokenKeyName:
        """Which key makes the tokens; it must be the one of the runs before. Raises WrongKey."""
        key = TokenKeyName(**self._runner.run("linkage.token_key").data)
        with self._records.read() as session:
            before = newest_run(session)
        if before is not None and before.key_check != key.check_value:
            raise wrong_key(before.key_id)
        return key

    def _received(self) -> list[Delivery]:
        with self._records.read() as session:
            return received_deliveries(session)

    def _completed(
        self,
        run: str,
        waiting: tuple[str, ...],
        received: list[Delivery],
        key: TokenKeyName,
        plan: RunPlan,
        by: Actor,
        progress: Progress,
    ) -> LinkageSummary:
        """The report, the record of the run and its entry."""
        with self._records.read() as session:
            before = [one.id for one in all_runs(session)]
        told = self._runner.run("linkage.told", {"told": before})
        doubtful, changes = doubtful_of(told.tables["doubtful"]), _changes(told.tables["changes"])
        tables = told.data["references"]
        measured = self._measured(run, waiting, plan, progress)
        counts = measured.counts
        progress("reporting", 0, None)
        reports = write_report(self._reports / "linkage", measured)
        with self._records.change(by=by) as change:
            change.session.add(
                LinkageRun(
                    id=run,
                    specification=VERSION,
                    key_id=key.key_id,
                    key_check=key.check_value,
                    deliveries=[delivery.id for delivery in received],
                    summary={**counts, "engine": self._engine},
                    at=change.at,
                    by=by,
                    model=plan.model,
                    decisions=len(plan.decisions),
                )
            )
            renew_queue(change.session, doubtful, change.at)
            mark_ended(change.session)
            change.record(
                EventName.LINKAGE_COMPLETED,
                run=run,
                model=plan.model or "none",
                engine=self._engine,
                deliveries=list(waiting),
                specification=VERSION,
                references=list(tables),
                key_id=key.key_id,
                key_version=key.version,
                key_check=key.check_value,
            )
            if changes:
                change.record(EventName.PERSONS_CHANGED, run=run, **changes)
        outgrown = self.models.must_be_trained_anew()
        return LinkageSummary(run, waiting, counts, reports, plan.model, len(self.queue.waiting()), outgrown)

    def _measured(self, run: str, new: tuple[str, ...], plan: RunPlan, progress: Progress) -> Measured:
        """How right the linkage is, tried on copies, and who is linked less often."""
        asked = {"plan": plan_as_data(plan), "test_range": self._test_range, "deliveries": list(new)}
        linkage = self._runner.run("linkage.measured", asked, progress=progress).data
        research = self._runner.run("research.measured").data
        return Measured(
            run,
            self._records.clock.now(),
            plan.model,
            linkage["counts"],
            rates_of(research["rates"]),
            trial_of(linkage["hidden"]),
            trial_of(linkage["decoys"]),
            signs_of([*linkage["signs"], *research["signs"]]),
            WeightCounts(*({int(w): n for w, n in found} for found in linkage["weights"])),
            self.queue.judged(),
            apart_elsewhere=[(step, records, apart) for step, records, apart in linkage["apart_elsewhere"]],
            engine=self._engine,
        )

    def _recorded(self) -> list[LinkageRun]:
        """The runs that came to their report and record."""
        with self._records.read() as session:
            return list(all_runs(session))

    def newest(self) -> LinkageRun | None:
        """The last completed run."""
        with self._records.read() as session:
            return newest_run(session)


def _changes(table: pa.Table) -> dict[str, Any]:
    """Of merges and splits that no completed run has told yet: how many of each kind, and their digest."""
    if not table.num_rows:
        return {}
    rows = zip(*(table[name].to_pylist() for name in ("kind", "was", "now")), strict=True)
    digest = hashlib.sha256("\n".join(map(" ".join, rows)).encode()).hexdigest()
    kinds = {one["values"]: one["counts"] for one in table["kind"].value_counts().to_pylist()}
    counts = {f"{kind}s": shown_count(kinds[kind]) for kind in sorted(kinds)}
    return {**counts, "changes_digest": digest}


def link_zone(
    zone: duckdb.DuckDBPyConnection,
    deliveries: list[str],
    run: str,
    key: HeldKey,
    at: datetime,
    test_range: bool,
    progress: Progress = silent,
    plan: ResidualPlan = LADDER_ONLY,
    *,
    everybody: bool = False,
    ladder: RunLadder = in_duckdb,
) -> None:
    """Link what these deliveries hold, within the linkage zone: one transaction of the caller. Raises LinkageError.

    everybody: look at all records anew, for example under another model; so it is, too, where what they are compared
    by is made anew. ladder: on which engine.
    """
    remove_deliveries_except(zone, deliveries, ["identity"])
    progress("standardising and tokenising", 0, None)
    everybody |= renew_evidence(zone, key, test_range=test_range)
    add_new_records(zone, deliveries, key, test_range=test_range)
    forget_records(zone)
    progress("finding whom that touches", 0, None)
    if gather_pool(zone, plan.standing, everybody=everybody):
        ladder(zone, progress)
        settle_residual(zone, plan, run, test_range=test_range, progress=progress)
        write_links(zone, run, at.replace(tzinfo=None), MODEL_STEP if plan.model else LAST_STEP)
        drop_work(DuckDBTables(zone))
    purge(zone)
    _require_links(zone)


def _require_links(zone: duckdb.DuckDBPyConnection) -> None:
    if count(zone, "SELECT count(*) FROM evidence ANTI JOIN links USING (record)"):
        raise LinkageError(
            "Records were left without a link.",
            where="linkage zone",
            mend="Nothing was kept; report this as a fault.",
        )
