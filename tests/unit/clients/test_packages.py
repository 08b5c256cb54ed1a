"""Installing packages from a notebook: what is refused before pip is asked. The rest is seen in a real workspace."""

from __future__ import annotations

import pytest


def test_only_in_a_workspace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere pip would ask a public index, or nobody."""
    import haven

    monkeypatch.delenv("PIP_INDEX_URL", raising=False)
    with pytest.raises(haven.HavenClientError, match="inside a workspace"):
        haven.install("tabulate==0.9.0")
    monkeypatch.setenv("PIP_INDEX_URL", "https://example.org/simple")
    with pytest.raises(haven.HavenClientError, match="inside a workspace"):
        haven.install("tabulate==0.9.0")


def test_something_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty call says how it is written."""
    import haven

    monkeypatch.setenv("PIP_INDEX_URL", "file:///packages/simple/")
    with pytest.raises(haven.HavenClientError, match=r"haven\.install\("):
        haven.install()
