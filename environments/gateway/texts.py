"""Where do statements and engine messages go, too long or too telling for an event? Beside the log, by hash."""

from __future__ import annotations

from typing import Protocol


class TextStore(Protocol):
    """Keeps a text under its SHA-256."""

    def store_text(self, text: str) -> str: ...
