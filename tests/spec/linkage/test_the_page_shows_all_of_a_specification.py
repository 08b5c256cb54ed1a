"""docs/how-to-link-your-own-data.md beside the model: all that a specification may hold stands there, and no more."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from access.documents import parse_document
from linkage.specified.specification import Column, Specification, TruthHint
from linkage.specified.vocabulary import KINDS, LEVELS
from linkage.specified.written import START

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "how-to-link-your-own-data.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
WORD = re.compile(r"`([a-z_0-9]+)[`:]")
NUMBERS = {3: "three", 4: "four", 5: "five"}


def _table(head: str) -> list[list[str]]:
    """The rows of the table whose first heading is this, cell by cell."""
    lines = PAGE.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(f"| {head} |"))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            return rows
        rows.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
    return rows


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The parts of a specification in a field's type."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)


def _parts() -> dict[str, type[BaseModel]]:
    """The heading of each table, and the model whose keys it shows."""
    found: dict[str, type[BaseModel]] = {"key": Specification}
    for name, field in Specification.model_fields.items():
        found |= {f"key of `{name}`": model for model in _models(field.annotation)}
    return found


PARTS = _parts()


def _default(field: FieldInfo) -> str | None:
    """As the page writes it; None where words say what happens without the key."""
    if field.is_required():
        return ""
    if isinstance(field.default, bool | int | float | str) and field.default != "":
        text = f"{field.default:,}" if isinstance(field.default, int) else f"{field.default:g}" if isinstance(
            field.default, float
        ) else f"`{field.default}`"  # fmt: skip
        return str(field.default).lower() if isinstance(field.default, bool) else text
    return None


@pytest.mark.parametrize("head", PARTS)
def test_every_key_stands_in_its_table(head: str) -> None:
    """Each key of the model has its row with its default; a row of the page is a key of the model."""
    rows = {name: default for cell, default, _ in _table(head) for name in WORD.findall(cell)}
    fields = PARTS[head].model_fields
    assert set(rows) == set(fields)
    for name, field in fields.items():
        wanted = _default(field)
        assert rows[name] == wanted if wanted is not None else rows[name] != "", name


def test_every_kind_stands_on_the_page() -> None:
    """All that a column may mean, and nothing else."""
    listed = re.search(r"A column means one of: (.*?)\. Leave out", PAGE, re.DOTALL)
    assert listed
    words = re.sub(r"\([^)]*\)", "", listed[1])
    assert {word.strip() for word in words.split(",")} == set(KINDS)


def test_every_part_stands_on_the_page() -> None:
    """For each kind its parts, and what each part is."""
    shown = {kind: set(WORD.findall(parts)) for kinds, parts in _table("a column that means") for kind in _split(kinds)}
    parts = {kind: Column(name="a", means=kind, heading=("a",)).parts for kind in KINDS}  # type: ignore[arg-type]
    assert shown == {kind: set(has) for kind, has in parts.items() if has}
    explained = {name for cell, _ in _table("part") for name in WORD.findall(cell)}
    assert explained == set().union(*parts.values())
    assert f"the first {NUMBERS[START]}" in PAGE


def test_every_level_stands_on_the_page() -> None:
    """Each level has its row, written with a value where it takes one."""
    cells = [cell for cell, _ in _table("level")]
    shown = {name: bool(value) for cell in cells for name, value in re.findall(r"`([a-z_]+)(: [a-z0-9.]+)?`", cell)}
    assert shown == LEVELS


def test_the_pages_examples_are_read() -> None:
    """The whole specification as it stands, and the truth's pattern."""
    whole, truth = EXAMPLES
    assert parse_document(whole, Specification, name="the page").files == 2
    hint = parse_document(truth, _OnlyTruth, name="the page").truth
    assert re.findall(str(hint.pattern), "rec-17-org") == ["17"]


class _OnlyTruth(BaseModel):
    truth: TruthHint


def _split(cell: str) -> list[str]:
    return [word.strip() for word in cell.split(",")]
