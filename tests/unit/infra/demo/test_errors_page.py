"""The page on invented people says what the generator does."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from infra.demo import errors_page
from infra.demo.errors_page import WHAT, page
from infra.demo.generator_errors import ERRORS, RecordingErrors
from infra.settings import ROOT


def test_the_page_is_what_the_constants_give() -> None:
    """docs/reference/invented-people.md, to the letter; each rate has its words."""
    assert (ROOT / "docs" / "reference" / "invented-people.md").read_text(encoding="utf-8") == page()
    assert list(WHAT) == [one.name for one in fields(RecordingErrors)]


def test_a_changed_rate_changes_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every rate of every dataset stands on it."""
    told = page()
    for dataset, rates in ERRORS.items():
        for one in fields(RecordingErrors):
            changed = {**ERRORS, dataset: replace(rates, **{one.name: 0.7654})}
            monkeypatch.setattr(errors_page, "ERRORS", changed)
            assert page() != told, (dataset, one.name)
            assert "76.54" in page()
