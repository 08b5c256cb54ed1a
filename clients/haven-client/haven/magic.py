"""`%%haven`: a cell of SQL. `%%haven result` keeps the answer under a name; `--frame pandas` chooses its kind."""

from __future__ import annotations

import argparse
import shlex
from typing import Any

from IPython.core.magic import Magics, cell_magic, magics_class

from haven.asking import sql
from haven.errors import HavenClientError


class _Arguments(argparse.ArgumentParser):
    def error(self, message: str) -> Any:
        raise HavenClientError(f"{message}. Write: %%haven [NAME] [--frame polars|pandas|arrow]")


@magics_class
class HavenMagics(Magics):  # type: ignore[misc]
    """The cell magic."""

    @cell_magic  # type: ignore[misc]
    def haven(self, line: str, cell: str) -> Any:
        """Run the cell as one SELECT; give the result, and keep it when a name stands on the first line."""
        parser = _Arguments(prog="%%haven", add_help=False)
        parser.add_argument("name", nargs="?")
        parser.add_argument("--frame", default="polars", choices=["arrow", "polars", "pandas"])
        chosen = parser.parse_args(shlex.split(line))
        if chosen.name and not chosen.name.isidentifier():
            raise HavenClientError(f"'{chosen.name}' is no variable's name.")
        result = sql(cell, frame=chosen.frame)
        if chosen.name:
            self.shell.user_ns[chosen.name] = result
        return result
