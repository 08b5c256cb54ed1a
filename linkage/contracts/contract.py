"""What has a controller agreed to send? One YAML file per dataset and version, checked when it is loaded.

No notice, no ingest: a contract without a fair-processing notice is not valid (safe haven attribute 3). A column is
an identifier or payload, never both; what payload keeps of an identifier is coarsened by a named form (Caldicott 3).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Literal, Self

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from access.documents import load_document, parse_document
from linkage.errors import ContractError

Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
Identifies = Literal[
    "nhs_number", "surname", "forenames", "full_name", "sex", "date_of_birth", "postcode", "address", "local_id"
]
Held = Literal["nhs_number", "postcode", "date_of_birth", "name"]
"""What is looked for among payload, where no identifier may be (linkage.intake.smuggled)."""
Role = Literal["identifier", "payload", "row_key", "join_key", "date", "small_area", "not_kept", "free_text"]
"""not_kept: checked and kept in neither zone. free_text: refused."""
Kind = Literal["text", "integer", "decimal", "date", "boolean", "code"]
Encoding = Literal["utf-8", "windows-1252", "iso-8859-1", "utf-16"]
DateForm = Literal[
    "yyyy-mm-dd", "yyyymmdd", "yyyy/mm/dd", "dd/mm/yyyy", "dd-mm-yyyy", "dd.mm.yyyy", "mm/dd/yyyy", "dd-Mon-yyyy"
]
RESERVED = frozenset({"delivery", "row_key", "subject", "person", "linked", "pseudonym"})
CONFIRM = "# CONFIRM:"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class KeptForm(_Part):
    """The coarsened part of an identifier that goes into the research zone under its own name."""

    name: Word
    form: Literal["as_coded", "year", "month", "postcode_district"]
    codes: dict[str, str] | None = None  # for as_coded: the sender's code to the haven's
    meaning: Text


class DatasetColumn(_Part):
    """One column: how it is headed, what it is, and what its values may be."""

    header: Text
    name: Word
    type: Kind
    role: Role
    meaning: Text
    identifies: Identifies | None = None
    required: bool = False
    may_be_absent: bool = False  # the whole column
    allowed: tuple[str, ...] | None = None
    pattern: str | None = None
    minimum: float | date | None = None
    maximum: float | date | None = None
    may_be_future: bool = False
    longest: int = Field(default=200, gt=0, le=4000)
    missing: tuple[str, ...] = ()
    date_form: DateForm | None = None
    true_values: tuple[str, ...] = ("true", "1", "Y")
    false_values: tuple[str, ...] = ("false", "0", "N")
    keep_as: KeptForm | None = None
    may_hold: dict[Held, Text] = Field(
        default_factory=dict
    )  # what looks like an identifier and is none: why it is none

    @property
    def is_identity(self) -> bool:
        """Does it go to the linkage zone?"""
        return self.role in {"identifier", "row_key"}

    @property
    def is_payload(self) -> bool:
        """Does it go to the research zone as it is?"""
        return self.role in {"payload", "date", "small_area"}

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        problems = [sentence for wrong, sentence in self._contradictions() if wrong]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _contradictions(self) -> Iterable[tuple[bool, str]]:
        identifier = self.role == "identifier"
        yield identifier != (self.identifies is not None), "role identifier and 'identifies' go together"
        yield self.keep_as is not None and not identifier, "only an identifier has keep_as"
        yield bool(self.may_hold) and not self.is_payload, "may_hold is for payload"
        yield self.role == "date" and self.type != "date", "role date needs type date"
        yield self.type == "code" and not (self.allowed or self.pattern), "a code needs 'allowed' or 'pattern'"
        yield self.role in {"row_key", "join_key"} and self.type not in {"text", "code"}, "a key has type text or code"
        yield self.is_payload and self.name in RESERVED, f"'{self.name}' is a name of the haven's own"
        yield self.identifies == "date_of_birth" and self.type != "date", "a date of birth has type date"
        yield self.date_form is not None and self.type != "date", "date_form is for dates"
        bounded = self.minimum is not None or self.maximum is not None
        yield bounded and self.type not in {"integer", "decimal", "date"}, "a range is for numbers and dates"
        wanted = date if self.type == "date" else float
        yield (
            any(bound is not None and not isinstance(bound, wanted) for bound in (self.minimum, self.maximum)),
            "a range has the column's own type",
        )
        yield not _compiles(self.pattern), "pattern is not a regular expression (without look-around)"
        if self.keep_as:
            form, kind = self.keep_as.form, self.identifies
            yield form in {"year", "month"} and kind != "date_of_birth", f"form {form} is for a date of birth"
            yield form == "postcode_district" and kind != "postcode", "form postcode_district is for a postcode"
            yield form == "as_coded" and kind != "sex", "only sex may be kept as it is coded"
            yield self.keep_as.codes is not None and form != "as_coded", "codes are for form as_coded"
            yield self.keep_as.name in RESERVED, f"'{self.keep_as.name}' is a name of the haven's own"


class Join(_Part):
    """This file's rows belong to rows of another, by the controller's own key."""

    to: Word  # the other file's table
    on: Word  # this file's column with role join_key


class DateOrder(_Part):
    """Two dates of one row that must not be the wrong way round."""

    earlier: Word
    later: Word


class DeliveredFile(_Part):
    """One file of a delivery: how it is written, and its columns."""

    pattern: Text
    table: Word
    optional: bool = False
    encoding: Encoding = "utf-8"
    delimiter: Literal[",", ";", "\t", "|"] = ","
    quote: Literal['"', "'"] = '"'
    date_form: DateForm = "yyyy-mm-dd"
    joins: Join | None = None
    one_row_a_person: bool = False  # a register: two rows are two people, unless their NHS numbers say otherwise
    order: tuple[DateOrder, ...] = ()
    columns: tuple[DatasetColumn, ...] = Field(min_length=1)

    def column(self, name: str) -> DatasetColumn | None:
        """The column of this name."""
        return next((column for column in self.columns if column.name == name), None)

    def with_role(self, role: Role) -> DatasetColumn | None:
        """The first column with this role: a file has at most one row key."""
        return next((column for column in self.columns if column.role == role), None)

    @property
    def payload(self) -> dict[str, str]:
        """What goes to the research zone: column name to kind (a kept form is a code)."""
        kinds: dict[str, str] = {c.name: c.type for c in self.columns if c.is_payload}
        kinds |= {c.keep_as.name: _kept_kind(c.keep_as) for c in self.columns if c.keep_as}
        return kinds

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        problems = [sentence for wrong, sentence in self._contradictions() if wrong]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _contradictions(self) -> Iterable[tuple[bool, str]]:
        names = [c.name for c in self.columns]
        names += [c.keep_as.name for c in self.columns if c.keep_as]
        for what, values in (("name", names), ("header", [c.header for c in self.columns])):
            for value in (value for value, count in Counter(values).items() if count > 1):
                yield True, f"{what} '{value}' stands twice"
        for what in (v for v, n in Counter(c.identifies for c in self.columns if c.identifies).items() if n > 1):
            yield True, f"two columns identify {what}"
        roles = Counter(c.role for c in self.columns)
        yield roles["row_key"] > 1, "more than one row_key"
        identities = roles["identifier"] > 0
        yield self.one_row_a_person and not identities, "one_row_a_person is for a file that holds identifiers"
        yield identities and self.joins is not None, "a file that joins another may hold no identifiers"
        yield not identities and self.joins is None, "a file without identifiers must join one that has them"
        local = self.with_role("row_key") and any(c.identifies == "local_id" for c in self.columns)
        yield bool(local), "the row_key is the local_id already"
        key = self.column(self.joins.on) if self.joins else None
        yield self.joins is not None and (key is None or key.role != "join_key"), "joins.on must be a join_key column"
        yield self.joins is None and roles["join_key"] > 0, "a join_key without joins"
        dates = {c.name for c in self.columns if c.type == "date"}
        for order in self.order:
            yield not {order.earlier, order.later} <= dates, "order names columns that are not dates of this file"
        yield any(sep in self.pattern for sep in "/\\"), "pattern is a file name, without folders"


class DatasetContract(_Part):
    """The agreement for one dataset in one version."""

    dataset: Word
    version: Annotated[str, StringConstraints(pattern=r"^[0-9]+(\.[0-9]+)*$")]
    controller: Word
    title: Text
    fair_processing_notice: Annotated[str, StringConstraints(pattern=r"^https://\S+$")]
    disclosure_profile: Word
    retention: Annotated[str, StringConstraints(pattern=r"^(P\d+[YMD]|until \d{4}-\d{2}-\d{2})$")]
    tolerance: float = Field(ge=0, le=0.5)  # share of a file's rows that may be bad
    tolerated_rows: int = Field(default=0, ge=0, le=100)  # and this many in any case, for small files
    files: tuple[DeliveredFile, ...] = Field(min_length=1)

    def table(self, name: str) -> DeliveredFile | None:
        """The file that fills this table."""
        return next((file for file in self.files if file.table == name), None)

    def file_for(self, name: str) -> DeliveredFile | None:
        """The entry that a delivered file's name matches."""
        return next((file for file in self.files if fnmatchcase(name, file.pattern)), None)

    def tolerated(self, rows: int) -> int:
        """How many of so many rows of a file may be bad."""
        return max(int(self.tolerance * rows), self.tolerated_rows)

    @property
    def is_register(self) -> bool:
        """Is everybody in it once?"""
        return all(file.one_row_a_person for file in self.files if file.joins is None)

    @property
    def identifiers(self) -> frozenset[str]:
        """What its columns identify people by; the row key, which is dropped when linkage has run, is none of them."""
        return frozenset(c.identifies for f in self.files for c in f.columns if c.identifies)

    def refuse_free_text(self) -> None:
        """Free text is refused when the contract is put into force. Raises ContractError."""
        names = [f"{f.table}.{c.name}" for f in self.files for c in f.columns if c.role == "free_text"]
        if names:
            raise ContractError(
                f"The contract has free text: {', '.join(names)}.",
                where=f"contract {self.dataset} {self.version}",
                mend="Free text names people. Ask the controller to leave these columns out, and remove them here.",
            )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        problems = [sentence for wrong, sentence in self._contradictions() if wrong]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _contradictions(self) -> Iterable[tuple[bool, str]]:
        yield len({f.table for f in self.files}) < len(self.files), "two files fill one table"
        yield len({f.pattern for f in self.files}) < len(self.files), "two files have one pattern"
        for file in (f for f in self.files if f.joins):
            parent = self.table(file.joins.to) if file.joins else None
            found = parent is not None and parent.joins is None and parent.with_role("row_key") is not None
            yield not found, f"{file.table} joins a table that is not here, joins another itself, or has no row_key"


def load_contract(path: Path) -> DatasetContract:
    """Read a contract. Raises DocumentError naming each problem with its line; ContractError while marks remain."""
    contract = load_document(path, DatasetContract)
    refuse_marks(path.read_text(encoding="utf-8-sig"), str(path))
    return contract


def read_contract(text: str, name: str) -> DatasetContract:
    """The same from text."""
    contract = parse_document(text, DatasetContract, name=name)
    refuse_marks(text, name)
    return contract


def refuse_marks(text: str, name: str) -> None:
    """A proposed contract is not in force until a person has confirmed each guess. Raises ContractError."""
    lines = [number for number, line in enumerate(text.splitlines(), 1) if CONFIRM in line]
    if lines:
        shown = ", ".join(map(str, lines[:20])) + (" …" if len(lines) > 20 else "")
        raise ContractError(
            f"{len(lines)} guesses are not confirmed: lines {shown}.",
            where=name,
            mend=f"Check each line against the data dictionary, correct it, and remove its '{CONFIRM}' mark.",
        )


def _kept_kind(kept: KeptForm) -> str:
    return {"year": "integer", "month": "date"}.get(kept.form, "code")


def _compiles(pattern: str | None) -> bool:
    """By the engine that will check the rows: it has no look-around and no back references, as Python's has."""
    try:
        pl.Series([""]).str.contains(f"^(?:{pattern or ''})$")
    except pl.exceptions.PolarsError:
        return False
    return True
