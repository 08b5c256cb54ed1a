"""Make it so: every received delivery linked to the person spine, and its payload put under person numbers.

Three phases, each one transaction in one zone, each a no-op where it was done before: (1) records, ladder, links in
the linkage zone; (2) payload moved from `incoming_<table>` to `<table>` in the research zone; (3) row keys dropped.
Killed at any point and run again, it ends in the same state. The zones are never open in one connection: what passes
from one to the other is row key, person and whether linked, in memory.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from sqlalchemy import select

from access.keys import HeldKey, KeyRing
from audit.events import EventName
from audit.model import Actor
from audit.progress import Progress, silent
from audit.records import Records
from linkage.errors import LinkageError
from linkage.intake.tables import (
    INCOMING,
    create_identity,
    deliveries_in,
    incoming_tables,
    quoted,
    random_row_keys,
    remove_deliveries_except,
)
from linkage.matching.errors import WrongKey
from linkage.matching.joining import drop_work, join_records
from linkage.matching.ladder import LAST_STEP, NOT_JOINED
from linkage.matching.records_to_link import add_new_records, prepare
from linkage.matching.report import match_rates, summarise, write_report
from linkage.matching.store import LinkageRun, newest_run
from linkage.standardise.specification import VERSION
from linkage.store import Delivery, received_deliveries
from linkage.zones import Zones, count

LINKAGE_ROUND = "spine"
FEWEST_FOR_A_SPINE_PERSON = "n IS NOT NULL OR (f IS NOT NULL AND g IS NOT NULL AND b IS NOT NULL)"
"""What a record must hold to stand for a person by itself; with less it gets a one-time person, flagged."""


@dataclass(frozen=True)
class LinkageSummary:
    """What a run did. counts: by dataset and step, and people; not for showing where many look."""

    run: str
    deliveries: tuple[str, ...]
    counts: dict[str, Any]
    reports: tuple[Path, ...]

    @property
    def nothing_new(self) -> bool:
        """Was everything linked before?"""
        return not self.deliveries


class Linker:
    """Links deliveries. real_data: NHS numbers of the test range then stand for nobody."""

    def __init__(
        self, zones: Zones, keyring: KeyRing, records: Records, reports: Path, *, real_data: bool = False
    ) -> None:
        self._zones = zones
        self._keyring = keyring
        self._records = records
        self._reports = reports
        self._test_range = not real_data

    def link(self, *, by: Actor, progress: Progress = silent) -> LinkageSummary:
        """Link what was received and not yet linked. Raises WrongKey, ZoneBusy."""
        with self._zones.one_linkage_at_a_time():
            return self._link(by, progress)

    def _link(self, by: Actor, progress: Progress) -> LinkageSummary:
        key = self._token_key()
        received = self._received()
        ids = [delivery.id for delivery in received]
        run = str(uuid.uuid4())
        waiting = self._waiting(ids)
        if not waiting:
            return LinkageSummary(run, (), {}, ())
        self._records.note(EventName.LINKAGE_STARTED, by=by, run=run, deliveries=list(waiting), specification=VERSION)
        try:
            self._link_records(ids, run, key, progress)
            self._move_payload(ids, progress)
            self._drop_row_keys(ids)
        except BaseException:
            self._records.note(EventName.LINKAGE_FAILED, by=by, run=run)
            raise
        return self._completed(run, waiting, received, key, by, progress)

    # phase 1: the linkage zone

    def _link_records(self, deliveries: list[str], run: str, key: HeldKey, progress: Progress) -> None:
        with self._zones.linkage() as zone:
            create_identity(zone)
            prepare(zone)
            with _transaction(zone):
                remove_deliveries_except(zone, deliveries, ["identity"])
                progress("standardising and tokenising", 0, None)
                fresh = add_new_records(zone, deliveries, key, test_range=self._test_range)
                if fresh:
                    join_records(zone, progress)
                    self._write_links(zone, run)
                    drop_work(zone)
                _purge(zone)

    def _write_links(self, zone: duckdb.DuckDBPyConnection, run: str) -> None:
        """A person for each cluster: the spine's, or a fresh random one; then a link for each new record."""
        zone.execute(
            "CREATE OR REPLACE TEMP TABLE minted AS SELECT cluster, row_number() OVER () - 1 AS place"
            " FROM (SELECT DISTINCT cluster FROM work WHERE cluster > 0)"
        )
        minted = count(zone, "SELECT count(*) FROM minted")
        zone.register("random", pa.table({"person": random_row_keys(minted)}))
        zone.execute(
            "CREATE OR REPLACE TEMP TABLE random_ids AS SELECT person, row_number() OVER () - 1 AS place FROM random"
        )
        zone.unregister("random")
        # A new table rather than rows added to `persons`: on DuckDB 2.0.0 a join with a temporary table that was made
        # empty and filled with many rows in the same transaction found none of them.
        zone.execute(
            "CREATE OR REPLACE TEMP TABLE assigned AS SELECT person, cluster FROM persons UNION ALL"
            " SELECT r.person, m.cluster FROM minted m JOIN random_ids r USING (place)"
        )
        now = self._records.clock.now().replace(tzinfo=None)
        zone.execute("INSERT INTO spine SELECT person, ?::TIMESTAMP FROM assigned WHERE cluster > 0", [now])
        zone.execute(
            "INSERT INTO links BY NAME SELECT w.record, p.person, w.step IS NOT NULL OR enough AS linked,"
            " CASE WHEN w.n IS NOT NULL THEN 'nhs_number' WHEN w.step IS NOT NULL OR enough THEN 'spine'"
            " ELSE 'one_time' END AS id_type,"
            f" coalesce(w.step, {NOT_JOINED}) AS step, coalesce(w.step, {LAST_STEP}) AS last_step,"
            " CASE WHEN w.step IS NULL THEN coalesce(d.flag, CASE WHEN enough THEN 'no_match' ELSE 'too_little' END)"
            " END AS flag, ?::UUID AS run, ?::TIMESTAMP AS as_at"
            f" FROM (SELECT *, {FEWEST_FOR_A_SPINE_PERSON} AS enough FROM work) w JOIN assigned p USING (cluster)"
            " LEFT JOIN (SELECT record, min(flag) AS flag FROM doubts GROUP BY record) d USING (record)"
            " WHERE NOT w.held",
            [run, now],
        )
        zone.execute("DROP TABLE minted; DROP TABLE random_ids; DROP TABLE assigned")
        unlinked = count(zone, "SELECT count(*) FROM evidence ANTI JOIN links USING (record)")
        if unlinked:
            raise LinkageError(
                "Records were left without a link.",
                where="linkage zone",
                mend="Nothing was kept; report this as a fault.",
            )

    # phase 2: the research zone

    def _move_payload(self, deliveries: list[str], progress: Progress) -> None:
        """Payload from staging to its table, under person numbers; superseded deliveries' rows go."""
        progress("putting payload under person numbers", 0, None)
        links = self._links_of_rows()
        with self._zones.research() as zone, _transaction(zone):
            tables = incoming_tables(zone)
            zone.execute("CREATE TABLE IF NOT EXISTS linked_deliveries (delivery TEXT PRIMARY KEY)")
            zone.register("links", links)
            for table in tables:
                _move_table(zone, table, deliveries)
            zone.unregister("links")
            remove_deliveries_except(zone, deliveries, [*tables, "linked_deliveries"])
            zone.execute(
                "INSERT INTO linked_deliveries SELECT d FROM unnest(?::TEXT[]) AS u(d)"
                " WHERE d NOT IN (SELECT delivery FROM linked_deliveries)",
                [deliveries],
            )

    def _links_of_rows(self) -> pa.Table:
        """row_key, person, linked of every row whose key is still kept."""
        with self._zones.linkage(read_only=True) as zone:
            return zone.sql(
                "SELECT i.row_key, l.person, l.linked FROM identity i JOIN links l USING (record)"
                " WHERE i.row_key IS NOT NULL"
            ).to_arrow_table()

    # phase 3: the linkage zone again

    def _drop_row_keys(self, deliveries: list[str]) -> None:
        with self._zones.linkage() as zone:
            zone.execute(
                "UPDATE identity SET row_key = NULL WHERE row_key IS NOT NULL AND list_contains(?, delivery)",
                [deliveries],
            )

    # before and after

    def _waiting(self, deliveries: list[str]) -> tuple[str, ...]:
        """The received deliveries with rows that are not linked, or with rows left from what they replaced."""
        with self._zones.linkage(read_only=True) as zone:
            unlinked = deliveries_in(zone, "identity", "row_key IS NOT NULL") & set(deliveries)
        with self._zones.research(read_only=True) as zone:
            linked = deliveries_in(zone, "linked_deliveries")
        return tuple(sorted(unlinked | (set(deliveries) - linked) | (linked - set(deliveries))))

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
        by: Actor,
        progress: Progress,
    ) -> LinkageSummary:
        """The report, the record of the run and its entry."""
        progress("reporting", 0, None)
        with self._zones.linkage(read_only=True) as zone:
            counts = summarise(zone)
        with self._zones.research(read_only=True) as zone:
            rates = match_rates(zone)
        reports = write_report(self._reports / "linkage", run, counts, rates, self._records.clock.now())
        with self._records.change(by=by) as change:
            change.session.add(
                LinkageRun(
                    id=run,
                    specification=VERSION,
                    key_id=key.key_id,
                    key_check=key.check_value,
                    deliveries=[delivery.id for delivery in received],
                    summary=counts,
                    at=change.at,
                    by=by,
                )
            )
            change.record(
                EventName.LINKAGE_COMPLETED,
                run=run,
                deliveries=list(waiting),
                specification=VERSION,
                key_id=key.key_id,
                key_version=key.version,
                key_check=key.check_value,
            )
        return LinkageSummary(run, waiting, counts, reports)

    def newest(self) -> LinkageRun | None:
        """The last completed run."""
        with self._records.read() as session:
            return session.scalars(select(LinkageRun).order_by(LinkageRun.at.desc())).first()


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
        if name not in ("delivery", "row_key")
    ]
    payload = "".join(f", {quoted(name)} {kind}" for name, kind in columns)
    zone.execute(
        f"CREATE TABLE IF NOT EXISTS {target}"
        f" (delivery TEXT NOT NULL, person UUID NOT NULL, linked BOOLEAN NOT NULL{payload})"
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
        f"INSERT INTO {target} BY NAME SELECT i.delivery, l.person, l.linked{names} FROM {source} i"
        " JOIN links l ON i.row_key = l.row_key WHERE list_contains(?, i.delivery)",
        [deliveries],
    )
    zone.execute(f"DELETE FROM {source} WHERE list_contains(?, delivery)", [deliveries])


def _purge(zone: duckdb.DuckDBPyConnection) -> None:
    """What no row carries any more (its delivery was superseded) is removed, persons included."""
    for table in ("evidence", "links"):
        zone.execute(f"DELETE FROM {table} WHERE record NOT IN (SELECT record FROM identity WHERE record IS NOT NULL)")
    zone.execute("DELETE FROM spine WHERE person NOT IN (SELECT person FROM links)")


@contextmanager
def _transaction(zone: duckdb.DuckDBPyConnection) -> Iterator[None]:
    zone.execute("BEGIN")
    try:
        yield
    except BaseException:
        zone.execute("ROLLBACK")
        raise
    zone.execute("COMMIT")
