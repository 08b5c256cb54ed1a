"""How is it said? Lines for a terminal, data for a program, and the verdict."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from infra.doctor.model import Finding, Standing

MARKS = {Standing.HOLDS: "ok", Standing.DOUBTFUL: "doubtful", Standing.WRONG: "WRONG", Standing.UNSEEN: "not seen"}
WIDTH = max(map(len, MARKS.values()))
COLOURS = {Standing.HOLDS: "green", Standing.DOUBTFUL: "yellow", Standing.WRONG: "red", Standing.UNSEEN: "cyan"}


def all_well(findings: Iterable[Finding]) -> bool:
    """Is nothing wrong? What is doubtful, or not seen from this account, is told and does not count."""
    return all(finding.standing is not Standing.WRONG for finding in findings)


def lines(finding: Finding, width: int = 120) -> list[str]:
    """One finding: what it is and how it was found; below it why that matters and how to mend it. width: of a line.

    The first line leaves room for its mark before it. No path and no command is broken within a word.
    """
    indent = " " * (WIDTH + 4)
    said = [("", f"{finding.what}: {finding.found}"), ("why:  ", finding.why), ("mend: ", finding.mend)]
    wrapped = [
        textwrap.wrap(
            head + text,
            max(width, len(indent) + 40),
            initial_indent=indent,
            subsequent_indent=indent + " " * len(head),
            break_long_words=False,
            break_on_hyphens=False,
        )
        for head, text in said
        if text
    ]
    return [line for block in wrapped for line in block]


def verdict(findings: Sequence[Finding]) -> str:
    """The last line."""
    count = Counter(finding.standing for finding in findings)
    told = [f"{count[Standing.HOLDS]} hold"]
    told += [f"{count[Standing.DOUBTFUL]} doubtful"] if count[Standing.DOUBTFUL] else []
    told += [f"{count[Standing.UNSEEN]} not seen from this account"] if count[Standing.UNSEEN] else []
    told += [f"{count[Standing.WRONG]} wrong"] if count[Standing.WRONG] else []
    head = "Nothing is wrong" if all_well(findings) else "NOT ALL IS WELL"
    return f"{head}: of {len(findings)} things {', '.join(told)}."


def data(findings: Sequence[Finding]) -> dict[str, Any]:
    """The same for a program."""
    count = Counter(finding.standing for finding in findings)
    return {
        "well": all_well(findings),
        "counts": {standing.value: count[standing] for standing in Standing},
        "findings": [asdict(finding) for finding in findings],
    }
