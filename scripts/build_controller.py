"""Make the wheel of the controller's agent, to be sent to a controller: python3 scripts/build_controller.py DIR

The rules that it shares with the haven are copied into it from this checkout (clients/haven-controller/hatch_build.py).
"""

from __future__ import annotations

import sys
from pathlib import Path

from install import build_agent
from install import main as install


def main(arguments: list[str]) -> int:
    """Make the wheel in the named folder."""
    if len(arguments) != 1:
        print("usage: python3 scripts/build_controller.py DIR", file=sys.stderr)
        return 64
    status = install(["controller"])
    if status:
        return status
    print(f"Made: {build_agent(Path(arguments[0]))}")
    print(
        "At the controller's: python3 -m venv agent && agent/bin/pip install FILE && agent/bin/haven-controller --help"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
