"""Write the hash-pinned locks from locks/*.in. A lock holds names, versions and hashes, and no address.

Run with the installer of the checkout: python3 scripts/lock.py
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ROOT / "locks"
UV = ROOT / ".haven" / "envs" / "bootstrap" / "bin" / "uv"
OPTIONS = "--universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --quiet"


def main() -> None:
    """Lock every environment; those that run the haven's code are held to its versions."""
    for name in ("bootstrap", "haven", "hub", "workspace", "test", "spark", "controller", "mesh", "pycanon"):
        held = ["--constraint", "locks/haven.txt"] if name in ("test", "spark", "controller") else []
        subprocess.run(
            [
                str(UV),
                "pip",
                "compile",
                f"locks/{name}.in",
                *held,
                *OPTIONS.split(),
                "--output-file",
                f"locks/{name}.txt",
            ],
            check=True,
            cwd=ROOT,
        )
        if "://" in (LOCKS / f"{name}.txt").read_text(encoding="utf-8"):
            sys.exit(f"locks/{name}.txt carries an address; it must not.")
        print(f"locked {name}")


if __name__ == "__main__":
    main()
