"""What is said of a request and its files? The author's words, what was found, what people look at, the sealed text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from environments.airlock.model import ReleaseRequest
    from environments.disclosure.sealed.model import EvidenceComparison


def in_a_line(text: object) -> str:
    """What somebody wrote, in one line, without signs that could paint something else on a terminal."""
    from access.documents import UNSEEN

    return UNSEEN.sub("\ufffd", " ".join(str(text).splitlines()))


def request_said(request: ReleaseRequest) -> str:
    """Its state, whose turn it is, what the public register will say of it, and why it stands where it does."""
    lines = [f"Request {request.id}: {request.state} (next: {request.whose_turn})"]
    for key in ("title", "purpose"):
        said = dict.fromkeys(in_a_line(file.context[key]) for file in request.files if file.context.get(key))
        lines += [f"  {key}: {one}" for one in said]
    if request.state.value == "approved":
        lines.append(f"  A checker sends it out: haven release release {request.id} --as CHECKER")
    lines += [f"  - {in_a_line(problem)}" for problem in request.problems]
    if request.held:
        lines.append(f"  held: {in_a_line(request.held)}")
    return "\n".join(lines)


def reviewed_said(shown: Mapping[str, Any]) -> str:
    """One file: its context, its check, what people look at, its text."""
    lines = [f"\n{shown['name']}"]
    for key, value in shown["context"].items():
        if isinstance(value, dict):
            lines += [f"  {key}:", *(in_a_line(f"    {name}: {one}") for name, one in value.items())]
        else:
            lines.append(in_a_line(f"  {key}: {', '.join(map(str, value)) if isinstance(value, list) else value}"))
    lines += [f"  the check: {in_a_line(problem)}" for problem in shown["problems"] or ["nothing found"]]
    if shown["written_anew"]:
        lines.append("  written anew from its pixels: what is sealed, judged and released are the new bytes")
        lines += [f"  was in it and is gone: {one['what']}" for one in shown["inspection"]["mended"]]
    lines += [f"  look: {one}" for one in shown["look_at"]]
    if shown["text"] is None:
        return "\n".join(
            [*lines, f"  to open it: haven release show NUMBER --as YOU --file {shown['name']} --out FOLDER"]
        )
    from access.documents import UNSEEN

    text = UNSEEN.sub("\ufffd", shown["text"].replace("\r\n", "\n"))  # what it may hold is not for a terminal
    return "\n".join([*lines, text])


def comparison_said(name: str, comparison: EvidenceComparison) -> str:
    """How a file's cells stand to the sealed evidence of its queries."""
    from environments.disclosure.sealed.model import FITTING

    lines = [f"  {name}: {comparison.summary}"]
    if comparison.left_out:
        lines.append(f"    Groups of the queries that the file does not show: {comparison.left_out}.")
    for one in comparison.cells:
        if one.match not in FITTING:
            should = f", should say {one.should_say}" if one.should_say else ""
            lines.append(in_a_line(f"    {one.cell.name}: {one.match}, shown {one.cell.shown or 'blank'}{should}"))
    return "\n".join(lines)
