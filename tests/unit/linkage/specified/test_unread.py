"""Dates that could not be read are counted, and shown by how they look; no value is."""

from __future__ import annotations

import polars as pl

from linkage.specified.specification import Column
from linkage.specified.unread import Unread, unread_dates

BORN = Column(name="born", means="date", left="dob", right="birth", missing=("0000",))


def test_they_are_counted_by_how_they_look() -> None:
    """In both files, the commonest form first; what is written for nothing is no unread date."""
    left = pl.DataFrame({"dob": ["1850", "1850s", "1860s", "unknown", "0000", None, "Michaelmas 1850/60"]})
    right = pl.DataFrame({"birth": ["1850-1855", "1850-03-04", "1870s", "1870s"]})
    assert unread_dates([left, right], [BORN]) == (Unread("born", 6, ("9999a", "9999-9999", "a 9999/99")),)


def test_where_all_are_read_nothing_is_said() -> None:
    """Also of columns that are no dates."""
    name = Column(name="surname", means="surname", heading=("s",))
    frame = pl.DataFrame({"dob": ["1850", None], "s": ["1850s", "Hale"]})
    assert not unread_dates([frame], [BORN, name])
