"""What does a Flight SQL client ask? Its commands, read whole from their messages; an unknown one is refused.

Numbers of fields are those of Arrow's FlightSql.proto (https://arrow.apache.org/docs/format/FlightSql.html).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from environments.gateway.flight.wire import (
    Message,
    bytes_of,
    flag_of,
    numbers_of,
    read_message,
    text_of,
    write_message,
)

PREFIX = "type.googleapis.com/arrow.flight.protocol.sql."


@dataclass(frozen=True)
class Statement:
    """Run this text, once."""

    sql: str


@dataclass(frozen=True)
class Prepared:
    """Run what was prepared under this handle, with the parameters that were bound to it."""

    handle: bytes


@dataclass(frozen=True)
class Catalogs:
    """Which catalogues are there?"""


@dataclass(frozen=True)
class Schemas:
    """Which schemas are there? catalog: exact; pattern: of LIKE; None asks for all."""

    catalog: str | None = None
    pattern: str | None = None


@dataclass(frozen=True)
class TablesAsked:
    """Which tables are there? Patterns are those of LIKE; with_columns asks for each table's Arrow schema too."""

    catalog: str | None = None
    schema_pattern: str | None = None
    table_pattern: str | None = None
    types: tuple[str, ...] = ()
    with_columns: bool = False


@dataclass(frozen=True)
class TableTypes:
    """Which kinds of tables are there?"""


@dataclass(frozen=True)
class SqlInfo:
    """What is this server? Numbers of what is asked; none asks for all."""

    wanted: tuple[int, ...] = ()


@dataclass(frozen=True)
class TypeInfo:
    """Which types do columns have? wanted: an XDBC type's number, or all."""

    wanted: int | None = None


@dataclass(frozen=True)
class Keys:
    """Which keys has a table? kind: whose message it was."""

    kind: str


Command = Statement | Prepared | Catalogs | Schemas | TablesAsked | TableTypes | SqlInfo | TypeInfo | Keys
KEYS = ("CommandGetPrimaryKeys", "CommandGetExportedKeys", "CommandGetImportedKeys", "CommandGetCrossReference")


class UnknownCommand(ValueError):
    """The command is none that is answered. name: the message's, where it could be read."""

    def __init__(self, name: str) -> None:
        super().__init__("a command that is not answered")
        self.name = name if name.isidentifier() and len(name) < 60 else ""


def _statement(message: Message) -> Statement:
    if message.get(2):
        raise UnknownCommand("TransactionId")
    return Statement(text_of(message, 1) or "")


def _tables(message: Message) -> TablesAsked:
    types = tuple(one.decode() for one in message.get(4, []) if isinstance(one, bytes))
    return TablesAsked(text_of(message, 1), text_of(message, 2), text_of(message, 3), types, flag_of(message, 5))


def _type_info(message: Message) -> TypeInfo:
    found = numbers_of(message, 1)
    return TypeInfo(found[0] if found else None)


READERS: dict[str, Callable[[Message], Command]] = {
    "CommandStatementQuery": _statement,
    "CommandPreparedStatementQuery": lambda message: Prepared(bytes_of(message, 1) or b""),
    "CommandGetCatalogs": lambda message: Catalogs(),
    "CommandGetDbSchemas": lambda message: Schemas(text_of(message, 1), text_of(message, 2)),
    "CommandGetTables": _tables,
    "CommandGetTableTypes": lambda message: TableTypes(),
    "CommandGetSqlInfo": lambda message: SqlInfo(tuple(numbers_of(message, 1))),
    "CommandGetXdbcTypeInfo": _type_info,
    **{name: (lambda message, name=name: Keys(name)) for name in KEYS},  # type: ignore[misc]
}


def read_command(content: bytes) -> Command:
    """The command of a descriptor or a ticket. Raises ValueError: UnknownCommand for one that is not answered."""
    name, message = _unpacked(content)
    reader = READERS.get(name)
    if reader is None:
        raise UnknownCommand(name)
    return reader(message)


def read_prepare(content: bytes) -> str:
    """The text that ActionCreatePreparedStatementRequest prepares. Raises ValueError."""
    name, message = _unpacked(content)
    if name != "ActionCreatePreparedStatementRequest" or message.get(2):
        raise UnknownCommand(name)
    return text_of(message, 1) or ""


def read_close(content: bytes) -> bytes:
    """The handle that ActionClosePreparedStatementRequest closes. Raises ValueError."""
    name, message = _unpacked(content)
    if name != "ActionClosePreparedStatementRequest":
        raise UnknownCommand(name)
    return bytes_of(message, 1) or b""


def prepared_result(handle: bytes, schema: bytes) -> bytes:
    """ActionCreatePreparedStatementResult: the handle, and the result's schema in Arrow IPC where it is known."""
    return _packed("ActionCreatePreparedStatementResult", write_message([(1, handle), (2, schema)]))


def statement_ticket(handle: bytes) -> bytes:
    """The ticket of a statement that runs."""
    return _packed("TicketStatementQuery", write_message([(1, handle)]))


def read_ticket(content: bytes) -> bytes | Command:
    """The handle of a statement that runs, or a command that is answered at once. Raises ValueError."""
    name, message = _unpacked(content)
    if name == "TicketStatementQuery":
        return bytes_of(message, 1) or b""
    return read_command(content)


def _packed(name: str, message: bytes) -> bytes:
    return write_message([(1, (PREFIX + name).encode()), (2, message)])


def _unpacked(content: bytes) -> tuple[str, Message]:
    """The name and the fields of what google.protobuf.Any holds. Raises ValueError."""
    whole = read_message(content)
    address = text_of(whole, 1) or ""
    if not address.startswith(PREFIX):
        raise UnknownCommand("")
    return address.removeprefix(PREFIX), read_message(bytes_of(whole, 2) or b"")
