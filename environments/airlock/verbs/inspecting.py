"""What do the inspectors say of a file, and what must people look at who judge one that is no table of counts?

A picture leaves as it was written anew from its pixels, never as it was offered, and what was written anew is looked
into from scratch. Not looked at is not passed (rules/airlock.md, 10; rules/disclosure.md, files that leave).
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

from environments.airlock.context import AnyContext, FileContext
from environments.airlock.model import InspectionRecord, ReleaseFile
from environments.airlock.ports import Inspectors
from environments.inspection.model import FileFinding, FileType, FindingCode, Inspection
from environments.inspection.sentences import SENTENCES

F = FileType
PICTURES = frozenset({F.PNG, F.JPEG})
DATA = frozenset({F.WORKBOOK, F.PARQUET, F.JSON, F.ACRO})
CODE = frozenset({F.PYTHON, F.R, F.SQL, F.NOTEBOOK})
PIXELS = (
    "Open it: no machine reads its pixels. Is a name, a number of one person or a code drawn in it?",
    "Does a point, a bar, an end of an axis or a step stand for fewer people than the owners let be shown?",
)
REPORT = (
    "Read every page, headers, footers and pictures too: no machine reads what is drawn.",
    "Does it tell of one person, or of fewer than the owners let be shown, in words or numbers?",
)
NUMBERS = "Its cells were not checked under the owners' rules: each must be found in the counts beside it."
TEXT = "Its numbers were not checked under the owners' rules: does one count too few people, or tell of one person?"
PROGRAM = "Are values of people written in it: lists of codes, dates, names, thresholds that fit one person?"


def inspected(inspectors: Inspectors, project: str, name: str, content: bytes) -> tuple[bytes, InspectionRecord]:
    """The bytes that may go on, and what was found. Raises InspectionError."""
    rules = inspectors.rules
    found = inspectors.look(project, name, content)
    offered = hashlib.sha256(content).hexdigest()
    if found.written_anew is None:
        if found.passed and found.type in PICTURES:  # as it was offered it never leaves
            what, mend = SENTENCES[FindingCode.NOT_INSPECTED]
            found = replace(found, findings=(FileFinding(FindingCode.NOT_INSPECTED, what, None, mend),))
        return content, _record(rules, found, offered)
    again = inspectors.look(project, name, found.written_anew)
    if not again.passed:
        return content, _record(rules, again, offered)
    return found.written_anew, replace(_record(rules, again, offered), mended=found.findings)


def inspected_again(inspectors: Inspectors, project: str, file: ReleaseFile, sealed: bytes) -> InspectionRecord:
    """What is found in the sealed bytes by the rules of now; they stay as they are. Raises InspectionError."""
    rules, before = inspectors.rules, file.inspection
    record = _record(rules, inspectors.look(project, file.name, sealed), file.sha256)
    return record if before is None else replace(record, offered=before.offered, mended=before.mended)


def to_look_at(kind: FileType | None, context: AnyContext) -> tuple[str, ...]:
    """What a checker must see for themselves in a file of this type; a sentence each."""
    if not isinstance(context, FileContext) or kind is None:
        return ()
    if kind in PICTURES:
        asked: tuple[str, ...] = PIXELS
    elif kind in (F.PDF, F.DOCUMENT):
        asked = REPORT
    else:
        asked = (NUMBERS if kind in DATA else PROGRAM if kind in CODE else TEXT,)
    if context.counts:
        return (*asked, f"Compare it with its counts: {', '.join(context.counts)}.")
    if context.words_only:
        return (*asked, "Its author says that it holds only words: is that so?")
    return asked


def _record(rules: str, found: Inspection, offered: str) -> InspectionRecord:
    return InspectionRecord(rules, found.type, offered, found.findings, found.more)
