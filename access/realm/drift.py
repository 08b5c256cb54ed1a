"""Has the realm drifted? What is wanted against what was found, as a list of named differences.

Rule: configuration is known and its changes are noticed (SATRE 2.4; Cyber Essentials, secure configuration).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from access.realm.parts import KEYCLOAKS_ATTRIBUTES, Part, Parts, parts_of

Data = Mapping[str, Any]


class Kind(StrEnum):
    """How something differs."""

    MISSING = "missing"
    UNKNOWN = "unknown"
    CHANGED = "changed"


@dataclass(frozen=True)
class Difference:
    """One thing that is not as the table and the settings say. `field` is None where the whole part is concerned."""

    kind: Kind
    part: Part
    name: str
    field: str | None = None
    wanted: Any = None
    found: Any = None

    @property
    def path(self) -> str:
        """A name for programs and for the log: `client/haven-cli/directAccessGrantsEnabled`."""
        return "/".join(filter(None, (self.part.value.replace(" ", "-"), self.name, self.field)))

    def __str__(self) -> str:
        if self.kind is Kind.MISSING:
            return f"{self.part} '{self.name}' is missing"
        if self.kind is Kind.UNKNOWN:
            return f"{self.part} '{self.name}' is not the haven's"
        what = "" if self.field in (None, "value") else f", {self.field}"
        return f"{self.part} '{self.name}'{what}: is {_said(self.found)}, should be {_said(self.wanted)}"


def differences(wanted: Data, found: Data) -> list[Difference]:
    """Every difference, in the order in which the parts are repaired."""
    ours, theirs = parts_of(wanted), parts_of(found)
    order = list(Part)
    return sorted(
        [*_missing_and_changed(ours, theirs), *_unknown(ours, theirs)],
        key=lambda one: (one.kind is Kind.UNKNOWN, order.index(one.part), one.name, one.field or ""),
    )


def _missing_and_changed(ours: Parts, theirs: Parts) -> Iterator[Difference]:
    for (part, name), fields in ours.items():
        known = theirs.get((part, name))
        if known is None and part is Part.ACTION and not fields["enabled"]:
            continue  # this Keycloak does not know it at all
        if known is None and part is not Part.SETTING:
            yield Difference(Kind.MISSING, part, name)
            continue
        for field, value in fields.items():
            if (known or {}).get(field) != value:
                yield Difference(Kind.CHANGED, part, name, field, value, (known or {}).get(field))
        yield from _added_attributes(part, name, fields, known or {})


def _added_attributes(
    part: Part, name: str, ours: Mapping[str, Any], theirs: Mapping[str, Any]
) -> Iterator[Difference]:
    """Attributes of a client of ours that nobody wanted: any of them may open a way in."""
    if part is Part.CLIENT and any(field.startswith("attributes.") for field in ours):
        for field in sorted(field for field in set(theirs) - set(ours) if field.startswith("attributes.")):
            if theirs[field] not in ("", "false"):
                yield Difference(Kind.CHANGED, part, name, field, None, theirs[field])


def _unknown(ours: Parts, theirs: Parts) -> Iterator[Difference]:
    for (part, name), fields in theirs.items():
        if part is Part.SETTING and (part, name) not in ours and _is_theirs(name, fields):
            yield Difference(Kind.CHANGED, part, name, "value", None, fields["value"])
        settled = part is Part.SETTING or (part is Part.ACTION and not fields["enabled"])
        if not settled and (part, name) not in ours:
            yield Difference(Kind.UNKNOWN, part, name)


def _is_theirs(setting: str, fields: Mapping[str, Any]) -> bool:
    """Is it an attribute of the realm that neither we nor Keycloak wrote? Any may change the log-in (`acr.loa.map`)."""
    kind, _, attribute = setting.partition(".")
    return kind == "attributes" and attribute not in KEYCLOAKS_ATTRIBUTES and fields["value"] not in ("", None)


def _said(value: Any) -> str:
    if value is None or value in ("", [], {}):
        return "nothing"
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ", ".join(value)
    if isinstance(value, list):
        return ", ".join(str(one.get("name", one)) for one in value)
    return str(value)
