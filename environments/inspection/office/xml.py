"""What stands in a part that is XML? Its tags and texts, one after the other, within bounds and without entities."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from xml.parsers import expat

from environments.inspection.errors import CannotBeRead
from environments.inspection.limits import MOST_DEPTH
from environments.inspection.model import FindingCode as F

AT_ONCE = 64 * 1024
Attributes = dict[str, str]
Event = tuple[str, str, Attributes]
"""("start", tag, attributes), ("end", tag, {}), ("text", text, {}), ("comment", text, {}); names without namespaces,
but those of attributes that are foreign to their tag.
"""


def events(part: bytes) -> Iterator[Event]:
    """Raises CannotBeRead: no XML in UTF-8, a document type (entities grow without bound), nested too deep."""
    found: list[Event] = []
    namespaces: Attributes = {}
    depth = 0

    def start(name: str, attributes: Attributes) -> None:
        nonlocal depth
        depth += 1
        if depth > MOST_DEPTH * 2:
            raise _unfit()
        if len({local(key) for key in attributes}) < len(attributes):  # one would hide the other
            raise _unfit()
        named = {_own(name, key): value for key, value in attributes.items()}
        found.append(("start", local(name), named | namespaces))
        namespaces.clear()

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        found.append(("end", local(name), {}))

    def declared(prefix: str | None, address: str | None) -> None:
        namespaces[f"xmlns:{prefix or ''}"] = address or ""

    parser = expat.ParserCreate("UTF-8", ":")
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.StartNamespaceDeclHandler = declared
    parser.CharacterDataHandler = lambda text: found.append(("text", text, {}))
    parser.CommentHandler = lambda text: found.append(("comment", text, {}))
    parser.ProcessingInstructionHandler = lambda target, text: found.append(("comment", f"{target} {text}", {}))
    parser.StartDoctypeDeclHandler = _refuse
    try:
        for at in range(0, len(part), AT_ONCE):
            parser.Parse(part[at : at + AT_ONCE], False)
            yield from found
            found.clear()
        parser.Parse(b"", True)
    except (expat.ExpatError, ValueError):
        raise _unfit() from None
    yield from found


@lru_cache(maxsize=4096)
def local(name: str) -> str:
    """A name without its namespace."""
    return name.rpartition(":")[2]


@lru_cache(maxsize=4096)
def _own(tag: str, name: str) -> str:
    """An attribute's name without its namespace where the tag's format reads it; else in full, which decides nothing.

    In a document the attributes are of their tag's namespace, everywhere else of none.
    """
    space = tag.rpartition(":")[0]
    return local(name) if name.rpartition(":")[0] == (space if "wordprocessingml" in space else "") else f":{name}"


def _refuse(*_: object) -> None:
    raise _unfit()


def _unfit() -> CannotBeRead:
    return CannotBeRead(F.MALFORMED, "A part of it is no XML that can be read.", mend="Save it again in the program.")
