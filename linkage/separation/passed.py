"""Which tables pass between the processes? Each by its columns, as DuckDB gives them: UUIDs are text."""

from __future__ import annotations

import pyarrow as pa

from linkage.intake.tables import IDENTIFIERS
from linkage.scopes.in_zones import FILE
from linkage.sealed.composites import TOKENS
from linkage.sealed.filters import FILTER
from linkage.separation.ports import Plain
from linkage.separation.shapes import ANY, NONE, TEXT, Shape, Shapes

KINDS = {
    "text": TEXT,
    "code": TEXT,
    "integer": pa.int64(),
    "decimal": pa.float64(),
    "date": pa.date32(),
    "boolean": pa.bool_(),
}
"""Of payload, by the contract's word for it."""
YES_OR_NO, INSTANT = pa.bool_(), pa.timestamp("us")
IDENTITY: Shapes = {ANY: Shape(dict.fromkeys(("row_key", *IDENTIFIERS), TEXT))}
SEALED: Shapes = {ANY: Shape({"row_key": TEXT, **dict.fromkeys(TOKENS, pa.uint64()), FILTER: pa.binary()})}
REFERENCES: Shapes = {"rows": Shape(dict.fromkeys(("old", "new"), TEXT))}
QUARANTINE: Shapes = {
    "bad": Shape({"file": TEXT, "tbl": TEXT, "row_number": pa.int64(), "reasons": pa.list_(TEXT)}, {"content": TEXT})
}
LINKS = Shape({"row_key": TEXT, "subject": TEXT, "person": TEXT, "linked": YES_OR_NO})
SUBJECTS = Shape({"subject": TEXT, "person": TEXT, "linked": YES_OR_NO, "run": TEXT})
CHANGES = Shape({"was": TEXT, "now": TEXT, "kind": TEXT, "as_at": INSTANT, "run": TEXT})
OUTCOME: Shapes = {"links": LINKS, "subjects": SUBJECTS, "changes": CHANGES}
DOUBTFUL = Shape(
    {"subject_a": TEXT, "subject_b": TEXT, "weight": pa.float64(), "fields": TEXT, "why": TEXT, "run": TEXT}
)
TOLD: Shapes = {"doubtful": DOUBTFUL, "changes": Shape(dict.fromkeys(("kind", "was", "now"), TEXT))}
SAID: Shapes = {
    "said": Shape(
        {
            "number": pa.int64(),
            **dict.fromkeys(("what", "pair", "subject_a", "subject_b", "why", "run", "account"), TEXT),
            "happened": INSTANT,
        }
    )
}
SEEN = Shape({"pseudonym": TEXT})
CARRIED = Shape({"old_pseudonym": TEXT, "new_pseudonym": TEXT, "kind": TEXT, "day": pa.date32()})
LEFT_OUT: Shapes = {"left_out": Shape({"person": TEXT})}
SCOPE_FILE: Shapes = {FILE: Shape({FILE: pa.large_binary()})}


def identity(_: Plain) -> Shapes:
    """Rows of identifiers."""
    return IDENTITY


def sealed(_: Plain) -> Shapes:
    """Rows of composite tokens."""
    return SEALED


def references(_: Plain) -> Shapes:
    """A reference table: what took another's place."""
    return REFERENCES


def payload(asked: Plain) -> Shapes:
    """Rows of payload: each table's columns as its kinds say."""
    return {
        table: Shape({"row_key": TEXT, **{name: KINDS[kind] for name, kind in kinds.items()}})
        for table, kinds in asked["kinds"].items()
    }


def quarantine(_: Plain) -> Shapes:
    """Where bad rows are."""
    return QUARANTINE


def outcome(_: Plain) -> Shapes:
    """Who is whose."""
    return OUTCOME


def had(asked: Plain) -> Shapes:
    """Whom the build leaves out, always; what the project's file of before says, where changes are to be told."""
    before = {"seen": SEEN, "carried": CARRIED} if asked["told"] else NONE
    return {**LEFT_OUT, **before}
