"""What stands in a JPEG beside its pixels? Read segment by segment (ITU T.81, annex B)."""

from __future__ import annotations

from collections.abc import Iterator

from environments.inspection.errors import CannotBeRead
from environments.inspection.model import FindingCode as F
from environments.inspection.notes import Notes
from environments.inspection.people import note_raw

START, END, SCAN, COMMENT = 0xD8, 0xD9, 0xDA, 0xFE
APPLICATION = range(0xE0, 0xF0)
PLAIN_JFIF = 16  # bytes of a JFIF segment without a thumbnail
TAG_OF_PLACE = (b"\x88\x25", b"\x25\x88")  # the pointer to where it was taken, in either order


def note_segments(content: bytes, notes: Notes) -> None:
    """Note EXIF, places, XMP, comments, further pictures, and bytes after the picture's end."""
    for number, (kind, data) in enumerate(_segments(content, notes), start=1):
        where = f"segment {number}"
        if kind == COMMENT:
            notes.add(F.COMMENT, where)
            note_raw(notes, data, where)
        elif kind in APPLICATION:
            _note_application(notes, kind, data, where)


def _note_application(notes: Notes, kind: int, data: bytes, where: str) -> None:
    if kind == 0xE0 and data.startswith(b"JFIF\0") and len(data) + 2 == PLAIN_JFIF:
        return
    if kind == 0xEE and data.startswith(b"Adobe") and len(data) <= 12:
        return
    if kind == 0xE1 and data.startswith(b"Exif\0\0") and any(tag in data for tag in TAG_OF_PLACE):
        notes.add(F.LOCATION, where)
    elif kind == 0xE2 and data.startswith(b"MPF\0"):
        notes.add(F.EMBEDDED_DATA, where, what="The file holds further pictures.")
    else:
        notes.add(F.METADATA, where)
    note_raw(notes, data, where)


def _segments(content: bytes, notes: Notes) -> Iterator[tuple[int, bytes]]:
    """Each segment before and between the scans; what follows the end is noted."""
    place = 2
    while place + 4 <= len(content) or content[place : place + 2] == b"\xff\xd9":
        if content[place] != 0xFF:
            break
        kind = content[place + 1]
        if kind == 0xFF:  # filling
            place += 1
            notes.add(F.TRAILING_BYTES, f"byte {place}")
            continue
        if kind == END:
            if place + 2 < len(content):
                notes.add(F.TRAILING_BYTES, f"byte {place + 2}")
            return
        length = int.from_bytes(content[place + 2 : place + 4])
        if length < 2 or place + 2 + length > len(content):
            break
        yield kind, content[place + 4 : place + 2 + length]
        place += 2 + length
        if kind == SCAN:
            place = _after_scan(content, place)
    raise CannotBeRead(F.MALFORMED, "The picture is damaged.", where=f"byte {place}", mend="Save it again.")


def _after_scan(content: bytes, place: int) -> int:
    """Where the packed pixels end: at the next mark that is neither stuffing nor a restart."""
    while (place := content.find(b"\xff", place)) >= 0:
        following = content[place + 1 : place + 2]
        if following and following != b"\0" and not 0xD0 <= following[0] <= 0xD7:
            return place
        place += 2
    return len(content)
