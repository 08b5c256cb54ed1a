"""What does an amended project change? Each difference between two versions' files, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from access.projects.file import ProjectFile


def differences(before: ProjectFile, after: ProjectFile) -> list[str]:
    """The places that differ: `+ added`, `- removed`, `~ changed: from -> to`, in the order of their names."""
    old, new = (dict(_leaves(one.model_dump(mode="json", by_alias=True, exclude_none=True))) for one in (before, after))
    told = []
    for place in sorted(old.keys() | new.keys()):
        if place not in old:
            told.append(f"+ {place}: {new[place]}")
        elif place not in new:
            told.append(f"- {place}: {old[place]}")
        elif old[place] != new[place]:
            told.append(f"~ {place}: {old[place]} -> {new[place]}")
    return told


def _leaves(node: Any, place: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _leaves(value, f"{place}.{key}" if place else str(key))
    elif isinstance(node, list) and all(isinstance(one, str) for one in node):
        for one in node:
            yield f"{place}.{one}", "yes"
    elif isinstance(node, list):
        for number, one in enumerate(node):
            yield from _leaves(one, f"{place}.{number}")
    else:
        yield place, str(node)
