"""Does everything named hold? Installs what the tests need, runs every kind, says what was left out.

The last line is the verdict: COMPLETE, QUICK or INCOMPLETE with the counts. Only COMPLETE is a full pass.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from xml.etree import ElementTree

from environments.workspaces.machine import R_PACKAGES

ROOT = Path(__file__).resolve().parent.parent
QUICK_FOLDERS = ("generative", "spec", "unit", "architecture")
"""Of the files that take longest first, so that no process is left alone with one of them at the end."""
FULL_FOLDERS = ("integration", "acceptance", "browser")
BESIDE = (
    (("integration/linkage", "integration/identity"),),
    (("browser",), ("acceptance",), ("integration/records", "integration/keys", "integration/separation")),
)
"""Chains of folders that run beside the rest of the integration tests, each chain's one after another: no two chains
share an account, a port or a server, and much of what each does is to wait for servers of its own."""
POSTGRESQL_CONFIGURATION = Path("/etc/postgresql-common/createcluster.conf")
INCOMPLETE_STATUS = 3
WORKERS = str(min(os.cpu_count() or 1, 8))
"""Processes of the quick folders' tests, which start no server and share nothing; the others run one by one."""
SLOWEST = ("--durations=15", "--durations-min=1")
"""What each pytest tells at its end: where its time went."""


@dataclass(frozen=True)
class Need:
    """Something of the system's that tests need: how to see that it is there, and how to get it.

    marker: of the tests that are left out without it; None where they fail without it.
    """

    name: str
    marker: str | None
    packages: tuple[str, ...]
    programs: tuple[str, ...]

    def is_there(self) -> bool:
        """Is any of the programs installed?"""
        return any(shutil.which(program) or next(Path("/").glob(program[1:]), None) for program in self.programs)


NEEDS = (
    Need("PostgreSQL 15 or newer", "needs_postgresql", ("postgresql",), ("/usr/lib/postgresql/*/bin/initdb",)),
    Need("Chromium", "needs_chromium", ("chromium",), ("/usr/bin/chromium",)),
    Need(
        "SoftHSM 2.6 or newer",
        "needs_softhsm",
        ("softhsm2",),
        ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/*/softhsm/libsofthsm2.so"),
    ),
    Need("R with its kernel for notebooks", "needs_r", R_PACKAGES, ("/usr/lib/R/site-library/IRkernel",)),
    Need("R's packages for analyses", "needs_r", R_PACKAGES, ("/usr/lib/R/site-library/ggplot2",)),
    Need("systemd-analyze (it verifies the units)", None, ("systemd",), ("systemd-analyze",)),
    Need("a C compiler (for the kernel of tokens)", None, ("gcc", "libc6-dev"), ("cc",)),
    Need("Maven (it gets Keycloak)", None, ("maven",), ("mvn",)),
    Need("Java 17 or newer", None, ("openjdk-17-jre-headless",), ("java", "/usr/lib/jvm/*/bin/java")),
)


@dataclass
class Tally:
    """Counts over all steps, and what was left out by name with how to get it."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    left_out: list[str] = field(default_factory=list)
    steps: list[tuple[str, str, float]] = field(default_factory=list)
    counting: Lock = field(default_factory=Lock)


def run_tests(*, quick: bool, only: Sequence[str] = ()) -> int:
    """Run the checks and tests; the exit status is 0 only for a pass of all that was asked."""
    tally = Tally()
    _house_checks(tally)
    missing = [] if quick else _install_needs(tally)
    at_once = ["--numprocesses", WORKERS, "--dist", "loadfile", "--no-loadscope-reorder"]
    _pytest(tally, QUICK_FOLDERS, at_once + (["-m", "not slow"] if quick else []), only)
    if not quick:
        unmet = " and ".join(f"not {need.marker}" for need in missing if need.marker)
        selection = ["-m", unmet] if unmet else []
        left_out = [f"--ignore={ROOT / 'tests' / one}" for chain in BESIDE for folders in chain for one in folders]
        with ThreadPoolExecutor(len(BESIDE)) as beside:
            others = [beside.submit(_run_beside, tally, chain, selection, only) for chain in BESIDE]
            _pytest(tally, ("integration",), [*selection, *left_out], only)
            for other in others:
                other.result()
    return _verdict(tally, quick=quick)


def _run_beside(tally: Tally, chain: Sequence[Sequence[str]], selection: list[str], only: Sequence[str]) -> None:
    for folders in chain:
        _pytest(tally, folders, selection, only, at_the_end=True)


def _house_checks(tally: Tally) -> None:
    tools = Path(sys.executable).parent
    for name, command in (
        ("style (ruff check)", [tools / "ruff", "check", "--no-cache", "."]),
        ("form (ruff format)", [tools / "ruff", "format", "--no-cache", "--check", "."]),
        ("types (mypy --strict)", [tools / "mypy", "--cache-dir", os.devnull]),
        ("import rules (import-linter)", [tools / "lint-imports", "--no-cache"]),
    ):
        _step(tally, name, [str(part) for part in command])


def _step(tally: Tally, name: str, command: list[str]) -> None:
    """A check that is one command: one pass or one failure; its output is shown only when it fails."""
    started = time.monotonic()
    print(f"--- {name}", flush=True)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        tally.passed += 1
    else:
        tally.failed += 1
        print(done.stdout[-8000:], done.stderr[-4000:], flush=True)
    tally.steps.append((name, "passed" if done.returncode == 0 else "FAILED", time.monotonic() - started))


def _pytest(
    tally: Tally, folders: Sequence[str], selection: list[str], only: Sequence[str], *, at_the_end: bool = False
) -> None:
    """Folders of tests in a pytest of their own, counted from its JUnit file.

    at_the_end: what it prints is shown whole when it has ended, since others print meanwhile.
    """
    tests = [ROOT / "tests" / folder for folder in folders]
    if not any(any(folder.rglob("test_*.py")) for folder in tests):
        return
    name = f"tests/{', '.join(folders)}"
    started = time.monotonic()
    print(f"--- {name}{' (beside the others)' if at_the_end else ''}", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        outcome = Path(scratch) / "outcome.xml"
        command = [sys.executable, "-m", "pytest", *map(str, tests), f"--junitxml={outcome}", *SLOWEST, *selection]
        if only:
            command += ["-k", " or ".join(only)]
        kept = subprocess.PIPE if at_the_end else None
        done = subprocess.run(
            command, cwd=ROOT, check=False, text=True, stdout=kept, stderr=subprocess.STDOUT if at_the_end else None
        )
        if at_the_end:
            print(f"\n--- {name}, which ran beside the others\n{done.stdout}", flush=True)
        status = done.returncode
        counts = _counts(outcome)
    nothing_chosen = status == 5 and (only or selection)
    good = status == 0 or nothing_chosen
    with tally.counting:
        tally.passed += counts["passed"]
        tally.failed += counts["failed"] or (0 if good else 1)
        tally.skipped += counts["skipped"]
        if counts["skipped"]:
            tally.left_out.append(f"{counts['skipped']} tests of {name} were skipped (reasons above)")
        tally.steps.append((name, "passed" if good else "FAILED", time.monotonic() - started))


def _counts(outcome: Path) -> dict[str, int]:
    if not outcome.exists():
        return {"passed": 0, "failed": 0, "skipped": 0}
    suite = ElementTree.parse(outcome).getroot().find("testsuite")  # noqa: S314 - pytest wrote it just now
    if suite is None:
        return {"passed": 0, "failed": 0, "skipped": 0}
    total, skipped = int(suite.get("tests", 0)), int(suite.get("skipped", 0))
    failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
    return {"passed": total - failed - skipped, "failed": failed, "skipped": skipped}


def _install_needs(tally: Tally) -> list[Need]:
    """Install what is missing where the account may; tell by name what is still missing."""
    missing = [need for need in NEEDS if not need.is_there()]
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        packages = [package for need in missing for package in need.packages]
        print(f"--- installing {', '.join(packages)} (apt-get)", flush=True)
        if not POSTGRESQL_CONFIGURATION.exists():
            # The tests make servers of their own; Debian's package must not start one.
            POSTGRESQL_CONFIGURATION.parent.mkdir(parents=True, exist_ok=True)
            POSTGRESQL_CONFIGURATION.write_text("create_main_cluster = false\n", encoding="utf-8")
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *packages]):
            subprocess.run(["apt-get", *command], env=environment, check=False, stdout=subprocess.DEVNULL)
        # A compiler may have come with them: the environment then lacks nothing but its kernel.
        subprocess.run([sys.executable, "scripts/install.py", "test"], cwd=ROOT, check=False)
    still = [need for need in missing if not need.is_there()]
    for need in still:
        tally.left_out.append(
            f"{need.name} is not installed: its tests {'did not run' if need.marker else 'fail'}. "
            f"Get it with `apt-get install {' '.join(need.packages)}` as root."
        )
    return still


def _verdict(tally: Tally, *, quick: bool) -> int:
    print()
    for name, result, seconds in tally.steps:
        print(f"{result:<7} {seconds:7.1f} s  {name}")
    if quick:
        tally.left_out.append(f"only the quick part ran; not {', '.join(FULL_FOLDERS)} and the slow tests")
    for line in tally.left_out:
        print(f"left out: {line}")
    counts = f"{tally.passed} passed, {tally.failed} failed"
    if tally.skipped:
        counts += f", {tally.skipped} skipped"
    word = "QUICK" if quick else "INCOMPLETE" if tally.left_out else "COMPLETE"
    print(f"{word}: {counts}", flush=True)
    if tally.failed:
        return 1
    return INCOMPLETE_STATUS if word == "INCOMPLETE" else 0
