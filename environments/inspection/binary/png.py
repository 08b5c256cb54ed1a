"""What stands in a PNG beside its pixels? Read chunk by chunk (W3C PNG, third edition), with each check value."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator

from environments.inspection.errors import CannotBeRead
from environments.inspection.limits import MOST_PIXELS
from environments.inspection.model import FindingCode as F
from environments.inspection.notes import Notes
from environments.inspection.people import note_raw

SIGNATURE = b"\x89PNG\r\n\x1a\n"
OF_THE_PICTURE = {
    b"IHDR",
    b"PLTE",
    b"IDAT",
    b"IEND",
    b"tRNS",
    b"gAMA",
    b"cHRM",
    b"sRGB",
    b"sBIT",
    b"bKGD",
    b"pHYs",
    b"cICP",
}
LONGEST = {
    b"gAMA": 4,
    b"cHRM": 32,
    b"sRGB": 1,
    b"sBIT": 4,
    b"bKGD": 6,
    b"pHYs": 9,
    b"cICP": 4,
    b"tRNS": 256,
    b"PLTE": 768,
}
FRAMES = {b"acTL", b"fcTL", b"fdAT"}
TEXTS = {b"tEXt", b"zTXt", b"iTXt"}
OF_MATPLOTLIB = re.compile(rb"Software\0Matplotlib version[\w.+-]{1,40}, https://matplotlib\.org/")
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def note_chunks(content: bytes, notes: Notes) -> None:
    """Note texts, EXIF, frames, private chunks, and bytes after the picture's end, or beside its pixels."""
    pixels: list[bytes] = []
    header = b""
    for number, (kind, data) in enumerate(_chunks(content, notes), start=1):
        where = f"chunk {number}"
        if kind == b"IDAT":
            pixels.append(data)
        elif kind == b"IHDR":
            header = data
        elif kind in FRAMES:
            notes.add(F.EMBEDDED_DATA, where, what="The picture has further frames that not every viewer shows.")
        elif kind == b"eXIf":
            notes.add(F.LOCATION if b"\x88\x25" in data or b"\x25\x88" in data else F.METADATA, where)
        elif kind in TEXTS:
            if not OF_MATPLOTLIB.fullmatch(data):
                notes.add(F.METADATA, where)
                note_raw(notes, data, where)
        elif kind not in OF_THE_PICTURE or len(data) > LONGEST.get(kind, 0):
            notes.add(F.METADATA, where)
    _note_pixels(header, pixels, notes)


def _chunks(content: bytes, notes: Notes) -> Iterator[tuple[bytes, bytes]]:
    place = len(SIGNATURE)
    while place + 12 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, place)
        data = content[place + 8 : place + 8 + length]
        check = content[place + 8 + length : place + 12 + length]
        if len(data) < length or check != struct.pack(">I", zlib.crc32(kind + data)):
            break
        yield kind, data
        place += 12 + length
        if kind == b"IEND":
            if place < len(content):
                notes.add(F.TRAILING_BYTES, f"byte {place}")
            return
    raise CannotBeRead(F.MALFORMED, "The picture is damaged.", where=f"byte {place}", mend="Save it again.")


def _note_pixels(header: bytes, pixels: list[bytes], notes: Notes) -> None:
    """Note what is packed behind the last pixel."""
    if len(header) != 13:
        raise CannotBeRead(F.MALFORMED, "The picture has no header.", mend="Save it again.")
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    if width * height > MOST_PIXELS or colour not in CHANNELS:
        return  # the decoder says so
    bits = CHANNELS[colour] * depth
    expected = sum(_bytes_of(*size, bits) for size in _sizes(width, height, bool(interlaced)))
    unpacking = zlib.decompressobj()
    unpacked = 0
    try:
        for part in pixels:
            rest = part
            while rest and not unpacking.eof and unpacked <= expected:
                unpacked += len(unpacking.decompress(rest, 1 << 20))
                rest = unpacking.unconsumed_tail
            if rest or unpacking.unused_data:
                notes.add(F.TRAILING_BYTES, "behind the pixels")
                return
    except zlib.error:
        return  # the decoder says so
    if unpacked > expected:
        notes.add(F.TRAILING_BYTES, "behind the pixels")


def _sizes(width: int, height: int, interlaced: bool) -> Iterator[tuple[int, int]]:
    if not interlaced:
        yield width, height
        return
    for left, top, across, down in PASSES:
        yield max(0, -(-(width - left) // across)), max(0, -(-(height - top) // down))


def _bytes_of(width: int, height: int, bits: int) -> int:
    return height * (1 + -(-width * bits // 8)) if width and height else 0
