"""How is an event written? As CloudEvents JSON in the canonical form of RFC 8785: one event, one byte string.

Events hold strings, whole numbers, booleans, null, lists and objects. Fractions are refused: their canonical form
depends on the writer's arithmetic, and evidence should not.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from audit.errors import AuditError
from audit.events import EventName
from audit.model import Actor, AuditEvent

LARGEST_ENTRY = 65_535  # the length prefix of C2SP tlog-tiles' entry bundles has 16 bits
SOURCE = "haven"
MAXIMUM_WHOLE_NUMBER = 2**53


class EventUnfit(AuditError):
    """The event cannot be written: too large, or it holds a value that has no canonical form."""

    code = "audit.event_unfit"
    http_status = 422


def to_entry(event: AuditEvent) -> bytes:
    """The canonical bytes of an event. Raises EventUnfit."""
    data: dict[str, Any] = {"by": event.by, "details": dict(event.details)}
    if event.change:
        data["change"] = True
    if event.project is not None:
        data["project"] = event.project
    if event.dataset is not None:
        data["dataset"] = event.dataset
    envelope = {
        "specversion": "1.0",
        "id": event.id,
        "source": SOURCE,
        "type": event.name.value,
        "time": event.at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "data": data,
    }
    entry = canonical(envelope)
    if len(entry) > LARGEST_ENTRY:
        raise EventUnfit(
            f"An event of type {event.name.value} is larger than {LARGEST_ENTRY} bytes.",
            mend="Long text is stored beside the log and named by its hash (audit.texts).",
        )
    return entry


def from_entry(entry: bytes) -> AuditEvent:
    """The event of an entry. Raises EventUnfit when the bytes are no event of ours."""
    try:
        envelope = json.loads(entry)
        data = envelope["data"]
        return AuditEvent(
            name=EventName(envelope["type"]),
            at=datetime.fromisoformat(envelope["time"]),
            by=Actor(data["by"]),
            project=data.get("project"),
            dataset=data.get("dataset"),
            details=data["details"],
            id=envelope["id"],
            change=data.get("change", False) is True,
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise EventUnfit("The bytes are no event of this log.") from None


def canonical(value: Any) -> bytes:
    """RFC 8785 for the values that events hold: keys sorted by UTF-16 code units, no spaces, shortest escapes."""
    return _text(value).encode("utf-8", errors="strict") if _fit(value) else b""


def _text(value: Any) -> str:
    if isinstance(value, dict):
        items = sorted(value.items(), key=lambda item: item[0].encode("utf-16-be"))
        return "{" + ",".join(f"{_text(key)}:{_text(item)}" for key, item in items) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_text, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _fit(value: Any) -> bool:
    """True, or EventUnfit with the kind of value that does not fit."""
    if isinstance(value, dict):
        return all(isinstance(key, str) and _fit(key) and _fit(item) for key, item in value.items()) or _unfit(value)
    if isinstance(value, list | tuple):
        return all(map(_fit, value))
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            return _unfit(value)
        return True
    if value is None or isinstance(value, bool):
        return True
    if isinstance(value, int) and abs(value) < MAXIMUM_WHOLE_NUMBER:
        return True
    return _unfit(value)


def _unfit(value: Any) -> bool:
    raise EventUnfit(f"An event may not hold a {type(value).__name__} of this kind.")


def text_digest(text: str) -> str:
    """The name of a long text beside the log: SHA-256, hexadecimal."""
    return hashlib.sha256(text.encode("utf-8", errors="surrogatepass")).hexdigest()
