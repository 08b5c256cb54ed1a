"""How right is a haven's linkage against a truth file? Names of tables and of datasets are both understood."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from infra.wiring.haven import Haven
    from linkage.matching.evaluate import PairQuality


def pair_quality(haven: Haven, truth: Path, by: str | None = None) -> list[PairQuality]:
    """Precision and recall of pairs: all, then by datasets, then by the groups of a column. Raises TruthError."""
    from linkage.matching.evaluate import evaluate, evaluate_groups

    names: dict[str, str] = {}
    for known in haven.contracts.all():
        names[known.contract.dataset] = known.contract.dataset
        names |= {file.table: known.contract.dataset for file in known.contract.files}
    groups = evaluate_groups(haven.zones, truth, names, by) if by else []
    return [*evaluate(haven.zones, truth, names), *groups]


def as_data(found: Sequence[PairQuality]) -> list[dict[str, Any]]:
    """For a program: what is between, the pairs there are and that were put together, and the shares."""
    return [
        {
            "left": one.left,
            "right": one.right,
            "true_pairs": one.true,
            "found_pairs": one.found,
            "right_pairs": one.right_ones,
            "precision": one.precision,
            "recall": one.recall,
            "f1": one.f1,
        }
        for one in found
    ]
