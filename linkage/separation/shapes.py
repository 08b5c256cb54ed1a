"""What may a table be that passes between two processes? What its verb declares, in batches that are what they say.

Who sends it may be anybody who got hold of an account: a row count that lies has the reader read past its memory. So
names and types are exact, and each batch is small and validated in full before a value of it is used, on either side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import pyarrow as pa

from audit.errors import HavenError
from linkage.errors import ZoneError
from linkage.separation.ports import Answer, Named, Plain, TableSink

MOST_ROWS = 1 << 20
"""In one batch. The haven's own have at most 200,000."""
TEXT = pa.string()
ANY = "*"
"""In place of a table's name: a table of any name."""
NOT_ARROW = (pa.ArrowException, ValueError, OverflowError, MemoryError, OSError)
"""What reading a damaged stream raises."""


@dataclass(frozen=True)
class Shape:
    """The columns of a table, by name: those that it has, and those that it may have besides."""

    columns: Mapping[str, pa.DataType]
    may_have: Mapping[str, pa.DataType] = field(default_factory=dict)

    def fits(self, schema: pa.Schema) -> bool:
        """Are these the columns, each once and of its type?"""
        try:
            found = {one.name: one.type for one in schema}
        except UnicodeDecodeError:  # names are not checked before they are read
            return False
        known = {**self.columns, **self.may_have}
        exact = all(name in known and known[name].equals(kind) for name, kind in found.items())
        return exact and len(found) == len(schema) and set(self.columns) <= set(found)


Shapes = Mapping[str, Shape]
"""By the table's name, or ANY."""
Takes = Callable[[Plain], Shapes]
"""What a verb takes when it is asked with these arguments."""
NONE: Shapes = {}


def takes_nothing(_: Plain) -> Shapes:
    """Of most verbs: no table."""
    return NONE


class CheckedTables:
    """Tables as they come, none but those of these shapes, each at most once. complete: must all come?

    Raises ZoneError.
    """

    def __init__(self, tables: Iterable[Named], shapes: Shapes, *, complete: bool) -> None:
        self._tables = tables
        self._shapes = shapes
        self._complete = complete
        self._fault: HavenError | None = None

    def __iter__(self) -> Iterator[Named]:
        came: set[str] = set()
        for name, rows in self._tables:
            shape = self._shapes.get(name, self._shapes.get(ANY))
            if shape is None or name in came:
                raise _refused("A table came that nobody asked for", name)
            if not shape.fits(rows.schema):
                raise _refused("The columns of a table are not those that were agreed", name)
            came.add(name)
            yield name, pa.RecordBatchReader.from_batches(rows.schema, self._batches(name, rows))
        missing = set(self._shapes) - came - {ANY}
        if missing and (came or self._complete):
            raise _refused("A table did not come", min(missing))

    @contextmanager
    def told(self) -> Iterator[None]:
        """Within it, what was wrong with a table is raised as such, whatever a library made of it on the way."""
        try:
            yield
        except Exception:  # whatever it is, it is raised: as the fault that led to it where there was one
            if self._fault is not None:
                raise self._fault from None
            raise

    def _batches(self, name: str, rows: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
        try:
            while (batch := _next(name, rows)) is not None:
                yield batch
        except HavenError as error:
            self._fault = error
            raise


def taken(data: Plain, tables: Iterable[Named], gives: Shapes, sink: TableSink | None) -> Answer:
    """An answer whose tables are those that its verb gives; sink: takes each as it comes. Raises ZoneError."""
    given = CheckedTables(tables, gives, complete=False)
    with given.told():
        if sink is None:
            return Answer(data, {name: rows.read_all() for name, rows in given})
        for name, rows in given:
            sink(name, rows)
    return Answer(data)


def damaged(name: str) -> ZoneError:
    """The error of a table that is no Arrow stream."""
    return _refused("A table that came is damaged", name)


def _next(name: str, rows: pa.RecordBatchReader) -> pa.RecordBatch | None:
    """The next batch, validated; None at the end. Raises ZoneError."""
    try:
        batch = rows.read_next_batch()
        if not 0 <= batch.num_rows <= MOST_ROWS:
            raise _refused("A piece of a table is too large", name)
        batch.validate(full=True)
    except StopIteration:
        return None
    except NOT_ARROW:
        raise damaged(name) from None
    return batch


def _refused(what: str, table: str) -> ZoneError:
    return ZoneError(
        f"{what}; nothing of it was used.",
        where=f"table {table[:60]}",
        mend="The two processes are of different versions, or who sent it is not who it should be: start both anew.",
    )
