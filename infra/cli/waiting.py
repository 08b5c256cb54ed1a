"""`haven project waiting`: how long applicants wait, on whom, and who refused them why."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from infra.cli.common import DEFAULT_HOME, AsJson, Home, open_haven, print_json

if TYPE_CHECKING:
    from access.projects.waiting import WaitingTime


def project_waiting(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Days from submission to each decision and to going live, by decider; open, and ended undecided; refusals.

    Example: `haven project waiting`
    """
    waits, times, refusals = open_haven(home).access.waiting()
    if as_json:
        print_json(
            {
                "times": [asdict(one) for one in times],
                "waits": [asdict(one) for one in waits],
                "refusals": [asdict(one) for one in refusals],
            }
        )
        return
    for one in times:
        told = f"median {one.median_days:g}, longest {one.longest_days} days" if one.decided else "nothing decided yet"
        waiting = f"; {one.open} open, the longest for {one.longest_open_days} days" if one.open else ""
        typer.echo(f"{one.decider:<20} {told}{waiting}{_undecided(one)}")
    for refusal in refusals:
        typer.echo(f"{refusal.on}  {refusal.by} refused {refusal.project} version {refusal.version}: {refusal.reason}")
    if not times:
        typer.echo("No project has been submitted.")


def _undecided(one: WaitingTime) -> str:
    """What ran out, was replaced or closed before this decider answered."""
    longest = f", the longest after {one.longest_undecided_days} days" if one.longest_undecided_days is not None else ""
    return f"; {one.ended_undecided} ended undecided{longest}" if one.ended_undecided else ""
