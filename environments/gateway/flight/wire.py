"""How does Flight SQL write its messages? Protocol Buffers: numbered fields, two of whose wire kinds it uses.

Only what the door needs is here, with limits: numbers, and bytes that hold texts or further messages. Anything else in
a message is an error, not skipped (https://protobuf.dev/programming-guides/encoding).
"""

from __future__ import annotations

from collections.abc import Iterable

NUMBER, BYTES = 0, 2
MOST_FIELDS = 10_000
LONGEST_NUMBER = 10  # bytes of a 64-bit number, seven bits each

Field = int | bytes
Message = dict[int, list[Field]]


def read_message(content: bytes) -> Message:
    """Field number -> its values in order. Raises ValueError for anything that is no such message."""
    fields: Message = {}
    place = 0
    for _ in range(MOST_FIELDS):
        if place == len(content):
            return fields
        tag, place = _number(content, place)
        value: Field
        if tag & 7 == NUMBER:
            value, place = _number(content, place)
        elif tag & 7 == BYTES:
            length, place = _number(content, place)
            if length > len(content) - place:
                raise ValueError("a field is longer than its message")
            value, place = content[place : place + length], place + length
        else:
            raise ValueError("a field of a kind that no message of Flight SQL has")
        fields.setdefault(tag >> 3, []).append(value)
    raise ValueError("too many fields")


def write_message(fields: Iterable[tuple[int, Field]]) -> bytes:
    """The message with these fields, in this order."""
    out = bytearray()
    for number, value in fields:
        if isinstance(value, int):
            out += _written(number << 3 | NUMBER) + _written(value)
        else:
            out += _written(number << 3 | BYTES) + _written(len(value)) + value
    return bytes(out)


def text_of(message: Message, number: int) -> str | None:
    """The text of a field that stands once at most; None where it is absent. Raises ValueError."""
    value = bytes_of(message, number)
    return None if value is None else value.decode("utf-8")


def bytes_of(message: Message, number: int) -> bytes | None:
    """The bytes of a field that stands once at most; None where it is absent. Raises ValueError."""
    values = message.get(number, [])
    if len(values) > 1 or any(not isinstance(value, bytes) for value in values):
        raise ValueError("a field stands more than once, or holds no bytes")
    return next((value for value in values if isinstance(value, bytes)), None)


def flag_of(message: Message, number: int) -> bool:
    """A field that is true or false; absent is false. Raises ValueError."""
    values = message.get(number, [])
    if len(values) > 1 or any(value not in (0, 1) for value in values):
        raise ValueError("a field is neither true nor false")
    return values == [1]


def numbers_of(message: Message, number: int) -> list[int]:
    """A repeated field of numbers, packed into bytes or one by one. Raises ValueError."""
    found: list[int] = []
    for value in message.get(number, []):
        if isinstance(value, int):
            found.append(value)
            continue
        place = 0
        while place < len(value):
            one, place = _number(value, place)
            found.append(one)
    return found


def _number(content: bytes, place: int) -> tuple[int, int]:
    value = 0
    for step in range(LONGEST_NUMBER):
        if place >= len(content):
            raise ValueError("a number is cut off")
        byte = content[place]
        place += 1
        value |= (byte & 0x7F) << (7 * step)
        if byte < 0x80:
            return value, place
    raise ValueError("a number is too long")


def _written(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
