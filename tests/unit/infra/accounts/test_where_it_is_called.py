"""What lies in the folder where the haven is called is never run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.accounts.services import zone_command
from infra.servers.model import Service
from infra.servers.supervisor import PROGRAM, Supervisor
from infra.settings import ROOT


def test_a_module_beside_the_caller_is_not_run(tmp_path: Path) -> None:
    """A planted `infra.cli` in the working directory stays unread when a zone's process starts."""
    planted, sign = tmp_path / "infra" / "cli", tmp_path / "sign"
    planted.mkdir(parents=True)
    for folder in (planted.parent, planted):
        (folder / "__init__.py").touch()
    (planted / "__main__.py").write_text(f"open({str(sign)!r}, 'w')\n", encoding="utf-8")
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    command = zone_command(tmp_path / "home", "linkage")
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, timeout=60, check=False)
    assert (done.returncode != 0, sign.exists()) == (True, False)


def test_the_launcher_leaves_the_callers_folder_out() -> None:
    """The checkout's script starts Python without the working directory on its path."""
    assert 'bin/python" -P -m infra.cli' in (ROOT / "haven").read_text(encoding="utf-8")


def test_a_service_stands_at_the_programs_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service's working directory is the program's, wherever its supervisor was called."""
    monkeypatch.chdir(tmp_path)
    sign = tmp_path / "sign"
    draft = sign.with_suffix(".part")
    code = f"import os,time; open({str(draft)!r},'w').write(os.getcwd()); os.replace({str(draft)!r},{str(sign)!r})"
    service = Service("one", "test", (sys.executable, "-c", f"{code}; time.sleep(60)"), sign.exists, "nowhere")
    with Supervisor(tmp_path / "run", tmp_path / "logs", lambda _: None).running([service]):
        assert sign.read_text(encoding="utf-8") == str(PROGRAM)
