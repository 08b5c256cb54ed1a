"""Does `haven linkage steps` list every step that a link can name? From the definitions that the links are made by."""

from __future__ import annotations

import json
from typing import Any

from typer.testing import CliRunner

from infra.cli.main import app
from linkage.matching.ladder import DECIDED_STEP, LADDER, MODEL_STEP, NOT_JOINED, STEP_LABELS
from linkage.sealed.composites import COMPOSITES
from linkage.sealed.joining import FILTER_STEP, KEY_LABELS


def _listed(mode: str) -> dict[int, dict[str, Any]]:
    """By step, what a program is told of those of this mode."""
    told = json.loads(CliRunner().invoke(app, ["linkage", "steps", "--json"], catch_exceptions=False).stdout)
    return {one["step"]: one for one in told if one["mode"] == mode}


def test_every_step_is_listed_with_its_label() -> None:
    """The ladder's, the model's, the reviewers', and none: one after the other, each once."""
    listed = _listed("A")
    assert list(listed) == [NOT_JOINED, *(step.number for step in LADDER), MODEL_STEP, DECIDED_STEP]
    assert list(listed) == list(range(len(LADDER) + 3))
    assert {step: one["label"] for step, one in listed.items()} == STEP_LABELS
    assert [one["keys"] for one in listed.values() if one["keys"]] == [[*map(list, s.keys)] for s in LADDER]
    assert [one["guards"] for one in listed.values() if one["keys"]] == [list(s.guards) for s in LADDER]


def test_every_key_of_mode_b_is_listed() -> None:
    """The composite keys, the Bloom filters, and none."""
    listed = _listed("B")
    assert list(listed) == [NOT_JOINED, *(key.step for key in COMPOSITES), FILTER_STEP]
    assert {step: one["label"] for step, one in listed.items()} == KEY_LABELS


def test_a_person_reads_the_same() -> None:
    """A line for each step of both modes."""
    words = CliRunner().invoke(app, ["linkage", "steps"], catch_exceptions=False).stdout
    first, _, second = words.partition("In mode B, by key:")
    for part, labels in ((first, STEP_LABELS), (second, KEY_LABELS)):
        assert [line for line in part.splitlines() if line.strip() and not line.startswith("      ")] == [
            f"{step:>2}  {label}" for step, label in labels.items()
        ]
    assert first.count("never joins: two people of one register\n") == sum(step.once for step in LADDER)
