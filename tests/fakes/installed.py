"""A haven with installed accounts under names of its own, on a home that other accounts can pass through.

Run as a program it is the orchestrator's part of the chain: `... HOME DELIVERY...` receives, links and publishes; a CSV
file is a table of superseded NHS numbers, which is loaded and approved, or refused.
"""

from __future__ import annotations

import grp
import json
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from access.people.model import Role
from access.projects.scope import ColumnScope, Scope, TableScope
from audit.model import person, service
from audit.reader import LogReader
from infra.accounts.install import install
from infra.accounts.layout import Accounts
from infra.accounts.services import account_services
from infra.servers.supervisor import Supervisor
from infra.settings import Settings, load_settings
from infra.wiring.haven import Haven
from linkage.errors import DeliveryRefused
from linkage.references.errors import ReferenceRefused
from linkage.scopes.service import ScopePublisher
from linkage.separation.wire import Wire
from tests.fakes.gates import OpenGate
from tests.fakes.havens import with_engineer
from tests.fakes.linkage_models import ENGINEER, REVIEWER, reviewers
from tests.fakes.people import assessed, invented_person

ROOT = Path(__file__).resolve().parents[2]
NOBODY = 65534
ROOT_AND_PACKAGES = (str(ROOT), *(path for path in sys.path if path.endswith("site-packages")))
PACKAGES = {
    "PYTHONPATH": os.pathsep.join(ROOT_AND_PACKAGES),
    "PYTHONDONTWRITEBYTECODE": "1",
}
PARTS = ("orchestrator", "linkage", "research", "intake")
SCOPE = Scope(
    "study", 1, (TableScope("gp", "gp", "gp_events", (ColumnScope("code"), ColumnScope("value"))),), (),
    date(2030, 1, 1), "standard",
)  # fmt: skip


@dataclass
class InstalledHaven:
    """home: the haven's; folder: around it; names: the accounts, and a stranger's."""

    folder: Path
    home: Path
    names: dict[str, str]
    python: Path

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to find our packages and the interpreter's library."""
        return {**PACKAGES, "LD_LIBRARY_PATH": str(self.python.parent.parent / "lib")}

    @property
    def settings(self) -> Settings:
        """As they are read."""
        return load_settings(self.home)

    def install(self) -> Accounts:
        """As `haven accounts install` does."""
        accounts = install(self.settings, lambda _: None)
        (self.folder / "frames").mkdir(mode=0o700, exist_ok=True)
        shutil.chown(self.folder / "frames", self.names["orchestrator"])
        return accounts

    @contextmanager
    def running(self) -> Iterator[dict[str, int]]:
        """The zones' processes, each under its account: their process ids."""
        run, logs = self.home / "run" / "zones", self.home / "zones" / "logs"
        supervisor = Supervisor(run, logs, lambda _: None)
        services = [
            replace(one, command=(str(self.python), *one.command[1:]), environment=self.environment)
            for one in account_services(self.settings, orchestrator=False)
        ]
        with supervisor.running(services):
            state = json.loads((run / "services.json").read_text())["services"]
            yield {name: int(one["pid"]) for name, one in state.items()}

    def run_as(self, part: str, *words: str | Path, data: str | None = None) -> subprocess.CompletedProcess[str]:
        """A Python module as one of the accounts."""
        found = pwd.getpwnam(self.names[part])
        return subprocess.run(
            [str(self.python), "-m", *map(str, words)],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", **self.environment},
            user=found.pw_uid,
            group=found.pw_gid,
            extra_groups=[],
            input=data,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    def chain(self, *deliveries: Path) -> dict[str, Any]:
        """Receive, link and publish as the orchestrator; what it saw."""
        done = self.run_as("orchestrator", "tests.fakes.installed", self.home, *deliveries)
        assert done.returncode == 0, done.stderr[-3000:]
        return dict(json.loads(done.stdout))

    def rounds(self, recipient: str) -> dict[str, Any]:
        """Rounds made by the orchestrator for this controller (tests.fakes.installed_rounds); what it saw."""
        done = self.run_as("orchestrator", "tests.fakes.installed_rounds", self.home, recipient)
        assert done.returncode == 0, done.stderr[-3000:]
        return dict(json.loads(done.stdout))

    @property
    def frames(self) -> bytes:
        """All that the orchestrator's processes received from the zones' in the chain."""
        return b"".join(path.read_bytes() for path in sorted((self.folder / "frames").iterdir()))

    def review(self, typed: str) -> subprocess.CompletedProcess[str]:
        """`haven linkage review` as the reviewer's own account. typed: what they answer."""
        return self.run_as("reviewer", "infra.cli", "linkage", "review", "--home", self.home, data=typed)

    def link_again(self) -> dict[str, Any]:
        """Link once more as the orchestrator; what reviewers' answers became."""
        done = self.run_as("orchestrator", "tests.fakes.installed", self.home, "--again")
        assert done.returncode == 0, done.stderr[-3000:]
        return dict(json.loads(done.stdout))

    def hand_to_intake(self, folder: Path) -> None:
        """As a controller's delivery lies in the inbox: only the intake's account reads it."""
        shutil.chown(folder, self.names["intake"], self.names["intake"])
        folder.chmod(0o700 if folder.is_dir() else 0o600)


@contextmanager
def installed_haven(*, stranger: bool = True) -> Iterator[InstalledHaven]:
    """Root only. The accounts are removed at the end, and the folder."""
    folder = Path(tempfile.mkdtemp(prefix="hv", dir="/tmp"))
    folder.chmod(0o711)
    mark = f"hv{secrets.token_hex(3)}"  # two may stand side by side: fixtures of a folder and of a file
    names = {part: f"{mark}-{part[:4]}" for part in PARTS}
    group = f"{mark}-group"
    home = folder / "h"
    home.mkdir()
    lines = "\n".join(f'{part} = "{name}"' for part, name in names.items())
    (home / "haven.toml").write_text(f'[accounts]\n{lines}\nreviewers = "{group}"\n', encoding="utf-8")
    others = {"stranger": f"{mark}-else", "reviewer": f"{mark}-revi"}
    haven = InstalledHaven(folder, home, {**names, **others}, _python(folder))
    try:
        if stranger:
            subprocess.run(["groupadd", "--system", group], check=True)
            for part, groups in (("stranger", []), ("reviewer", ["--groups", group])):
                subprocess.run(["useradd", "--system", "--no-create-home", *groups, haven.names[part]], check=True)
        yield haven
    finally:
        for name in haven.names.values():
            _end_all_of(name)
            if any(one.pw_name == name for one in pwd.getpwall()):
                subprocess.run(["userdel", name], check=True, capture_output=True)
        subprocess.run(["groupdel", group], check=False, capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)


def _end_all_of(name: str) -> None:
    """End what an account of ours still runs, such as the log's writer: nobody else has this account."""
    numbers = [one.pw_uid for one in pwd.getpwall() if one.pw_name == name]
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if process.stat().st_uid in numbers:
                os.kill(int(process.name), signal.SIGKILL)
                time.sleep(0.1)


def _python(folder: Path) -> Path:
    """An interpreter that every account can run: this one, or a copy where this one lies in a closed folder."""
    try:
        subprocess.run([sys.executable, "-V"], user=NOBODY, group=NOBODY, extra_groups=[], check=True)
    except OSError:
        left_out = shutil.ignore_patterns("site-packages", "test", "idlelib", "ensurepip", "config-3*")
        base, version = Path(sys.base_prefix), f"python{sys.version_info[0]}.{sys.version_info[1]}"
        shutil.copytree(base / "lib" / version, folder / "python" / "lib" / version, ignore=left_out)
        for library in (base / "lib").glob("libpython*.so.*"):
            shutil.copy2(library, folder / "python" / "lib")
        (folder / "python" / "bin").mkdir()
        return Path(shutil.copy2(base / "bin" / version, folder / "python" / "bin"))
    return Path(sys.executable)


def recorded_frames() -> list[tuple[bytes, bytes]]:
    """Every frame that this process receives from now on: kind and content."""
    frames: list[tuple[bytes, bytes]] = []
    receive = Wire.receive

    def recorded(wire: Wire) -> tuple[bytes, bytes]:
        frame = receive(wire)
        frames.append(frame)
        return frame

    Wire.receive = recorded  # type: ignore[method-assign]
    return frames


def keep_frames(haven: Haven, frames: list[tuple[bytes, bytes]]) -> None:
    """For the test, which is root, beside the home."""
    folder = haven.settings.home.parent / "frames"
    (folder / str(os.getpid())).write_bytes(b"".join(content for _, content in frames))


def _referred_to(haven: Haven, path: Path) -> dict[str, Any]:
    """A table of superseded numbers loaded by one person and approved by another: what is said of it."""
    if haven.access.person("eve") is None:
        reviewers(haven.records)
    kind = "superseded-nhs-numbers"
    try:
        loaded = haven.reference_tables.load(kind, path, by=ENGINEER)
    except ReferenceRefused as refusal:
        return {"refused": refusal.mend}
    approved = haven.reference_tables.approve(kind, by=REVIEWER)
    return {"rows": loaded.rows, "bad": loaded.bad, "waited": not loaded.in_force, "in_force": approved.in_force}


def _with_reviewer(haven: Haven) -> str:
    """The member of the reviewers' group as a registered linkage reviewer."""
    (name,) = grp.getgrnam(haven.settings.accounts.reviewers).gr_mem
    house, today = service("administration"), haven.clock.now().date()
    if "unit" not in {one.id for one in haven.access.organisations()}:
        haven.access.register_organisation(assessed("unit", today=today), by=house)
    haven.access.register_person(invented_person(name, "unit", {Role.LINKAGE_REVIEWER}, today=today), by=house)
    return name


def _again(haven: Haven) -> int:
    """Link once more: prints what the records and the log have of what reviewers were shown and said."""
    from tests.fakes.account_probes import marks

    frames = recorded_frames()
    haven.linker.link(by=service("linkage"))
    entries = [json.loads(entry) for _, entry in LogReader(haven.settings.audit_folder).entries()]
    told = [json.dumps(one) for one in entries if "linkage.pair_" in str(one)]
    print(
        json.dumps(
            {
                "decided": [[one.same, one.decided_by, one.comment] for one in haven.linker.queue.decided()],
                "events": told,
                "marks": sorted({mark for _, content in frames for mark in marks(content.decode("latin-1"))}),
            }
        )
    )
    return 0


def main(home: str, *deliveries: str) -> int:
    """The orchestrator's part: prints what it was told."""
    from tests.fakes.account_probes import marks

    if deliveries == ("--again",):
        return _again(Haven.at(Path(home)))
    frames = recorded_frames()
    haven = Haven.at(Path(home))
    with_engineer(haven.records)
    received, refused = [], []
    references = [path for path in deliveries if path.endswith(".csv")]
    followed = [_referred_to(haven, Path(path)) for path in references]
    for path in [path for path in deliveries if path not in references]:
        try:
            received.append(haven.delivery_intake.receive(Path(path), by=person("data-engineer")))
        except DeliveryRefused as refusal:
            refused.append(refusal.reason)
    linked = haven.linker.link(by=service("linkage"))
    keep_frames(haven, frames)
    publisher = ScopePublisher(
        haven.zone_runner, haven.keyring, haven.records, haven.settings.scopes_folder, gate=OpenGate()
    )
    scope = publisher.publish(SCOPE, by=service("publisher"))
    again = publisher.publish(SCOPE, by=service("publisher"))
    drawn = haven.linker.queue.draw(4, by=person(_with_reviewer(haven)))
    print(
        json.dumps(
            {
                "drawn": drawn,
                "answers": dict(Counter(kind.decode() for kind, _ in frames)),
                "marks": sorted({mark for _, content in frames for mark in marks(content.decode("latin-1"))}),
                "refused": refused,
                "references": followed,
                "rows": [one.rows for one in received],
                "quarantined": [one.quarantined for one in received],
                "deliveries": len(linked.deliveries),
                "people": linked.counts["people"],
                "scope_rows": scope.rows,
                "scope_people": scope.people,
                "unchanged": again.unchanged,
            }
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
