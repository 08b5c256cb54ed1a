"""What hangs on a PDF's pages? Every object that its root leads to, each once; and those that nothing leads to."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pypdf import PdfReader
from pypdf.generic import ByteStringObject, IndirectObject, StreamObject, TextStringObject

from environments.inspection.binary.pictures import note_picture
from environments.inspection.errors import CannotBeRead
from environments.inspection.limits import MOST_MARKS, MOST_OBJECTS
from environments.inspection.model import FindingCode as F
from environments.inspection.notes import Notes
from environments.inspection.people import at, note_identifiers

KEYS: dict[str, F] = {
    "/JS": F.MACRO, "/JavaScript": F.MACRO, "/AA": F.MACRO, "/EmbeddedFiles": F.ATTACHMENT, "/EF": F.ATTACHMENT,
    "/AF": F.ATTACHMENT, "/Collection": F.ATTACHMENT, "/AcroForm": F.EMBEDDED_OBJECT, "/XFA": F.EMBEDDED_OBJECT,
    "/OCProperties": F.HIDDEN_TEXT, "/PieceInfo": F.EMBEDDED_DATA, "/Thumb": F.METADATA, "/URI": F.EXTERNAL_LINK,
    "/Metadata": F.METADATA, "/Alternates": F.EMBEDDED_DATA, "/OPI": F.EXTERNAL_LINK, "/Encrypt": F.ENCRYPTED,
}  # fmt: skip
TYPES: dict[str, F] = {"/EmbeddedFile": F.ATTACHMENT, "/Filespec": F.ATTACHMENT, "/Metadata": F.METADATA}
ACTIONS: dict[str, F] = {
    "/JavaScript": F.MACRO, "/Launch": F.MACRO, "/SubmitForm": F.MACRO, "/ImportData": F.MACRO, "/Rendition": F.MACRO,
    "/GoToR": F.EXTERNAL_LINK, "/GoToE": F.ATTACHMENT, "/URI": F.EXTERNAL_LINK,
}  # fmt: skip
LEAD_TO_STREAMS = {
    "/FontFile", "/FontFile2", "/FontFile3", "/ToUnicode", "/CIDToGIDMap", "/CIDSet", "/Encoding", "/SMask", "/Mask",
    "/Function", "/Functions", "/TR", "/ColorSpace", "/CS", "/Shading", "/DestOutputProfile",
}  # fmt: skip
HOLD_STREAMS = {"/XObject", "/Pattern", "/Shading", "/ColorSpace", "/CharProcs"}
"""Under each of these stand streams by names of their own."""
OF_THE_ROOT = {
    "/Type", "/Version", "/Extensions", "/Pages", "/PageLabels", "/Names", "/Dests", "/ViewerPreferences",
    "/PageLayout", "/PageMode", "/Outlines", "/OpenAction", "/StructTreeRoot", "/MarkInfo", "/Lang", "/OutputIntents",
}  # fmt: skip
OF_A_PAGE = {
    "/Type", "/Parent", "/LastModified", "/Resources", "/MediaBox", "/CropBox", "/BleedBox", "/TrimBox", "/ArtBox",
    "/Contents", "/Rotate", "/Group", "/Annots", "/StructParents", "/Tabs", "/UserUnit",
}  # fmt: skip
KNOWN_KEYS = {"/Catalog": OF_THE_ROOT | KEYS.keys(), "/Page": OF_A_PAGE | KEYS.keys()}
OBJECTS = {"/RichMedia", "/Screen", "/3D", "/Movie", "/Sound", "/Widget", "/PrinterMark", "/TrapNet", "/Watermark"}
OF_THE_FILE = {"/XRef", "/ObjStm"}
CHANNELS = {"/DeviceGray": 1, "/DeviceRGB": 3, "/DeviceCMYK": 4, "/CalGray": 1, "/CalRGB": 3, "/Indexed": 1, "/Lab": 3}
MARK = re.compile(rb"(?<=\s)(?:Do|l|c|v|y|re|BI|sh)(?=\s)")
MADE_UP = re.compile(r"/(?:g|G|c|C|cid|glyph|index|a)\d+")


def note_objects(reader: PdfReader, notes: Notes) -> None:
    """Note actions, attachments, forms, layers, comments, metadata, pictures that carry more than pixels."""
    reached: set[int] = set()
    for number, value, by in _reachable(reader, reached):
        where = f"object {number}" if number else "the root"
        if isinstance(value, TextStringObject | ByteStringObject):
            text = value if isinstance(value, TextStringObject) else bytes(value).decode("latin-1")
            note_identifiers(notes, str(text), at(where))
        elif isinstance(value, int | float):
            note_identifiers(notes, str(value), at(where))
        elif isinstance(value, Mapping):
            _note_dictionary(value, notes, where)
            if isinstance(value, StreamObject):
                _note_stream(value, notes, where)
                _note_way(value, by, notes, where)
    known = {number for objects in reader.xref.values() for number in objects} | set(reader.xref_objStm)
    for number in sorted(known - reached - {0}):
        lost = reader.get_object(IndirectObject(number, 0, reader))
        note_identifiers(notes, str(lost), at(f"object {number}"))
        if isinstance(lost, Mapping) and (lost.get("/Type") in OF_THE_FILE or "/Linearized" in lost):
            continue
        if lost is not None and not isinstance(lost, int):  # the length of a stream, which the reader takes for itself
            notes.add(F.EMBEDDED_DATA, f"object {number}", what="It holds an object that no page shows.",
                      mend="Print it to PDF again.")  # fmt: skip


@dataclass(frozen=True)
class _Way:
    """What led to a value: the dictionary that holds it, its key there, and the key of that dictionary."""

    holder: Mapping[str, Any]
    key: str = ""
    above: str = ""


def _reachable(reader: PdfReader, reached: set[int]) -> Iterator[tuple[int, Any, _Way]]:
    """Every value that the trailer leads to, with the number of its object; without recursion, each object once."""
    stack: list[tuple[int, Any, _Way]] = [(0, reader.trailer, _Way({}))]
    steps = 0
    while stack:
        number, value, by = stack.pop()
        steps += 1
        if steps > MOST_OBJECTS * 40:
            raise CannotBeRead(F.UNPACKS_TOO_LARGE, "It has far too many objects.", mend="Print it to PDF again.")
        if isinstance(value, IndirectObject):
            if value.idnum not in reached:
                reached.add(value.idnum)
                stack.append((value.idnum, value.get_object(), by))
            continue
        yield number, value, by
        if isinstance(value, dict):
            stack.extend((number, dict.__getitem__(value, key), _Way(value, key, by.key)) for key in value)
        elif isinstance(value, list):
            stack.extend((number, list.__getitem__(value, place), by) for place in range(len(value)))


def _note_dictionary(value: Mapping[str, Any], notes: Notes, where: str) -> None:
    for key, code in KEYS.items():
        if key in value:
            notes.add(code, where)
    kind = value.get("/Type")
    if isinstance(kind, str) and kind in KNOWN_KEYS and value.keys() - KNOWN_KEYS[kind]:
        notes.add(F.EMBEDDED_DATA, where, what="It holds values that no page shows.", mend="Print it to PDF again.")
    for kinds, key in ((TYPES, "/Type"), (ACTIONS, "/S")):
        kind = value.get(key)
        if isinstance(kind, str) and kind in kinds:
            notes.add(kinds[kind], where)
    if value.get("/Type") == "/Annot" or ("/Rect" in value and "/Subtype" in value):
        _note_annotation(str(value.get("/Subtype")), notes, where)
    if value.get("/Type") == "/Font" or "/BaseFont" in value:
        _note_font(value, notes, where)


def _note_way(stream: StreamObject, by: _Way, notes: Notes, where: str) -> None:
    """Only what a page draws or a font needs leads to a stream; and nothing stands behind what is packed."""
    known = by.key in LEAD_TO_STREAMS or by.key in KEYS or by.above in HOLD_STREAMS or by.above in KEYS
    known = known or (by.key == "/Contents" and by.holder.get("/Type") == "/Page")
    known = known or (by.key == "/G" and by.above == "/SMask")
    if not known:
        notes.add(F.EMBEDDED_DATA, where, what="It holds bytes that no page shows.", mend="Print it to PDF again.")
    filters = stream.get("/Filter", [])
    if (filters if isinstance(filters, str) else next(iter(filters), "")) == "/FlateDecode":
        reader = zlib.decompressobj()
        reader.decompress(stream._data)
        if reader.unused_data.strip(b"\r\n"):
            notes.add(F.TRAILING_BYTES, where, what="Bytes stand behind what is packed.", mend="Print it to PDF again.")


def _note_annotation(kind: str, notes: Notes, where: str) -> None:
    if kind == "/FileAttachment":
        notes.add(F.ATTACHMENT, where)
    elif kind in OBJECTS:
        notes.add(F.EMBEDDED_OBJECT, where)
    elif kind != "/Link":
        notes.add(F.COMMENT, where)


def _note_font(font: Mapping[str, Any], notes: Notes, where: str) -> None:
    """Can its letters be named? Composite fonts by a table of their own; others by the names of their letters."""
    if "/ToUnicode" in font:
        return
    encoding = font.get("/Encoding")
    names = encoding.get("/Differences", ()) if isinstance(encoding, Mapping) else ()
    if font.get("/Subtype") == "/Type0" or any(isinstance(name, str) and MADE_UP.fullmatch(name) for name in names):
        notes.add(F.UNREADABLE_TEXT, where)


def _note_stream(stream: StreamObject, notes: Notes, where: str) -> None:
    if stream.get("/Subtype") == "/Image":
        _note_image(stream, notes, where)
    elif stream.get("/Subtype") == "/Form" and sum(1 for _ in MARK.finditer(stream.get_data())) > MOST_MARKS:
        notes.add(F.ROW_LEVEL, where, what="A drawing in it has a mark for each value: it carries its data.",
                  mend="Put the figure in as a PNG picture.")  # fmt: skip


def _note_image(image: StreamObject, notes: Notes, where: str) -> None:
    """A picture: JPEG by its segments; plain pixels by their number."""
    filters = image.get("/Filter", [])
    names = [filters] if isinstance(filters, str) else list(filters)
    data = image.get_data()
    if names and names[-1] == "/DCTDecode":
        note_picture(notes, data, where)
        return
    if any(name not in ("/FlateDecode", "/ASCII85Decode") for name in names):
        notes.add(F.EMBEDDED_OBJECT, where, what="It holds a picture in a format that cannot be checked.")
        return
    width, height = int(image.get("/Width", 0)), int(image.get("/Height", 0))
    channels = 1 if image.get("/ImageMask") else _channels(image.get("/ColorSpace"))
    bits = 1 if image.get("/ImageMask") else int(image.get("/BitsPerComponent", 8))
    if not channels or len(data) > height * -(-width * channels * bits // 8) + 1:
        notes.add(F.TRAILING_BYTES, where, what="Bytes stand behind the pixels of a picture.",
                  mend="Put the picture in again, as a PNG written anew.")  # fmt: skip


def _channels(space: Any) -> int:
    if isinstance(space, IndirectObject):
        space = space.get_object()
    if isinstance(space, list):
        if str(space[0]) == "/ICCBased":
            return int(space[1].get_object().get("/N", 0))
        return CHANNELS.get(str(space[0]), 0)
    return CHANNELS.get(str(space), 0)
