"""Does the command line teach? Every command has help with an example, the shared options, and starts fast."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import typer.main

from infra.cli.main import app, asked_for

ROOT = Path(__file__).resolve().parents[2]
WITHOUT_HOME = {"test", "bench", "version", "delivery keypair", "delivery pack", "contract check", "contract new",
                "contract list", "contract show", "disclosure check", "disclosure audit",
                "disclosure profiles", "disclosure suppress", "disclosure anonymity", "disclosure generalise",
                "disclosure inspect",
                "project new", "project narrowing", "project questions", "agreement new", "agreement check",
                "agreement print", "support new", "linkage steps", "linkage spec", "linkage evaluate", "linkage files",
                "workspace check", "optout rules"}  # fmt: skip


def _commands(group: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    children = getattr(group, "commands", None)
    if children is None:
        yield " ".join(path), group
        return
    for name, command in children.items():
        yield from _commands(command, (*path, name))


COMMANDS = dict(_commands(typer.main.get_command(app)))


@pytest.mark.parametrize("name", COMMANDS, ids=str)
def test_every_command_teaches(name: str) -> None:
    """Each command's help says what it does and shows an example of itself."""
    text = COMMANDS[name].help or ""
    assert "Example" in text
    assert f"haven {name}" in text


@pytest.mark.parametrize("name", COMMANDS, ids=str)
def test_every_command_takes_the_home(name: str) -> None:
    """Each command that touches a haven takes --home."""
    options = {option for parameter in COMMANDS[name].params for option in parameter.opts}
    assert "--home" in options or name in WITHOUT_HOME


@pytest.mark.parametrize("topic", sorted({name.partition(" ")[0] for name in COMMANDS}))
def test_a_topic_asked_for_alone_has_all_its_commands(topic: str) -> None:
    """What is made ready for one call knows every command of its topic, and no group of another's."""
    ready = dict(_commands(typer.main.get_command(asked_for([topic]))))
    its_own = {name for name in COMMANDS if name.partition(" ")[0] == topic}
    assert its_own <= ready.keys() <= COMMANDS.keys()
    assert {name for name in ready if " " in name} == {name for name in its_own if " " in name}


@pytest.mark.parametrize("words", [[], ["--help"], ["no-such-topic"]])
def test_who_asks_for_no_topic_is_shown_them_all(words: list[str]) -> None:
    """Help, and the answer to a word that is none, know every command."""
    assert dict(_commands(typer.main.get_command(asked_for(words)))).keys() == COMMANDS.keys()


def test_topics_import_nothing_heavy() -> None:
    """The modules of the command line import only light things at the top: it starts well under a second."""
    allowed = {"typer", "infra", "rich"} | set(sys.stdlib_module_names)
    heavy = {}
    for path in (ROOT / "infra" / "cli").glob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name.split(".")[0] for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module.split(".")[0]]
            if wrong := [name for name in names if name not in allowed]:
                heavy[path.name] = wrong
    assert not heavy
