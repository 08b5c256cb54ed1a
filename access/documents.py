"""Is this YAML file, written by a person, what it should be? If not, say which line and how to mend it.

An unknown key is an error, never ignored (fail closed). A message names the key and the line, not the value.
"""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent

from audit.errors import HavenError

Model = TypeVar("Model", bound=BaseModel)
LARGEST_DOCUMENT = 4 * 1024 * 1024


class DocumentError(HavenError):
    """A document is unreadable or does not fit its model. `problems` lists every one with its line."""

    code: ClassVar[str] = "document.invalid"
    exit_status = 65
    http_status = 422

    def __init__(self, path: str, problems: list[str]) -> None:
        shown = "; ".join(problems[:12]) + (" …" if len(problems) > 12 else "")
        super().__init__(f"{Path(path).name} is not valid: {shown}", where=path)
        self.problems = problems


def load_document(path: Path, model: type[Model]) -> Model:
    """Read and validate a YAML file. Raises DocumentError naming each problem with its line."""
    try:
        if path.stat().st_size > LARGEST_DOCUMENT:
            raise DocumentError(str(path), [f"larger than {LARGEST_DOCUMENT} bytes"])
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DocumentError(str(path), [f"cannot be read ({error.strerror})"]) from None
    except UnicodeDecodeError as error:
        raise DocumentError(str(path), [f"is not UTF-8 (byte {error.start})"]) from None
    return parse_document(text, model, name=str(path))


def parse_document(text: str, model: type[Model], *, name: str) -> Model:
    """The same from text; `name` stands in the messages."""
    try:
        if any(isinstance(event, AliasEvent) for event in YAML(typ="rt").parse(StringIO(text))):
            raise DocumentError(name, ["an alias (*name): write out what it stands for"])
        data: Any = YAML(typ="rt").load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f"line {mark.line + 1}: " if mark else ""
        raise DocumentError(name, [f"{line}not YAML: {error.problem}"]) from None
    except (YAMLError, RecursionError):
        raise DocumentError(name, ["not YAML"]) from None
    if not isinstance(data, dict):
        raise DocumentError(name, ["line 1: must be a mapping of keys to values"])
    try:
        return model.model_validate(_plain(data))
    except ValidationError as error:
        problems = [_problem(data, item) for item in error.errors(include_input=False)]
        raise DocumentError(name, problems) from None


def _plain(node: Any) -> Any:
    """ruamel's round-trip containers as plain ones: pydantic must not see their subclasses."""
    if isinstance(node, dict):
        return {key: _plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_plain(value) for value in node]
    return node


def _problem(data: Any, item: Any) -> str:
    place = [part for part in item["loc"] if not str(part).startswith("function-")]
    dotted = ".".join(str(part) for part in place) or "document"
    if item["type"] == "extra_forbidden":
        return f"line {_line(data, place)}: unknown key '{dotted}'; remove it or correct its spelling"
    return f"line {_line(data, place)}: {dotted}: {item['msg']}"


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
