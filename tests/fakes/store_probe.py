"""Can this account read the stores of opt-outs and objections? `... HOME`, run as one account; a line for each."""

from __future__ import annotations

import sys
from pathlib import Path

for name in ("optouts", "objections"):
    try:
        (Path(sys.argv[1]) / "zones" / "linkage" / f"{name}.duckdb").read_bytes()
    except OSError:
        print(name, "closed")
    else:
        print(name, "read")
