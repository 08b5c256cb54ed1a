"""One thing in each workbook and document, and its finding: hidden, commented, linked, embedded, or beside it."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from typing import Any

import PIL.Image
import pytest
from docx.enum.text import WD_COLOR_INDEX
from docx.oxml import OxmlElement
from docx.shared import Inches
from openpyxl import Workbook
from openpyxl.chart import BarChart, Reference
from openpyxl.comments import Comment
from openpyxl.drawing.image import Image
from openpyxl.workbook.defined_name import DefinedName

from environments.inspection.inspect import inspect_file
from tests.fakes.leaving_files import (
    NHS_NUMBER,
    PSEUDONYM,
    document,
    figure,
    per_person,
    picture,
    repacked,
    with_place,
    workbook,
)

Change = Callable[[Any], object]


def _sheet(book: Workbook) -> Any:
    return book.active


def _hidden_sheet(book: Workbook) -> None:
    book.create_sheet("Raw").sheet_state = "veryHidden"


def _hidden_row(book: Workbook) -> None:
    _sheet(book).row_dimensions[2].hidden = True


def _hidden_column(book: Workbook) -> None:
    _sheet(book).column_dimensions["B"].hidden = True


def _comment(book: Workbook) -> None:
    _sheet(book)["A1"].comment = Comment("Mrs X is in here", "Asha")


def _chart(book: Workbook) -> None:
    chart = BarChart()
    chart.add_data(Reference(_sheet(book), min_col=3, min_row=1, max_row=5))
    _sheet(book).add_chart(chart, "F1")


def _image(book: Workbook) -> None:
    _sheet(book).add_image(Image(io.BytesIO(figure())), "F1")


def _named(book: Workbook) -> None:
    book.defined_names["Secret"] = DefinedName("Secret", attr_text="{1,2,3}")


def _linked(book: Workbook) -> None:
    _sheet(book)["A1"].hyperlink = "https://example.org/?who=1"


def _author(book: Workbook) -> None:
    book.properties.creator = "Asha Rao"


def _custom(book: Workbook) -> None:
    from openpyxl.packaging.custom import StringProperty

    book.custom_doc_props.append(StringProperty(name="who", value="Mrs X"))


def _sheet_name(book: Workbook) -> None:
    _sheet(book).title = NHS_NUMBER


def _cell(value: Any) -> Change:
    return lambda book: _sheet(book).append([value, "F", 20])


def _header(book: Workbook) -> None:
    _sheet(book).oddHeader.center.text = f"About {NHS_NUMBER}"


@pytest.mark.parametrize(
    ("change", "code", "where"),
    [
        (_hidden_sheet, "hidden_sheet", "sheet 2"),
        (_hidden_row, "hidden_cells", "sheet 1, row 2"),
        (_hidden_column, "hidden_cells", "sheet 1, column 2"),
        (_comment, "comment", None),
        (_chart, "embedded_data", None),
        (_image, "embedded_object", None),
        (_named, "formula", "names of the workbook"),
        (_linked, "external_link", None),
        (_author, "metadata", None),
        (_custom, "metadata", None),
        (_sheet_name, "nhs_number", None),
        (_header, "nhs_number", "sheet 1"),
        (_cell("=1+1"), "formula", "sheet 1!A6"),
        (_cell("+cmd"), "formula", "sheet 1!A6"),
        (_cell(NHS_NUMBER), "nhs_number", "sheet 1!A6"),
        (_cell(9434765919), "nhs_number", "sheet 1!A6"),
        (_cell(9434765919.0), "nhs_number", "sheet 1!A6"),
        (_cell(f"of {PSEUDONYM}"), "pseudonym", "sheet 1!A6"),
        (_cell("someone@example.org"), "email", "sheet 1!A6"),
    ],
)  # fmt: skip
def test_one_thing_in_a_workbook(change: Change, code: str, where: str | None) -> None:
    """It is found, at its place."""
    found = [one for one in inspect_file("a.xlsx", workbook(change)).findings if one.code.value == code]
    assert found
    assert where is None or where in {one.where for one in found}


def test_rows_of_people_in_a_sheet() -> None:
    """A sheet is a table: a code in each row, and no count."""
    codes = {one.code.value for one in inspect_file("a.xlsx", workbook(rows=per_person())).findings}
    assert codes == {"row_level", "one_value_per_person"}


def _changes(paper: Any) -> None:
    paper.paragraphs[1]._p.append(OxmlElement("w:del"))


def _vanished(paper: Any) -> None:
    paper.paragraphs[1].add_run("hidden").font.hidden = True


def _hidden_style(paper: Any) -> None:
    style = paper.styles.add_style("Unseen", 1)
    style.font.hidden = True
    paper.add_paragraph("hidden", style=style)


def _in_runs(paper: Any) -> None:
    paragraph = paper.add_paragraph("of ")
    for part in ("943 4", "76 59", "19"):
        paragraph.add_run(part).font.highlight_color = WD_COLOR_INDEX.YELLOW


def _people(paper: Any) -> None:
    rows = per_person()
    table = paper.add_table(rows=0, cols=3)
    for row in rows:
        for cell, text in zip(table.add_row().cells, row, strict=True):
            cell.text = text


def _placed(paper: Any) -> None:
    paper.add_picture(io.BytesIO(picture("JPEG", exif=with_place())), width=Inches(1))


def _written_by(paper: Any) -> None:
    paper.core_properties.author = "Asha Rao"


def _footer(paper: Any) -> None:
    paper.sections[0].footer.paragraphs[0].text = NHS_NUMBER


def _noted(paper: Any) -> None:
    paper.add_comment(paper.paragraphs[1].runs, text="Mrs X", author="Asha")


@pytest.mark.parametrize(
    ("change", "code", "where"),
    [
        (_changes, "tracked_change", "document, paragraph 2"),
        (_vanished, "hidden_text", "document, paragraph 2"),
        (_hidden_style, "hidden_text", None),
        (_in_runs, "nhs_number", "document, paragraph 18"),
        (_people, "row_level", "document, a table"),
        (_placed, "location", None),
        (_written_by, "metadata", None),
        (_footer, "nhs_number", None),
        (_noted, "comment", None),
    ],
)  # fmt: skip
def test_one_thing_in_a_document(change: Change, code: str, where: str | None) -> None:
    """It is found, at its place."""
    found = [one for one in inspect_file("a.docx", document(change)).findings if one.code.value == code]
    assert found
    assert where is None or where in {one.where for one in found}


def _with_picture(drawn: bytes) -> bytes:
    return document(lambda paper: paper.add_picture(io.BytesIO(drawn), width=Inches(3)))


def _anew() -> bytes:
    anew = inspect_file("a.png", figure()).written_anew
    assert anew is not None
    return anew


def test_a_figure_in_a_document_passes() -> None:
    """A picture that was written anew may stand in a report: it leaves as it is."""
    assert inspect_file("a.docx", _with_picture(_anew())).findings == ()


def test_a_picture_that_leaves_as_its_authors_bytes() -> None:
    """The same pixels packed in another way, or as JPEG, can carry what nobody sees."""
    packed = io.BytesIO()
    PIL.Image.open(io.BytesIO(_anew())).save(packed, "PNG", compress_level=0)
    (found,) = inspect_file("a.docx", _with_picture(packed.getvalue())).findings
    assert (found.code.value, "--out" in found.mend) == ("embedded_data", True)
    assert [one.code.value for one in inspect_file("a.docx", _with_picture(picture("JPEG"))).findings] == [
        "embedded_object"
    ]


@pytest.mark.parametrize(
    ("make", "part", "code"),
    [
        (document, "word/media/image9.png", "embedded_object"),
        (workbook, "xl/media/image1.png", "embedded_object"),
        (document, "docProps/thumbnail.png", "metadata"),
        (document, "docProps/thumbnail.jpeg", "metadata"),
    ],
)
def test_a_picture_that_nothing_shows(make: Callable[[], bytes], part: str, code: str) -> None:
    """No relationship names it, the type has none, or it is a thumbnail that is not the template's."""
    content = repacked(make(), lambda parts: parts.update({part: _anew()}))
    name = "a.xlsx" if make is workbook else "a.docx"
    assert [one.code.value for one in inspect_file(name, content).findings] == [code]


def test_a_sheet_that_the_workbook_does_not_list() -> None:
    """No program shows it."""
    content = repacked(
        workbook(), lambda parts: parts.update({"xl/worksheets/sheet7.xml": parts["xl/worksheets/sheet1.xml"]})
    )
    (found,) = inspect_file("a.xlsx", content).findings
    assert (found.code.value, found.where) == ("hidden_sheet", "sheet 7")


@pytest.mark.parametrize(
    ("part", "code"),
    [
        ("xl/vbaProject.bin", "macro"), ("xl/embeddings/oleObject1.bin", "embedded_object"),
        ("xl/externalLinks/externalLink1.xml", "external_link"),
        ("xl/pivotCache/pivotCacheRecords1.xml", "embedded_data"),
        ("xl/charts/chart1.xml", "embedded_data"), ("xl/connections.xml", "external_link"),
        ("customXml/item1.xml", "embedded_data"), ("all.zip", "archive"), ("xl/strange.dat", "embedded_object"),
        ("docProps/custom.xml", "metadata"), ("xl/printerSettings/printerSettings1.bin", "metadata"),
        ("xl/threadedComments/threadedComment1.xml", "comment"),
    ],
)  # fmt: skip
def test_parts_that_a_workbook_need_not_have(part: str, code: str) -> None:
    """Every part that is not a sheet or what it needs is named for what it is."""
    content = repacked(workbook(), lambda parts: parts.update({part: b"<a>x</a>"}))
    assert {one.code.value for one in inspect_file("a.xlsx", content).findings} == {code}


def _shared(strings: bytes) -> bytes:
    """A workbook whose first cell of the first column is the first of these strings, as Excel writes it."""

    def change(parts: dict[str, bytes]) -> None:
        sheet = parts["xl/worksheets/sheet1.xml"]
        cell = b'<c r="A2" t="inlineStr"><is><t>0-39</t></is></c>'
        assert cell in sheet
        parts["xl/worksheets/sheet1.xml"] = sheet.replace(cell, b'<c r="A2" t="s"><v>0</v></c>')
        parts["xl/sharedStrings.xml"] = b"<sst>" + strings + b"</sst>"

    return repacked(workbook(), change)


def test_texts_that_cells_share() -> None:
    """They are read where their cells are, runs joined; one that no cell shows is found."""
    runs = b"<si><r><t>943 47</t></r><r><t>6 5919</t></r></si>"
    assert inspect_file("a.xlsx", _shared(b"<si><t>0-39</t></si>")).findings == ()
    found = inspect_file("a.xlsx", _shared(runs)).findings
    assert {(one.code.value, one.where) for one in found} == {
        ("nhs_number", "texts of the cells"),
        ("nhs_number", "sheet 1!A2"),
    }
    (left,) = inspect_file("a.xlsx", _shared(b"<si><t>0-39</t></si><si><t>old</t></si>")).findings
    assert left.code.value == "hidden_text"


def test_entities_are_refused_before_they_grow() -> None:
    """A document type is no part of an office's XML."""
    bomb = b'<!DOCTYPE a [<!ENTITY b "' + b"x" * 1000 + b'">]><a>' + b"&b;" * 1000 + b"</a>"
    content = repacked(workbook(), lambda parts: parts.update({"xl/styles.xml": bomb}))
    assert "malformed" in {one.code.value for one in inspect_file("a.xlsx", content).findings}


def test_an_archive_that_unpacks_too_large() -> None:
    """Its directory says how large it is: nothing is unpacked."""
    content = repacked(document(), lambda parts: parts.update({"word/document.xml": b" " * (65 * 1024**2)}))
    assert len(content) < 1024**2
    assert [one.code.value for one in inspect_file("a.docx", content).findings] == ["unpacks_too_large"]


def test_a_part_larger_than_its_directory_says() -> None:
    """The directory's word is held to: the part is damaged."""
    content = repacked(workbook(), lambda parts: parts.update({"xl/styles.xml": b"<a>" + b" " * 10**6 + b"</a>"}))
    size = (10**6 + 7).to_bytes(4, "little")
    assert content.count(size) == 2
    lying = content.replace(size, (100).to_bytes(4, "little"))
    assert [one.code.value for one in inspect_file("a.xlsx", lying).findings][-1] == "malformed"


@pytest.mark.parametrize("make", [workbook, document])
def test_bytes_beside_the_parts(make: Callable[[], bytes]) -> None:
    """Before, behind, between, in a comment of the archive and behind the name of a part: all are found."""
    name = "a.xlsx" if make is workbook else "a.docx"
    content = make()
    second = content.index(b"PK\x03\x04", 4)
    commented = io.BytesIO(content)
    with zipfile.ZipFile(commented, "a") as archive:
        archive.comment = b"hidden"
    for changed in (
        content + b"x",
        b"PK\x03\x04xx" + content,
        content[:second] + b"x" + content[second:],
        commented.getvalue(),
    ):
        found = {one.code.value for one in inspect_file(name, changed).findings}
        assert found & {"trailing_bytes", "malformed"}, found


def test_encrypted_parts_and_two_of_one_name() -> None:
    """Neither can be checked."""
    plain = workbook()
    locked = plain.replace(b"PK\x01\x02\x14\x03\x14\x00\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01\x00")
    assert locked != plain
    assert [one.code.value for one in inspect_file("a.xlsx", locked).findings] == ["encrypted"]
    out = io.BytesIO(plain)
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(out, "a") as archive:
        archive.writestr("xl/styles.xml", b"<a/>")
    assert [one.code.value for one in inspect_file("a.xlsx", out.getvalue()).findings] == ["malformed"]


SHADOW = b' xmlns:x="urn:x" x:hidden="0"'


@pytest.mark.parametrize("shadow", [b' hidden="1"' + SHADOW, SHADOW + b' hidden="1"'])
def test_two_attributes_of_one_name(shadow: bytes) -> None:
    """One of them would hide the other, whichever comes last."""
    content = _with_part(workbook(), "xl/worksheets/sheet1.xml", b'<row r="2"', b'<row r="2"' + shadow)
    assert [one.code.value for one in inspect_file("a.xlsx", content).findings] == ["malformed"]


@pytest.mark.parametrize("shadow", [b"", b' val="0"', b' xmlns:x="urn:x" x:val="0"'])
def test_an_attribute_that_word_does_not_read(shadow: bytes) -> None:
    """Of no namespace, or of another: the text stays hidden, and is found."""
    content = _with_part(document(_vanished), "word/document.xml", b"<w:vanish/>", b"<w:vanish" + shadow + b"/>")
    assert [one.code.value for one in inspect_file("a.docx", content).findings] == ["hidden_text"]


def _with_part(content: bytes, name: str, before: bytes, after: bytes) -> bytes:
    def change(parts: dict[str, bytes]) -> None:
        assert before in parts[name]
        parts[name] = parts[name].replace(before, after)

    return repacked(content, change)


@pytest.mark.parametrize("make", [workbook, document])
def test_a_folder_that_holds_bytes(make: Callable[[], bytes]) -> None:
    """No program shows them, and no inspector would read them; an empty folder is nothing."""
    name = "a.xlsx" if make is workbook else "a.docx"
    for held, codes in ((b"", []), (b"hidden", ["malformed"])):
        content = repacked(make(), lambda parts, held=held: parts.update({"word/": held}))
        assert [one.code.value for one in inspect_file(name, content).findings] == codes
