"""An environment is compared with its lock distribution by distribution, as the lock's markers say for this Python."""

from __future__ import annotations

import sys
from pathlib import Path

from infra.doctor.looking.house import LOCKS, environment_facts, locked

LOCK = """\
haven-one==1.0.0 \\
    --hash=sha256:00
Haven_Two==2.0 ; python_full_version >= '3.11' \\
    --hash=sha256:00
elsewhere==3.0 ; sys_platform == 'win32' \\
    --hash=sha256:00
"""


def _environment(folder: Path, *installed: str, stamp: str | None = LOCK) -> Path:
    packages = folder / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"
    packages.mkdir(parents=True)
    (folder / "bin").mkdir()
    (folder / "bin" / "python").touch()
    for name in installed:
        (packages / f"{name}.dist-info").mkdir()
    if stamp is not None:
        (folder / "complete.txt").write_text(stamp)
    return folder


def _lock(tmp_path: Path) -> Path:
    path = tmp_path / "hub.txt"
    path.write_text(LOCK)
    return path


def test_a_complete_environment(tmp_path: Path) -> None:
    """Names are compared as the index writes them, and what is for another system is not asked for."""
    facts = environment_facts(_environment(tmp_path / "hub", "haven_one-1.0.0", "haven_two-2.0"), _lock(tmp_path))
    assert (facts.there, facts.stamped, facts.missing, facts.differing, facts.extra) == (True, True, (), (), ())


def test_what_differs_from_the_lock(tmp_path: Path) -> None:
    """Missing, of another version, and in no lock: each by name."""
    facts = environment_facts(_environment(tmp_path / "hub", "haven_one-1.0.1", "stranger-9"), _lock(tmp_path))
    assert facts.missing == ("haven-two",)
    assert facts.differing == (("haven-one", "1.0.1", "1.0.0"),)
    assert facts.extra == ("stranger",)


def test_an_installation_that_did_not_end(tmp_path: Path) -> None:
    """Without its stamp, or with another lock's, it is not taken for finished; without a Python it is not there."""
    assert not environment_facts(_environment(tmp_path / "hub", stamp=None), _lock(tmp_path)).stamped
    assert not environment_facts(_environment(tmp_path / "two", stamp="other"), _lock(tmp_path)).stamped
    assert not environment_facts(tmp_path / "three", _lock(tmp_path)).there


def test_the_shipped_locks_can_be_read() -> None:
    """Every lock of the house names its distributions with one version each; the engine is pinned in the haven's."""
    for lock in LOCKS.glob("*.txt"):
        names = locked(lock)
        assert names
        assert all(names.values())
    assert locked(LOCKS / "haven.txt")["duckdb"]
