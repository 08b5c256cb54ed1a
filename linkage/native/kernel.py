"""Is there a compiled kernel for tokens here, and may it be trusted? scripts/install.py makes it from tokens.c.

It lies in the environment's own folder under the digest of its source. It is loaded only where nobody but root and
this account can change it, and used only after it gave hmac.digest's own answers: one that gives others is an error,
never another token. Where there is none, tokens are made by Python's loop (linkage/tokens.py), the same and slower.
"""

from __future__ import annotations

import ctypes
import hashlib
import hmac
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from access.keys.files import changeable_by_others
from linkage.errors import KernelWrong

SOURCE = Path(__file__).with_name("tokens.c")
DONE, NOT_SUPPORTED = 0, 1
BLOCK = 64
MAKE_IT = "Install a C compiler (Debian: apt-get install gcc libc6-dev) and run: python3 scripts/install.py haven"
EDGES = (0, 1, 54, 55, 56, 63, 64, 65, 119, 120, 127, 128, 200)  # around the ends of SHA-256's blocks

Tokens = npt.NDArray[np.uint64]


class _Column(ctypes.Structure):
    """`column` of tokens.c."""

    _fields_ = (
        ("key", ctypes.c_char_p),
        ("prefix", ctypes.c_char_p),
        ("prefix_length", ctypes.c_uint64),
        ("data", ctypes.c_void_p),
        ("size", ctypes.c_int64),
        ("offsets", ctypes.c_void_p),
        ("valid", ctypes.c_void_p),
        ("valid_from", ctypes.c_int64),
        ("cells", ctypes.c_int64),
    )


@dataclass(frozen=True)
class Kernel:
    """The loaded library's one function."""

    path: Path
    function: Callable[..., int]

    def tokens(self, cells: pa.LargeBinaryArray, key: bytes, prefix: bytes) -> Tokens:
        """One token a cell, in their order; nought where there is no value. Raises KernelWrong."""
        tokens = np.empty(len(cells), np.uint64)
        status = self.attempt(cells, key, prefix, tokens)
        if status != DONE:
            raise _wrong(self.path, f"It ended with {status}.")
        return tokens

    def attempt(self, cells: pa.LargeBinaryArray, key: bytes, prefix: bytes, tokens: Tokens) -> int:
        """Fill `tokens`; the function's own status. The buffers are held by `cells` meanwhile."""
        valid, offsets, data = cells.buffers()
        if not len(cells):
            return DONE
        column = _Column(
            key=filled_up(key),
            prefix=prefix,
            prefix_length=len(prefix),
            data=data.address if data else None,
            size=data.size if data else 0,
            offsets=offsets.address + 8 * cells.offset,
            valid=valid.address if valid else None,
            valid_from=cells.offset,
            cells=len(cells),
        )
        return int(self.function(ctypes.byref(column), tokens.ctypes.data_as(ctypes.c_void_p)))


@dataclass(frozen=True)
class Found:
    """kernel, or in a sentence why there is none."""

    kernel: Kernel | None
    why: str = ""
    mend: str = ""


@cache
def find_kernel() -> Found:
    """This environment's kernel, looked for once in a process. Raises KernelWrong."""
    return kernel_in(Path(sys.prefix) / "native")


def kernel_in(folder: Path, source: Path = SOURCE) -> Found:
    """The kernel made in this folder from this source, if it is there, safe and supported. Raises KernelWrong."""
    if not source.is_file():
        return Found(None, "it is not part of this installation")
    path = folder / f"tokens-{hashlib.sha256(source.read_bytes()).hexdigest()[:16]}.so"
    try:
        place = changeable_by_others(path)
    except OSError:
        return Found(None, "it has not been compiled", MAKE_IT)
    if place is not None:
        return Found(
            None,
            f"others than root and this account can change {place}",
            f"Give it to root, and run: chmod go-w {place}",
        )
    try:
        function: Any = ctypes.CDLL(str(path)).haven_tokens
    except (OSError, AttributeError):
        return Found(
            None, f"{path} cannot be loaded", f"Remove it, and run: python3 scripts/install.py {folder.parent.name}"
        )
    function.argtypes, function.restype = (ctypes.c_void_p, ctypes.c_void_p), ctypes.c_int
    return _proved(Kernel(path, function))


def filled_up(key: bytes) -> bytes:
    """HMAC's key block (RFC 2104): the key, or its hash where it is longer, and noughts."""
    return (key if len(key) <= BLOCK else hashlib.sha256(key).digest()).ljust(BLOCK, b"\x00")


def _proved(kernel: Kernel) -> Found:
    """The kernel, if it answers as hmac.digest does. Raises KernelWrong."""
    values = [None, *(bytes(range(length)) for length in EDGES)] * 3
    cells = pl.Series(values, dtype=pl.Binary).to_arrow()
    for key in (bytes(range(32)), bytes(range(BLOCK)), bytes(range(100))):
        for prefix in (b"p" * length for length in EDGES):
            tokens = np.zeros(len(values), np.uint64)
            status = kernel.attempt(cells, key, prefix, tokens)
            if status == NOT_SUPPORTED:
                return Found(None, "this processor has no SHA instructions")
            if status != DONE or tokens.tolist() != [_defined(key, prefix, value) for value in values]:
                raise _wrong(kernel.path, "Its answers are not those of hmac.digest.")
    return Found(kernel)


def _defined(key: bytes, prefix: bytes, value: bytes | None) -> int:
    return 0 if value is None else int.from_bytes(hmac.digest(key, prefix + value, "sha256")[:8], "big")


def _wrong(path: Path, how: str) -> KernelWrong:
    return KernelWrong(
        f"The compiled kernel makes tokens wrongly; nothing was made with it. {how}",
        where=str(path),
        mend="Remove it: tokens are then made without, more slowly. Look who could have put it there, and have it made"
        " again (python3 scripts/install.py haven).",
    )
