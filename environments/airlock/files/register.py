"""What does the public see of releases? A list, as data and as a page: what left, for what, under whose rules, when.

Never a person's name, never a count. Written from the records each time, so it cannot drift from them; a recalled
release stays in it, with its incident.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from audit.model import Json
from audit.reports import Link, Report

REGISTER_FILE = "releases.json"
REGISTER_PAGE = "releases.html"


def write_register(folder: Path, entries: Sequence[Mapping[str, Json]]) -> Path:
    """Write both, each whole or not at all; the path of the data."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in register_files(entries).items():
        draft = folder / f"{name}.part"
        draft.write_bytes(content)
        draft.replace(folder / name)
    return folder / REGISTER_FILE


def register_files(entries: Sequence[Mapping[str, Json]]) -> dict[str, bytes]:
    """Both, by name: the same bytes for the same entries. The whole public register puts them among its pages."""
    data = json.dumps({"releases": [dict(one) for one in entries]}, indent=2, ensure_ascii=False) + "\n"
    return {REGISTER_FILE: data.encode(), REGISTER_PAGE: _page(entries).render().encode()}


def _page(entries: Sequence[Mapping[str, Json]]) -> Report:
    page = Report("Public register of releases", "What left the haven, for what purpose, and under whose rules")
    page.links = [Link("Public register", "index.html")]
    page.text("Only files that passed disclosure control and two independent people leave. The newest stand first.")
    if not entries:
        page.note("Nothing has been released yet.")
        return page
    page.table(
        "Releases",
        ["Released", "Title", "Purpose", "Project", "For", "Rules", "State"],
        [
            [
                str(entry["released_at"])[:10],
                str(entry["title"]),
                str(entry["purpose"]),
                str(entry["project"]),
                str(entry["recipient"] or entry["gate"]),
                ", ".join(map(str, _list(entry["profiles"]))),
                str(entry["state"]) + (f" (incident {entry['incident']})" if entry["incident"] else ""),
            ]
            for entry in entries
        ],
    )
    return page


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []
