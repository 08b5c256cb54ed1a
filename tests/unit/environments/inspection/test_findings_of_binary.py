"""One thing in each picture, PDF and Parquet file, and its finding."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from pypdf import PdfWriter
from pypdf.annotations import FreeText, Link
from pypdf.generic import (
    ArrayObject,
    DecodedStreamObject,
    DictionaryObject,
    EncodedStreamObject,
    NameObject,
    TextStringObject,
)

from environments.inspection.inspect import inspect_file
from tests.fakes.leaving_files import NHS_NUMBER, PSEUDONYM, figure, parquet, pdf, per_person, picture, with_place


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _with_chunk(kind: bytes, data: bytes) -> bytes:
    """A picture with one more chunk before its end."""
    content = figure()
    return content[:-12] + _chunk(kind, data) + content[-12:]


def _behind_the_pixels() -> bytes:
    """A picture whose packed pixels go on behind the last one."""
    pixels = zlib.compress(b"\0\xff\xff\xff" + b"hidden bytes")
    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def _segment(kind: int, data: bytes) -> bytes:
    content = picture("JPEG")
    return content[:2] + bytes((0xFF, kind)) + struct.pack(">H", len(data) + 2) + data + content[2:]


def _texts() -> PngInfo:
    info = PngInfo()
    info.add_text("Author", f"Asha, of {NHS_NUMBER}")
    return info


@pytest.mark.parametrize(
    ("name", "content", "codes"),
    [
        ("a.png", picture(pnginfo=_texts()), {"metadata", "nhs_number"}),
        ("a.png", picture(exif=with_place()), {"location"}),
        ("a.png", _with_chunk(b"zTXt", b"XML:com.adobe.xmp\0\0" + zlib.compress(b"who")), {"metadata"}),
        ("a.png", _with_chunk(b"prIv", b"PK\x03\x04"), {"metadata"}),
        ("a.png", figure() + b"PK\x03\x04", {"trailing_bytes"}),
        ("a.png", _behind_the_pixels(), {"trailing_bytes"}),
        ("a.jpg", picture("JPEG", exif=with_place()), {"location"}),
        ("a.jpg", picture("JPEG", comment=b"Mrs X"), {"comment"}),
        ("a.jpg", _segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x/>"), {"metadata"}),
        ("a.jpg", _segment(0xED, b"Photoshop 3.0\0IPTC"), {"metadata"}),
        ("a.jpg", _segment(0xE2, b"MPF\0"), {"embedded_data"}),
        ("a.jpg", picture("JPEG") + b"\0" * 10, {"trailing_bytes"}),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)  # fmt: skip
def test_one_thing_beside_the_pixels(name: str, content: bytes, codes: set[str]) -> None:
    """It is found, and gone from the picture that is written anew."""
    found = inspect_file(name, content)
    assert {one.code.value for one in found.findings} == codes
    assert found.written_anew is not None
    assert inspect_file(name, found.written_anew).findings == ()


def test_what_lies_under_transparent_pixels_is_gone() -> None:
    """Written anew, a transparent pixel is white whatever colour it hid."""
    hiding = Image.new("RGBA", (4, 4), (12, 34, 56, 0))
    out = io.BytesIO()
    hiding.save(out, "PNG")
    anew = inspect_file("a.png", out.getvalue()).written_anew
    assert anew is not None
    assert Image.open(io.BytesIO(anew)).getcolors() == [(16, (255, 255, 255))]


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGB", "RGBA", "I;16", "CMYK"])
def test_pictures_of_every_kind_are_written_anew(mode: str) -> None:
    """Greys, palettes, sixteen bits and printers' colours come out as plain ones of eight bits."""
    out = io.BytesIO()
    Image.new(mode, (8, 8)).save(out, "JPEG" if mode == "CMYK" else "PNG")
    found = inspect_file("a.jpg" if mode == "CMYK" else "a.png", out.getvalue())
    assert found.findings == ()
    assert Image.open(io.BytesIO(found.written_anew or b"")).mode in ("L", "RGB")


def test_a_picture_that_unpacks_too_large() -> None:
    """Its header says so; no pixel is decoded."""
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    bomb = (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(b"\0" * 10**6))
        + _chunk(b"IEND", b"")
    )
    assert [one.code.value for one in inspect_file("a.png", bomb).findings] == ["unpacks_too_large"]


@pytest.mark.parametrize(
    "content", [figure()[:-30], picture("JPEG")[:-30], b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0"], ids=range(4)
)
def test_damaged_pictures(content: bytes) -> None:
    """Cut off, they are refused, and nothing is written anew."""
    found = inspect_file("a.png" if content[0] == 0x89 else "a.jpg", content)
    assert [one.code.value for one in found.findings] == ["malformed"]
    assert found.written_anew is None


def _root(key: str, value: Any) -> Callable[[PdfWriter], object]:
    return lambda writer: writer.root_object.__setitem__(NameObject(key), value)


def _invisible(writer: PdfWriter) -> None:
    page = writer.pages[0]
    stream = page.get_contents()
    stream.set_data(stream.get_data() + b"\nBT 3 Tr (hidden) Tj ET\n")
    page[NameObject("/Contents")] = writer._add_object(stream)


def _action(kind: str) -> DictionaryObject:
    return DictionaryObject({NameObject("/S"): NameObject(kind), NameObject("/F"): TextStringObject("cmd.exe")})


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda writer: writer.add_attachment("rows.csv", b"a,b"), "attachment"),
        (_root("/OpenAction", _action("/JavaScript")), "macro"),
        (_root("/OpenAction", _action("/Launch")), "macro"),
        (lambda writer: writer.add_annotation(0, FreeText(text="Mrs X", rect=(1, 1, 9, 9))), "comment"),
        (lambda writer: writer.add_annotation(0, Link(rect=(1, 1, 9, 9), url="https://example.org")), "external_link"),
        (lambda writer: writer.add_metadata({"/Author": "Asha Rao"}), "metadata"),
        (lambda writer: writer.add_metadata({"/Title": f"Of {NHS_NUMBER}"}), "nhs_number"),
        (_root("/OCProperties", DictionaryObject()), "hidden_text"),
        (_root("/AcroForm", DictionaryObject()), "embedded_object"),
        (_root("/Note", TextStringObject(PSEUDONYM)), "pseudonym"),
        (lambda writer: writer.encrypt("secret"), "encrypted"),
        (_invisible, "hidden_text"),
    ],
)  # fmt: skip
def test_one_thing_in_a_pdf(change: Callable[[PdfWriter], object], code: str) -> None:
    """It is found, wherever in the tree of objects it hangs."""
    assert code in {one.code.value for one in inspect_file("a.pdf", pdf(change)).findings}


@pytest.mark.parametrize("fonttype", [3, 42])
def test_what_a_page_says_is_read(fonttype: int) -> None:
    """Text of a figure is found in either kind of matplotlib's fonts."""
    import matplotlib as mpl

    with mpl.rc_context({"pdf.fonttype": fonttype}):
        found = inspect_file("a.pdf", figure("pdf", text=f"Of {NHS_NUMBER}"))
    assert [(one.code.value, one.where) for one in found.findings] == [("nhs_number", "page 1")]


def test_a_drawing_with_a_mark_for_each_person() -> None:
    """Its coordinates are its data: as a picture it may leave, as a drawing not."""
    assert {one.code.value for one in inspect_file("a.pdf", figure("pdf", points=5_000)).findings} == {"row_level"}
    assert inspect_file("a.png", figure(points=5_000)).passed


def test_bytes_and_versions_of_a_pdf() -> None:
    """Behind the end, before the first object, between objects, an earlier version: all are found."""
    content = figure("pdf")
    assert "trailing_bytes" in {one.code.value for one in inspect_file("a.pdf", content + b"x").findings}
    later = content + content[content.rindex(b"xref\n0") :]
    assert "hidden_version" in {one.code.value for one in inspect_file("a.pdf", later).findings}
    at = content.index(b"endobj", 200) + 7
    place = content[:at] + b"% hidden\n" + content[at:]
    assert {one.code.value for one in inspect_file("a.pdf", place).findings} & {"trailing_bytes", "malformed"}


def test_an_object_that_no_page_shows() -> None:
    """What was taken off every page and left in the file is found."""
    content = pdf(lambda writer: writer._add_object(TextStringObject("left over")))
    assert "embedded_data" in {one.code.value for one in inspect_file("a.pdf", content).findings}


def _stream(writer: PdfWriter, data: bytes = b"hidden") -> Any:
    stream = DecodedStreamObject()
    stream.set_data(data)
    return writer._add_object(stream)


def _of_a_page(key: str) -> Callable[[PdfWriter], object]:
    return lambda writer: writer.pages[0].__setitem__(NameObject(key), _stream(writer))


def _within(key: str) -> Callable[[PdfWriter], object]:
    """Under a key of its own of something that pages have."""
    return lambda writer: writer.pages[0]["/Resources"].__setitem__(NameObject(key), _stream(writer))  # type: ignore[index]


def _list_of(key: str) -> Callable[[PdfWriter], object]:
    return lambda writer: _root("/Names", DictionaryObject({NameObject(key): ArrayObject([_stream(writer)])}))(writer)


@pytest.mark.parametrize("change", [_of_a_page("/Rows"), _within("/Rows"), _within("/Contents"), _list_of("/Rows"),
                                    _root("/Rows", TextStringObject("hidden")), _of_a_page("/Rotate")])  # fmt: skip
def test_a_stream_under_a_key_of_its_own(change: Callable[[PdfWriter], object]) -> None:
    """No page shows it, and nothing looks into it."""
    assert {one.code.value for one in inspect_file("a.pdf", pdf(change)).findings} == {"embedded_data"}


def test_bytes_behind_what_a_stream_packs() -> None:
    """A reader stops at the end of what is packed; what stands behind it leaves all the same."""

    def change(writer: PdfWriter) -> None:
        page = writer.pages[0]
        packed = EncodedStreamObject()
        packed.update({NameObject("/Filter"): NameObject("/FlateDecode")})
        packed._data = zlib.compress(b"q Q") + b"hidden"
        page[NameObject("/Contents")] = writer._add_object(packed)

    assert "trailing_bytes" in {one.code.value for one in inspect_file("a.pdf", pdf(change)).findings}


def _arrow(**options: Any) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table({"age": ["0-39", "40+"], "people": [120, 210]}), out, **options)
    return out.getvalue()


def _dictionary() -> bytes:
    values = pa.DictionaryArray.from_arrays(pa.array([0, 1], pa.int32()), pa.array(["0-39", "40+", NHS_NUMBER]))
    out = io.BytesIO()
    pq.write_table(pa.table({"age": values, "people": [120, 210]}), out)
    return out.getvalue()


def _with_words(words: dict[str, str], of_column: dict[str, str]) -> bytes:
    table = pa.table(
        [pa.array(["0-39"]), pa.array([120])],
        schema=pa.schema(
            [pa.field("age", pa.string(), metadata=of_column), pa.field("people", pa.int64())], metadata=words
        ),
    )
    out = io.BytesIO()
    pq.write_table(table, out)
    return out.getvalue()


FRAME = pl.DataFrame(per_person()[1:], schema=per_person()[0], orient="row")


@pytest.mark.parametrize(
    ("content", "codes"),
    [
        (parquet(FRAME), {"row_level", "one_value_per_person"}),
        (parquet(pl.DataFrame({"n": range(6_000)})), {"too_many_rows"}),
        (parquet(pl.DataFrame({"who": [9434765919], "people": [20]})), {"nhs_number"}),
        (parquet(pl.DataFrame({"who": [9434765919.0], "people": [20]})), {"nhs_number"}),
        (parquet(pl.DataFrame({NHS_NUMBER: [20]})), {"nhs_number"}),
        (parquet(pl.DataFrame({"a": [[1, 2]]})), {"embedded_object"}),
        (parquet(pl.DataFrame({"a": [b"PK"]})), {"embedded_object"}),
        (parquet(pl.DataFrame({"a": ["=A1"], "people": [20]})), {"formula"}),
        (_with_words({"who": "Asha"}, {}), {"metadata"}),
        (_with_words({}, {"who": "Asha"}), {"metadata"}),
        (parquet()[:-4] + b"hidden" + parquet()[-8:], {"malformed"}),
        (parquet() + b"x", {"wrong_type"}),
        (b"PAR1" + parquet(), {"malformed", "trailing_bytes"}),
        (parquet(pl.DataFrame({"a": range(200_000)})), {"too_many_rows", "unpacks_too_large"}),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)  # fmt: skip
def test_one_thing_in_parquet(content: bytes, codes: set[str]) -> None:
    """Each is found, before or behind the unpacking."""
    assert {one.code.value for one in inspect_file("a.parquet", content).findings} == codes


def test_a_value_that_no_cell_holds() -> None:
    """What stands in a column's dictionary and in none of its rows is found."""
    assert {one.code.value for one in inspect_file("a.parquet", _dictionary()).findings} == {"nhs_number"}


@pytest.mark.parametrize("options", [{}, {"write_page_index": True}, {"compression": "none"}, {"row_group_size": 1}])
def test_parquet_of_every_writer_is_accounted_for(options: dict[str, Any]) -> None:
    """Indexes and copies of descriptions belong to the format, and every byte to one of them."""
    assert inspect_file("a.parquet", _arrow(**options)).findings == ()
