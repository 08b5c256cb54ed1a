"""Make it so: every received delivery linked to the person spine, and its payload put under person numbers.

Three phases, each one transaction in one zone, each a no-op where it was done before: (1) records, ladder, links in
the linkage zone; (2) payload moved from `incoming_<table>` to `<table>` in the research zone; (3) row keys dropped.
Killed at any point and run again, it ends in the same state. The zones are never open in one connection: what passes
from one to the other is row key, person and whether linked, in memory.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from access.keys import HeldKey, KeyRing
from access.keys.errors import RoundDestroyed
from access.service import Access
from audit.events import EventName
from audit.model import Actor
from audit.progress import Progress, silent
from audit.records import Records
from audit.suppression import shown_count
from linkage.contracts.registry import registers
from linkage.errors import LinkageError
from linkage.intake.tables import (
    INCOMING,
    create_identity,
    deliveries_in,
    incoming_tables,
    quoted,
    remove_deliveries_except,
)
from linkage.matching.engines.duckdb_tables import DuckDBTables
from linkage.matching.engines.running import RunLadder, in_duckdb
from linkage.matching.errors import WrongKey
from linkage.matching.following import applied_runs, follow_subjects
from linkage.matching.joining import drop_work
from linkage.matching.ladder import LAST_STEP, MODEL_STEP
from linkage.matching.neighbourhood import gather_pool
from linkage.matching.quality.implausible import active_after_death, contradicting_records
from linkage.matching.quality.rates import match_rates
from linkage.matching.quality.report import Measured, summarise, weights_of, write_report
from linkage.matching.quality.trials import decoys, hidden_numbers
from linkage.matching.records_to_link import add_new_records, forget_records, prepare, set_registers
from linkage.matching.renewal import is_standing, renew_evidence
from linkage.matching.residual.models import LinkageModels
from linkage.matching.residual.review import ClericalQueue, renew_queue
from linkage.matching.residual.settling import (
    LADDER_ONLY,
    MOST_PAIRS,
    ResidualPlan,
    doubtful_pairs,
    prepare_residual,
    settle_residual,
)
from linkage.matching.residual.slices import Weighing
from linkage.matching.spine import purge, write_links
from linkage.matching.store import LinkageRun, all_runs, newest_run
from linkage.references.tables import in_force
from linkage.sealed.service import (
    drop_sealed_keys,
    has_ended_rounds,
    link_sealed,
    sealed_outcome,
    sealed_waiting,
    summarise_sealed,
)
from linkage.standardise.specification import VERSION
from linkage.store import Delivery, received_deliveries
from linkage.zones import Zones, count

LINKAGE_ROUND = "spine"


@dataclass(frozen=True)
class LinkageSummary:
    """What a run did. counts: by dataset and step, and people; not for showing where many look."""

    run: str
    deliveries: tuple[str, ...]
    counts: dict[str, Any]
    reports: tuple[Path, ...]
    model: str | None = None  # by which the residual was weighed
    waiting: int = 0  # doubtful pairs that wait for a reviewer

    @property
    def nothing_new(self) -> bool:
        """Was everything linked before?"""
        return not self.reports


class Linker:
    """Links deliveries. real_data: NHS numbers of the test range then stand for nobody.

    engine: the name of what `ladder` runs on, for the record of each run.
    """

    def __init__(
        self,
        zones: Zones,
        keyring: KeyRing,
        records: Records,
        reports: Path,
        *,
        access: Access | None = None,
        real_data: bool = False,
        most_pairs: int = MOST_PAIRS,
        engine: str = "duckdb",
        ladder: RunLadder = in_duckdb,
        weighing: Weighing | None = None,
    ) -> None:
        self._zones = zones
        self._keyring = keyring
        self._records = records
        self._reports = reports
        self._test_range = not real_data
        self._most_pairs = most_pairs
        self._engine, self._ladder, self._weighing = engine, ladder, weighing or Weighing()
        asked = access or Access(records)
        self.models = LinkageModels(zones, records, asked, real_data=real_data)
        self.queue = ClericalQueue(zones, records, asked)

    def link(self, *, by: Actor, progress: Progress = silent) -> LinkageSummary:
        """Link what was received and not yet linked. Raises WrongKey, ZoneBusy."""
        with self._zones.one_linkage_at_a_time():
            return self._link(by, progress)

    def _link(self, by: Actor, progress: Progress) -> LinkageSummary:
        key = self._token_key()
        received = self._received()
        ids = [delivery.id for delivery in received]
        run = str(uuid.uuid4())
        waiting, plan, everybody = self._waiting(ids), *self._plan()
        decided, stands = self._decided_since(plan), self._evidence_stands()
        if not waiting and not everybody and not decided and stands and not self._round_ended():
            return LinkageSummary(run, (), {}, ())
        self._records.note(EventName.LINKAGE_STARTED, by=by, run=run, deliveries=list(waiting), specification=VERSION)
        try:
            self._link_records(ids, run, key, plan, everybody, progress)
            self._move_payload(ids, progress)
            self._drop_row_keys(ids)
        except BaseException:
            self._records.note(EventName.LINKAGE_FAILED, by=by, run=run)
            raise
        return self._completed(run, waiting, received, key, plan, by, progress)

    # phase 1: the linkage zone

    def _link_records(
        self, deliveries: list[str], run: str, key: HeldKey, plan: ResidualPlan, everybody: bool, progress: Progress
    ) -> None:
        with self._zones.linkage() as zone:
            create_identity(zone)
            prepare(zone)
            prepare_residual(zone)
            with _transaction(zone):
                at = self._records.clock.now()
                with self._records.read() as session:
                    set_registers(zone, registers(session))
                rest = (self._test_range, progress, plan)
                link_zone(zone, deliveries, run, key, at, *rest, everybody=everybody, ladder=self._ladder)
                link_sealed(
                    zone, deliveries, run, at, self._living_round, test_range=self._test_range, progress=progress
                )

    # phase 2: the research zone

    def _move_payload(self, deliveries: list[str], progress: Progress) -> None:
        """Payload from staging to its table, under person numbers; superseded deliveries' rows go.

        Payload of earlier deliveries follows its subjects where a run made them somebody else.
        """
        progress("putting payload under person numbers", 0, None)
        with self._zones.research(read_only=True) as zone:
            applied = applied_runs(zone)
        rows, subjects, changes = self._outcome(applied)
        with self._zones.research() as zone, _transaction(zone):
            tables = incoming_tables(zone)
            zone.execute("CREATE TABLE IF NOT EXISTS linked_deliveries (delivery TEXT PRIMARY KEY)")
            follow_subjects(zone, tables, subjects, changes)
            zone.register("links", rows)
            for table in tables:
                _move_table(zone, table, deliveries)
            zone.unregister("links")
            remove_deliveries_except(zone, deliveries, [*tables, "linked_deliveries"])
            zone.execute(
                "INSERT INTO linked_deliveries SELECT d FROM unnest(?::TEXT[]) AS u(d)"
                " WHERE d NOT IN (SELECT delivery FROM linked_deliveries)",
                [deliveries],
            )

    def _outcome(self, applied: list[str]) -> tuple[pa.Table, pa.Table, pa.Table]:
        """What the research zone is told: links of rows whose key is still kept; of subjects; changes of persons."""
        with self._zones.linkage(read_only=True) as zone:
            rows = zone.sql(
                "SELECT i.row_key, e.subject, l.person, l.linked FROM identity i JOIN links l USING (record)"
                " JOIN evidence e USING (record) WHERE i.row_key IS NOT NULL"
            ).to_arrow_table()
            new = "run::TEXT NOT IN (SELECT unnest(?::TEXT[]))"
            subjects = zone.sql(
                f"SELECT e.subject, l.person, l.linked, l.run FROM links l JOIN evidence e USING (record) WHERE {new}",
                params=[applied],
            ).to_arrow_table()
            changes = zone.sql(
                f"SELECT was, now, kind, as_at, run FROM changes WHERE {new}", params=[applied]
            ).to_arrow_table()
            sealed_rows, sealed_subjects = sealed_outcome(zone, applied)
        return pa.concat_tables([rows, sealed_rows]), pa.concat_tables([subjects, sealed_subjects]), changes

    # phase 3: the linkage zone again

    def _drop_row_keys(self, deliveries: list[str]) -> None:
        with self._zones.linkage() as zone:
            zone.execute(
                "UPDATE identity SET row_key = NULL WHERE row_key IS NOT NULL AND list_contains(?, delivery)",
                [deliveries],
            )
            drop_sealed_keys(zone, deliveries)

    # before and after

    def _waiting(self, deliveries: list[str]) -> tuple[str, ...]:
        """The received deliveries with rows that are not linked, or with rows left from what they replaced."""
        with self._zones.linkage(read_only=True) as zone:
            keyed = deliveries_in(zone, "identity", "row_key IS NOT NULL") | sealed_waiting(zone)
        unlinked = keyed & set(deliveries)
        with self._zones.research(read_only=True) as zone:
            linked = deliveries_in(zone, "linked_deliveries")
        return tuple(sorted(unlinked | (set(deliveries) - linked) | (linked - set(deliveries))))

    def _living_round(self, name: str) -> HeldKey | None:
        """The key of a round of mode B; None where it was destroyed: what it made is compared with nothing then."""
        try:
            return self._keyring.rounds.find(name)
        except RoundDestroyed:
            return None

    def _round_ended(self) -> bool:
        """Do tokens of a destroyed round lie in the zone? A run removes them."""
        with self._zones.linkage(read_only=True) as zone:
            return has_ended_rounds(zone, self._living_round)

    def _plan(self) -> tuple[ResidualPlan, bool]:
        """With what the residual is settled, and whether it was another model before: then everybody is looked at."""
        in_force, newest = self.models.in_force(), self.newest()
        name, model = in_force or (None, None)
        plan = ResidualPlan(model, name, self.queue.decisions(), most_pairs=self._most_pairs, weighing=self._weighing)
        return plan, newest is not None and newest.model != name

    def _decided_since(self, plan: ResidualPlan) -> bool:
        """Has anybody decided on a pair since the last linkage read the decisions? By their number: clocks tie."""
        newest = self.newest()
        return newest is not None and len(plan.decisions) != newest.decisions

    def _evidence_stands(self) -> bool:
        """Were the records standardised under the specification and the reference tables of now?"""
        with self._zones.linkage(read_only=True) as zone:
            return is_standing(zone)

    def _token_key(self) -> HeldKey:
        """The key of the tokens, which must be the one of the runs before. Raises WrongKey."""
        key = self._keyring.token_key(LINKAGE_ROUND)
        with self._records.read() as session:
            before = newest_run(session)
        if before is not None and before.key_check != key.check_value:
            raise WrongKey(
                "The key ring is not the one under which this haven was linked: nothing would match.",
                where=before.key_id,
                mend="Use the key ring that belongs to this home, or restore both from one backup.",
            )
        return key

    def _received(self) -> list[Delivery]:
        with self._records.read() as session:
            return received_deliveries(session)

    def _completed(
        self,
        run: str,
        waiting: tuple[str, ...],
        received: list[Delivery],
        key: HeldKey,
        plan: ResidualPlan,
        by: Actor,
        progress: Progress,
    ) -> LinkageSummary:
        """The report, the record of the run and its entry."""
        with self._zones.linkage(read_only=True) as zone:
            doubtful = doubtful_pairs(zone)
            changes = self._changes(zone)
            tables = [f"{kind} {version}" for kind, version, _, _ in in_force(zone)]
        measured = self._measured(run, key, plan, progress)
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
                    model=plan.model_id,
                    decisions=len(plan.decisions),
                )
            )
            renew_queue(change.session, doubtful, change.at)
            change.record(
                EventName.LINKAGE_COMPLETED,
                run=run,
                model=plan.model_id or "none",
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
        return LinkageSummary(run, waiting, counts, reports, plan.model_id, len(self.queue.waiting()))

    def _measured(self, run: str, key: HeldKey, plan: ResidualPlan, progress: Progress) -> Measured:
        """How right the linkage is, tried on copies (small ones: here), and who is linked less often."""
        plan = replace(plan, weighing=Weighing())
        with self._zones.linkage(read_only=True) as zone:
            counts, scores, signs = summarise(zone), weights_of(zone), contradicting_records(zone)
            counts["sealed"] = summarise_sealed(zone)
            counts["people"] += counts["sealed"].get("people", 0)
            progress("trying it with hidden NHS numbers", 0, None)
            hidden = hidden_numbers(zone, plan, test_range=self._test_range)
            progress("trying it with decoys", 0, None)
            made_up = decoys(zone, plan, key, test_range=self._test_range)
        with self._zones.research(read_only=True) as zone:
            rates = match_rates(zone)
            signs += active_after_death(zone)
        at, judged = self._records.clock.now(), self.queue.judged()
        return Measured(run, at, plan.model_id, counts, rates, hidden, made_up, signs, scores, judged, self._engine)

    def _changes(self, zone: duckdb.DuckDBPyConnection) -> dict[str, Any]:
        """Of the merges and splits that no completed run has told yet: how many of each kind, and their digest."""
        with self._records.read() as session:
            told = [run.id for run in all_runs(session)]
        rows = zone.execute(
            "SELECT kind, was::TEXT, now::TEXT FROM changes WHERE run::TEXT NOT IN (SELECT unnest(?::TEXT[]))"
            " ORDER BY ALL",
            [told],
        ).fetchall()
        if not rows:
            return {}
        kinds = [str(kind) for kind, _, _ in rows]
        digest = hashlib.sha256("\n".join(" ".join(row) for row in rows).encode()).hexdigest()
        counts = {f"{kind}s": shown_count(kinds.count(kind)) for kind in sorted(set(kinds))}
        return {**counts, "changes_digest": digest}

    def newest(self) -> LinkageRun | None:
        """The last completed run."""
        with self._records.read() as session:
            return newest_run(session)


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


def _move_table(zone: duckdb.DuckDBPyConnection, table: str, deliveries: list[str]) -> None:
    """One table's staged rows of these deliveries to their place. Raises LinkageError when a row has no link."""
    source, target = quoted(INCOMING + table), quoted(table)
    columns = [
        (str(name), str(kind))
        for name, kind in zone.execute(
            "SELECT column_name, data_type FROM duckdb_columns() WHERE database_name = 'zone' AND table_name = ?"
            " ORDER BY column_index",
            [INCOMING + table],
        ).fetchall()
        if name not in ("delivery", "row_key", "subject")
    ]
    payload = "".join(f", {quoted(name)} {kind}" for name, kind in columns)
    zone.execute(
        f"CREATE TABLE IF NOT EXISTS {target}"
        f" (delivery TEXT NOT NULL, subject UUID NOT NULL, person UUID NOT NULL, linked BOOLEAN NOT NULL{payload})"
    )
    for name, kind in columns:
        zone.execute(f"ALTER TABLE {target} ADD COLUMN IF NOT EXISTS {quoted(name)} {kind}")
    lost = count(
        zone,
        f"SELECT count(*) FROM {source} i ANTI JOIN links l ON i.row_key = l.row_key"
        " WHERE list_contains(?, i.delivery)",
        [deliveries],
    )
    if lost:
        raise LinkageError(
            "Rows of the research zone have no link.",
            where=table,
            mend="Receive the delivery again under a new name, superseding this one; report this as a fault.",
        )
    names = "".join(f", {quoted(name)}" for name, _ in columns)
    zone.execute(
        f"INSERT INTO {target} BY NAME SELECT i.delivery, l.subject, l.person, l.linked{names} FROM {source} i"
        " JOIN links l ON i.row_key = l.row_key WHERE list_contains(?, i.delivery)",
        [deliveries],
    )
    zone.execute(f"DELETE FROM {source} WHERE list_contains(?, delivery)", [deliveries])


def _require_links(zone: duckdb.DuckDBPyConnection) -> None:
    if count(zone, "SELECT count(*) FROM evidence ANTI JOIN links USING (record)"):
        raise LinkageError(
            "Records were left without a link.",
            where="linkage zone",
            mend="Nothing was kept; report this as a fault.",
        )


@contextmanager
def _transaction(zone: duckdb.DuckDBPyConnection) -> Iterator[None]:
    zone.execute("BEGIN")
    try:
        yield
    except BaseException:
        zone.execute("ROLLBACK")
        raise
    zone.execute("COMMIT")
