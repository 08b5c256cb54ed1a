"""What can be wrong with how a file is written? Encodings, separators, headers, quotation, compression, Parquet."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
from collections.abc import Callable
from pathlib import Path

import polars as pl

from tests.fakes.damage import (
    EVENTS,
    PATIENTS,
    UNPACKED,
    Change,
    Damage,
    Maker,
    at_the_source,
    flipped,
    half,
    in_folder,
    recoded,
    seal,
)
from tests.fakes.deliveries import CANARY, as_csv, from_csv, key_of


def header(change: Callable[[list[str]], list[str]], file: str = PATIENTS) -> Maker:
    """The header is changed, and nothing else."""

    def changed(data: bytes) -> bytes:
        first, _, rest = data.decode().partition("\r\n")
        return (",".join(change(first.split(","))) + "\r\n" + rest).encode()

    return at_the_source(file, changed)


def named(number: int, text: str) -> Change:
    """One person's surname is another."""
    return lambda data: data.replace(f"Zqcanary{number},".encode(), text.encode() + b",")


def bomb(data: bytes) -> bytes:
    """Many megabytes in a few kilobytes: rows as agreed, but for a hundred thousand spaces in each."""
    row = f"{key_of(1)},13/01/2025,8480-6,{' ' * 100_000},1,kg\r\n".encode()
    return gzip.compress(data) + gzip.compress(row * 10, 9) * UNPACKED


def as_parquet(data: bytes, *, nested: bool = False) -> bytes:
    """The same rows in a typed Parquet file."""
    names, *rows = from_text(data)
    frame = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")
    frame = frame.with_columns(pl.col("event_date").str.to_date("%d/%m/%Y"), pl.col("value").cast(pl.Float64))
    if nested:
        frame = frame.with_columns(pl.concat_list("code").alias("code"))
    out = io.BytesIO()
    frame.write_parquet(out)
    return out.getvalue()


def from_text(data: bytes) -> list[list[str]]:
    """The rows of a CSV file's text."""
    return list(csv.reader(io.StringIO(data.decode(), newline="")))


def in_two_files(folder: Path) -> None:
    """The patients come in two files, as the contract's pattern allows."""
    rows = from_csv(folder / PATIENTS)
    (folder / PATIENTS).unlink()
    (folder / "patients-1.csv").write_bytes(as_csv(rows[:21]).encode())
    (folder / "patients-2.csv").write_bytes(as_csv([rows[0], *rows[21:]]).encode())
    seal(folder)


def without_events(folder: Path) -> None:
    """A file that the contract asks for was not exported."""
    (folder / EVENTS).unlink()
    seal(folder)


def replaced_bytes(old: bytes, new: bytes) -> Change:
    """The bytes with every `old` turned into `new`."""
    return lambda data: data.replace(old, new)


def replaced(old: str, new: str) -> Change:
    """The text with every `old` turned into `new`."""
    return lambda data: data.replace(old.encode(), new.encode())


def first_line(data: bytes) -> bytes:
    """The header and nothing else."""
    return data.splitlines(keepends=True)[0]


WRITTEN = (
    Damage("semicolons", at_the_source(PATIENTS, replaced(",", ";")), "refused", "csv.delimiter"),
    Damage("tabs", at_the_source(EVENTS, replaced(",", "\t")), "refused", "csv.delimiter"),
    Damage("UTF-16", at_the_source(PATIENTS, recoded("utf-16")), "refused", "encoding.utf16"),
    Damage("UTF-16 without a mark", at_the_source(PATIENTS, recoded("utf-16-le")), "refused", "encoding.utf16"),
    Damage("UTF-8 with a mark", at_the_source(PATIENTS, recoded("utf-8-sig")), "accepted"),
    Damage(
        "UTF-8 where Windows-1252 is agreed",
        at_the_source("cld_events.csv", lambda d: d.decode("cp1252").encode(), dataset="social_care"),
        "refused",
        "encoding.other",
        "social_care",
    ),
    Damage(
        "a mark where Windows-1252 is agreed",
        at_the_source("cld_events.csv", lambda d: codecs.BOM_UTF8 + d, dataset="social_care"),
        "refused",
        "encoding.byte_order_mark",
        "social_care",
    ),
    Damage(
        "a header in another encoding",
        at_the_source(PATIENTS, replaced_bytes(b"surname", b"surn\xe9me")),
        "refused",
        "encoding.header",
    ),
    Damage(
        "a carriage return in the header",
        at_the_source(PATIENTS, replaced_bytes(b"surname", b"sur\rname")),
        "refused",
        "csv.unparsable",
    ),
    Damage("a column renamed", header(lambda h: ["number", *h[1:]]), "refused", "header.wrong"),
    Damage("a column misspelt", header(lambda h: [h[0], "nhs_numbr", *h[2:]]), "refused", "header.wrong"),
    Damage("a column missing", header(lambda h: h[:-1]), "refused", "header.wrong"),
    Damage("a column too many", header(lambda h: [*h, CANARY]), "refused", "header.wrong"),
    Damage("a column twice", header(lambda h: [*h[:-1], h[2]]), "refused", "header.repeated"),
    Damage(
        "ten times the columns",
        header(lambda h: [*h, *(f"{CANARY}{n}" for n in range(99))]),
        "refused",
        "header.too_many",
    ),
    Damage("no header", at_the_source(PATIENTS, lambda d: d.partition(b"\r\n")[2]), "refused", "header.missing"),
    Damage("an empty file", at_the_source(PATIENTS, lambda _: b""), "refused", "file.empty"),
    Damage("only a mark", at_the_source(PATIENTS, lambda _: codecs.BOM_UTF8), "refused", "file.empty"),
    Damage("only empty lines", at_the_source(EVENTS, lambda _: b"\r\n" * 9), "refused", "file.empty"),
    Damage("only a header", at_the_source(EVENTS, first_line), "refused", "file.no_rows"),
    Damage("CR only", at_the_source(PATIENTS, lambda d: d.replace(b"\r\n", b"\r")), "refused", "csv.line_ends"),
    Damage("LF only", at_the_source(PATIENTS, lambda d: d.replace(b"\r\n", b"\n")), "accepted"),
    Damage("no end of the last line", at_the_source(PATIENTS, bytes.strip), "accepted"),
    Damage("empty lines at the end", at_the_source(PATIENTS, lambda d: d + b"\r\n\n"), "accepted"),
    Damage("a quotation never closed", at_the_source(PATIENTS, named(7, '"Zqcanary7')), "refused", "csv.quote_open"),
    Damage("a quoted line end", at_the_source(PATIENTS, named(7, '"Zqcanary7\r\nX"')), "accepted"),
    Damage("quotation marks doubled", at_the_source(PATIENTS, named(7, '"Zq ""canary"""')), "accepted"),
    Damage("a separator quoted", at_the_source(PATIENTS, named(7, '"Zqcanary, MBE"')), "accepted"),
    Damage("a spreadsheet", at_the_source(PATIENTS, lambda d: b"PK\x03\x04" + d), "refused", "file.spreadsheet"),
    Damage("compressed without saying so", at_the_source(PATIENTS, gzip.compress), "refused", "file.spreadsheet"),
    Damage("compressed", at_the_source(EVENTS, gzip.compress, to="events.csv.gz"), "accepted"),
    Damage("not compressed", at_the_source(EVENTS, bytes, to="events.csv.gz"), "refused", "gzip.damaged"),
    Damage(
        "compressed, cut short",
        at_the_source(EVENTS, lambda d: half(gzip.compress(d)), to="events.csv.gz"),
        "refused",
        "gzip.damaged",
    ),
    Damage(
        "compressed, a bit flipped",
        at_the_source(EVENTS, lambda d: flipped(gzip.compress(d)), to="events.csv.gz"),
        "refused",
        "gzip.damaged",
    ),
    Damage(
        "a file that unpacks without end", at_the_source(EVENTS, bomb, to="events.csv.gz"), "refused", "gzip.too_large"
    ),
    Damage("Parquet", at_the_source(EVENTS, as_parquet, to="events.parquet"), "accepted"),
    Damage(
        "Parquet, cut short",
        at_the_source(EVENTS, lambda d: half(as_parquet(d)), to="events.parquet"),
        "refused",
        "parquet.damaged",
    ),
    Damage("Parquet, empty", at_the_source(EVENTS, lambda _: b"", to="events.parquet"), "refused", "file.empty"),
    Damage(
        "Parquet, no rows",
        at_the_source(EVENTS, lambda d: as_parquet(first_line(d)), to="events.parquet"),
        "refused",
        "file.no_rows",
    ),
    Damage(
        "Parquet, nested",
        at_the_source(EVENTS, lambda d: as_parquet(d, nested=True), to="events.parquet"),
        "refused",
        "parquet.nested",
    ),
    Damage("Parquet named .csv", at_the_source(EVENTS, as_parquet), "refused", "file.spreadsheet"),
    Damage("another form", at_the_source(PATIENTS, bytes, to="patients.xlsx"), "refused", "file.format"),
    Damage("a file not agreed", at_the_source(PATIENTS, bytes, to="people.csv"), "refused", "file.not_in_contract"),
    Damage("an agreed file left out", in_folder(without_events), "refused", "file.missing"),
    Damage("in two files", in_folder(in_two_files), "accepted"),
)
