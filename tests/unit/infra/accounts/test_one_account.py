"""On one account the haven says so, plainly, and its check does not pass."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from infra.accounts.check import ONE_ACCOUNT
from infra.accounts.layout import Accounts, AccountsError
from infra.cli.main import app
from infra.settings import load_settings


def test_the_check_says_that_one_account_runs_both_zones(tmp_path: Path) -> None:
    """In words and for a program, with the exit status of a check that did not pass."""
    words = CliRunner().invoke(app, ["accounts", "check", "--home", str(tmp_path)])
    assert (words.exit_code, ONE_ACCOUNT in words.output) == (65, True)
    data = CliRunner().invoke(app, ["accounts", "check", "--home", str(tmp_path), "--json"])
    assert (data.exit_code, json.loads(data.output)[0]["amiss"]) == (65, ONE_ACCOUNT)


def test_the_status_says_it_too_but_not_to_a_program(tmp_path: Path) -> None:
    """One line beside what runs; with --json, standard output is data only."""
    words = CliRunner().invoke(app, ["status", "--home", str(tmp_path)])
    assert words.output.count("One account runs both zones") == 1
    data = CliRunner().invoke(app, ["status", "--home", str(tmp_path), "--json"])
    assert json.loads(data.output) == {"services": {}}


@pytest.mark.parametrize("content", ["", "{}", '{"accounts": {"linkage": "a"}}', '{"accounts": 3}'])
def test_a_file_of_accounts_that_is_damaged_is_none(tmp_path: Path, content: str) -> None:
    """The haven neither guesses accounts nor goes on as if there were none."""
    (tmp_path / "accounts.json").write_text(content)
    assert load_settings(tmp_path).separated
    with pytest.raises(AccountsError, match="damaged"):
        Accounts.installed(load_settings(tmp_path))
