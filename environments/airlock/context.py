"""What does an author say of a release? The table's context, the gate, and for whom; without enough of it, no review.

Too little context is a quarter of all rejections at one large service (rules/airlock.md): so it is asked for here, with
a sentence for each thing missing, before two people spend their time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field

from access.decisions import Allowed, Decision, Refused
from environments.airlock.model import Gate
from environments.disclosure.model import TableContext, validated

SHORTEST_SENTENCE = 20
LONGEST_TITLE = 200
MOST_QUERIES = 20
QueryNumber = Annotated[str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]


class ReleaseContext(TableContext):
    """A table's context with its way out. title: what the public register calls it; never names a person.

    queries: the numbers of the project's queries that the table was made from; their evidence is held against it.
    """

    title: str = ""
    gate: Gate = Gate.TO_RESEARCHER
    recipient: str | None = None
    queries: tuple[QueryNumber, ...] = Field(default=(), max_length=MOST_QUERIES)

    @property
    def public_title(self) -> str:
        """For the register: the title, or the description's beginning."""
        return (self.title or self.description)[:LONGEST_TITLE]


def release_context(data: Mapping[str, Any] | TableContext) -> ReleaseContext:
    """The context from data. Raises ContextInvalid naming each unknown key."""
    if isinstance(data, ReleaseContext):
        return data
    return validated(ReleaseContext, data.model_dump() if isinstance(data, TableContext) else data)


def may_pass_gate(gate: Gate, recipient: str | None) -> Decision:
    """Does the gate fit its recipient? A hand-over names who receives it; the other two gates nobody."""
    if gate is Gate.TO_COMMISSIONER and not (recipient or "").strip():
        return Refused(
            "release.recipient_missing",
            "A hand-over to a commissioner names who receives it.",
            "Write the organisation under recipient.",
        )
    if gate is Gate.TO_PUBLIC and recipient:
        return Refused(
            "release.recipient_of_public",
            "A publication is for everybody and names no recipient.",
            "Leave recipient out, or choose the gate to_commissioner.",
        )
    if gate is Gate.TO_RESEARCHER and recipient:
        return Refused(
            "release.recipient_of_researcher",
            "What goes back to the researcher names no other recipient.",
            "Leave recipient out, or choose the gate to_commissioner.",
        )
    return Allowed()


def context_problems(context: ReleaseContext, columns: Sequence[str]) -> list[str]:
    """What is missing for two people to judge the table; a sentence each."""
    asked = {
        "purpose": (context.purpose, "what the output is for"),
        "description": (context.description, "what the table shows"),
        "population": (context.population, "who is counted: the filter, the period"),
    }
    problems = [
        f"Too little context: say under '{key}' in a sentence {meaning}."
        for key, (text, meaning) in asked.items()
        if len(text.strip()) < SHORTEST_SENTENCE
    ]
    silent = [name for name in columns if not context.columns.get(name, "").strip()]
    if silent:
        problems.append(f"Too little context: say under 'columns' what each column is; missing: {', '.join(silent)}.")
    unknown = [name for name in context.columns if name not in columns]
    if unknown:
        problems.append(f"The context describes columns that the table does not have: {', '.join(unknown)}.")
    return problems
