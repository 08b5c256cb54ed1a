"""Ctrl-C in the middle of long work: one sentence, the status of an interrupt, and no word of a fault."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.fakes import strangers


@pytest.mark.parametrize("after", [4.0, 8.0])
def test_a_command_that_is_stopped_says_so(tmp_path: Path, after: float) -> None:
    """Whether Python, the database or a library is at work when it comes."""
    path = strangers.lives(tmp_path, records=12_000, seed=46)
    command = subprocess.Popen(
        [sys.executable, "-m", "infra.cli", "linkage", "evaluate", str(path), "--truth", "cluster", "--json"],
        env=dict(os.environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    time.sleep(after)
    os.killpg(command.pid, signal.SIGINT)
    _, said = command.communicate(timeout=60)
    assert command.returncode == 130, said
    assert "Stopped by Ctrl-C" in said
    assert "fault" not in said
