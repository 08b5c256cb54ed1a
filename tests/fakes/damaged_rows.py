"""What can be wrong with rows and values? Each kind of damage to a few rows, or to so many that all is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.fakes.damage import (
    ARCHIVES,
    EVENTS,
    IN_TRANSIT,
    MANIFESTS,
    PATIENTS,
    Change,
    Damage,
    Maker,
    at_the_source,
    seal,
)
from tests.fakes.damaged_files import WRITTEN
from tests.fakes.deliveries import CANARY, as_csv, from_csv, key_of

EPISODES = "apc_episodes.csv"


def cell(column: str, value: str | Callable[[str], str], *, file: str = PATIENTS, rows: range = range(3, 4)) -> Maker:
    """The value of a column in some rows is another; `value` may be made from the old one."""

    def make(folder: Path) -> None:
        table = from_csv(folder / file)
        place = table[0].index(column)
        for number in (n for n in rows if n < len(table)):
            table[number][place] = value if isinstance(value, str) else value(table[number][place])
        (folder / file).write_bytes(as_csv(table).encode())
        seal(folder, "hospital" if file == EPISODES else "gp")

    return make


def line(change: Change, *, number: int = 3, file: str = PATIENTS) -> Maker:
    """The bytes of one line are others; the line end is not passed."""

    def changed(data: bytes) -> bytes:
        lines = data.split(b"\r\n")
        lines[number] = change(lines[number])
        return b"\r\n".join(lines)

    return at_the_source(file, changed)


def added(*rows: int, changes: bool = False) -> Maker:
    """Rows are there a second time, as they were or with another surname."""

    def make(folder: Path) -> None:
        table = from_csv(folder / PATIENTS)
        for number in rows:
            again = list(table[number])
            again[2] = f"Other{CANARY}" if changes else again[2]
            table.append(again)
        (folder / PATIENTS).write_bytes(as_csv(table).encode())
        seal(folder)

    return make


def iso(text: str) -> str:
    """dd/mm/yyyy as yyyy-mm-dd."""
    return "-".join(reversed(text.split("/")))


def american(text: str) -> str:
    """dd/mm/yyyy as mm/dd/yyyy."""
    day, month, year = text.split("/")
    return f"{month}/{day}/{year}"


ALL = range(1, 1000)
QUARANTINED: tuple[tuple[str, Maker, str], ...] = (
    ("a byte of another encoding", line(lambda d: d.replace(b"Zq", b"Zq\xe9")), "encoding.invalid"),
    ("a NUL byte", line(lambda d: d.replace(b"Zq", b"Zq\0")), "row.nul"),
    ("a separator too few", line(lambda d: d.rpartition(b",")[0]), "row.too_few_fields"),
    ("a separator too many", line(lambda d: d.replace(b"Zqcanary", b"Zqcanary, ")), "row.too_many_fields"),
    ("an empty line", line(lambda d: d + b"\r\n"), "row.blank"),
    ("marks inside a field", line(lambda d: d.replace(b"Zqcanary", b'Zq "canary"')), "row.quote_misplaced"),
    ("a record twice", added(5), "key.repeated_row"),
    ("a key in two records", added(5, changes=True), "key.duplicate"),
    ("an event of nobody", cell("patient_id", f"{CANARY}-none", file=EVENTS), "join.no_parent"),
    ("an event without key", cell("patient_id", "", file=EVENTS), "value.missing"),
    ("lost leading zeros in keys", cell("patient_id", lambda v: v.replace("-00", "-"), file=EVENTS), "join.no_parent"),
    ("events of a bad record", cell("sex", CANARY), "join.parent_quarantined"),
    ("a code not agreed", cell("ethnic_category", CANARY), "value.not_allowed"),
    ("a code of another form", cell("practice_code", CANARY), "value.pattern"),
    ("a line end after a code", cell("practice_code", "Y94141\nX"), "value.pattern"),
    ("a required value empty", cell("practice_code", " "), "value.missing"),
    ("a text too long", cell("surname", CANARY * 30), "value.too_long"),
    ("a control character", cell("surname", f"Zq\x07{CANARY}"), "value.control_character"),
    ("an NHS number of nine digits", cell("nhs_number", lambda v: v[1:]), "nhs_number.not_ten_digits"),
    ("an NHS number that is none", cell("nhs_number", CANARY), "nhs_number.not_ten_digits"),
    ("an NHS number in scientific form", cell("nhs_number", "9.99E+09"), "spreadsheet.scientific"),
    ("a key in scientific form", cell("patient_id", "1E+05"), "spreadsheet.scientific"),
    ("a date in ISO form", cell("date_of_birth", iso), "date.other_form"),
    ("a date in words", cell("date_of_birth", "3rd March 1950"), "date.other_form"),
    ("a date with two digits of year", cell("date_of_birth", "03/03/50"), "date.other_form"),
    ("a date without zeros", cell("date_of_birth", "3/3/1950"), "date.other_form"),
    ("a date with a time", cell("date_of_birth", lambda v: v + " 00:00"), "date.other_form"),
    ("a day number", cell("date_of_birth", "18325"), "date.serial"),
    ("a day that never was", cell("date_of_birth", "31/02/1950"), "date.unreadable"),
    ("a date that is none", cell("date_of_birth", CANARY), "date.unreadable"),
    ("a date to come", cell("date_of_birth", "01/03/2031"), "date.future"),
    ("a date long ago", cell("date_of_birth", "01/03/1066"), "date.out_of_range"),
    ("death before birth", cell("date_of_death", "01/01/1900"), "date.order"),
    ("a word for a number", cell("value", CANARY, file=EVENTS), "value.not_decimal"),
    ("thousands separated", cell("value", "1,000.5", file=EVENTS), "value.not_decimal"),
    ("a decimal comma", cell("value", "83,5", file=EVENTS), "value.not_decimal"),
    ("no number at all", cell("value", "NaN", file=EVENTS), "value.not_decimal"),
    ("beyond all numbers", cell("value", "1e999", file=EVENTS), "value.not_decimal"),
)
OF_EPISODES: tuple[tuple[str, Maker, str], ...] = (
    ("a fraction for a whole number", cell("SPELDUR", "3.5", file=EPISODES), "value.not_integer"),
    ("a word for a whole number", cell("SPELDUR", CANARY, file=EPISODES), "value.not_integer"),
    ("less than nothing", cell("SPELDUR", "-1", file=EPISODES), "value.out_of_range"),
    ("before records began", cell("ADMIDATE", "19000101", file=EPISODES), "date.out_of_range"),
)
HARMLESS: tuple[tuple[str, Maker], ...] = (
    ("spaces around values", cell("sex", lambda v: f" {v} ", rows=ALL)),
    ("NHS numbers in groups", cell("nhs_number", lambda v: f"{v[:3]} {v[3:6]} {v[6:]}", rows=ALL)),
    ("no NHS numbers", cell("nhs_number", "", rows=ALL)),
    ("accents", cell("surname", "Zqcanaryé Ó'Néill-Łuk")),
    ("a formula", cell("surname", f"=cmd|'/c calc'!{CANARY}")),
    ("a wide character", cell("term", f"{CANARY} 🩺", file=EVENTS)),
    ("a text as long as agreed", cell("term", CANARY * 31, file=EVENTS)),
)
TOO_MANY: tuple[tuple[str, Maker], ...] = (
    ("all dates in ISO form", cell("event_date", iso, file=EVENTS, rows=ALL)),
    ("all dates month first", cell("event_date", american, file=EVENTS, rows=ALL)),
    ("all dates day numbers", cell("event_date", "45000", file=EVENTS, rows=ALL)),
    ("all NHS numbers without zeros", cell("nhs_number", lambda v: v[1:], rows=ALL)),
    ("columns shifted", cell("sex", lambda _: f"Fo{CANARY}", rows=ALL)),
    ("six bad rows where five are tolerated", cell("sex", CANARY, rows=range(1, 7))),
    ("all of another encoding", at_the_source(PATIENTS, lambda d: d.replace(b"Zq", b"Zq\xe9"))),
    ("every key but one lost", cell("patient_id", key_of(1), rows=ALL)),
    ("every event of nobody", cell("patient_id", f"{CANARY}-none", file=EVENTS, rows=ALL)),
)
ROWS = (
    *(Damage(name, make, "quarantined", code) for name, make, code in QUARANTINED),
    *(Damage(name, make, "quarantined", code, "hospital") for name, make, code in OF_EPISODES),
    *(Damage(name, make, "accepted") for name, make in HARMLESS),
    *(Damage(name, make, "refused", "delivery.too_many_bad_rows") for name, make in TOO_MANY),
)
DAMAGES = (*IN_TRANSIT, *MANIFESTS, *ARCHIVES, *WRITTEN, *ROWS)
