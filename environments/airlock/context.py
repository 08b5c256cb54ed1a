"""What does an author say of a release? What each file is, the gate, and for whom; without enough of it, no review.

Too little context is a quarter of all rejections at one large service, and figures without their counts a tenth
(rules/airlock.md): so it is asked for here, with a sentence for each thing missing, before two people spend their time.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from access.decisions import Allowed, Decision, Refused
from access.documents import UNSEEN
from environments.airlock.model import Gate, ReleaseFile
from environments.disclosure.errors import ContextInvalid
from environments.disclosure.model import TableContext, validated
from environments.inspection.model import FileType
from environments.inspection.people import identifiers

SHORTEST_SENTENCE = 20
LONGEST_TITLE = 200
LONGEST_TEXT = 2_000
MOST_QUERIES = 20
SHARED = ("title", "purpose", "population", "gate", "recipient")
"""What is said once for all files of a request; what each shows is said of each."""
SHOW_RESULTS = frozenset(
    {FileType.PNG, FileType.JPEG, FileType.PDF, FileType.DOCUMENT, FileType.WORKBOOK, FileType.PARQUET, FileType.JSON,
     FileType.ACRO}
)  # fmt: skip
MAY_BE_WORDS_ONLY = frozenset({FileType.PDF, FileType.DOCUMENT})
QueryNumber = Annotated[str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
OneOrMore = Annotated[tuple[str, ...], BeforeValidator(lambda said: (said,) if isinstance(said, str) else said)]


class ReleaseContext(TableContext):
    """A table's context with its way out. title: what the public register calls it; never names a person.

    queries: the numbers of the project's queries that the table was made from; their evidence is held against it.
    """

    title: str = ""
    gate: Gate = Gate.TO_RESEARCHER
    recipient: str | None = None
    queries: tuple[QueryNumber, ...] = Field(default=(), max_length=MOST_QUERIES)


class FileContext(BaseModel):
    """What is said of a file that is no table of counts.

    counts: the tables of the same request that hold the people behind what it shows. words_only: of a report (pdf,
    docx) that shows neither figures nor numbers of people, and so has no counts.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    purpose: str = ""
    description: str = ""
    population: str = ""
    title: str = ""
    gate: Gate = Gate.TO_RESEARCHER
    recipient: str | None = None
    counts: OneOrMore = ()
    words_only: bool = False

    @property
    def queries(self) -> tuple[str, ...]:
        """Only tables are made from queries that the haven has evidence of."""
        return ()


class RequestContext(ReleaseContext):
    """What is said of a whole request: of its table and of all files, and under `files`, by name, of single ones."""

    count_column: str = ""  # a request may hold no table
    files: dict[str, dict[str, Any]] = Field(default_factory=dict)


AnyContext = ReleaseContext | FileContext


def is_table(name: str) -> bool:
    """Is a file of this name taken as a table of counts, and checked cell by cell? Every other one is inspected."""
    return name.lower().endswith(".csv")


def contexts_of(names: Sequence[str], data: Mapping[str, Any] | TableContext) -> list[AnyContext]:
    """What is said of each file, from what is said of the request. Raises ContextInvalid naming each unknown key."""
    whole = validated(RequestContext, data.model_dump(exclude_unset=True) if isinstance(data, TableContext) else data)
    _require_plain(whole.model_dump(exclude={"queries"}), "")
    strange = sorted(set(whole.files) - set(names))
    if strange:
        raise ContextInvalid(
            "The context speaks of files that are not submitted.",
            where="context: files",
            mend="Write under 'files' the names of the files as they are submitted.",
        )
    said = whole.model_dump(exclude_unset=True, exclude={"files"})
    common = {key: said[key] for key in SHARED if key in said}
    return [_validated(name, {**(said if is_table(name) else common), **whole.files.get(name, {})}) for name in names]


def _require_plain(said: Any, key: str) -> None:
    """May these words stand in a manifest and in the public register? Raises ContextInvalid, which quotes none."""
    if isinstance(said, Mapping):
        for name, one in said.items():
            _require_plain(str(name), "a key")
            if name != "queries":  # their numbers are of 128 bits, as pseudonyms are
                _require_plain(one, str(name))
    elif isinstance(said, list | tuple):
        for one in said:
            _require_plain(one, key)
    elif isinstance(said, str):
        longest = LONGEST_TITLE if key == "title" else LONGEST_TEXT
        if len(said) > longest:
            raise _unfit(
                key, f"A text has more than {longest:,} characters.", "Say it shorter; data belongs in a table."
            )
        if any(identifiers(said)):
            raise _unfit(key, "A text names somebody: an NHS number, a pseudonym, an address.", "Take it out.")
        if UNSEEN.search(said) or (key == "title" and "\n" in said):
            raise _unfit(key, "A text holds a sign that nobody sees.", "Write it again in letters that are seen.")


def _unfit(key: str, what: str, mend: str) -> ContextInvalid:
    shown = key if key in RequestContext.model_fields else "a key of the author's" if key else "the context"
    return ContextInvalid(what, where=f"context: {shown}", mend=mend)


def context_of(file: ReleaseFile) -> AnyContext:
    """What was said of a sealed file. Raises ContextInvalid."""
    return _validated(file.name, file.context)


def _validated(name: str, data: Mapping[str, Any]) -> AnyContext:
    return validated(ReleaseContext, data) if is_table(name) else validated(FileContext, data)


def public_title(context: AnyContext) -> str:
    """For the register: the title, or the description's beginning."""
    return (context.title or context.description)[:LONGEST_TITLE]


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
    problems = _unsaid(context)
    silent = [name for name in columns if not context.columns.get(name, "").strip()]
    if silent:
        problems.append(f"Too little context: say under 'columns' what each column is; missing: {', '.join(silent)}.")
    unknown = [name for name in context.columns if name not in columns]
    if unknown:
        problems.append(f"The context describes columns that the table does not have: {', '.join(unknown)}.")
    return problems


def file_problems(context: FileContext, kind: FileType | None, tables: Collection[str]) -> list[str]:
    """The same of a file that is no table. tables: the names of those in its request."""
    problems = _unsaid(context)
    if context.words_only and kind is not None and kind not in MAY_BE_WORDS_ONLY:
        problems.append("Only a pdf or docx can be said to hold nothing but words: leave 'words_only' out.")
    elif context.words_only and context.counts:
        problems.append("What holds nothing but words has no counts: leave 'words_only' or 'counts' out.")
    elif kind in SHOW_RESULTS and not context.words_only and not context.counts:
        problems.append(
            "No underlying counts beside it: submit the number of people behind each point, bar or cell as a CSV in the"
            " same request, and name that file under 'counts'."
        )
    missing = [name for name in context.counts if not is_table(name) or name not in tables]
    if missing:
        problems.append(
            "No underlying counts beside it: 'counts' names what is no CSV of this request. Submit it together with"
            " this file, and write its name as it is submitted."
        )
    return problems


def _unsaid(context: AnyContext) -> list[str]:
    asked = {
        "purpose": (context.purpose, "what the output is for"),
        "description": (context.description, "what it shows"),
        "population": (context.population, "who is counted: the filter, the period"),
    }
    return [
        f"Too little context: say under '{key}' in a sentence {meaning}."
        for key, (text, meaning) in asked.items()
        if len(text.strip()) < SHORTEST_SENTENCE
    ]
