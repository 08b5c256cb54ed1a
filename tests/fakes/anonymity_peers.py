"""pycanon and anjana on a file, in their own environment: what they find and how long it takes, as JSON.

`measure FILE QUASI SENSITIVE` or `generalise FILE QUASI K PERCENT OUT COLUMN=HIERARCHY...`; lists have commas.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import time
from typing import Any

import anjana.anonymity
import pandas as pd
from pycanon import anonymity


def main(verb: str, file: str, quasi: str, *more: str) -> dict[str, Any]:
    """Run one verb; seconds are of the clock, from the file to the numbers, and cpu those of the processor."""
    columns = quasi.split(",")
    started, spent = time.perf_counter(), time.process_time()
    data = pd.read_csv(file, dtype=str, keep_default_na=False)
    read = time.perf_counter() - started
    found = _measure(data, columns, more[0].split(",")) if verb == "measure" else _generalise(data, columns, *more)
    return {**found, "read": read, "seconds": time.perf_counter() - started, "cpu": time.process_time() - spent}


def _measure(data: pd.DataFrame, quasi: list[str], sensitive: list[str]) -> dict[str, Any]:
    return {
        "k": int(anonymity.k_anonymity(data, quasi)),
        "l": int(anonymity.l_diversity(data, quasi, sensitive)),
        "t": float(anonymity.t_closeness(data, quasi, sensitive)),
    }


def _generalise(data: pd.DataFrame, quasi: list[str], k: str, percent: str, out: str, *named: str) -> dict[str, Any]:
    hierarchies = {
        column: dict(pd.read_csv(path, header=None, dtype=str)) for column, path in (one.split("=") for one in named)
    }
    rows = len(data)
    with contextlib.redirect_stdout(io.StringIO()):
        made = anjana.anonymity.k_anonymity(data, [], quasi, int(k), float(percent), hierarchies)
    made[quasi].to_csv(out, index=False)
    return {"rows": rows, "left": len(made)}


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
