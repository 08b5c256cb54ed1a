"""Is this YAML file, written by a person, what it should be? If not, say which line and how to mend it.

An unknown key is an error, never ignored (fail closed). A message names the key and the line, not the value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent

from audit.errors import HavenError

Model = TypeVar("Model", bound=BaseModel)
LARGEST_DOCUMENT = 4 * 1024 * 1024
MOST_SHOWN = 12
Place = tuple[str | int, ...]
MENDS: dict[str, str] = {
    "extra_forbidden": "remove it or correct its spelling",
    "missing": "add it",
    "literal_error": "write {expected}",
    "string_pattern_mismatch": "write it by the pattern {pattern}",
    "string_type": "write a text; between quotation marks if it looks like a number or a date",
    "string_too_short": "write something here",
    "string_too_long": "write at most {max_length} signs",
    "too_short": "give at least {min_length}",
    "too_long": "give at most {max_length}",
    "bool_type": "write true or false",
    "bool_parsing": "write true or false",
    "int_type": "write a whole number",
    "int_parsing": "write a whole number",
    "int_from_float": "write a whole number",
    "float_type": "write a number",
    "float_parsing": "write a number",
    "finite_number": "write a number that ends",
    "greater_than": "write a number above {gt}",
    "greater_than_equal": "write a number from {ge} on",
    "less_than": "write a number below {lt}",
    "less_than_equal": "write a number up to {le}",
    "tuple_type": "write a list: [one, another]",
    "list_type": "write a list: [one, another]",
    "dict_type": "write a word, or a word and its value: {{word: value}}",
    "model_type": "write keys and values: {{key: value}}",
    "model_attributes_type": "write keys and values: {{key: value}}",
    "date_type": "write a day as 2026-04-01",
    "date_parsing": "write a day as 2026-04-01",
    "date_from_datetime_parsing": "write a day as 2026-04-01",
}
"""How what pydantic finds is mended, by its name for it, in our words."""
OTHERWISE = "write there what the sentence asks for"


UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""Signs that nobody sees and that change what a screen shows: controls but tab and new line, and turns of direction."""
HIDDEN = "holds a sign that nobody sees, and that changes what a screen shows"
REWRITE = "write it again in letters that are seen"


@dataclass(frozen=True)
class Problem:
    """What does not fit, how it is mended, and the keys and numbers that lead to it from the part that is checked."""

    what: str
    mend: str
    place: Place = ()


class Unfit(ValueError):
    """Raised by a model's validator: what of it does not fit."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(f"{one.what}: {one.mend}" for one in problems))
        self.problems = problems


class DocumentError(HavenError):
    """A document is unreadable or does not fit its model. `problems` lists every one with its line, `mends` too."""

    code: ClassVar[str] = "document.invalid"
    exit_status = 65
    http_status = 422

    def __init__(self, path: str, problems: list[str], mends: list[str]) -> None:
        super().__init__(f"{Path(path).name} is not valid: {_first(problems)}", where=path, mend=_first(mends))
        self.problems = problems
        self.mends = mends


def load_document(path: Path, model: type[Model]) -> Model:
    """Read and validate a YAML file. Raises DocumentError naming each problem with its line."""
    try:
        if path.stat().st_size > LARGEST_DOCUMENT:
            raise DocumentError(str(path), [f"larger than {LARGEST_DOCUMENT} bytes"], ["Name the right file."])
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DocumentError(str(path), [f"cannot be read ({error.strerror})"], ["Name a file that exists."]) from None
    except UnicodeDecodeError as error:
        raise DocumentError(str(path), [f"is not UTF-8 (byte {error.start})"], ["Save it in UTF-8."]) from None
    return parse_document(text, model, name=str(path))


def parse_document(text: str, model: type[Model], *, name: str) -> Model:
    """The same from text; `name` stands in the messages."""
    try:
        aliases = (event for event in YAML(typ="rt").parse(StringIO(text)) if isinstance(event, AliasEvent))
        if (alias := next(aliases, None)) is not None:
            line = f"line {alias.start_mark.line + 1}: "
            raise DocumentError(name, [f"{line}an alias (*name)"], [f"{line}write out what it stands for"])
        data: Any = YAML(typ="rt").load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f"line {mark.line + 1}: " if mark else ""
        if isinstance(error, DuplicateKeyError):  # its own words quote a value
            raise DocumentError(name, [f"{line}a key stands here twice"], [f"{line}remove one of both"]) from None
        mend = f"{line}close what is open there, and set keys of one part below each other"
        raise DocumentError(name, [f"{line}not YAML: {error.problem}"], [mend]) from None
    except (YAMLError, RecursionError):
        raise DocumentError(name, ["not YAML"], ["Write keys and values: key: value."]) from None
    if not isinstance(data, dict):
        raise DocumentError(name, ["line 1: must be a mapping of keys to values"], ["line 1: begin with key: value"])
    lines = sorted({f"line {_line(data, place)}: " for place in _unseen(data, [])})
    if lines:
        raise DocumentError(name, [line + HIDDEN for line in lines], [line + REWRITE for line in lines])
    try:
        return model.model_validate(_plain(data))
    except ValidationError as error:
        told = [one for item in error.errors(include_input=False) for one in _problems(data, item)]
        raise DocumentError(name, [what for what, _ in told], [mend for _, mend in told]) from None


def _plain(node: Any) -> Any:
    """ruamel's round-trip containers as plain ones: pydantic must not see their subclasses."""
    if isinstance(node, dict):
        return {key: _plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_plain(value) for value in node]
    return node


def seen(text: str) -> str:
    """The same text, for a validator. Raises Unfit where it can paint something else on a screen than it says."""
    if UNSEEN.search(text):
        raise Unfit(Problem(HIDDEN, REWRITE))
    return text


def _unseen(node: Any, place: list[Any]) -> Iterator[list[Any]]:
    """Where a key or a text holds a sign that nobody sees."""
    if isinstance(node, str) and UNSEEN.search(node):
        yield place
    if isinstance(node, dict | list):
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            yield from _unseen(str(key), [*place, key])
            yield from _unseen(value, [*place, key])


def _first(said: list[str]) -> str:
    return "; ".join(said[:MOST_SHOWN]) + (" …" if len(said) > MOST_SHOWN else "")


def _problems(data: Any, item: Any) -> Iterator[tuple[str, str]]:
    """What pydantic or a validator found, and its mend; each with its line."""
    place = [part for part in item["loc"] if not str(part).startswith("function-")]
    found = item.get("ctx", {})
    if isinstance(found.get("error"), Unfit):
        for one in found["error"].problems:
            line = f"line {_line(data, [*place, *one.place])}: "
            yield line + one.what, line + one.mend
        return
    line, dotted = f"line {_line(data, place)}: ", ".".join(str(part) for part in place) or "document"
    unknown = item["type"] == "extra_forbidden"
    what = f"unknown key '{dotted}'" if unknown else f"{dotted}: {item['msg']}"
    yield line + what, line + MENDS.get(item["type"], OTHERWISE).format_map(found)


def _line(data: Any, place: list[Any]) -> int:
    """The line of the deepest part of `place` that exists in the file, counted from 1."""
    node, line = data, 1
    for part in place:
        try:
            position = node.lc.data[part]
            line = position[0] + 1
            node = node[part]
        except (AttributeError, KeyError, IndexError, TypeError):
            break
    return line
