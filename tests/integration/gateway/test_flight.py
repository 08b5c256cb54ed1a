"""Arrow Flight SQL through the real core and worker: with the ADBC driver as people use it, and with bare messages."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import adbc_driver_flightsql.dbapi as adbc
import pyarrow as pa
import pytest
from pyarrow import flight

from access.identity.errors import TokenRefused
from access.identity.model import Claims
from audit.model import organisation
from environments.gateway.doors import flight_beside
from environments.gateway.flight.commands import prepared_result, statement_ticket
from environments.gateway.flight.identity import HEADERS, HeaderListener, by_token
from environments.gateway.flight.server import FlightDoor
from environments.gateway.flight.wire import bytes_of, read_message
from environments.gateway.model import Asker, QueryLimits
from tests.fakes.flight import COUNT, LONG, MANY, command, message, through, until_last
from tests.fakes.gateway import ASHA, SECONDS_TO_HANG, gateway, until_running
from tests.fakes.havens import START


async def test_a_statement_with_and_without_parameters() -> None:
    """Through the ADBC driver: the approved part of the data; requested and completed stand in the log."""
    async with gateway() as stands:

        def work(address: str) -> None:
            with adbc.connect(address, autocommit=True) as connection, connection.cursor() as cursor:
                cursor.execute(COUNT)
                assert cursor.fetchall() == [(200,)]
                cursor.execute("select ?::integer + ? as a, ?::date as d, ? as t", (1, 2, "2026-02-01", None))
                assert cursor.fetch_arrow_table().to_pylist()[0]["a"] == 3
                cursor.execute("select count(*) from gp_events where event_date >= ? and code = ?", ("2026-02-01", "x"))
                assert cursor.fetchall() == [(0,)]

        await through(stands, work)
        assert stands.names()[-6:] == ["query.requested", "query.completed"] * 3


async def test_what_clients_ask_on_connect_is_answered_from_the_approval() -> None:
    """Catalogues, schemas, tables with their columns, kinds and facts: what the approval gives, and no more."""
    async with gateway() as stands:
        approved = await stands.core.tables(ASHA)

        def work(address: str) -> None:
            with adbc.connect(address, autocommit=True) as connection:
                assert flight.connect(address).get_schema(command("CommandGetTableTypes")).schema.names == [
                    "table_type"
                ]
                assert connection.adbc_get_table_types() == ["VIEW"]
                assert connection.adbc_get_info()["vendor_name"] == "Haven"
                (catalogue,) = connection.adbc_get_objects(depth="all").read_all().to_pylist()
                (schema,) = catalogue["catalog_db_schemas"]
                found = {
                    table["table_name"]: [column["column_name"] for column in table["table_columns"]]
                    for table in schema["db_schema_tables"]
                }
                assert schema["db_schema_name"] == "main"
                assert found == {name: list(columns) for name, columns in approved.items()}
                named = connection.adbc_get_objects(depth="tables", table_name_filter="gp%").read_all().to_pylist()
                assert [t["table_name"] for t in named[0]["catalog_db_schemas"][0]["db_schema_tables"]] == ["gp_events"]
                schema_of = connection.adbc_get_table_schema("gp_events")
                with connection.cursor() as cursor:
                    cursor.execute("select * from main.gp_events limit 1")
                    assert cursor.fetch_arrow_table().schema.names == schema_of.names

        await through(stands, work)

        def outside(address: str) -> None:
            refused = pytest.raises(adbc.Error, match=r"project\.not_a_member")
            with adbc.connect(address, autocommit=True) as connection, refused:
                connection.adbc_get_objects()

        await through(stands, outside, Asker("bryn", "admissions"))


async def test_the_catalogues_types_are_those_of_the_rows() -> None:
    """What is told of a column's type is the type in which its values come."""
    async with gateway() as stands:

        def work(address: str) -> None:
            client = flight.connect(address)
            info = client.get_flight_info(command("CommandGetTables", (5, 1)))
            rows = client.do_get(info.endpoints[0].ticket).read_all().to_pylist()
            assert {row["table_name"] for row in rows} == {"gp_events", "hospital_episodes"}
            for row in rows:
                told = pa.ipc.read_schema(pa.py_buffer(row["table_schema"]))
                asked = f"select * from {row['table_name']}".encode()
                assert client.get_flight_info(command("CommandStatementQuery", (1, asked))).schema == told
            for name in ("CommandGetPrimaryKeys", "CommandGetXdbcTypeInfo", "CommandGetDbSchemas"):
                info = client.get_flight_info(command(name))
                assert client.do_get(info.endpoints[0].ticket).read_all().schema == info.schema

        await through(stands, work)


@pytest.mark.parametrize(
    ("sql", "rule"),
    [
        ("select * from secret", "gate.table"),
        ("copy gp_events to '/tmp/x'", "gate.select_only"),
        ("select cast(code || 'CANARY' as integer) from gp_events", "query.conversion"),
        ("select getenv('HOME')", "gate.function"),
    ],
)
async def test_a_refusal_says_the_rule_and_nothing_of_the_engine(sql: str, rule: str) -> None:
    """Prepared or direct, ours is the only text that a client sees: no traceback, no file, no value."""
    async with gateway() as stands:

        def work(address: str) -> list[str]:
            told = []
            with adbc.connect(address, autocommit=True) as connection, connection.cursor() as cursor:
                with pytest.raises(adbc.Error) as error:
                    cursor.execute(sql)
                told.append(str(error.value))
            with pytest.raises(flight.FlightError) as bare:
                flight.connect(address).get_flight_info(command("CommandStatementQuery", (1, sql.encode())))
            told.append(str(bare.value))
            return told

        for told in await through(stands, work):
            assert rule in told
            assert "What to do" in told
            assert not [word for word in ("Traceback", ".py", "CANARY", "44054006", "duckdb") if word in told]


async def test_what_is_no_query_is_refused_without_a_traceback() -> None:
    """Updates, transactions, exchanges, listings, unknown messages and noise: our sentence, and the door stands."""
    async with gateway() as stands:
        update = command("CommandStatementUpdate", (1, b"delete from gp_events"))
        batch = pa.record_batch({"a": [1]})

        def put(client: Any, descriptor: Any) -> None:
            writer, reader = client.do_put(descriptor, batch.schema)
            writer.write_batch(batch)
            writer.done_writing()
            reader.read()
            writer.close()

        def exchange(client: Any) -> None:
            writer, reader = client.do_exchange(update)
            with writer:
                reader.read_all()

        def work(address: str) -> None:
            client = flight.connect(address)
            begin = flight.Action("BeginTransaction", message("ActionBeginTransactionRequest"))
            for call in (
                lambda: client.get_flight_info(update),
                lambda: put(client, update),
                lambda: put(client, command("CommandPreparedStatementQuery", (1, b"nothing"))),
                lambda: exchange(client),
                lambda: list(client.list_flights()),
                lambda: list(client.do_action(begin)),
                lambda: list(client.do_action(flight.Action("CreatePreparedStatement", b"\xff" * 40))),
                lambda: client.get_flight_info(flight.FlightDescriptor.for_path("gp_events")),
                lambda: client.get_flight_info(flight.FlightDescriptor.for_command(b"\x08")),
                lambda: client.get_flight_info(command("CommandStatementQuery", (1, COUNT.encode()), (2, b"t"))),
                lambda: client.get_flight_info(command("CommandStatementQuery", (1, b"x" * 2_000_000))),
                lambda: client.do_get(flight.Ticket(statement_ticket(b"guess"))).read_all(),
                lambda: client.do_get(flight.Ticket(b"noise")).read_all(),
                lambda: client.do_get(flight.Ticket(message("CommandStatementQuery", (1, COUNT.encode())))).read_all(),
            ):
                with pytest.raises((flight.FlightError, pa.ArrowException)) as told:
                    call()
                assert "Traceback" not in str(told.value)
                assert ".py" not in str(told.value)
                assert "[" in str(told.value)
            for asked in (
                command("CommandStatementQuery", (1, COUNT.encode())),
                flight.FlightDescriptor.for_command(b"x"),
            ):
                schema = client.get_schema(asked).schema  # Flight would send a traceback of what is raised there
                assert schema.names == []
                assert schema.metadata[b"refused"].startswith(b"[flight.")
            assert client.do_action(
                flight.Action("ClosePreparedStatement", message("ActionClosePreparedStatementRequest"))
            )

        await through(stands, work)


async def test_parameters_are_one_row_of_plain_values() -> None:
    """Several rows, lists, bytes or what is no text are refused before a value is read."""
    async with gateway() as stands:
        places = pa.py_buffer((0).to_bytes(4, "little") + (2).to_bytes(4, "little"))
        no_text = pa.Array.from_buffers(pa.string(), 1, [None, places, pa.py_buffer(b"\xff\xfe")])

        def work(address: str) -> None:
            client = flight.connect(address)
            prepare = message("ActionCreatePreparedStatementRequest", (1, b"select ? as a"))
            (result,) = client.do_action(flight.Action("CreatePreparedStatement", prepare))
            answer = read_message(bytes_of(read_message(result.body.to_pybytes()), 2) or b"")
            handle = bytes_of(answer, 1) or b""
            statement = command("CommandPreparedStatementQuery", (1, handle))
            for column in (pa.array([1, 2]), pa.array([[1]]), pa.array([b"x"]), no_text, pa.array([float("nan")])):
                with pytest.raises(flight.FlightError, match=r"query\.parameters"):
                    _bind(client, statement, column)
            _bind(client, statement, pa.array([7]))
            info = client.get_flight_info(statement)
            assert client.do_get(info.endpoints[0].ticket).read_all()["a"].to_pylist() == [7]

        await through(stands, work)


def _bind(client: Any, statement: Any, column: pa.Array) -> None:
    batch = pa.RecordBatch.from_arrays([column], ["0"])
    writer, reader = client.do_put(statement, batch.schema)
    writer.write_batch(batch)
    writer.done_writing()
    reader.read()
    writer.close()


async def test_a_ticket_is_good_once_and_for_who_asked() -> None:
    """Brought a second time, or at another's door, it is refused."""
    async with gateway() as stands:
        statement = command("CommandStatementQuery", (1, COUNT.encode()))

        def work(address: str) -> bytes:
            client = flight.connect(address)
            ticket = client.get_flight_info(statement).endpoints[0].ticket
            assert client.do_get(ticket).read_all()["n"].to_pylist() == [200]
            with pytest.raises(flight.FlightUnauthorizedError, match=r"query\.handle"):
                client.do_get(ticket).read_all()
            return bytes(client.get_flight_info(statement).endpoints[0].ticket.ticket)

        door = await stands.doors.open("asha", "admissions")
        fresh = await asyncio.to_thread(work, f"grpc+unix://{flight_beside(door)}")

        def elsewhere(address: str) -> None:
            with pytest.raises(flight.FlightUnauthorizedError, match=r"query\.handle"):
                flight.connect(address).do_get(flight.Ticket(fresh)).read_all()

        await through(stands, elsewhere, Asker("bryn", "admissions"))
        await stands.doors.close(door)


async def test_what_nobody_fetches_is_cut_and_told() -> None:
    """A query whose ticket is not brought ends with its time, and with its door; each stands in the log."""
    async with gateway() as stands:
        statement = command("CommandStatementQuery", (1, MANY.encode()))
        door = await stands.doors.open("asha", "admissions")
        address = f"grpc+unix://{flight_beside(door)}"
        handles = stands.doors._open[door].flight._handles
        hold = handles.hold
        handles.hold = lambda query, seconds=0.3: hold(query, seconds)  # type: ignore[method-assign]
        await asyncio.to_thread(lambda: flight.connect(address).get_flight_info(statement))
        await until_last(stands, "query.failed")
        handles.hold = hold  # type: ignore[method-assign]
        await asyncio.to_thread(lambda: flight.connect(address).get_flight_info(statement))
        assert stands.names()[-1] == "query.requested"
        await stands.doors.close(door)
        assert stands.names()[-1] == "query.failed"


async def test_limits_and_a_withdrawal_end_a_stream_with_an_error() -> None:
    """Never a shorter result: the reader raises with the rule, also while batches flow."""
    async with gateway(QueryLimits(rows=500_000)) as stands:

        def work(address: str) -> None:
            cut = pytest.raises(adbc.Error, match=r"query\.too_large")
            with adbc.connect(address, autocommit=True) as connection, connection.cursor() as cursor, cut:
                cursor.execute(MANY)
                cursor.fetch_arrow_table()

        await through(stands, work)
    async with gateway() as stands:
        await stands.ask(COUNT)
        running = asyncio.create_task(through(stands, _fetch_long))
        await until_running(stands, running)
        await asyncio.to_thread(stands.access.withdraw, "admissions", "gp", "It ended.", by=organisation("gp"))
        assert "project.withdrawn" in await asyncio.wait_for(running, SECONDS_TO_HANG)
        assert "project.withdrawn" in await through(stands, _fetch_long)
        refused = ["query.refused", "query.refused"]  # what this client asks of the catalogue, then its query
        assert stands.names()[-5:] == ["query.requested", "project.withdrawn", "query.failed", *refused]


def _fetch_long(address: str) -> str:
    with adbc.connect(address, autocommit=True) as connection, connection.cursor() as cursor:
        with pytest.raises(adbc.Error) as told:
            cursor.execute(LONG)
        return str(told.value)


class _PaperVerifier:
    """Knows one token."""

    def verify(self, token: str, audience: str) -> Claims:
        if token != "good":
            raise TokenRefused("token.signature", "is not one of ours")
        return Claims("asha", "t", "s", "c", START, second_factor=True)


async def test_the_houses_own_socket_asks_for_a_token_and_a_project(tmp_path: Path) -> None:
    """None, a wrong one, two of them or no project: refused, and a refused token is in the log."""
    async with gateway() as stands:
        path = stands.folder / "house.sock"
        verifier: Any = _PaperVerifier()
        door = FlightDoor(stands.core, path, by_token(verifier, stands.records), {HEADERS: HeaderListener()})
        statement = command("CommandStatementQuery", (1, COUNT.encode()))

        def ask(*headers: tuple[bytes, bytes]) -> Any:
            client = flight.connect(f"grpc+unix://{path}")
            options = flight.FlightCallOptions(headers=list(headers))
            info = client.get_flight_info(statement, options)
            return client.do_get(info.endpoints[0].ticket, options).read_all()["n"].to_pylist()

        good, project = (b"authorization", b"Bearer good"), (b"haven-project", b"admissions")
        assert await asyncio.to_thread(ask, good, project) == [200]
        for headers in ((project,), ((b"authorization", b"Bearer bad"), project), (good, good, project)):
            with pytest.raises(flight.FlightUnauthenticatedError):
                await asyncio.to_thread(ask, *headers)
            assert stands.names()[-1] == "token.refused"
        with pytest.raises(flight.FlightUnauthorizedError, match=r"door\.no_project"):
            await asyncio.to_thread(ask, good)
        assert stands.names()[-1] == "query.refused"
        with pytest.raises(flight.FlightUnauthorizedError, match=r"project\.unknown"):
            await asyncio.to_thread(ask, good, (b"haven-project", b"other"))
        assert path.stat().st_mode & 0o077 == 0
        await door.close()


def test_an_answer_to_prepare_is_read_back() -> None:
    """Its message is the one that clients read: a handle, and a schema where it is known."""
    inner = read_message(bytes_of(read_message(prepared_result(b"h", b"s")), 2) or b"")
    assert (inner[1], inner[2]) == ([b"h"], [b"s"])
