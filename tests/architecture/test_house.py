"""Is the house as house-style says? Layers, names, docstrings, glossary, locks: read from the files themselves."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import distributions, packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMPONENTS = ("audit", "access", "linkage", "environments", "flows", "infra")
SOURCES = sorted(path for name in COMPONENTS for path in (ROOT / name).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))
RULE_FILES = ("model.py", "policies.py", "states.py", "errors.py", "rules.py")
OUTSIDE_WORLD = {
    "duckdb", "sqlalchemy", "socket", "subprocess", "os", "httpx", "polars", "prefect", "starlette", "random",
}  # fmt: skip


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_every_file_says_which_question_it_answers(path: Path) -> None:
    """Every source file starts with a docstring of one to twelve lines, and every public thing has one."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    text = ast.get_docstring(tree)
    assert text, f"{path} has no docstring"
    missing = [
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]
    assert not missing, f"{path}: public without docstring: {missing}"


@pytest.mark.parametrize("path", [p for p in SOURCES if p.name in RULE_FILES], ids=_name)
def test_rules_know_no_outside_world(path: Path) -> None:
    """Models, policies, states and errors import no database, network, clock, file or environment."""
    imported = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            imported.add(node.module.split(".")[0])
    assert not imported & OUTSIDE_WORLD


@pytest.mark.parametrize("path", TESTS, ids=_name)
def test_every_test_states_its_behaviour(path: Path) -> None:
    """Each test function has a docstring that states the behaviour it proves."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    silent = [
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not ast.get_docstring(node)
    ]
    assert not silent


def test_no_installed_distribution_takes_our_names() -> None:
    """The packages are flat, so nothing that is installed beside them may ship a module of the same name."""
    taken = []
    for distribution in distributions():
        if distribution.metadata["Name"] == "haven":
            continue
        for file in distribution.files or []:
            if file.parts[0].removesuffix(".py") in COMPONENTS:
                taken.append((distribution.metadata["Name"], str(file)))
    assert not taken


def test_locks_carry_hashes_and_no_address() -> None:
    """Every committed lock pins by hash and names no registry."""
    for lock in sorted((ROOT / "locks").glob("*.txt")):
        text = lock.read_text(encoding="utf-8")
        assert "://" not in text, lock
        assert text.count("--hash=sha256:") >= len(re.findall(r"^[a-z0-9].*==", text, re.MULTILINE)), lock


def test_the_pinned_interpreter_is_the_one_that_runs() -> None:
    """`.python-version` names the interpreter's own version line."""
    pinned = (ROOT / ".python-version").read_text(encoding="utf-8").strip()
    assert pinned.split(".")[:2] == [str(part) for part in sys.version_info[:2]]


def test_public_classes_of_models_stand_in_the_glossary() -> None:
    """A domain word is used only as GLOSSARY.md defines it: each model class has its entry there."""
    glossary = (ROOT / "GLOSSARY.md").read_text(encoding="utf-8").lower()
    words = {re.sub(r"[^a-z]", "", term) for term in re.findall(r"\*\*(.+?)\*\*", glossary)}
    missing = []
    for path in SOURCES:
        if path.name != "model.py" or path.parent.name == "servers":
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                errors = any(isinstance(base, ast.Name) and base.id.endswith("Error") for base in node.bases)
                if not errors and node.name.lower() not in words:
                    missing.append(f"{_name(path)}: {node.name}")
    assert not missing


def test_no_words_of_the_workplace() -> None:
    """No tracked text names a machine's path or a registry's address."""
    places = re.compile(r"/(work|root)/[a-z.]|pypi\.org|files\.pythonhosted|registry\.npmjs")
    found = [
        _name(path)
        for pattern in ("*.py", "*.md", "*.toml", "*.yaml", "*.sh")
        for path in ROOT.rglob(pattern)
        if ".haven" not in path.parts
        and path != Path(__file__)
        and places.search(path.read_text(encoding="utf-8", errors="replace"))
    ]
    assert not found


def test_no_merge_was_left_half_done() -> None:
    """No text holds the marks that a merge leaves where two sides differ."""
    marks = re.compile(r"^(<{7}|>{7}) ", re.MULTILINE)
    found = [
        _name(path)
        for pattern in ("*.py", "*.md", "*.toml", "*.yaml", "*.sh", "*.html", "*.txt", "*.ipynb")
        for place in ROOT.iterdir()
        if place.name != ".haven"  # environments come and go there
        for path in (place.rglob(pattern) if place.is_dir() else [place] if place.match(pattern) else [])
        if marks.search(path.read_text(encoding="utf-8", errors="replace"))
    ]
    assert not found


def test_every_benchmark_can_be_run_by_its_name() -> None:
    """`haven bench` runs what lies in tests/bench: each module there says what it measures, and measures it."""
    unfit = []
    for path in sorted((ROOT / "tests" / "bench").rglob("[a-z]*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {one.id for node in tree.body if isinstance(node, ast.Assign) for one in node.targets
                 if isinstance(one, ast.Name)}  # fmt: skip
        takes = [[one.arg for one in node.args.args] for node in tree.body
                 if isinstance(node, ast.FunctionDef) and node.name == "run"]  # fmt: skip
        if "NAME" not in names or takes != [["quick"]]:
            unfit.append(path.name)
    assert not unfit


BY_NAME = {"fastapi": "held below what Prefect's server dies of", "psycopg": "SQLAlchemy loads it by its address"}


def test_the_haven_asks_for_no_library_that_it_does_not_use() -> None:
    """Each line of locks/haven.in is imported somewhere in the house, or stands here with its reason."""
    lines = (ROOT / "locks" / "haven.in").read_text(encoding="utf-8").splitlines()
    asked = {found.group().lower() for line in lines if (found := re.match(r"[A-Za-z0-9._-]+", line))}
    modules = {name for name, held in packages_distributions().items() if asked & {one.lower() for one in held}}
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in SOURCES]
    used = {name.partition(".")[0] for tree in trees for name in _imported(tree)}
    providing = packages_distributions()
    known = {one.lower() for name in modules & used for one in providing[name]}
    assert asked - known == set(BY_NAME)


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
