"""What does a linkage run do within one zone? Plain functions: plain arguments in; numbers, counts and row keys out.

What passes from the linkage zone to the research zone is row key, subject, person and whether linked. No function here
gives an identifier or a row of payload to whoever asks.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from datetime import datetime

import duckdb
import pyarrow as pa

from access.keys import HeldKey
from access.keys.errors import RoundDestroyed
from linkage.errors import LinkageError, ZoneForbids
from linkage.full_disks import no_room_told
from linkage.intake.tables import create_identity, deliveries_in, incoming_tables, remove_deliveries_except
from linkage.matching.decisions import RunPlan
from linkage.matching.engines.choice import LinkageEngine
from linkage.matching.errors import wrong_key
from linkage.matching.following import applied_runs, follow_subjects
from linkage.matching.passing import plan_of
from linkage.matching.payload import move_table
from linkage.matching.quality.implausible import active_after_death, apart_elsewhere, contradicting_records
from linkage.matching.quality.measured import count_weights, summarise
from linkage.matching.quality.rates import match_rates
from linkage.matching.quality.trials import decoys, hidden_numbers
from linkage.matching.records_to_link import has_unseen, prepare, set_registers
from linkage.matching.renewal import is_standing
from linkage.matching.residual.candidates import crowded
from linkage.matching.residual.door import answers_given, pair_name, put_samples
from linkage.matching.residual.kept_models import keep_model, kept_model, made_for
from linkage.matching.residual.sampling import MOST_DRAWN, draw_joined_pairs
from linkage.matching.residual.settling import ResidualPlan, doubtful_pairs, prepare_residual
from linkage.matching.residual.slices import Weighing
from linkage.matching.residual.training import draw, learn_model
from linkage.matching.service import LINKAGE_ROUND, link_zone
from linkage.matching.spine import last_run, note_run
from linkage.private_folders import EXCHANGE, sweep
from linkage.references.tables import in_force
from linkage.sealed.records import Rounds
from linkage.sealed.service import (
    drop_sealed_keys,
    has_ended_rounds,
    link_sealed,
    sealed_outcome,
    sealed_waiting,
    summarise_sealed,
)
from linkage.separation.ports import Answer, Named, Plain, Room
from linkage.zones import no_room_in

# in the linkage zone


def token_key(room: Room, _: Plain, __: Iterator[Named]) -> Answer:
    """Which key the tokens are made with: id, version and check value. The key itself stays in its process."""
    key = _key(room)
    return Answer({"key_id": key.key_id, "version": key.version, "check_value": key.check_value})


def unlinked_deliveries(room: Room, _: Plain, __: Iterator[Named]) -> Answer:
    """deliveries: those with rows that still have their row key."""
    with room.open(read_only=True) as zone:
        keyed = deliveries_in(zone, "identity", "row_key IS NOT NULL") | sealed_waiting(zone)
    return Answer({"deliveries": sorted(keyed)})


def stands(room: Room, _: Plain, __: Iterator[Named]) -> Answer:
    """stands: is all made under the rules and tables of now, of rows that are there and of no destroyed round?

    last_run: that linked here, whether or not it came to its end.
    """
    with room.open(read_only=True) as zone:
        run = last_run(zone)
        stand = is_standing(zone) and not has_unseen(zone) and not has_ended_rounds(zone, _living_round(room))
        return Answer({"stands": stand, "last_run": run and run[0]})


def link_records(room: Room, asked: Plain, _: Iterator[Named]) -> Answer:
    """Phase 1, one transaction. Raises LinkageError.

    asked: deliveries, run, at, registers, plan, everybody, test_range.
    """
    engine, at = room.engine or LinkageEngine(), datetime.fromisoformat(asked["at"])
    engine.tidy()
    sweep(room.folder / EXCHANGE)
    with room.open() as zone:
        create_identity(zone)
        prepare(zone)
        prepare_residual(zone)
        _require_same_key(room, zone)
        with transaction(zone):
            note_run(zone, asked["run"], _key(room).check_value)
            set_registers(zone, asked["registers"])
            link_zone(
                zone,
                asked["deliveries"],
                asked["run"],
                _key(room),
                at,
                asked["test_range"],
                room.progress,
                _plan(room, zone, asked["plan"], engine.weighing),
                everybody=asked["everybody"],
                ladder=engine.ladder,
            )
            link_sealed(
                zone,
                asked["deliveries"],
                asked["run"],
                at,
                _living_round(room),
                test_range=asked["test_range"],
                progress=room.progress,
            )
    return Answer()


def outcome(room: Room, asked: Plain, _: Iterator[Named]) -> Answer:
    """What the research zone is told: links of rows whose key is still kept; of subjects; changes of persons.

    In the order of random names, which tells of nobody.

    asked: applied, the runs that it was told of before.
    """
    with room.open(read_only=True) as zone:
        rows = zone.sql(
            "SELECT i.row_key, e.subject, l.person, l.linked FROM identity i JOIN links l USING (record)"
            " JOIN evidence e USING (record) WHERE i.row_key IS NOT NULL ORDER BY i.row_key"
        ).to_arrow_table()
        new = "run::TEXT NOT IN (SELECT unnest(?::TEXT[]))"
        subjects = zone.sql(
            f"SELECT e.subject, l.person, l.linked, l.run FROM links l JOIN evidence e USING (record) WHERE {new}"
            " ORDER BY e.subject",
            params=[asked["applied"]],
        ).to_arrow_table()
        changes = zone.sql(
            f"SELECT was, now, kind, as_at, run FROM changes WHERE {new} ORDER BY ALL", params=[asked["applied"]]
        ).to_arrow_table()
        sealed_rows, sealed_subjects = sealed_outcome(zone, asked["applied"])
    rows, subjects = pa.concat_tables([rows, sealed_rows]), pa.concat_tables([subjects, sealed_subjects])
    return Answer({}, {"links": rows, "subjects": subjects, "changes": changes})


def drop_row_keys(room: Room, asked: Plain, _: Iterator[Named]) -> Answer:
    """Phase 3. asked: deliveries."""
    with room.open() as zone:
        zone.execute(
            "UPDATE identity SET row_key = NULL WHERE row_key IS NOT NULL AND list_contains(?, delivery)",
            [asked["deliveries"]],
        )
        drop_sealed_keys(zone, asked["deliveries"])
    return Answer()


def told(room: Room, asked: Plain, _: Iterator[Named]) -> Answer:
    """Tables: doubtful, pairs by subject; changes, kind, was, now of runs that are not among asked's `told`.
    references: kind and version of the reference tables that were followed.

    Where accounts are apart the doubtful tell whole bits and no column's weight: a reviewer sees these, nobody else.
    """
    with room.open(read_only=True) as zone:
        changes = zone.sql(
            "SELECT kind, was::TEXT AS was, now::TEXT AS now FROM changes"
            " WHERE run::TEXT NOT IN (SELECT unnest(?::TEXT[])) ORDER BY ALL",
            params=[asked["told"]],
        ).to_arrow_table()
        doubtful = doubtful_pairs(zone, whole_bits=room.apart)
        tables = [f"{kind} {version}" for kind, version, _, _ in in_force(zone)]
        return Answer({"references": tables}, {"doubtful": doubtful, "changes": changes})


def measured(room: Room, asked: Plain, _: Iterator[Named]) -> Answer:
    """How right the linkage is, tried on copies: counts, signs, both trials; weights: how many have so many bits;
    apart_elsewhere: by step, records and how many of them.

    asked: plan, test_range, and the deliveries that were linked for the first time.
    """
    test_range, new = asked["test_range"], asked["deliveries"]
    with room.open(read_only=True) as zone:
        plan = _plan(room, zone, asked["plan"], Weighing())
        counts, weights, signs = summarise(zone, new), count_weights(zone), contradicting_records(zone)
        apart = apart_elsewhere(zone)
        counts["sealed"], counts["crowded"] = summarise_sealed(zone, new), crowded(zone)
        counts["people"] += counts["sealed"].get("people", 0)
        room.progress("trying it with hidden NHS numbers", 0, None)
        hidden = hidden_numbers(zone, plan, test_range=test_range)
        room.progress("trying it with decoys", 0, None)
        made_up = decoys(zone, plan, _key(room), test_range=test_range)
    trials = {"hidden": hidden and asdict(hidden), "decoys": made_up and asdict(made_up)}
    told = [sorted(one.items()) for one in (weights.joined, weights.asked)]
    signs_told = [asdict(one) for one in signs]
    return Answer({"counts": counts, "weights": told, "signs": signs_told, "apart_elsewhere": apart, **trials})


def train(room: Room, asked: Plain, _: Iterator[Named]) -> Answer:
    """Learn a model from what lies here, and keep it here. digest, card and what it is made for come out.

    asked: test_range, at. Raises NothingToLearnFrom, CannotTrain.
    """
    at = datetime.fromisoformat(asked["at"])
    sweep(room.folder / EXCHANGE)
    with room.open(read_only=True) as zone:
        drawn, rows = draw(zone)
    with no_room_told(lambda: no_room_in(room.folder)):
        model, card = learn_model(
            drawn, rows, test_range=asked["test_range"], spilling=room.spilling, progress=room.progress
        )
    with room.open() as zone:
        digest = keep_model(zone, model, card, at)
    return Answer({"digest": digest, "card": card, "made_for": made_for(model)})


def sample(room: Room, asked: Plain, _: Iterator[Named]) -> Answer:
    """pairs: of subjects that one step joined, drawn alike from every step, with the step. asked: size."""
    if not 0 < asked["size"] <= MOST_DRAWN:
        raise ZoneForbids("No sample of this size is drawn.", where="size", mend=f"Ask for at most {MOST_DRAWN:,}.")
    with room.open(read_only=True) as zone:
        drawn = draw_joined_pairs(zone, asked["size"])
    if room.apart and drawn:
        put_samples(room, drawn)
    return Answer({"pairs": drawn})


# in the research zone


def linked_deliveries(room: Room, _: Plain, __: Iterator[Named]) -> Answer:
    """deliveries: those whose payload is under person numbers."""
    with room.open(read_only=True) as zone:
        return Answer({"deliveries": sorted(deliveries_in(zone, "linked_deliveries"))})


def applied(room: Room, _: Plain, __: Iterator[Named]) -> Answer:
    """runs: those whose outcome the payload shows."""
    with room.open(read_only=True) as zone:
        return Answer({"runs": applied_runs(zone)})


def move_payload(room: Room, asked: Plain, tables: Iterator[Named]) -> Answer:
    """Phase 2, one transaction. asked: deliveries. tables: links, subjects, changes. Raises LinkageError."""
    given = {name: rows.read_all() for name, rows in tables}
    deliveries = asked["deliveries"]
    with room.open() as zone, transaction(zone):
        staged = incoming_tables(zone)
        zone.execute("CREATE TABLE IF NOT EXISTS linked_deliveries (delivery TEXT PRIMARY KEY)")
        follow_subjects(zone, staged, given["subjects"], given["changes"])
        zone.register("links", given["links"])
        for table in staged:
            move_table(zone, table, deliveries)
        zone.unregister("links")
        remove_deliveries_except(zone, deliveries, [*staged, "linked_deliveries"])
        zone.execute(
            "INSERT INTO linked_deliveries SELECT d FROM unnest(?::TEXT[]) AS u(d)"
            " WHERE d NOT IN (SELECT delivery FROM linked_deliveries)",
            [deliveries],
        )
    return Answer()


def rates_and_signs(room: Room, _: Plain, __: Iterator[Named]) -> Answer:
    """rates by group and signs of false links, as raw counts."""
    with room.open(read_only=True) as zone:
        rates, signs = match_rates(zone), active_after_death(zone)
    return Answer({"rates": [asdict(one) for one in rates], "signs": [asdict(one) for one in signs]})


@contextmanager
def transaction(zone: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """All of it, or nothing."""
    zone.execute("BEGIN")
    try:
        yield
    except BaseException:
        with suppress(duckdb.Error):  # what ended it may have ended the connection: that is what is to be told
            zone.execute("ROLLBACK")
        raise
    zone.execute("COMMIT")


def _plan(room: Room, zone: duckdb.DuckDBPyConnection, data: Plain, weighing: Weighing) -> ResidualPlan:
    """The plan that was sent, with the model that is kept here, and the haven's own bounds.

    Raises NoModel, ZoneForbids.
    """
    asked = plan_of(data)
    if room.most_pairs is not None and asked.most_pairs > room.most_pairs:
        raise ZoneForbids(
            f"This zone weighs at most {room.most_pairs:,} pairs in one run.",
            where="linkage.most_pairs",
            mend="Raise it in haven.toml, and start the zone's process anew.",
        )
    if room.apart and asked.decisions:
        _require_answers(room, asked)
    model = None if asked.model is None else kept_model(zone, asked.model)
    weighing = replace(weighing, spilling=room.spilling)
    return ResidualPlan(model, asked.model, asked.decisions, most_pairs=asked.most_pairs, weighing=weighing)


def _require_answers(room: Room, asked: RunPlan) -> None:
    """Every decision must have been made at this zone's own door. Raises ZoneForbids.

    Joined to a record of their own making, another would tell by what contradicts it which number or initial it has.
    """
    given = answers_given(room)
    if any((pair_name(one.subject_a, one.subject_b), one.same) not in given for one in asked.decisions):
        raise ZoneForbids(
            "The plan holds a decision that no reviewer made at the linkage zone's door.",
            where="decisions",
            mend="Reviewers decide by `haven linkage review`; `haven accounts install` brings older decisions along."
            " Where records were restored, restore the zone with them.",
        )


def _require_same_key(room: Room, zone: duckdb.DuckDBPyConnection) -> None:
    """Raises WrongKey: what lies here was made under another; also where its run died before any record of it."""
    run, key = last_run(zone), _key(room)
    if run is not None and run[1] != key.check_value:
        raise wrong_key(key.key_id)


def _key(room: Room) -> HeldKey:
    return room.keyring.token_key(LINKAGE_ROUND)


def _living_round(room: Room) -> Rounds:
    """The key of a round of mode B by name; None where it was destroyed: what it made is compared with nothing then.

    Raises LinkageError for one that is neither there nor destroyed: its tokens would be erased for good.
    """

    def living(name: str) -> HeldKey | None:
        try:
            key = room.keyring.rounds.find(name)
        except RoundDestroyed:
            return None
        if key is None:
            raise LinkageError(
                "The key of a round whose tokens lie here is missing, and was not destroyed. Nothing was changed.",
                where=name,
                mend="Restore the whole folder of keys from its backup, and link again.",
            )
        return key

    return living
