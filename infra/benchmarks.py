"""How fast is it, beside what it is compared with? Each module of tests/bench is measured in one run.

Machines are shared and noisy: the figures that matter are the ratios of things measured side by side.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from rich.console import Console
from rich.table import Table

from infra.errors import DeploymentError

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "bench"


class UnknownBenchmark(DeploymentError):
    """No benchmark has this name."""

    code = "bench.unknown"
    exit_status = 64


class BenchmarkFailed(DeploymentError):
    """A benchmark could not be measured."""

    code = "bench.failed"


def run_benchmarks(names: list[str], *, quick: bool) -> None:
    """Run the named benchmarks (a folder's name stands for all in it), or all, and print a table each.

    Raises UnknownBenchmark; BenchmarkFailed at the end, naming what could not be measured.
    """
    known = {str(path.relative_to(FOLDER).with_suffix("")): path for path in sorted(FOLDER.rglob("[a-z]*.py"))}
    chosen: list[str] = []
    for name in names or list(known):
        found = [one for one in known if one == name or one.startswith(f"{name}/")]
        if not found:
            raise UnknownBenchmark(f"There is no benchmark '{name}'.", mend=f"There are: {', '.join(known)}.")
        chosen += found
    console = Console()
    failed = [name for name in chosen if not _measured(name, known[name], console, quick=quick)]
    if failed:
        raise BenchmarkFailed(f"Not measured: {', '.join(failed)}.", mend="What each met stands above.")


def _measured(name: str, path: Path, console: Console, *, quick: bool) -> bool:
    """One benchmark and its table; what it meets is told, and the others are measured all the same."""
    try:
        module = _load(path)
        table = Table(title=module.NAME, title_justify="left")
        table.add_column("measured")
        table.add_column("value", justify="right")
        table.add_column("unit")
        with console.status(f"{name}: {module.NAME}"):
            measured = module.run(quick)
    except Exception:  # noqa: BLE001 - whatever one meets, the others are measured
        console.print_exception()
        return False
    for label, value, unit in measured:
        table.add_row(label, f"{value:,.4g}" if value < 1000 else f"{value:,.0f}", unit)
    console.print(table)
    return True


def _load(path: Path) -> ModuleType:
    specification = importlib.util.spec_from_file_location(f"bench_{path.stem}", path)
    if specification is None or specification.loader is None:
        raise UnknownBenchmark(f"The benchmark '{path.stem}' cannot be loaded.", where=str(path))
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module  # dataclasses look their module up
    specification.loader.exec_module(module)
    return module
