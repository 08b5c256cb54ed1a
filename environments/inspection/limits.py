"""How much does an inspector look at? Past these bounds a file is refused: people could not check it either."""

from __future__ import annotations

from environments.disclosure.tables import LONGEST_CELL, MOST_BYTES, MOST_COLUMNS, MOST_ROWS

__all__ = ["LONGEST_CELL", "MOST_BYTES", "MOST_COLUMNS", "MOST_ROWS"]

MANY_ROWS = 30
"""From so many rows on a table without a count of people is taken for one row a person."""
MOST_LINES = 5_000
LONGEST_LINE = 2_000
MOST_VALUES_IN_CODE = 500
MOST_DEPTH = 50
MOST_PARTS = 400
MOST_UNPACKED = 64 * 1024**2
MOST_PARQUET_UNPACKED = 256 * 1024**2
MOST_PIXELS = 40_000_000
MOST_PAGES = 200
MOST_OBJECTS = 50_000
MOST_MARKS = 2_000
"""A page that draws more marks than this draws its data: one mark a person, with its coordinates."""
MOST_OF_A_CODE = 20

MOST_MEMORY = 2 * 1024**3
MOST_SECONDS = 60
