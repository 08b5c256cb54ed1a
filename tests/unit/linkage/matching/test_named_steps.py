"""Does `haven linkage steps` list every step that a link can name? From the definitions that the links are made by."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from infra.cli.main import app
from linkage.matching.ladder import DECIDED_STEP, LADDER, MODEL_STEP, NOT_JOINED, ON_EVERY_STEP, STEP_LABELS
from linkage.matching.quality.estimates import NO_RUN, SEALED
from linkage.sealed.composites import COMPOSITES
from linkage.sealed.joining import FILTER_STEP, KEY_LABELS


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no haven: none is made to look at steps."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HAVEN_HOME", raising=False)


def _listed(mode: str) -> dict[int, dict[str, Any]]:
    """By step, what a program is told of those of this mode."""
    told = json.loads(CliRunner().invoke(app, ["linkage", "steps", "--json"], catch_exceptions=False).stdout)
    assert not list(Path.cwd().iterdir())
    return {one["step"]: one for one in told if one["mode"] == mode}


def test_every_step_is_listed_with_its_label() -> None:
    """The ladder's, the model's, the reviewers', and none: one after the other, each once."""
    listed = _listed("A")
    assert list(listed) == [NOT_JOINED, *(step.number for step in LADDER), MODEL_STEP, DECIDED_STEP]
    assert list(listed) == list(range(len(LADDER) + 3))
    assert {step: one["label"] for step, one in listed.items()} == STEP_LABELS
    assert [one["keys"] for one in listed.values() if one["keys"]] == [[*map(list, s.keys)] for s in LADDER]
    assert [one["guards"] for one in listed.values() if one["keys"]] == [[*ON_EVERY_STEP, *s.guards] for s in LADDER]
    assert all(one["guards"][: len(ON_EVERY_STEP)] == list(ON_EVERY_STEP) for step, one in listed.items() if step)


def test_every_key_of_mode_b_is_listed() -> None:
    """The composite keys, the Bloom filters, and none."""
    listed = _listed("B")
    assert list(listed) == [NOT_JOINED, *(key.step for key in COMPOSITES), FILTER_STEP]
    assert {step: one["label"] for step, one in listed.items()} == KEY_LABELS


def test_a_person_reads_the_same() -> None:
    """A line for each step of both modes."""
    words = CliRunner().invoke(app, ["linkage", "steps"], catch_exceptions=False).stdout
    general, _, rest = words.partition("\n\n")
    first, _, second = rest.partition("In mode B, by key:")
    for part, labels in ((first, STEP_LABELS), (second, KEY_LABELS)):
        assert [line for line in part.splitlines() if line.strip() and not line.startswith("      ")] == [
            f"{step:>2}  {label}" for step, label in labels.items()
        ]
    assert [f"No step ever joins {guard}." in general for guard in ON_EVERY_STEP] == [True, True]
    assert NO_RUN in general
    assert SEALED in second
    assert first.count("never joins: two people of one register\n") == sum(step.once for step in LADDER)
