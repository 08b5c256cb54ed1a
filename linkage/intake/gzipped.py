"""What comes out of a .gz file? Block by block, and no more than its size allows: a bomb ends where it goes off."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from typing import BinaryIO, cast

from linkage.intake.reasons import Fault

BLOCK = 8 * 1024 * 1024
LARGEST_RATIO, RATIO_APPLIES_FROM = 250, 256 * 1024 * 1024


def unpacked_blocks(packed: BinaryIO, size: int) -> Iterator[bytes]:
    """The bytes inside, in order. size: of the packed file. Raises Fault: damaged, or it unpacks to too much."""
    left = max(RATIO_APPLIES_FROM, size * LARGEST_RATIO)
    try:
        with gzip.GzipFile(fileobj=packed) as file:
            while block := cast(BinaryIO, file).read(BLOCK):
                left -= len(block)
                if left < 0:
                    raise Fault("gzip.too_large")
                yield block
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise Fault("gzip.damaged") from None
