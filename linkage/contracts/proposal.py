"""What might the contract for these files be? A proposal from samples, in which every guess is marked.

A proposal cannot be used while a mark remains (linkage/contracts/contract.py): a person confirms each line against the
data dictionary and the agreement with the controller. Guesses come from names and shapes of values; no value of a
column that looks like an identifier is written into the proposal.
"""

from __future__ import annotations

import csv
import gzip
import re
from collections import Counter
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import polars as pl

from linkage.contracts.contract import CONFIRM
from linkage.errors import ContractError
from linkage.intake.dates import FORMS, as_date

SAMPLE_ROWS = 5000
SAMPLE_BYTES = 4 * 1024 * 1024
MOST_CODES, LONGEST_CODE = 25, 30
TEXT_IS_FREE_FROM = 120
NAMED: tuple[tuple[str, str], ...] = (
    ("nhs_number", r"nhs.?n"),
    ("date_of_birth", r"(date.?of.?birth|birth.?date|^dob$)"),
    ("full_name", r"(full.?name|client.?name|patient.?name|^name$)"),
    ("surname", r"(surname|last.?name|family.?name)"),
    ("forenames", r"(forename|first.?name|given.?name)"),
    ("sex", r"^(sex|gender)"),
    ("postcode", r"(post.?code|homeadd)"),
    ("address", r"address"),
)
KEY_NAMES = re.compile(r"((_| )?id|key|reference|number)$", re.IGNORECASE)
KEPT = {
    "sex": "{name: sex, form: as_coded, meaning: Sex}",
    "date_of_birth": "{name: year_of_birth, form: year, meaning: Year of birth}",
    "postcode": "{name: postcode_district, form: postcode_district, meaning: The first half of the postcode}",
}


@dataclass(frozen=True)
class Sample:
    """The start of a file: how it seems to be written, and some of its rows as text."""

    name: str
    encoding: str
    delimiter: str
    rows: pl.DataFrame

    @property
    def stem(self) -> str:
        """The file's name without its endings."""
        return self.name.split(".")[0]


def propose_contract(files: list[Path], *, dataset: str, controller: str) -> str:
    """The text of a contract for these files, each guess marked. Raises ContractError for an unreadable file."""
    samples = [_sample(path) for path in files]
    parents = [sample for sample in samples if any(_identifies(name) for name in sample.rows.columns)]
    parent = parents[0] if parents else samples[0]
    key = _record_key(parent)
    lines = [
        f"# A proposal from {len(files)} sample files. Check each marked line, correct it, and remove its mark.",
        f"dataset: {_slug(dataset)}",
        'version: "1"',
        f"controller: {_slug(controller)}",
        f"title: {dataset}  {CONFIRM} a title that people understand",
        f"fair_processing_notice: https://example.org/notice  {CONFIRM} the controller's own; no notice, no ingest",
        f"disclosure_profile: nhs_england_sde  {CONFIRM} the controller's rules for outputs",
        f"retention: P8Y  {CONFIRM} as agreed: P8Y, P90D, or 'until 2030-12-31'",
        f"tolerance: 0.01  {CONFIRM} the share of bad rows above which a delivery is refused",
        "files:",
    ]
    for sample in samples:
        child = sample is not parent and key is not None and key in sample.rows.columns and sample not in parents
        lines += _file_lines(sample, _slug(parent.stem), key if child else None)
    return "\n".join(lines) + "\n"


def _file_lines(sample: Sample, parent: str, joined_by: str | None) -> list[str]:
    delimiter = "\\t" if sample.delimiter == "\t" else sample.delimiter
    forms = Counter(form for name in sample.rows.columns if (form := _date_form(sample.rows[name])))
    form = forms.most_common(1)[0][0] if forms else "yyyy-mm-dd"
    lines = [
        f'  - pattern: "{sample.stem}*"  {CONFIRM} the name under which it will always come',
        f"    table: {_slug(sample.stem)}",
        f"    encoding: {sample.encoding}  {CONFIRM}",
        f'    delimiter: "{delimiter}"  {CONFIRM}',
        f"    date_form: {form}  {CONFIRM}",
    ]
    if joined_by:
        lines.append(f'    joins: {{to: {parent}, "on": {_slug(joined_by)}}}  {CONFIRM} the file that names the people')
    lines.append("    columns:")
    key = joined_by or _record_key(sample)
    for name in sample.rows.columns:
        lines += _column_lines(name, sample.rows[name], form, key=name == key, joins=joined_by is not None)
    return lines


def _column_lines(name: str, values: pl.Series, form: str, *, key: bool, joins: bool) -> list[str]:
    identifies = None if key else _identifies(name)
    kind, extra = ("text", []) if key or identifies in {"nhs_number", "postcode"} else _kind(values, form, identifies)
    role = ("join_key" if joins else "row_key") if key else "identifier" if identifies else _role(name, kind, values)
    lines = [
        f"      - header: {_quoted(name)}",
        f"        name: {_column_name(name, identifies)}",
        f"        type: {kind}  {CONFIRM}",
        f"        role: {role}  {CONFIRM}{_role_hint(role)}",
    ]
    if identifies:
        lines.append(f"        identifies: {identifies}  {CONFIRM}")
        if identifies in KEPT:
            lines.append(f"        keep_as: {KEPT[identifies]}  {CONFIRM} only if the agreement allows it")
    lines += [f"        {line}  {CONFIRM}" for line in extra]
    if key or values.null_count() == 0:
        lines.append(f"        required: true  {CONFIRM}")
    lines.append(f"        meaning: {_quoted(name)}  {CONFIRM} from the data dictionary")
    return lines


def _kind(values: pl.Series, form: str, identifies: str | None) -> tuple[str, list[str]]:
    """A column's type, and the lines that belong to it."""
    filled = values.drop_nulls()
    if not filled.len():
        return "text", []
    found = _date_form(values)
    if found or identifies == "date_of_birth":
        return "date", [f"date_form: {found}"] if found and found != form else []
    if identifies in {None, "sex"} and filled.str.len_chars().max() <= LONGEST_CODE:  # type: ignore[operator]
        counts = filled.value_counts(sort=True)
        if counts.height <= MOST_CODES and filled.len() >= 4 * counts.height:
            return "code", ["allowed: [" + ", ".join(_quoted(str(v)) for v in sorted(counts[filled.name])) + "]"]
    if filled.str.contains(r"^[+-]?[0-9]{1,18}$").all() and not filled.str.contains(r"^0[0-9]").any():
        return "integer", []
    if filled.str.contains(r"^[+-]?[0-9]+\.?[0-9]*$").all() and not filled.str.contains(r"^0[0-9]").any():
        return "decimal", []
    return "text", []


def _role(name: str, kind: str, values: pl.Series) -> str:
    longest = values.str.len_chars().max()
    if kind == "text" and isinstance(longest, int) and longest >= TEXT_IS_FREE_FROM and values.n_unique() > MOST_CODES:
        return "free_text"
    if re.search(r"(lsoa|msoa|ward|local.?authority|district)", name, re.IGNORECASE):
        return "small_area"
    return "date" if kind == "date" else "payload"


def _role_hint(role: str) -> str:
    return {"free_text": " free text is refused: ask for it to be left out", "row_key": " the record's own key"}.get(
        role, ""
    )


def _identifies(name: str) -> str | None:
    folded = name.casefold()
    return next((what for what, pattern in NAMED if re.search(pattern, folded)), None)


def _record_key(sample: Sample) -> str | None:
    """The first column named like a key whose values are all there and all different."""
    for name in sample.rows.columns:
        values = sample.rows[name]
        unique = values.n_unique() == values.len() and not values.null_count()
        if KEY_NAMES.search(name) and not _identifies(name) and unique:
            return name
    return None


def _date_form(values: pl.Series) -> str | None:
    """The one form in which every value is a date; ambiguous days and months go to the British order."""
    filled = values.drop_nulls()
    for form in FORMS:
        if filled.len() and filled.to_frame("v").select(as_date(pl.col("v"), form).is_not_null().all()).item():
            return form
    return None


def _sample(path: Path) -> Sample:
    try:
        if path.name.lower().endswith(".parquet"):
            rows = pl.scan_parquet(path).head(SAMPLE_ROWS).collect().cast(pl.String)
            return Sample(path.name, "utf-8", ",", rows)
        with gzip.open(path, "rb") if path.name.lower().endswith(".gz") else path.open("rb") as file:
            data = file.read(SAMPLE_BYTES)
    except (OSError, EOFError, pl.exceptions.PolarsError):
        raise ContractError("A sample cannot be read.", where=path.name, mend="Name CSV or Parquet files.") from None
    text, encoding = _decoded(data)
    lines = text.splitlines()
    if len(lines) < 2:
        raise ContractError("A sample has no rows.", where=path.name, mend="Name a file with a header and rows.")
    delimiter = max(",;\t|", key=lines[0].count)
    records = list(islice(csv.reader(lines, delimiter=delimiter), SAMPLE_ROWS + 1))
    header = [name.strip() for name in records[0]]
    fitting = [[cell.strip() or None for cell in row] for row in records[1:] if len(row) == len(header)]
    if len(set(header)) < len(header) or not all(header):
        raise ContractError("The header has empty or repeated names.", where=path.name, mend="Name each column once.")
    return Sample(
        path.name, encoding, delimiter, pl.DataFrame(fitting, schema=dict.fromkeys(header, pl.String), orient="row")
    )


def _decoded(data: bytes) -> tuple[str, str]:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="ignore"), "utf-16"
    for cut in range(4):  # the sample may end inside a character
        try:
            return data[: len(data) - cut].decode("utf-8-sig"), "utf-8"
        except UnicodeDecodeError:
            continue
    return data.decode("cp1252", errors="replace"), "windows-1252"


def _slug(name: str) -> str:
    slug = re.sub(r"[^a-z0-9]+", "_", name.casefold()).strip("_")[:60]
    return slug if slug[:1].isalpha() else f"c_{slug}"


def _column_name(header: str, identifies: str | None) -> str:
    """A name that differs from that of the identifier's kept part."""
    name = _slug(header)
    return f"{name}_received" if f"{{name: {name}," in KEPT.get(identifies or "", "") else name


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
