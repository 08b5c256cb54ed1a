"""Work with your project's data: `haven.tables()`, `haven.sql("select ...")`, `haven.submit(...)`, `haven.why()`.

In a notebook `%load_ext haven` adds the cell magic `%%haven`. Everything goes through the haven's gateway; a refusal
says which rule said no and who can change it.
"""

from __future__ import annotations

import sys
from typing import Any

from haven.asking import last_query, query_of, sql, tables, why
from haven.errors import GatewayDown, HavenClientError, Incomplete, Refused
from haven.outputs import submissions, submit
from haven.packages import has_index, install, offer_pip

__all__ = [
    "GatewayDown",
    "HavenClientError",
    "Incomplete",
    "Refused",
    "install",
    "last_query",
    "query_of",
    "sql",
    "submissions",
    "submit",
    "tables",
    "why",
]


def load_ipython_extension(shell: Any) -> None:
    """Add `%%haven` to a notebook."""
    from haven.magic import HavenMagics

    shell.register_magics(HavenMagics)


_notebook = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
if _notebook is not None and has_index():
    offer_pip(_notebook)
