"""What do bytes in Thrift's compact protocol say? As much of it as Parquet's footers and page headers have.

Read here because Arrow must not be asked about a footer that lies: some lies end its process. What stands twice, or in
another width than asked for, is refused or nothing, so that no two readers can see two numbers.
"""

from __future__ import annotations

from typing import Any

DEEPEST = 8
TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, STRUCT = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12
Fields = dict[int, Any]


class Compact:
    """A reader. integers: the width whose numbers are told, I32 or I64; others are None. most: elements of all lists.

    Raises IndexError past the end, KeyError for what has no place in Parquet.
    """

    def __init__(self, data: bytes, *, integers: int, most: int) -> None:
        self._data = data
        self._integers = integers
        self._left = most
        self.place = 0

    def struct(self, depth: int = 0) -> Fields:
        """Field id to value."""
        fields: Fields = {}
        number = 0
        while head := self._byte():
            number = number + (head >> 4) if head >> 4 else self._zigzag()
            if number in fields:
                raise KeyError(number)
            kind = head & 15
            fields[number] = kind == TRUE if kind in {TRUE, FALSE} else self._value(kind, depth)
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        if depth > DEEPEST:
            raise KeyError(kind)
        if kind in {I16, I32, I64}:
            number = self._zigzag()
            return number if kind == self._integers else None
        if kind == STRUCT:
            return self.struct(depth + 1)
        if kind in {LIST, SET}:
            return self._elements(depth + 1)
        if kind == BINARY:
            return self._bytes(self._varint())
        return self._bytes({TRUE: 1, FALSE: 1, BYTE: 1, DOUBLE: 8}[kind])

    def _elements(self, depth: int) -> list[Any]:
        head = self._byte()
        count = head >> 4 if head >> 4 != 15 else self._varint()
        self._left -= count
        if self._left < 0:
            raise KeyError(count)
        return [self._value(head & 15, depth) for _ in range(count)]

    def _bytes(self, count: int) -> bytes:
        found = self._data[self.place : self.place + count]
        if len(found) < count:
            raise IndexError
        self.place += count
        return found

    def _byte(self) -> int:
        byte = self._data[self.place]
        self.place += 1
        return byte

    def _varint(self) -> int:
        number = shift = 0
        while (byte := self._byte()) & 128:
            number |= (byte & 127) << shift
            shift += 7
            if shift > 63:
                raise IndexError
        return number | byte << shift

    def _zigzag(self) -> int:
        number = self._varint()
        return (number >> 1) ^ -(number & 1)
