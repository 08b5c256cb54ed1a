"""A training in a process of its own, which can be killed at a named point: `... HOME POINT` (receiving_process)."""

from __future__ import annotations

import sys
from pathlib import Path

from linkage.matching.residual.models import TRAINING_FLOW
from tests.fakes.receiving_process import die_at, records_at
from tests.fakes.zones import LinkageBench


def main(home: str, point: str) -> int:
    """Train as the flow does."""
    bench = LinkageBench(Path(home), records_at(Path(home)))
    die_at(point)
    bench.linker.models.train(by=TRAINING_FLOW)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
