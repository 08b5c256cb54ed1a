"""One thing in each file of text, and its finding: tables, prose, code, notebooks, JSON, ACRO's results."""

from __future__ import annotations

import json

import pytest

from environments.inspection.inspect import inspect_file
from tests.fakes.leaving_files import NHS_NUMBER, PSEUDONYM, PYTHON, csv, notebook, per_person, results

ROWS = "\n".join(",".join(row) for row in per_person()).encode()
COSTS = b"age,sex,total_cost,n_admissions\n" + b"".join(b"%d,F,%d,3\n" % (n % 50, n * 7) for n in range(60))
BASE64 = b"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo" * 8
PRINTED = "\n".join(f"{n:>4} {20 + n % 60} {n * 13 % 97}.5" for n in range(60)).encode()
BROKEN_UP = b"\nand\n".join(b"\n".join(PRINTED.split(b"\n")[n : n + 6]) for n in range(0, 60, 6))
COMMENTED = b"\nx\n".join(b"# " + line for line in PRINTED.split(b"\n"))
MANY = csv("".join(f"{n},F,20\n" for n in range(5_001)))
NUMBERS = b"values = [" + b", ".join(b"%d" % n for n in range(600)) + b"]\n"
RECORDS = json.dumps([{"visit": n, "age": 20 + n % 50} for n in range(60)]).encode()
COLUMNS = json.dumps(
    {"age": {str(n): 20 + n % 50 for n in range(60)}, "sex": {str(n): "F" for n in range(60)}}
).encode()
SPLIT = json.dumps({"columns": ["age", "sex"], "index": [], "data": [[20 + n % 50, "F"] for n in range(60)]}).encode()
DEEP = b'{"a":' * 60 + b"1" + b"}" * 60
DEEPER = b"[" * 200_000 + b"]" * 200_000
ESCAPED = b'{"a": "\\u0039434765919"}'


@pytest.mark.parametrize(
    ("name", "content", "codes"),
    [
        ("a.csv", MANY, {"too_many_rows"}),
        ("a.csv", ROWS, {"row_level", "one_value_per_person"}),
        ("a.csv", b"patient_id,people\n1,20\n", {"person_column"}),
        ("a.csv", b"age,n\n" + b"".join(b"%d,1\n" % n for n in range(40)), {"row_level"}),
        ("a.csv", COSTS, {"row_level"}),
        ("a.csv", csv("=HYPERLINK(A1),F,20\n"), {"formula"}),
        ("a.csv", csv(' "@SUM(A1)",F,20\n').replace(b' "', b'"'), {"formula"}),
        ("a.csv", csv("50+,F\n"), {"malformed"}),
        ("a.csv", csv().decode().encode("utf-16"), {"wrong_type"}),
        ("a.csv", "age,people\nübrig,20\n".encode("latin-1"), {"malformed"}),
        ("a.csv", csv("x\0,F,20\n"), {"malformed", "control_characters"}),
        ("a.csv", csv('"a\nb",F,20\n'), {"control_characters"}),
        ("a.csv", csv(f"{'x' * 201},F,20\n"), {"embedded_data"}),
        ("a.csv", csv("<b>,F,20\n") + b"someone@example.org,F,20\n", {"email"}),
        ("a.csv", csv("SW1A 1AA,F,20\n"), {"postcode"}),
        ("a.csv", b"<html><body>age,people</body></html>", {"wrong_type"}),
        ("a.csv", b"#%PDF-1.7\nage,people\n1,20\n", {"wrong_type"}),
        ("a.csv", b"", {"malformed"}),
        ("a.txt", PRINTED, {"row_level"}),
        ("a.txt", BROKEN_UP, {"row_level"}),
        ("a.R", COMMENTED, {"row_level"}),
        ("a.sql", COMMENTED.replace(b"#", b"--"), {"row_level"}),
        ("a.txt", b"\n" * 5_001, {"too_many_rows"}),
        ("a.txt", BASE64, {"embedded_data"}),
        ("a.txt", b"x" * 2_001, {"embedded_data"}),
        ("a.txt", "age\u202e20".encode(), {"hidden_text"}),
        ("a.txt", "a\u200bge".encode(), {"hidden_text"}),
        ("a.txt", b"\x1b[31mred\x1b[0m", {"control_characters"}),
        ("a.md", b"# A\n<!-- of Mrs X -->\n", {"comment"}),
        ("a.md", b"![a](https://example.org/a.png)", {"external_link"}),
        ("a.md", b"<script>alert(1)</script>", {"wrong_type"}),
        ("a.md", b"A <script>alert(1)</script>", {"embedded_object"}),
        ("a.md", b"![a](data:image/png;base64,iVBORw0KGgo=)", {"embedded_data"}),
        ("a.py", b"def broken(:\n", {"malformed"}),
        ("a.py", NUMBERS, {"embedded_data"}),
        ("a.R", NUMBERS, {"embedded_data"}),
        ("a.sql", NUMBERS, {"embedded_data"}),
        ("a.py", b'who = "\\x39434765919"\n', {"nhs_number"}),
        ("a.py", f"who = {9434765919:#x}\n".encode(), {"nhs_number"}),
        ("a.py", PYTHON + b"(" * 1_500, {"malformed"}),
        ("a.json", RECORDS, {"row_level"}),
        ("a.json", COLUMNS, {"row_level"}),
        ("a.json", SPLIT, {"row_level"}),
        ("a.json", b'{"a": 1, "a": 2}', {"malformed"}),
        ("a.json", b'{"a": NaN}', {"malformed"}),
        ("a.json", b'{"a": 1} PK', {"malformed"}),
        ("a.json", DEEP, {"malformed"}),
        ("a.json", DEEPER, {"malformed"}),
        ("a.json", ESCAPED, {"nhs_number"}),
        ("a.json", b'{"a": 9434765919}', {"nhs_number"}),
        ("results.json", results("fail"), {"check_failed"}),
        ("results.json", results("review"), {"check_failed"}),
        ("results.json", results("fine"), {"malformed"}),
        ("results.json", b'{"a": 1}', {"malformed"}),
        ("a.ipynb", notebook(outputs=[{"output_type": "stream", "name": "stdout", "text": "x"}]), {"outputs"}),
        ("a.ipynb", notebook(cell_type="markdown", attachments={"a.png": {}}), {"attachment", "embedded_data"}),
        ("a.ipynb", notebook(metadata={"rows": "x" * 3_000}), {"metadata"}),
        ("a.ipynb", notebook(further=1), {"embedded_data"}),
        ("a.ipynb", notebook(execution_count=9434765919), {"nhs_number"}),
        ("a.ipynb", notebook(id="9434765919"), {"nhs_number"}),
        ("a.ipynb", b"{}", {"malformed"}),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)  # fmt: skip
def test_one_thing_is_one_finding(name: str, content: bytes, codes: set[str]) -> None:
    """Each is found, and nothing else is."""
    found = inspect_file(name, content)
    assert {one.code.value for one in found.findings} == codes


@pytest.mark.parametrize(
    "written",
    [NHS_NUMBER, "9434765919", "943-476-5919", "943\u2011476\u20115919", "９４３４７６５９１９", "94\u200b34765919",
     "9.434765919e9", "943.476.5919", "٩٤٣٤٧٦٥٩١٩"],
)  # fmt: skip
def test_an_nhs_number_is_found_however_it_is_written(written: str) -> None:
    """Other digits, other dashes, invisible characters and powers of ten disguise nothing."""
    found = inspect_file("a.txt", f"about {written}\n".encode())
    assert "nhs_number" in {one.code.value for one in found.findings}


@pytest.mark.parametrize("number", ["9434765918", "0.5", "1234567", "20260105101500", "94347659190", "0123456789"])
def test_other_numbers_are_no_nhs_numbers(number: str) -> None:
    """Its check digit tells an NHS number from others of ten digits."""
    assert inspect_file("a.txt", f"about {number}\n".encode()).passed


def test_a_pseudonym_is_found_in_either_form() -> None:
    """With its dashes and without."""
    for form in (PSEUDONYM, PSEUDONYM.upper(), PSEUDONYM.replace("-", "")):
        (finding,) = inspect_file("a.txt", f"about {form}\n".encode()).findings
        assert (finding.code.value, finding.where) == ("pseudonym", "line 1")


def test_the_project_is_asked_about_a_notebooks_own_numbers() -> None:
    """Editors number cells with 128 bits: such a number is no finding, unless the project knows it for its own."""
    content = notebook(id=PSEUDONYM)
    assert inspect_file("a.ipynb", content).passed
    asked: list[str] = []
    assert inspect_file("a.ipynb", content, is_pseudonym=lambda number: bool(asked.append(number))).passed
    assert asked == [PSEUDONYM]
    (finding,) = inspect_file("a.ipynb", content, is_pseudonym=lambda number: number == PSEUDONYM).findings
    assert finding.code.value == "pseudonym"


def test_tables_of_groups_pass() -> None:
    """Many areas with a count, a survival curve with those at risk, a table of coefficients: groups, not people."""
    areas = b"area,people\n" + b"".join(b"E%08d,%d\n" % (n, 20 + n * 5) for n in range(300))
    curve = b"day,survival,at_risk\n" + b"".join(b"%d,0.%03d,%d\n" % (n, 999 - n, 900 - n * 5) for n in range(100))
    terms = b"term,estimate,std_error,people\nage,0.5,0.1,400\nsex,-0.2,0.1,200\n"
    days = b"day,admissions_n\n" + b"".join(
        b"2025-%02d-%02d,%d\n" % (m, d, 20 + d) for m in range(1, 13) for d in range(1, 28)
    )
    for content in (areas, curve, terms, days):
        assert inspect_file("a.csv", content).findings == ()


def test_a_report_with_many_small_tables_passes() -> None:
    """Each counts its people; neither they nor lines of code or prose are rows of one table."""
    table = b"By age.\n\nage people\n0-39 120\n40-59 135\n60-79 210\n80+ 95\n\n"
    assert inspect_file("a.txt", table * 12).findings == ()
    code = b"# Ten ages, of which\n# 2 are shown.\n" + b"".join(b"a%d = %d\n" % (n, n) for n in range(20))
    assert inspect_file("a.R", code).findings == ()


def test_a_file_of_findings_is_told_in_bounds() -> None:
    """Of each code the first twenty places are named; the others are counted."""
    found = inspect_file("a.txt", f"{NHS_NUMBER}\n".encode() * 4_000)
    numbers = [one for one in found.findings if one.code.value == "nhs_number"]
    assert len(numbers) == 20
    assert found.more == 3_980
    assert numbers[2].where == "line 3"
