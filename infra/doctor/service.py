"""All of it, in order: programs, machine, home, accounts, keys, records, log, services, identity.

Each look stands by itself: one that fails is a finding, and the others go on. Where accounts are installed, root looks
at what is root's and has the haven's own account look at the rest; nothing is opened that is another's.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from audit.errors import HavenError
from infra.doctor.looking import house
from infra.doctor.model import (
    ACCOUNTS,
    HOME,
    IDENTITY,
    KEYS,
    LOG,
    MACHINE,
    PROGRAMS,
    RECORDS,
    SERVICES,
    Finding,
    Standing,
    unseen,
    wrong,
)
from infra.settings import ROOT, Settings

SECONDS = 300
KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "TZ", "HAVEN_ENVIRONMENTS", "HAVEN_DATABASE")
Look = Callable[[], Iterable[Finding]]


def examine(home: Path) -> Iterator[Finding]:
    """Every finding, as it is found. Nothing is changed, started or made; no error is raised for what is looked at."""
    from infra.doctor.looking.home import settings_of

    settings, of_settings = settings_of(home)
    if settings.separated and os.geteuid() == 0:
        yield from _guarded(HOME, lambda: house.room(settings.home))
        yield from _accounts(settings)
        yield from _guarded(PROGRAMS, lambda: _as_orchestrator(settings))
        return
    yield from _guarded(PROGRAMS, lambda: house.programs(settings))
    yield from _guarded(MACHINE, lambda: house.machine(settings))
    yield from of_settings
    if not any(finding.standing is Standing.WRONG for finding in of_settings):
        yield from _home(settings)


def _home(settings: Settings) -> Iterator[Finding]:
    """A home that is there and whose settings can be read."""
    yield from _guarded(HOME, lambda: house.room(settings.home))
    if settings.separated and not _is_orchestrator(settings):
        yield from _accounts(settings)
        yield unseen(RECORDS, "records, keys, log and services", "Ask as root, or as the haven's account: haven doctor")
        return
    from infra.doctor.looking import evidence, home, running

    yield from _guarded(HOME, lambda: home.modes(settings))
    yield from _accounts(settings)
    yield from _guarded(KEYS, lambda: home.keys(settings))
    yield from _guarded(RECORDS, lambda: evidence.records(settings))
    yield from _guarded(LOG, lambda: evidence.log(settings))
    yield from _guarded(SERVICES, lambda: running.services(settings))
    yield from _guarded(IDENTITY, lambda: running.identity(settings))


def _accounts(settings: Settings) -> Iterator[Finding]:
    from infra.doctor.looking import home

    yield from _guarded(ACCOUNTS, lambda: home.accounts(settings))


def _is_orchestrator(settings: Settings) -> bool:
    from infra.accounts.layout import ORCHESTRATOR, Accounts

    try:
        return os.geteuid() == Accounts.installed(settings).uid(ORCHESTRATOR)
    except HavenError:
        return False


def _as_orchestrator(settings: Settings) -> Iterator[Finding]:
    """What the haven's own account finds, which root asks to look: it leaves no file of root's behind."""
    from infra.accounts.layout import ORCHESTRATOR, Accounts

    accounts = Accounts.installed(settings)
    kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-P", "-m", "infra.cli", "doctor", "--json", "--home", str(settings.home)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=SECONDS,
        check=False,
        env={**kept, "HOME": str(settings.home)},
        user=accounts.uid(ORCHESTRATOR),
        group=accounts.gid(ORCHESTRATOR),
        extra_groups=[],
    )
    for one in json.loads(done.stdout)["findings"]:
        finding = Finding(**{**one, "standing": Standing(one["standing"])})
        if finding.area != ACCOUNTS and finding.what not in ("room on the disk", "room for files (inodes)"):
            yield finding


def _guarded(area: str, look: Look) -> Iterator[Finding]:
    """What a look finds; its failure is a finding, told by type and place: a library's own text may quote a row."""
    try:
        yield from look()
    except HavenError as error:
        yield wrong(area, "the look itself", error.what, "What stands here is not known.", error.mend or "")
    except Exception as error:  # noqa: BLE001 - one look that fails must not end the others
        frame = traceback.extract_tb(error.__traceback__)[-1]
        found = f"failed: {type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}"
        mend = "Look whether the file system and the services answer; else report the place."
        yield wrong(area, "the look itself", found, "What stands here is not known.", mend)
