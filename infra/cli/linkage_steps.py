"""`haven linkage steps`: every step that a link can name, its guards, and how right it was in the last run."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from infra.cli.common import DEFAULT_HOME, AsJson, Home, open_haven, print_json

if TYPE_CHECKING:
    from infra.wiring.haven import Haven

Told = dict[str, Any]
INDENT = " " * 6


def register(topic: typer.Typer) -> None:
    """Add this command to `haven linkage`."""
    topic.command("steps")(steps)


def steps(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Every step that a link can name, from the ladder to reviewers: what agrees, whom it never joins, how right it is.

    How right is estimated by each linkage run; where there is no estimate, it says how to get one. The keys of mode B,
    for what came as tokens, have numbers of their own.

    Example: `haven linkage steps`
    """
    from linkage.matching.ladder import ON_EVERY_STEP
    from linkage.matching.quality.estimates import NO_RUN, SEALED

    haven = open_haven(home) if home.exists() else None  # to look makes no home
    report = newest_report(haven) if haven is not None else None
    told = _told(report)
    if as_json:
        print_json(told)
        return
    for guard in ON_EVERY_STEP:
        typer.echo(f"No step ever joins {guard}.")
    typer.echo(f"Estimated precision: none; {NO_RUN}.\n" if report is None else "")
    for one in told:
        if one["mode"] == "A":
            _say(one, linked=report is not None)
    typer.echo(f"\nIn mode B, by key:\n{INDENT}estimated precision: none; {SEALED}")
    for one in told:
        if one["mode"] == "B":
            typer.echo(f"{one['step']:>2}  {one['label']}")


def newest_report(haven: Haven) -> dict[str, Any] | None:
    """What the report of the last completed run holds; None: nothing was linked yet. Raises NoRun: it is not there."""
    from linkage.matching.errors import NoRun

    newest = haven.linker.newest()
    if newest is None:
        return None
    path = haven.settings.reports_folder / "linkage" / newest.id / "linkage-report.json"
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise NoRun(
            "The report of the last linkage run is not there, or cannot be read.",
            where=str(path),
            mend="Restore it from the backup of the home; the next run that links anything writes its own.",
        ) from None
    return found


def _told(report: dict[str, Any] | None) -> list[Told]:
    """All steps of both modes, for a program."""
    from linkage.matching.ladder import FIELDS, LADDER, STEP_LABELS
    from linkage.matching.quality.estimates import SEALED, estimates_of, why_none
    from linkage.sealed.joining import KEY_LABELS

    ladder = {step.number: step for step in LADDER}
    estimates = estimates_of(report) if report is not None else {}
    told = []
    for number, label in STEP_LABELS.items():
        step = ladder.get(number)
        found = [asdict(one) for one in estimates.get(number, ())]
        told.append(
            _one(number, label, "A", found, None if found else why_none(number, report))
            | {"keys": step.keys if step else (), "guards": _guards(number, step.guards if step else ())}
            | {"agreement": [", ".join(FIELDS[name] for name in key) for key in step.keys] if step else []}
        )
    for number, label in KEY_LABELS.items():
        told.append(_one(number, label, "B", [], SEALED if number else None) | {"guards": _guards(number, ())})
    return told


def _one(number: int, label: str, mode: str, estimates: list[Told], why: str | None) -> Told:
    return {"step": number, "label": label, "mode": mode, "keys": (), "agreement": [], "guards": ()} | {
        "estimated_precision": estimates,
        "no_estimate_because": why,
    }


def _guards(number: int, own: tuple[str, ...]) -> tuple[str, ...]:
    """Those of every step, and its own; none of what joins nobody."""
    from linkage.matching.ladder import NOT_JOINED, ON_EVERY_STEP

    return () if number == NOT_JOINED else (*ON_EVERY_STEP, *own)


def _say(one: Told, *, linked: bool) -> None:
    from linkage.matching.ladder import ON_EVERY_STEP

    typer.echo(f"{one['step']:>2}  {one['label']}")
    lines = [f"agreement on: {agreement}" for agreement in one["agreement"]]
    lines += [f"never joins: {guard}" for guard in one["guards"][len(ON_EVERY_STEP) :]]
    lines += [
        f"estimated precision: {estimate['right']} % of {estimate['of']} {estimate['by']}"
        for estimate in one["estimated_precision"]
    ]
    if linked and one["no_estimate_because"]:  # where nothing was linked it is said once
        lines.append(f"estimated precision: none; {one['no_estimate_because']}")
    for line in lines:
        typer.echo(INDENT + line)
