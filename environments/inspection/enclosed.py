"""Who looks into a file that may be hostile? A process of its own, with little memory and time.

A parser that crashes, hangs or eats memory ends its process, and the file is refused: not looked at is not passed. The
process gets nothing but the bytes, by standard input, and writes nothing but its answer; it can open no larger file.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import resource
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from environments.disclosure import tables
from environments.inspection.inspect import inspect_file, refused_unread
from environments.inspection.limits import MOST_BYTES, MOST_MEMORY, MOST_SECONDS
from environments.inspection.model import FileFinding, FileType, FindingCode, Inspection, IsPseudonym

# -P: nothing is imported from the folder that it happens to start in
WORK = [sys.executable, "-P", "-m", "environments.inspection.enclosed"]
SPARE_SECONDS = 30.0
READERS = ("pillow", "polars", "pyarrow", "pypdf")
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS", "ARROW_NUM_THREADS")


def rules_digest() -> str:
    """By what files are looked into, as one SHA-256: the inspectors' own code, and the libraries that read for them."""
    digest = hashlib.sha256()
    for path in (*sorted(Path(__file__).parent.rglob("*.py")), Path(tables.__file__)):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    digest.update(" ".join(f"{name} {version(name)}" for name in READERS).encode())
    return digest.hexdigest()


def inspect_apart(
    name: str,
    content: bytes,
    *,
    is_pseudonym: IsPseudonym | None = None,
    memory: int = MOST_MEMORY,
    seconds: int = MOST_SECONDS,
) -> Inspection:
    """Look into a file in a process of its own. memory: bytes; seconds: of the processor."""
    if len(content) > MOST_BYTES:
        return refused_unread(name, len(content), FindingCode.TOO_LARGE)
    told = json.dumps({"name": name, "memory": memory, "seconds": seconds}).encode() + b"\n" + content
    try:
        done = subprocess.run(
            WORK, input=told, capture_output=True, check=False, timeout=2 * seconds + SPARE_SECONDS, env=_environment()
        )
    except (subprocess.TimeoutExpired, OSError):
        return refused_unread(name, len(content), FindingCode.NOT_INSPECTED)
    try:
        found = _read(json.loads(done.stdout)) if done.returncode == 0 else None
    except (ValueError, KeyError, TypeError):
        found = None
    if found is None:
        return refused_unread(name, len(content), FindingCode.NOT_INSPECTED)
    return found if is_pseudonym is None else found.asked(is_pseudonym)


def inspect_path(path: Path, *, is_pseudonym: IsPseudonym | None = None) -> Inspection:
    """The same of a file as it lies there: one that is too large is not read. Raises OSError."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        content = file.read(MOST_BYTES + 1) if size <= MOST_BYTES else b""
    if size > MOST_BYTES or len(content) > MOST_BYTES:
        return refused_unread(path.name, max(size, len(content)), FindingCode.TOO_LARGE)
    return inspect_apart(path.name, content, is_pseudonym=is_pseudonym)


def main() -> None:
    """Take the name, the bounds and the bytes from standard input; write what was found."""
    told = json.loads(sys.stdin.buffer.readline(4096))
    for kind, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CPU, int(told["seconds"])),
        (resource.RLIMIT_AS, int(told["memory"])),
    ):
        resource.setrlimit(kind, (most, most))
    content = sys.stdin.buffer.read(MOST_BYTES + 1)
    answer = json.dumps(_written(inspect_file(told["name"], content)))
    sys.stdout.write(answer)


def _written(found: Inspection) -> dict[str, Any]:
    anew = found.written_anew
    return found.as_data() | {
        "written_anew": None if anew is None else base64.b64encode(anew).decode(),
        "own_numbers": sorted(found.own_numbers),
    }


def _read(data: dict[str, Any]) -> Inspection:
    anew = data["written_anew"]
    return Inspection(
        data["file"],
        None if data["type"] is None else FileType(data["type"]),
        int(data["size"]),
        data["sha256"],
        tuple(
            FileFinding(FindingCode(one["code"]), one["what"], one["where"], one["mend"]) for one in data["findings"]
        ),
        int(data["more"]),
        None if anew is None else base64.b64decode(anew),
        frozenset(data["own_numbers"]),
    )


def _environment() -> dict[str, str]:
    """What the process needs to find its code; nothing secret of the haven's own."""
    kept = {name: value for name in ("PATH", "PYTHONPATH", "LANG") if (value := os.environ.get(name))}
    if "PYTHONPATH" in kept:
        kept["PYTHONPATH"] = os.pathsep.join(str(Path(one).resolve()) for one in kept["PYTHONPATH"].split(os.pathsep))
    return kept | dict.fromkeys(ONE_THREAD, "1")


if __name__ == "__main__":
    main()
