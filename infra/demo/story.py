"""The demo, from an empty folder to a log that verifies: the chapters in order, on real services, in one report."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from audit.reports import Report
from infra.accounts.check import ONE_ACCOUNT
from infra.demo.stage import PROJECT, RESEARCHER, Stage, fresh_home
from infra.demo.telling import Teller
from infra.errors import DeploymentError
from infra.flowing import put_behind_flows
from infra.servers.catalogue import services_of
from infra.servers.supervisor import Supervisor
from infra.wiring.haven import Haven


class DemoFailed(DeploymentError):
    """Something that the demo claims did not hold."""

    code = "demo.claim_failed"
    exit_status = 1


def play(home: Path, people: int, seed: int) -> Path:
    """Play the demo in `home`; the path of its report. Raises DemoFailed when a claim does not hold."""
    from infra.demo.attacks import attack
    from infra.demo.chapters import auditor, commissioner, data_engineer, researcher
    from infra.demo.opt_outs import fetch_opt_outs
    from infra.demo.people import make_deliveries

    started = time.monotonic()
    haven = Haven.at(fresh_home(home))
    report = Report("Haven: a demonstration", f"{people:,} synthetic people; nobody here is real")
    teller = Teller(report)
    teller.chapter("Setting up", "four controllers' records of synthetic people, and the haven's services")
    teller.say(
        "The people, their names and their illnesses are invented, with the errors that recording makes, and who is who"
        " is known. The haven's audit log, query gateway, workspaces and orchestrator are started beside."
    )
    teller.say(ONE_ACCOUNT)
    supervisor = Supervisor(haven.settings.run_folder, haven.settings.logs_folder, teller.aside)
    with ThreadPoolExecutor(1) as beside:
        inventing = beside.submit(make_deliveries, haven.settings.home / "controllers", people=people, seed=seed)
        with supervisor.running(services_of(haven)):
            with teller.working(f"inventing {people:,} people with known truth"):
                truth = inventing.result()
            stage = Stage(haven, put_behind_flows(haven), teller, people, truth, "hub" not in haven.left_out)
            for chapter in (data_engineer, fetch_opt_outs, researcher, commissioner, auditor, attack):
                chapter(stage)
            teller.chapter("The end", f"{time.monotonic() - started:.0f} seconds from the first line")
    return _finish(haven, teller)


def _finish(haven: Haven, teller: Teller) -> Path:
    """Write the report, say where everything lies, and fail when a claim did not hold."""
    teller.report.bars("Where the time went", list(teller.seconds), list(teller.seconds.values()), "seconds")
    path = teller.report.write(haven.settings.reports_folder / "demo.html")
    home = haven.settings.home
    if teller.failures:
        raise DemoFailed(
            f"{len(teller.failures)} of the demo's claims did not hold: {'; '.join(teller.failures)}.",
            where=str(path),
            mend="The report says what happened instead.",
        )
    teller.aside(f"Everything held. The report with its pictures: {path}")
    teller.aside(f"Verify the log yourself:  haven audit verify --home {home}")
    teller.aside(f"Read it in words:         haven audit log --home {home}")
    teller.aside(f"Start the services again: haven up --home {home}; then haven why {RESEARCHER} {PROJECT} query")
    return path
