"""How is it said? Lines for a terminal, data for a program, and the verdict."""

from __future__ import annotations

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


def lines(finding: Finding) -> list[str]:
    """One finding: its mark, what it is and how it was found; below it why that matters and how to mend it."""
    indent = " " * (WIDTH + 4)
    said = [f"{finding.what}: {finding.found}"]
    said += [f"{indent}why:  {finding.why}"] if finding.why else []
    return said + ([f"{indent}mend: {finding.mend}"] if finding.mend else [])


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
