"""What is a checker told of a file? Its author's words, the sealed table, what was found, what its queries say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from environments.disclosure.sealed.model import EvidenceComparison


def reviewed_said(shown: Mapping[str, Any]) -> str:
    """One file: its context, its check, its table."""
    lines = [f"\n{shown['name']}"]
    for key, value in shown["context"].items():
        if isinstance(value, dict):
            lines += [f"  {key}:", *(f"    {name}: {one}" for name, one in value.items())]
        else:
            lines.append(f"  {key}: {', '.join(map(str, value)) if isinstance(value, list) else value}")
    lines += [f"  the check: {problem}" for problem in shown["problems"] or ["nothing found"]]
    return "\n".join([*lines, shown["text"]])


def comparison_said(name: str, comparison: EvidenceComparison) -> str:
    """How a file's cells stand to the sealed evidence of its queries."""
    from environments.disclosure.sealed.model import FITTING

    lines = [f"  {name}: {comparison.summary}"]
    if comparison.left_out:
        lines.append(f"    Groups of the queries that the file does not show: {comparison.left_out}.")
    for one in comparison.cells:
        if one.match not in FITTING:
            should = f", should say {one.should_say}" if one.should_say else ""
            lines.append(f"    {one.cell.name}: {one.match}, shown {one.cell.shown or 'blank'}{should}")
    return "\n".join(lines)
