"""Messages of Flight SQL: what is written is read back, what is no message is refused, patterns are those of LIKE."""

from __future__ import annotations

import contextlib

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

from environments.gateway.flight.catalogue import answer
from environments.gateway.flight.commands import TablesAsked, UnknownCommand, read_command, read_ticket
from environments.gateway.flight.wire import numbers_of, read_message, write_message

NUMBERS = st.integers(0, 2**64 - 1)
FIELDS = st.lists(st.tuples(st.integers(1, 2**20), NUMBERS | st.binary(max_size=300)), max_size=30)
NAMES = st.text("ab%_", max_size=6)


@given(FIELDS)
def test_what_is_written_is_read_back(fields: list[tuple[int, int | bytes]]) -> None:
    """Every field in its order, under its number."""
    expected: dict[int, list[int | bytes]] = {}
    for number, value in fields:
        expected.setdefault(number, []).append(value)
    assert read_message(write_message(fields)) == expected


@given(st.lists(NUMBERS, max_size=20))
def test_repeated_numbers_packed_or_not(numbers: list[int]) -> None:
    """Both ways in which clients write a list of numbers are read alike."""
    one_by_one = write_message([(1, number) for number in numbers])
    packed = b"".join(write_message([(1, number)])[1:] for number in numbers)
    assert numbers_of(read_message(one_by_one), 1) == numbers
    assert numbers_of(read_message(write_message([(1, packed)])), 1) == numbers


@given(st.binary(max_size=400) | FIELDS.map(write_message))
def test_noise_is_an_error_and_never_a_fault(content: bytes) -> None:
    """Whatever comes: a command, or ValueError."""
    for read in (read_command, read_ticket):
        with contextlib.suppress(ValueError):
            read(content)


@given(st.text("ab", min_size=1, max_size=6), NAMES)
@settings(max_examples=300, deadline=None)
def test_patterns_are_those_of_like(name: str, pattern: str) -> None:
    """The tables that a pattern finds are those that DuckDB's LIKE finds."""
    found = answer(TablesAsked(table_pattern=pattern), {name: {}}).num_rows == 1
    assert found == duckdb.connect().execute("select ?::varchar like ?::varchar", [name, pattern]).fetchone()[0]  # type: ignore[index]


def test_an_unknown_command_is_named_only_if_it_is_a_name() -> None:
    """What a client sends as a name is not repeated unless it is one."""
    for name, told in (("CommandGetThings", "CommandGetThings"), ("x'; DROP", ""), ("y" * 100, "")):
        content = write_message([(1, b"type.googleapis.com/arrow.flight.protocol.sql." + name.encode()), (2, b"")])
        try:
            read_command(content)
        except UnknownCommand as error:
            assert error.name == told
        else:
            raise AssertionError("it was read")
