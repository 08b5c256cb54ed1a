"""What is done about opt-outs within the linkage zone? The list is asked for, kept, applied and purged here alone.

What comes out: states, codes, times and counts; and for one build the person numbers that it leaves out. No number.
Every step of an exchange is durable before the next: killed anywhere, the next `step` goes on, and sends nothing twice.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime

import duckdb
import polars as pl
import pyarrow as pa

from access.keys.files import erase
from linkage.errors import ZoneBusy, ZoneForbids
from linkage.matching.records_to_link import has_unseen
from linkage.optouts.errors import LinkageDue, MailboxUnset, NothingToAsk, NumberUnfit, ObjectorNamed, ObjectorUnknown
from linkage.optouts.form import LINE, written
from linkage.optouts.judging import judge
from linkage.optouts.model import ANSWERED, UNDER_WAY, ExchangeState
from linkage.optouts.people import persons_left_out, records_with_numbers, runs_of_links
from linkage.optouts.ports import Mailbox, MailboxPlace
from linkage.optouts.tables import (
    Exchange,
    exchanges,
    forget_answered,
    forget_numbers,
    is_there,
    move,
    numbers,
    prepare_objectors,
    prepare_store,
    put_numbers,
    under_way,
)
from linkage.separation.ports import Answer, Named, Plain, Room
from linkage.standardise.nhs_numbers import nhs_numbers
from linkage.zones import held_lock

S = ExchangeState
LEFT_OUT = "left_out"
LOCK = ".optouts.run.lock"
PATIENCE_SECONDS = 10.0
MOST_JUDGED = 20  # messages: more than one is a failure already, and these say of which kind


def ask(room: Room, asked: Plain, _: Iterator[Named]) -> Answer:
    """Write the next request, unless one is under way: then that one goes on. Raises NothingToAsk, MailboxUnset.

    asked: at, test_range. id, at, asked (how many), bad (records in quarantine, by reason), resumed.
    """
    place, at = _place(room), datetime.fromisoformat(asked["at"])
    with _alone(room):
        with _store(room, read_only=True) as store:
            if (found := under_way(store)) is not None:
                return Answer(_told(store, found) | {"resumed": True})
        with room.open(read_only=True) as zone:
            held = records_with_numbers(zone, test_range=asked["test_range"])
        good = held["number"].drop_nulls().unique().sort()
        if not good.len():
            raise NothingToAsk(
                "The linkage zone holds no NHS number that can be somebody's.",
                where="linkage zone",
                mend="Receive deliveries and link them; then ask for opt-outs.",
            )
        with _store(room) as store:
            prepare_store(store)
            made = Exchange(_local_id(place, at), S.PREPARED, at, at + place.patience, None, None)
            store.execute("BEGIN")
            store.execute(
                "INSERT INTO exchanges VALUES (?, ?, ?, ?, NULL, NULL)", [made.id, made.state.value, at, made.until]
            )
            put_numbers(store, "asked", made.id, good)
            _put_in_quarantine(store, made.id, held.filter(pl.col("number").is_null() & pl.col("fault").is_not_null()))
            store.execute("COMMIT")
            return Answer(_told(store, made) | {"resumed": False})


def step(room: Room, asked: Plain, _: Iterator[Named]) -> Answer:
    """The exchange under way goes on by what can be done now, up to its end. asked: at. Raises MailboxAway.

    id, state, at, asked, bad, failure; state None: nothing is under way.
    """
    now = datetime.fromisoformat(asked["at"])
    with _alone(room):
        with _store(room, read_only=True) as store:
            found = under_way(store)
        if found is None:
            return Answer({"state": None})
        with _place(room).opened() as mailbox:
            found = _sent(room, mailbox, found)
            found = _answered(room, mailbox, found, now)
            found = _acknowledged(room, mailbox, found)
        with _store(room, read_only=True) as store:
            return Answer(_told(store, found))


def status(room: Room, _: Plain, __: Iterator[Named]) -> Answer:
    """exchanges: each that is known, the newest first; objections: the ids under which somebody is named here.

    named: of each id when, and by which account where accounts are apart.
    """
    with _store(room, read_only=True) as store:
        told = [_told(store, one) for one in exchanges(store)]
    named = _named(room)
    return Answer({"exchanges": told, "objections": list(named), "named": named})


def left_out(room: Room, asked: Plain, _: Iterator[Named]) -> Answer:
    """Table left_out: the person numbers that one build leaves out. runs: that its payload must have followed.

    asked: list, the exchange to apply (None: opt-outs do not apply); objections; numberless_stay; test_range. Raises
    ObjectorUnknown: an objection that stands for nobody would be heeded by nobody; LinkageDue: whose numbers went with
    their delivery would be found by nobody, while their payload stays until the next linkage.
    """
    may_be_used = None
    if asked["list"] is not None:
        with _store(room, read_only=True) as store:
            known = {one.id for one in exchanges(store) if one.state in ANSWERED}
            if asked["list"] not in known:
                raise ZoneForbids(
                    "This list is not in the store any more.", where="opt-outs", mend="Run: haven optout refresh --wait"
                )
            may_be_used = numbers(store, "may_be_used", asked["list"])
    objecting = _numbers_of(room, asked["objections"])
    with room.open(read_only=True) as zone:
        if has_unseen(zone):
            raise LinkageDue(
                "A delivery was superseded or destroyed, and what was linked by it is still there: whose it is, and"
                " whether they opted out, cannot be told. Nothing is built.",
                where="linkage zone",
                mend="Run: haven linkage run",
            )
        out = persons_left_out(
            zone, may_be_used, objecting, numberless_stay=asked["numberless_stay"], test_range=asked["test_range"]
        )
        runs = runs_of_links(zone)
    return Answer({"runs": runs}, {LEFT_OUT: pa.table({"person": pa.array(out, pa.string())})})


def purge(room: Room, asked: Plain, _: Iterator[Named]) -> Answer:
    """Erase the store; what is kept is written anew into another, so that no block of the old is left.

    asked: keep, the exchange that stays (None: none). purged: the ids of those that went. Raises ZoneBusy while an
    asking is under way.
    """
    with _alone(room):
        with _store(room, read_only=True) as store:
            known = exchanges(store)
            _require_at_rest(known)
            aside = store.execute("FROM set_aside").fetchall() if is_there(store, "set_aside") else []
            kept = next((one for one in known if one.id == asked["keep"] and one.state in ANSWERED), None)
            tables = () if kept is None else ("asked", "may_be_used")
            held = [(table, numbers(store, table, str(asked["keep"]))) for table in tables]
        erase(room.folder / "optouts.duckdb")
        with _store(room) as store:
            prepare_store(store)
            for one in aside:
                store.execute("INSERT INTO set_aside VALUES (?, ?)", list(one))
            if kept is not None:
                row = [kept.id, kept.state.value, kept.at, kept.until, kept.reply]
                store.execute("INSERT INTO exchanges VALUES (?, ?, ?, ?, ?, NULL)", row)
            for table, found in held:
                put_numbers(store, table, str(asked["keep"]), found)
    return Answer({"purged": [one.id for one in known if kept is None or one.id != kept.id]})


def name_objector(room: Room, asked: Plain, _: Iterator[Named]) -> Answer:
    """Keep whose wish an objection is, for good: the same again is nothing new, another number is refused.

    asked: number, objection, at, test_range, account. Raises NumberUnfit, ObjectorNamed.
    """
    found = nhs_numbers(pl.Series("number", [str(asked["number"])]), test_range=asked["test_range"])
    if found.null_count():
        raise NumberUnfit(
            "This is no NHS number that somebody can have.", where="number", mend="Read it again from the letter."
        )
    with _objectors(room) as store:
        prepare_objectors(store)
        known = store.execute("SELECT number FROM objectors WHERE objection = ?", [asked["objection"]]).fetchall()
        if any(number != found[0] for (number,) in known):
            raise ObjectorNamed(
                "Somebody else is named under this id, and an objection does not pass to another.",
                where=f"objection {str(asked['objection'])[:40]}",
                mend="Name the person under a new id, and record that; what was recorded by mistake is answered so.",
            )
        if not known:
            store.execute(
                "INSERT INTO objectors VALUES (?, ?, ?, ?)",
                [asked["objection"], found[0], datetime.fromisoformat(asked["at"]), asked.get("account")],
            )
    return Answer({"objection": asked["objection"], "new": not known})


# -- the steps of an exchange


def _sent(room: Room, mailbox: Mailbox, found: Exchange) -> Exchange:
    """The request is with MESH, once. That it may be there is durable before it is sent."""
    if found.state is S.PREPARED:
        found = _moved(room, found, S.SENDING)
    elif found.state is not S.SENDING:
        return found
    if not mailbox.find_sent(found.id):
        with _store(room, read_only=True) as store:
            content = written(numbers(store, "asked", found.id).to_list())
        mailbox.send(found.id, content)
    return _moved(room, found, S.SENT)


def _answered(room: Room, mailbox: Mailbox, found: Exchange, now: datetime) -> Exchange:
    """What waits is the answer, or a failure; what was set aside before is passed over."""
    if found.state is not S.SENT:
        return found
    place = _place(room)
    with _store(room, read_only=True) as store:
        aside = {str(name) for (name,) in store.execute("SELECT message FROM set_aside").fetchall()}
        request = numbers(store, "asked", found.id)
    waiting = [name for name in mailbox.waiting() if name not in aside]
    if not waiting:
        return _moved(room, found, S.FAILED, failure="no_reply") if now > found.until else found
    messages = [mailbox.take(name, LINE * request.len()) for name in waiting[:MOST_JUDGED]]
    usable, failure = judge(
        messages, sender=place.recipient, workflow=place.workflow, local_id=found.id, request=request.to_list()
    )
    if failure is not None:
        return _moved(room, found, S.FAILED, failure=failure, aside=waiting)
    return _moved(room, found, S.RECEIVED, reply=messages[0].id, usable=usable)


def _acknowledged(room: Room, mailbox: Mailbox, found: Exchange) -> Exchange:
    """The answer is durable: MESH may remove it."""
    if found.state is not S.RECEIVED or found.reply is None:
        return found
    mailbox.acknowledge(found.reply)
    return _moved(room, found, S.COMPLETE)


def _moved(
    room: Room,
    found: Exchange,
    state: ExchangeState,
    *,
    reply: str | None = None,
    failure: str | None = None,
    usable: list[str] | None = None,
    aside: list[str] | None = None,
) -> Exchange:
    with _store(room) as store:
        store.execute("BEGIN")
        if usable is not None:
            forget_answered(store)
        move(store, found, state, reply=reply or found.reply, failure=failure)
        if usable is not None:
            put_numbers(store, "may_be_used", found.id, pl.Series("number", usable))
        if failure is not None:
            forget_numbers(store, found.id)
        for message in aside or ():
            store.execute("INSERT INTO set_aside VALUES (?, ?)", [message, failure])
        store.execute("COMMIT")
    return Exchange(found.id, state, found.at, found.until, reply or found.reply, failure)


# -- parts


def _place(room: Room) -> MailboxPlace:
    if room.mailbox is None:
        raise MailboxUnset(
            "No MESH mailbox is set.",
            where="[optouts.mesh] in haven.toml",
            mend="Describe it there (docs/opt-outs.md); for trials: haven optout sandbox",
        )
    return room.mailbox


def _local_id(place: MailboxPlace, at: datetime) -> str:
    """Mailbox, day, and a part that nobody has used: letters, digits and hyphens only, as the service asks."""
    return f"{place.mailbox}-{at:%d%m%y}-{base64.b32encode(os.urandom(5)).decode('ascii')}"


def _told(store: duckdb.DuckDBPyConnection, found: Exchange) -> Plain:
    many = store.execute("SELECT count(*) FROM asked WHERE exchange = ?", [found.id]).fetchall()[0][0]
    query = "SELECT reason, count(*) FROM quarantine WHERE exchange = ? GROUP BY reason"
    bad = store.execute(query, [found.id]).fetchall()
    return {
        "id": found.id,
        "state": found.state.value,
        "at": found.at.isoformat(),
        "asked": int(many),
        "bad": {str(reason): int(rows) for reason, rows in bad},
        "failure": found.failure,
    }


def _put_in_quarantine(store: duckdb.DuckDBPyConnection, exchange: str, bad: pl.DataFrame) -> None:
    """Which record and why, as everywhere where accounts are apart; never the number as it was written."""
    store.register("bad", bad.select("record", "fault").to_arrow())
    store.execute("INSERT INTO quarantine SELECT ?, record, fault::TEXT FROM bad", [exchange])
    store.unregister("bad")


def _named(room: Room) -> dict[str, Plain]:
    """By the id under which somebody is named, in order: when, and by which account."""
    with _objectors(room, read_only=True) as store:
        if not is_there(store, "objectors"):
            return {}
        found = store.execute("SELECT objection, as_at, account FROM objectors ORDER BY 1").fetchall()
    return {str(name): {"at": at.isoformat(), "account": account} for name, at, account in found}


def _require_at_rest(known: list[Exchange]) -> None:
    if any(one.state in UNDER_WAY for one in known):
        raise ZoneBusy(
            "An asking for opt-outs is under way.", where="opt-outs", mend="Let it end: haven optout refresh --wait"
        )


def _numbers_of(room: Room, objections: list[str]) -> pl.Series:
    unknown = set(objections) - set(_named(room))
    if unknown:
        raise ObjectorUnknown(
            "An objection is recorded under an id under which nobody is named here: nothing is built.",
            where=f"objection {min(unknown)}",
            mend="Name the person again, and record it under the new id; then record this one as withdrawn.",
        )
    if not objections:
        return pl.Series("number", [], pl.String)
    with _objectors(room, read_only=True) as store:
        found = store.sql(
            "SELECT DISTINCT number FROM objectors WHERE list_contains($ids::TEXT[], objection)",
            params={"ids": objections},
        ).to_arrow_table()
    return pl.DataFrame(found)["number"].cast(pl.String)


@contextmanager
def _alone(room: Room) -> Iterator[None]:
    """One exchange at a time."""
    with held_lock(room.folder / LOCK, "opt-outs", patience=PATIENCE_SECONDS):
        yield


def _store(room: Room, *, read_only: bool = False) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
    if room.optouts is None:
        raise ZoneForbids("This process keeps no opt-outs.", where="opt-outs")
    return room.optouts(read_only=read_only)


def _objectors(room: Room, *, read_only: bool = False) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
    if room.objectors is None:
        raise ZoneForbids("This process keeps no objections.", where="objections")
    return room.objectors(read_only=read_only)
