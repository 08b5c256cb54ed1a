"""What lies in the store of opt-outs? The askings, what was asked, what may be used; and apart, who objects.

Both are files of their own in the linkage zone's folder, each under a key of its own. No table of the zone and none of
any dataset has a column of opt-outs.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import duckdb
import polars as pl

from linkage.optouts.model import ANSWERED, MAY_FOLLOW, UNDER_WAY, ExchangeState
from linkage.zones import count


@dataclass(frozen=True)
class Exchange:
    """One asking, as the store has it. at: when it was prepared; until: when an answer must have come."""

    id: str
    state: ExchangeState
    at: datetime
    until: datetime
    reply: str | None
    failure: str | None


def prepare_store(store: duckdb.DuckDBPyConnection) -> None:
    """The tables of the list; nothing happens where they are there."""
    store.execute(
        "CREATE TABLE IF NOT EXISTS exchanges (id TEXT NOT NULL, state TEXT NOT NULL, as_at TIMESTAMP NOT NULL,"
        " until TIMESTAMP NOT NULL, reply TEXT, failure TEXT)"
    )
    store.execute("CREATE TABLE IF NOT EXISTS asked (exchange TEXT NOT NULL, number TEXT NOT NULL)")
    store.execute("CREATE TABLE IF NOT EXISTS may_be_used (exchange TEXT NOT NULL, number TEXT NOT NULL)")
    store.execute("CREATE TABLE IF NOT EXISTS quarantine (exchange TEXT NOT NULL, record BIGINT, reason TEXT NOT NULL)")
    store.execute("CREATE TABLE IF NOT EXISTS set_aside (message TEXT NOT NULL, failure TEXT NOT NULL)")


def prepare_objectors(store: duckdb.DuckDBPyConnection) -> None:
    """The table of who objects."""
    store.execute(
        "CREATE TABLE IF NOT EXISTS objectors (objection TEXT NOT NULL, number TEXT NOT NULL, as_at TIMESTAMP NOT NULL,"
        " account TEXT)"
    )


def is_there(store: duckdb.DuckDBPyConnection, table: str) -> bool:
    """Has the store been made?"""
    return bool(count(store, "SELECT count(*) FROM duckdb_tables() WHERE table_name = ?", [table]))


def exchanges(store: duckdb.DuckDBPyConnection) -> list[Exchange]:
    """Every asking that is still known, the newest first."""
    if not is_there(store, "exchanges"):
        return []
    rows = store.execute(
        "SELECT id, state, as_at, until, reply, failure FROM exchanges ORDER BY as_at DESC, id"
    ).fetchall()
    return [Exchange(name, ExchangeState(state), *rest) for name, state, *rest in rows]


def under_way(store: duckdb.DuckDBPyConnection) -> Exchange | None:
    """The asking that is not at its end."""
    return next((one for one in exchanges(store) if one.state in UNDER_WAY), None)


def move(
    store: duckdb.DuckDBPyConnection,
    exchange: Exchange,
    state: ExchangeState,
    *,
    reply: str | None = None,
    failure: str | None = None,
) -> None:
    """The exchange goes on to this state. Raises RuntimeError for a step that the table does not know."""
    if state not in MAY_FOLLOW[exchange.state]:
        raise RuntimeError(f"an exchange does not go from {exchange.state} to {state}")
    store.execute(
        "UPDATE exchanges SET state = ?, reply = ?, failure = ? WHERE id = ?",
        [state.value, reply, failure, exchange.id],
    )


def forget_numbers(store: duckdb.DuckDBPyConnection, exchange: str) -> None:
    """What was asked is of no use any more."""
    for table in ("asked", "may_be_used", "quarantine"):
        store.execute(f"DELETE FROM {table} WHERE exchange = ?", [exchange])


def forget_answered(store: duckdb.DuckDBPyConnection) -> None:
    """A new list takes the place of those before: nothing of them stays here."""
    for one in exchanges(store):
        if one.state in ANSWERED:
            forget_numbers(store, one.id)
            store.execute("DELETE FROM exchanges WHERE id = ?", [one.id])


def numbers(store: duckdb.DuckDBPyConnection, table: str, exchange: str) -> pl.Series:
    """The numbers of this asking in `asked` or `may_be_used`, in order."""
    found = store.sql(f"SELECT number FROM {table} WHERE exchange = $id ORDER BY number", params={"id": exchange})
    return pl.DataFrame(found.to_arrow_table())["number"].cast(pl.String)


def put_numbers(store: duckdb.DuckDBPyConnection, table: str, exchange: str, found: pl.Series) -> None:
    """Put the numbers of this asking in."""
    store.register("given", found.alias("number").to_frame().to_arrow())
    store.execute(f"INSERT INTO {table} SELECT ?, number::TEXT FROM given", [exchange])
    store.unregister("given")
