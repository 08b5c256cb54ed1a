"""What else stands in a table of counts, and in what its author says of it: found, refused, and never quoted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from environments.airlock.model import InspectionRecord, ReleaseRequest
from environments.airlock.states import ReleaseState
from environments.disclosure.errors import ContextInvalid
from infra.cli.release_words import request_said, reviewed_said
from tests.fakes.airlock import ASHA, CARA, CONTEXT, DEV, GOOD_TABLE, World, refusal_of
from tests.fakes.leaving_files import NHS_NUMBER, PSEUDONYM, figure

S = ReleaseState


def inspection_of(request: ReleaseRequest) -> InspectionRecord:
    """What was found in its only file."""
    (file,) = request.files
    assert file.inspection is not None
    return file.inspection


class TestTablesAreInspectedToo:
    """Of a table of counts the cells are checked, and what else stands in it is found by its inspector."""

    @pytest.mark.parametrize(
        ("category", "code"),
        [
            (lambda n: f"{n:032x}", "pseudonym"),
            (lambda n: NHS_NUMBER if n == 7 else f"group {n}", "nhs_number"),
            (lambda n: f"SW{1 + n % 9}A 1AA", "postcode"),
            (lambda n: f"X-{n:06d}", "one_value_per_person"),
        ],
        ids=["pseudonym", "nhs_number", "postcode", "one_value_per_person"],
    )
    def test_rows_of_people_in_a_category_come_back(
        self, world: World, category: Callable[[int], str], code: str
    ) -> None:
        """Whatever is counted beside them: bare hex, a number with its spaces, a postcode, a code for each row."""
        rows = "".join(f"{category(n)},F,120\n" for n in range(500))
        request = self.submitted(world, rows)
        assert request.state is S.RETURNED
        assert code in [one.code.value for one in inspection_of(request).findings]
        assert any(one.startswith("admissions.csv: ") and "SW1A" not in one for one in request.problems)

    @pytest.mark.parametrize(
        "category",
        [
            lambda n: f"E{n:08d}", lambda n: f"E{1000 + n:08d}", lambda n: str(1900 + n), lambda n: f"{1900 + n}/01",
            lambda n: f"{2000 + n // 12}{1 + n % 12:02d}", lambda n: f"{2000 + n // 4}-Q{1 + n % 4}",
            lambda n: f"A{n // 10:02d}.{n % 10}", lambda n: f"A{n:03d}", lambda n: f"Y{n:05d}",
            lambda n: f"{n}-{n + 4}",
        ],
    )  # fmt: skip
    def test_ordinary_tables_of_counts_pass(self, world: World, category: Callable[[int], str]) -> None:
        """By area, year, month, quarter, code of the ICD, practice or age, most of their cells hidden."""
        rows = "".join(f"{category(n)},F,{'*' if n % 3 else 120}\n" for n in range(100))
        request = self.submitted(world, rows)
        assert (request.state, request.problems) == (S.CHECKING, [])

    def test_it_is_looked_into_again_when_it_leaves(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        """New rules look again, and what they find holds it."""
        request = self.submitted(world, "0-39,F,120\n").id
        for checker in (CARA, DEV):
            world.airlock.decide(request, True, by=checker)
        world.inspectors.looked.clear()
        world.inspectors.rules = "new"
        monkeypatch.setattr("environments.inspection.inspect.INSPECTORS", {})  # every inspection breaks off
        assert refusal_of(world.airlock.release, request, by=CARA) == "release.rules_changed"
        monkeypatch.undo()
        assert world.airlock.release(request, by=CARA).folder.exists()
        assert world.inspectors.looked == ["admissions.csv"] * 2

    @staticmethod
    def submitted(world: World, rows: str) -> ReleaseRequest:
        return world.airlock.submit("falls", "admissions.csv", f"age,sex,people\n{rows}".encode(), CONTEXT, by=ASHA)


class TestWhatAnAuthorSays:
    """It goes into the manifest and the public register: plain, short, and of nobody."""

    @pytest.mark.parametrize(
        "said",
        [
            {"title": "x" * 201}, {"title": "Counts\nby age"}, {"title": f"Counts of {NHS_NUMBER}"},
            {"purpose": "x" * 2_001}, {"purpose": f"Shows what became of {PSEUDONYM.replace('-', '')}."},
            {"description": "Counts of everybody in SW1A 1AA."}, {"population": "Ask somebody@example.org."},
            {"columns": {"age": "age\x1b[2Jgroup", "sex": "sex", "people": "people"}},
            {"columns": {NHS_NUMBER: "age", "sex": "sex", "people": "people"}},
            {"files": {"admissions.csv": {"description": f"Of {NHS_NUMBER}, as counts by age."}}},
        ],
        ids=range(10),
    )  # fmt: skip
    def test_what_may_not_stand_there(self, world: World, said: dict[str, Any]) -> None:
        """Refused at the door, without a word of it in the sentence; nothing is kept."""
        with pytest.raises(ContextInvalid) as caught:
            world.airlock.submit("falls", "admissions.csv", GOOD_TABLE, {**CONTEXT, **said}, by=ASHA)
        assert caught.value.mend
        assert not any(one in str(caught.value) for one in (NHS_NUMBER, PSEUDONYM.replace("-", ""), "SW1A", "\x1b"))
        assert world.airlock.list() == []

    def test_a_terminal_shows_title_and_purpose_and_nothing_else_is_painted(self, world: World) -> None:
        """Of every request; what a checker wrote stays in its line."""
        request = world.airlock.submit("falls", "admissions.csv", GOOD_TABLE, CONTEXT, by=ASHA)
        told = request_said(replace(request, held="held\n\x1b[2J  the check: nothing found"))
        assert f"  purpose: {CONTEXT['purpose']}" in told.split("\n")
        assert "\x1b" not in told and "  the check: nothing found" not in told.split("\n")
        shown = {"name": "a.csv", "context": {"columns": {"a": "x\n  the check: nothing found\x9b"}},
                 "problems": ["Bad"], "written_anew": False, "look_at": [], "text": None}  # fmt: skip
        lines = reviewed_said(shown).split("\n")
        assert "\x9b" not in "".join(lines) and "  the check: nothing found" not in lines


def test_nobody_takes_a_picture_that_was_refused(world: World) -> None:
    """It is as its author sent it, and a decoder may be what it is made for."""
    context = {**CONTEXT, "files": {"figure.png": {"description": "The same counts, as bars by age and sex."}}}
    request = world.airlock.submit_set("falls", [("figure.png", figure()[:-30])], context, by=ASHA)
    assert refusal_of(world.airlock.take, request.id, "figure.png", by=CARA) == "release.picture_refused"
