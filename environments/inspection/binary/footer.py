"""Does every byte of a Parquet file belong to something? Its footer (Thrift, compact protocol) names each part.

Arrow tells where the columns are, and not where what lies beside them is: page indexes, filters, and the copy of its
description that some writers put behind each column. Without those, bytes that belong to nothing could not be told.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from environments.inspection.errors import CannotBeRead
from environments.inspection.model import FindingCode

MAGIC = b"PAR1"
ROW_GROUPS, COLUMNS, META_DATA = 4, 1, 3
LENGTH, PAGES, DICTIONARY, FILTER, FILTER_LENGTH = 7, 9, 11, 14, 15
INDEXES = ((4, 5), (6, 7))
MOST_LEVELS = 12
STOP, TRUE, FALSE, BYTE, SHORT, INT, LONG, DOUBLE, TEXT, LIST, SET, MAP, STRUCT = range(13)


def first_gap(content: bytes) -> int | None:
    """The first byte that belongs to no part of the file; None where each does. Raises CannotBeRead."""
    footer = len(content) - 2 * len(MAGIC) - int.from_bytes(content[-8:-4], "little")
    try:
        shape = _Reader(content[max(footer, 0) : -8]).struct(0)
        chunks = [chunk for group in shape.get(ROW_GROUPS, ()) for chunk in group.get(COLUMNS, ())]
        parts = sorted(part for chunk in chunks for part in _parts(content, chunk))
    except (IndexError, AttributeError, TypeError, ValueError):
        raise CannotBeRead(
            FindingCode.MALFORMED, "The Parquet file's footer is damaged.", mend="Write it again."
        ) from None
    place = len(MAGIC)
    for start, end in parts:
        if start != place or end < start:
            return place
        place = end
    return None if place == footer else place


def _parts(content: bytes, chunk: dict[int, Any]) -> Iterator[tuple[int, int]]:
    """From where to where a column's pages, their indexes and filter, and the copy of its description are."""
    meta = chunk[META_DATA]
    start = min(place for place in (meta[PAGES], meta.get(DICTIONARY) or meta[PAGES]))
    end = start + meta[LENGTH]
    yield start, end + _copy(content, end, meta)
    for offset, length in INDEXES:
        if chunk.get(length):
            yield chunk[offset], chunk[offset] + chunk[length]
    if meta.get(FILTER_LENGTH):
        yield meta[FILTER], meta[FILTER] + meta[FILTER_LENGTH]


def _copy(content: bytes, at: int, meta: dict[int, Any]) -> int:
    """How long the copy of a column's description is that stands there; 0 where none does."""
    reader = _Reader(content, at)
    try:
        found = reader.struct(0)
    except (IndexError, ValueError):
        return 0
    return reader.at - at if found and all(meta.get(key) == value for key, value in found.items()) else 0


class _Reader:
    """Reads one value after the other; each takes a byte at least, so that no count can make it read for long."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self._data = data
        self.at = at

    def struct(self, level: int) -> dict[int, Any]:
        """Fields by their numbers."""
        if level > MOST_LEVELS:
            raise ValueError("too deep")
        fields: dict[int, Any] = {}
        number = 0
        while head := self._byte():
            number = number + (head >> 4) if head >> 4 else self._signed()
            fields[number] = self._value(head & 0x0F, level)
        return fields

    def _value(self, kind: int, level: int) -> Any:
        if kind in (TRUE, FALSE):
            return kind == TRUE
        if kind == BYTE:
            return self._byte()
        if kind in (SHORT, INT, LONG):
            return self._signed()
        if kind == DOUBLE:
            return self._take(8)
        if kind == TEXT:
            return self._take(self._unsigned())
        if kind in (LIST, SET):
            head = self._byte()
            size = self._unsigned() if head >> 4 == 15 else head >> 4
            return [self._element(head & 0x0F, level) for _ in range(size)]
        if kind == STRUCT:
            return self.struct(level + 1)
        raise ValueError("a kind that Parquet does not use")

    def _element(self, kind: int, level: int) -> Any:
        return self._byte() if kind in (TRUE, FALSE) else self._value(kind, level)

    def _signed(self) -> int:
        number = self._unsigned()
        return (number >> 1) ^ -(number & 1)

    def _unsigned(self) -> int:
        number = shift = 0
        while True:
            one = self._byte()
            number |= (one & 0x7F) << shift
            shift += 7
            if one < 0x80:
                return number
            if shift > 63:
                raise ValueError("too long a number")

    def _byte(self) -> int:
        one = self._data[self.at]
        self.at += 1
        return one

    def _take(self, size: int) -> bytes:
        taken = self._data[self.at : self.at + size]
        if len(taken) < size:
            raise ValueError("cut off")
        self.at += size
        return taken
