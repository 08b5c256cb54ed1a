"""The airlock's rule book of its three gates: to whom each leads, what it refuses, who reads what is sealed."""

from __future__ import annotations

import json

import pytest

from audit.model import organisation, service
from environments.airlock.model import Gate
from environments.airlock.states import ReleaseState
from environments.disclosure.errors import ContextInvalid
from tests.fakes.airlock import (
    ASHA,
    CARA,
    CONTEXT,
    DEV,
    GOOD_TABLE,
    OMAR,
    UNROUNDED_TABLE,
    World,
    refusal_of,
)

S = ReleaseState


class TestRule11ThreeGates:
    """Release to the researcher, hand-over to a commissioner, and publication are three different gates."""

    def test_a_hand_over_names_its_recipient(self, world: World) -> None:
        """Without one it is refused."""
        context = {**CONTEXT, "gate": "to_commissioner"}
        code = refusal_of(world.airlock.submit, "falls", "a.csv", GOOD_TABLE, context, by=ASHA)
        assert code == "release.recipient_missing"

    def test_what_goes_to_the_researcher_names_none(self, world: World) -> None:
        """Or the researcher's gate would be a hand-over that asks nothing of its recipient."""
        context = {**CONTEXT, "recipient": "A data broker"}
        code = refusal_of(world.airlock.submit, "falls", "a.csv", GOOD_TABLE, context, by=ASHA)
        assert code == "release.recipient_of_researcher"

    def test_a_hand_over_goes_to_nobody_unknown(self, world: World) -> None:
        """Who is not registered, or may not take part, is no recipient: neither of a draft nor of a table."""
        context = {**CONTEXT, "gate": "to_commissioner", "recipient": "A data broker"}
        code = refusal_of(world.airlock.submit, "falls", "a.csv", GOOD_TABLE, context, by=ASHA)
        assert code == "release.recipient_unknown"
        drafted = {"by": ASHA, "gate": Gate.TO_COMMISSIONER, "recipient": "A data broker"}
        assert refusal_of(world.airlock.draft, "falls", **drafted) == "release.recipient_unknown"

    def test_a_recipient_who_was_barred_since_holds_it(self, world: World) -> None:
        """The recipient is asked for again at the release."""
        request = world.approved(gate="to_commissioner", recipient="City Council")
        world.approvals.recipients.clear()
        assert refusal_of(world.airlock.release, request, by=DEV) == "release.recipient_unknown"
        assert (world.airlock.get(request).held or "").startswith("release.recipient_unknown")

    def test_a_publication_names_none(self, world: World) -> None:
        """For everybody is for nobody in particular."""
        context = {**CONTEXT, "gate": "to_public", "recipient": "City Council"}
        code = refusal_of(world.airlock.submit, "falls", "a.csv", GOOD_TABLE, context, by=ASHA)
        assert code == "release.recipient_of_public"

    def test_a_returned_request_keeps_its_gate(self, world: World) -> None:
        """What was submitted for the researcher does not go on as a publication."""
        request = world.submitted(UNROUNDED_TABLE)
        context = {**CONTEXT, "gate": "to_public"}
        code = refusal_of(
            world.airlock.submit, "falls", "admissions.csv", GOOD_TABLE, context, by=ASHA, request_id=request
        )
        assert code == "release.other_gate"

    def test_the_register_and_the_manifest_name_the_gate(self, world: World) -> None:
        """Anyone can see through which gate it went."""
        released = world.airlock.release(world.approved(gate="to_public"), by=CARA)
        assert released.register_entry["gate"] == "to_public"
        assert json.loads(released.manifest.read_text())["content"]["gate"] == "to_public"


class TestWhatSubmittingRefuses:
    """What peers' checkers reject most often comes back at once, with a sentence that says how to mend it."""

    @pytest.mark.parametrize(
        ("table", "context", "said"),
        [
            (b"age,people\n0-39,121\n40+,135\n", {}, "round to the nearest 5"),
            (b"age,people\n0-39,120\n40+,135\n", {"population": ""}, "say under 'population'"),
            (b"age,people\n0-39,120\n40+,135\n", {"purpose": "figures"}, "say under 'purpose'"),
            (b"age,people\n0-39,120\n40+,135\n", {"columns": {"age": "age group"}}, "missing: people"),
            (b"age,people\n0-39,120\n40+,3\n", {}, "Fewer than 8 people: hide it as *"),
            (b"age,mean\n0-39,1.5\n40+,2.5\n", {}, "There is no column 'people'"),
            (b"PK\x03\x04" + bytes(40), {}, "an Excel workbook"),
        ],
        ids=["not rounded", "no population", "thin purpose", "silent column", "small count", "no counts", "file type"],
    )
    def test_it_is_returned_with_how_to_mend_it(
        self, world: World, table: bytes, context: dict[str, object], said: str
    ) -> None:
        """The request is returned, and one of its problems says so."""
        whole = {**CONTEXT, "columns": {"age": "age group", "people": "distinct people"}, **context}
        done = world.airlock.submit("falls", "a.csv", table, whole, by=ASHA)
        assert done.state is S.RETURNED
        assert any(said in problem for problem in done.problems), done.problems

    def test_an_unknown_key_is_refused(self, world: World) -> None:
        """A context's misspelt key is an error, never ignored."""
        with pytest.raises(ContextInvalid, match="unknown key 'purpos'"):
            world.airlock.submit("falls", "a.csv", GOOD_TABLE, {**CONTEXT, "purpos": "x"}, by=ASHA)

    def test_a_stranger_does_not_submit(self, world: World) -> None:
        """Only members of a live project do."""
        code = refusal_of(world.airlock.submit, "falls", "a.csv", GOOD_TABLE, CONTEXT, by=CARA)
        assert code == "project.not_a_member"
        world.approvals.live = False
        code = refusal_of(world.airlock.submit, "falls", "a.csv", GOOD_TABLE, CONTEXT, by=ASHA)
        assert code == "project.withdrawn"

    def test_problems_name_cells_and_no_counts(self, world: World) -> None:
        """A problem names the cell by its categories; the count itself is not repeated."""
        done = world.airlock.submit("falls", "a.csv", b"age,sex,people\n0-39,F,1234\n40+,F,1230\n", CONTEXT, by=ASHA)
        assert "age=0-39, sex=F" in " ".join(done.problems)
        assert "1234" not in " ".join(done.problems)


class TestWhoReadsWhatIsSealed:
    """A sealed file is read by its checkers, and by people of the project as long as they may submit for it."""

    def test_a_member_reads_it(self, world: World) -> None:
        """Everybody who may submit for the project."""
        content, _ = world.airlock.review(world.submitted(), "admissions.csv", by=OMAR)
        assert content == GOOD_TABLE

    def test_a_member_of_a_withdrawn_project_does_not(self, world: World) -> None:
        """Who may not work in the project any more does not read what came of it; the refusal is recorded."""
        request = world.submitted()
        world.approvals.live = False
        assert refusal_of(world.airlock.review, request, "admissions.csv", by=ASHA) == "project.withdrawn"
        assert world.events[-1] == "release.decide_refused"

    def test_only_people_do(self, world: World) -> None:
        """Neither an organisation nor a service that bears a member's or a checker's name."""
        request = world.submitted()
        for by in (organisation("asha"), service("asha"), organisation("cara")):
            assert refusal_of(world.airlock.review, request, "admissions.csv", by=by) == "release.not_a_person"
