"""What does an inspection say of a file? Findings, each with a stable code, where, and how to mend it.

Rule: rules/disclosure.md, files that leave. No sentence and no place quotes what stands in the file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum

IsPseudonym = Callable[[str], bool]
"""Is this 128-bit number, written as 8-4-4-4-12 hex digits, a pseudonym of the project's?"""


class FileType(StrEnum):
    """What may leave, once its inspector finds nothing."""

    CSV = "csv"
    PARQUET = "parquet"
    WORKBOOK = "xlsx"
    PNG = "png"
    JPEG = "jpeg"
    PDF = "pdf"
    MARKDOWN = "md"
    TEXT = "txt"
    JSON = "json"
    ACRO = "acro"
    NOTEBOOK = "ipynb"
    DOCUMENT = "docx"
    PYTHON = "py"
    R = "R"
    SQL = "sql"


class FindingCode(StrEnum):
    """What can be wrong with a file. The strings are stable and never used again for something else."""

    TYPE_REFUSED = "type_refused"
    WRONG_TYPE = "wrong_type"
    FILE_NAME = "file_name"
    TOO_LARGE = "too_large"
    UNPACKS_TOO_LARGE = "unpacks_too_large"
    MALFORMED = "malformed"
    ENCRYPTED = "encrypted"
    NOT_INSPECTED = "not_inspected"
    TOO_MANY_ROWS = "too_many_rows"
    ROW_LEVEL = "row_level"
    ONE_VALUE_PER_PERSON = "one_value_per_person"
    PERSON_COLUMN = "person_column"
    NHS_NUMBER = "nhs_number"
    PSEUDONYM = "pseudonym"
    EMAIL = "email"
    POSTCODE = "postcode"
    HIDDEN_SHEET = "hidden_sheet"
    HIDDEN_CELLS = "hidden_cells"
    HIDDEN_TEXT = "hidden_text"
    HIDDEN_VERSION = "hidden_version"
    TRACKED_CHANGE = "tracked_change"
    COMMENT = "comment"
    METADATA = "metadata"
    LOCATION = "location"
    ATTACHMENT = "attachment"
    TRAILING_BYTES = "trailing_bytes"
    MACRO = "macro"
    FORMULA = "formula"
    EMBEDDED_OBJECT = "embedded_object"
    EMBEDDED_DATA = "embedded_data"
    EXTERNAL_LINK = "external_link"
    ARCHIVE = "archive"
    OUTPUTS = "outputs"
    CONTROL_CHARACTERS = "control_characters"
    UNREADABLE_TEXT = "unreadable_text"
    CHECK_FAILED = "check_failed"


@dataclass(frozen=True)
class FileFinding:
    """One thing that keeps a file from leaving: what, where (line, cell, page, part), and how to mend it."""

    code: FindingCode
    what: str
    where: str | None
    mend: str

    def as_data(self) -> dict[str, str | None]:
        """For a program."""
        return {"code": self.code.value, "what": self.what, "where": self.where, "mend": self.mend}

    def __str__(self) -> str:
        """One sentence for a person."""
        return f"{self.what}{f' Where: {self.where}.' if self.where else ''} {self.mend}"


@dataclass(frozen=True)
class Inspection:
    """What an inspector found in these bytes. No finding: they may go on to people.

    written_anew: of a picture, the same picture decoded and encoded again: only these bytes may leave; it is there also
    where every finding is of something that they no longer hold. more: findings that were not listed one by one.
    own_numbers: 128-bit numbers that the format itself needs, which only the project can tell from its pseudonyms.
    """

    name: str
    type: FileType | None
    size: int
    sha256: str | None
    findings: tuple[FileFinding, ...] = ()
    more: int = 0
    written_anew: bytes | None = field(default=None, repr=False)
    own_numbers: frozenset[str] = field(default=frozenset(), repr=False)

    @property
    def passed(self) -> bool:
        """Was nothing found?"""
        return not self.findings

    def asked(self, is_pseudonym: IsPseudonym) -> Inspection:
        """The same, once the project has said which of the format's own numbers are its pseudonyms."""
        if not any(is_pseudonym(number) for number in sorted(self.own_numbers)):
            return self
        finding = FileFinding(
            FindingCode.PSEUDONYM,
            "A pseudonym of the project stands where the format keeps numbers of its own.",
            None,
            "Make the file again from the table that may leave.",
        )
        return replace(self, findings=(*self.findings, finding))

    def as_data(self) -> dict[str, object]:
        """For a program; without the bytes."""
        return {
            "file": self.name,
            "type": self.type and self.type.value,
            "size": self.size,
            "sha256": self.sha256,
            "passed": self.passed,
            "can_be_written_anew": self.written_anew is not None,
            "findings": [one.as_data() for one in self.findings],
            "more": self.more,
        }
