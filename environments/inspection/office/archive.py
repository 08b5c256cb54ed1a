"""Is this archive all there is? Every byte belongs to a part that its directory names, and it unpacks within bounds.

A ZIP file is read from its end: bytes before, between and after its parts, parts that no directory names and two parts
of one name are where something is hidden. Nothing is unpacked that its directory does not promise to be small.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib

from environments.inspection.errors import CannotBeRead
from environments.inspection.limits import MOST_PARTS, MOST_UNPACKED
from environments.inspection.model import FindingCode as F
from environments.inspection.notes import Notes

HEADER = struct.Struct("<4sHHHHHIIIHH")
END = struct.Struct("<4sHHHHIIH")
LONGEST_DESCRIPTOR = 24
EMPTY = 2  # bytes of nothing, packed
HAS_DESCRIPTOR = 0x8
IS_ENCRYPTED = 0x1
PART_NAME = re.compile(r"(?!/)(?!.*(?:\.\.|//|\\))[A-Za-z0-9_./\[\] -]{1,200}")
Parts = dict[str, bytes]


def parts_of(content: bytes, notes: Notes) -> Parts:
    """The parts by name. Raises CannotBeRead: damaged, encrypted, a name twice, or far larger than it looks."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            infos = archive.infolist()
            _check(infos)
            _note_gaps(content, infos, archive.start_dir, notes)
            return {info.filename: _read(archive, info) for info in infos if not info.is_dir()}
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError, RuntimeError):
        # All that zipfile raises: it wraps what it meets only where the directory is damaged.
        raise CannotBeRead(
            F.MALFORMED, "The file is damaged, or packed in an unusual way.", mend="Save it again in the program."
        ) from None


def _check(infos: list[zipfile.ZipInfo]) -> None:
    if any(info.flag_bits & IS_ENCRYPTED for info in infos):
        raise CannotBeRead(
            F.ENCRYPTED, "The file is encrypted: nobody can check it.", mend="Save it without a password."
        )
    names = [info.filename.lower() for info in infos]
    if len(set(names)) < len(names) or not all(PART_NAME.fullmatch(name) for name in names):
        raise CannotBeRead(F.MALFORMED, "Two of its parts have one name, or a part has none.", mend="Save it again.")
    if any(info.is_dir() and (info.file_size or info.compress_size > EMPTY) for info in infos):
        raise CannotBeRead(F.MALFORMED, "A folder in it holds bytes, which no program shows.", mend="Save it again.")
    if len(infos) > MOST_PARTS or sum(info.file_size for info in infos) > MOST_UNPACKED:
        raise CannotBeRead(
            F.UNPACKS_TOO_LARGE,
            f"It unpacks to more than {MOST_UNPACKED // 1024**2} MB, or to more than {MOST_PARTS} parts.",
            mend="Make it smaller: fewer rows, sheets or pictures.",
        )


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """A part, no larger than its directory says (zipfile stops there and compares its check value)."""
    with archive.open(info) as part:
        return part.read(info.file_size)


def _note_gaps(content: bytes, infos: list[zipfile.ZipInfo], directory: int, notes: Notes) -> None:
    """Note bytes that belong to no part: before, between and after them, and in their headers."""
    expected = 0
    for info in sorted(infos, key=lambda one: one.header_offset):
        gap = info.header_offset - expected
        if gap:
            notes.add(F.TRAILING_BYTES)
        signature, _, flags, *_, name, extra = HEADER.unpack_from(content, info.header_offset)
        if (
            signature != b"PK\x03\x04"
            or extra > LONGEST_DESCRIPTOR
            or len(info.extra) > LONGEST_DESCRIPTOR
            or info.comment
        ):
            notes.add(F.TRAILING_BYTES)
        expected = info.header_offset + HEADER.size + name + extra + info.compress_size
        if flags & HAS_DESCRIPTOR:
            expected += _descriptor(content, expected, info)
    size = sum(46 + len(info.orig_filename.encode()) + len(info.extra) + len(info.comment) for info in infos)
    end = directory + size
    ends_there = len(content) == end + END.size and content[end : end + 4] == b"PK\x05\x06"
    if expected != directory or not ends_there or END.unpack_from(content, end)[-1]:
        notes.add(F.TRAILING_BYTES)


def _descriptor(content: bytes, at: int, info: zipfile.ZipInfo) -> int:
    """The length of what follows a part whose size was not known when it was begun."""
    marked = 4 if content[at : at + 4] == b"PK\x07\x08" else 0
    for kind in ("<III", "<IQQ"):
        if content[at + marked : at + marked + struct.calcsize(kind)] == struct.pack(
            kind, info.CRC, info.compress_size, info.file_size
        ):
            return marked + struct.calcsize(kind)
    return 0
