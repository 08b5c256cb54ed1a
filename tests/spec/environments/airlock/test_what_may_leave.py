"""The airlock's rule book: rules/airlock.md, rule by rule, each as what happens to a person who tries."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from audit.model import Actor, organisation, person, service
from environments.airlock.files.manifest import verify_release
from environments.airlock.policies import CHECKERS_NEEDED
from environments.airlock.states import ReleaseState
from tests.fakes.airlock import (
    ASHA,
    CARA,
    CONTEXT,
    DEV,
    EVE,
    GOOD_TABLE,
    KEY,
    OMAR,
    OTHER_TABLE,
    UNROUNDED_TABLE,
    World,
    refusal_of,
)

S = ReleaseState


class TestRule1TwoPeopleApprove:
    """N of M approvals per file, N >= 2; automated checks never count as a reviewer."""

    def test_two_is_the_number(self) -> None:
        """Two people at least."""
        assert CHECKERS_NEEDED >= 2

    def test_one_approval_is_not_enough(self, world: World) -> None:
        """After one approval the request still waits, and cannot be released."""
        request = world.submitted()
        assert world.airlock.decide(request, True, by=CARA).state is S.CHECKING
        assert refusal_of(world.airlock.release, request, by=CARA) == "release.not_approved"

    def test_the_same_person_does_not_count_twice(self, world: World) -> None:
        """A second verdict of the same person is refused."""
        request = world.submitted()
        world.airlock.decide(request, True, by=CARA)
        assert refusal_of(world.airlock.decide, request, True, by=CARA) == "release.already_decided"

    @pytest.mark.parametrize("by", [service("airlock"), service("disclosure"), organisation("gp")])
    def test_software_is_no_reviewer(self, world: World, by: Actor) -> None:
        """No service and no organisation's account gives a verdict."""
        assert refusal_of(world.airlock.decide, world.submitted(), True, by=by) == "release.not_a_person"

    def test_the_check_passing_releases_nothing(self, world: World) -> None:
        """A request whose check passed waits for people."""
        request = world.submitted()
        assert world.airlock.get(request).state is S.CHECKING
        assert refusal_of(world.airlock.release, request, by=service("release")) == "release.not_approved"

    def test_each_file_needs_its_two(self, world: World) -> None:
        """Two approvals of one file do not approve the other."""
        request = world.airlock.submit_set(
            "falls", [("a.csv", GOOD_TABLE), ("b.csv", OTHER_TABLE)], CONTEXT, by=ASHA
        ).id
        world.airlock.decide(request, True, by=CARA, file="a.csv")
        assert world.airlock.decide(request, True, by=DEV, file="a.csv").state is S.CHECKING
        world.airlock.decide(request, True, by=EVE, file="b.csv")
        assert world.airlock.decide(request, True, by=DEV, file="b.csv").state is S.APPROVED


class TestRule2CheckersStandOutside:
    """A checker is never the author, an uploader, a member, or the maker of an earlier version."""

    def test_the_author_does_not_check(self, world: World) -> None:
        """Also when the author holds the checker's role."""
        world.approvals.checkers.add("asha")
        assert refusal_of(world.airlock.decide, world.submitted(), True, by=ASHA) == "release.own_output"

    def test_a_member_does_not_check(self, world: World) -> None:
        """Also when the member holds the checker's role."""
        world.approvals.checkers.add("omar")
        assert refusal_of(world.airlock.decide, world.submitted(), True, by=OMAR) == "release.own_project"

    def test_a_member_who_left_does_not_check(self, world: World) -> None:
        """Leaving the project after the submission opens no way."""
        world.approvals.checkers.add("omar")
        request = world.submitted()
        world.approvals.people_in["falls"].discard("omar")
        assert refusal_of(world.airlock.decide, request, True, by=OMAR) == "release.own_project"

    def test_the_maker_of_an_earlier_version_does_not_check(self, world: World) -> None:
        """Omar made the first version; Asha goes on with it; Omar, no member any more, does not check it."""
        world.approvals.checkers.add("omar")
        request = world.airlock.submit("falls", "admissions.csv", UNROUNDED_TABLE, CONTEXT, by=OMAR).id
        world.airlock.submit("falls", "admissions.csv", GOOD_TABLE, CONTEXT, by=ASHA, request_id=request)
        world.approvals.people_in["falls"].discard("omar")
        assert refusal_of(world.airlock.decide, request, True, by=OMAR) == "release.own_output"

    def test_a_file_of_the_same_name_in_another_request_counts_as_earlier(self, world: World) -> None:
        """Who made the file of this name before does not check it in a new request either."""
        world.approvals.checkers.add("omar")
        world.airlock.submit("falls", "admissions.csv", OTHER_TABLE, CONTEXT, by=OMAR)
        world.approvals.people_in["falls"].discard("omar")
        assert refusal_of(world.airlock.decide, world.submitted(), True, by=OMAR) == "release.own_output"

    def test_an_approver_who_joined_the_project_does_not_count_any_more(self, world: World) -> None:
        """The approval of somebody who became a member before the release is not counted."""
        request = world.approved()
        world.approvals.people_in["falls"].add("cara")
        assert refusal_of(world.airlock.release, request, by=DEV) == "release.too_few_approvals"

    def test_approvers_who_are_no_checkers_any_more_do_not_count(self, world: World) -> None:
        """Both who approved were barred or dismissed since: somebody else releases nothing on their word."""
        request = world.approved()
        world.approvals.checkers -= {"cara", "dev"}
        assert refusal_of(world.airlock.release, request, by=EVE) == "release.too_few_approvals"
        assert world.airlock.get(request).state is S.APPROVED

    def test_who_is_no_checker_does_not_check(self, world: World) -> None:
        """Without the role there is no verdict."""
        assert refusal_of(world.airlock.decide, world.submitted(), True, by=person("zoe")) == "release.no_checker"


class TestRule3ControllersVeto:
    """Where a controller kept a veto, its delegate is one more required approver."""

    @pytest.fixture
    def held(self, world: World) -> str:
        """A request that the checkers approved and the GP's delegate must decide on."""
        world.approvals.kept_vetoes = {"gp"}
        return world.approved()

    def test_it_waits_for_the_delegate(self, world: World, held: str) -> None:
        """Two checkers do not approve it; it is held and cannot be released."""
        assert world.airlock.get(held).state is S.CONTROLLER_HOLD
        assert refusal_of(world.airlock.release, held, by=CARA) == "release.not_approved"

    def test_the_delegate_approves(self, world: World, held: str) -> None:
        """With the delegate's approval it may go."""
        done = world.airlock.decide_as_controller(held, "gp", True, by=person("gita"))
        assert done.state is S.APPROVED
        assert world.airlock.release(held, by=CARA).folder.exists()

    def test_the_delegate_objects(self, world: World, held: str) -> None:
        """The veto is final."""
        done = world.airlock.decide_as_controller(held, "gp", False, "Not agreed.", by=organisation("gp"))
        assert done.state is S.REJECTED

    def test_a_checker_is_not_the_delegate_too(self, world: World, held: str) -> None:
        """One more approver means another person."""
        world.approvals.delegates["person:cara"] = "gp"
        assert refusal_of(world.airlock.decide_as_controller, held, "gp", True, by=CARA) == "release.checked_already"

    def test_every_veto_is_asked(self, world: World) -> None:
        """Of two controllers with a veto, both decide."""
        world.approvals.kept_vetoes = {"gp", "hospital"}
        request = world.approved()
        assert world.airlock.decide_as_controller(request, "gp", True, by=organisation("gp")).state is S.CONTROLLER_HOLD
        done = world.airlock.decide_as_controller(request, "hospital", True, by=organisation("hospital"))
        assert done.state is S.APPROVED

    def test_only_its_own_delegate_decides(self, world: World, held: str) -> None:
        """Another organisation's account does not."""
        code = refusal_of(world.airlock.decide_as_controller, held, "gp", True, by=organisation("hospital"))
        assert code == "release.not_delegate"


class TestRule4BlindThenTogether:
    """Checkers are blind to each other until N have submitted; then they consolidate. Nothing is deleted or hidden."""

    def test_the_other_sees_nothing(self, world: World) -> None:
        """Dev does not see Cara's verdict before giving his own; Cara sees hers."""
        request = world.submitted()
        world.airlock.decide(request, False, "Too fine.", by=CARA)
        assert world.airlock.get(request, viewer=DEV).verdicts == ()
        assert world.airlock.get(request).verdicts == ()
        assert [one.by for one in world.airlock.get(request, viewer=CARA).verdicts] == [CARA]

    def test_the_log_does_not_tell_either(self, world: World) -> None:
        """While they are blind, the audit entry of a verdict holds neither verdict nor comment."""
        request = world.submitted()
        world.airlock.decide(request, False, "Too fine.", by=CARA)
        assert set(world.log.events[-1].details) == {"request", "sha256"}

    def test_the_auditor_sees_everything_at_any_time(self, world: World) -> None:
        """The whole request holds the blind verdict."""
        request = world.submitted()
        world.airlock.decide(request, False, "Too fine.", by=CARA)
        assert [one.comment for one in world.airlock.whole(request).verdicts] == ["Too fine."]

    def test_who_differ_see_each_other(self, world: World) -> None:
        """With both verdicts in and different, the request is consolidating and both are seen."""
        request = self.differing(world)
        seen = world.airlock.get(request, viewer=CARA)
        assert seen.state is S.CONSOLIDATING
        assert {one.by for one in seen.verdicts} == {CARA, DEV}

    def test_a_revised_verdict_stands_beside_the_first(self, world: World) -> None:
        """Dev is convinced; the request is approved; his first verdict is still there."""
        request = self.differing(world)
        done = world.airlock.decide(request, True, "Agreed.", by=DEV)
        assert done.state is S.APPROVED
        assert [one.approve for one in done.verdicts if one.by == DEV] == [False, True]

    def test_a_third_can_be_called(self, world: World) -> None:
        """With Eve's approval there are two; Cara states the outcome; Dev's objection stays on record."""
        request = self.differing(world)
        assert world.airlock.decide(request, True, by=EVE).state is S.CONSOLIDATING
        done = world.airlock.consolidate(request, S.APPROVED, "Two of three.", by=CARA)
        assert done.state is S.APPROVED
        assert any(not one.approve for one in done.verdicts)

    def test_agreeing_needs_the_approvals(self, world: World) -> None:
        """One approval and one objection are no approval, whatever is said."""
        request = self.differing(world)
        code = refusal_of(world.airlock.consolidate, request, S.APPROVED, "Fine.", by=CARA)
        assert code == "release.too_few_approvals"

    def test_only_who_took_part_states_the_outcome(self, world: World) -> None:
        """Eve gave no verdict."""
        request = self.differing(world)
        code = refusal_of(world.airlock.consolidate, request, S.REJECTED, "No.", by=EVE)
        assert code == "release.took_no_part"

    @pytest.mark.parametrize("outcome", [S.RETURNED, S.REJECTED])
    def test_they_return_or_reject(self, world: World, outcome: ReleaseState) -> None:
        """What they agreed happens, with the reason kept."""
        request = self.differing(world)
        done = world.airlock.consolidate(request, outcome, "Begin with coarser groups.", by=DEV)
        assert done.state is outcome
        assert done.moves[-1].reason == "Begin with coarser groups."

    def test_an_objection_says_what_to_mend(self, world: World) -> None:
        """Without a comment it is refused."""
        assert refusal_of(world.airlock.decide, world.submitted(), False, by=CARA) == "release.comment_missing"

    def test_two_objections_return_it(self, world: World) -> None:
        """Unanimous objections give the request back to its author."""
        request = world.submitted()
        world.airlock.decide(request, False, "Too fine.", by=CARA)
        assert world.airlock.decide(request, False, "Too fine.", by=DEV).state is S.RETURNED

    @staticmethod
    def differing(world: World) -> str:
        """A request that Cara approves and Dev does not."""
        request = world.submitted()
        world.airlock.decide(request, True, by=CARA)
        world.airlock.decide(request, False, "Too fine.", by=DEV)
        return request


class TestRule5ApprovalIsForTheseBytes:
    """Approval binds to content hashes; a changed byte voids it; only an all-approved set releases."""

    def test_a_changed_byte_is_not_released(self, world: World) -> None:
        """One byte changed in the sealed container: held, with the reason, and nothing in the outbox."""
        request = world.approved()
        self.change_a_byte(world, request)
        assert refusal_of(world.airlock.release, request, by=CARA) == "release.seal_broken"
        assert not (world.outbox / request).exists()
        assert "release.seal_broken" in str(world.airlock.get(request).held)

    def test_the_author_cannot_write_to_what_was_sealed(self, world: World) -> None:
        """The folder is 0500 and the file 0400, and they are the airlock's own copy."""
        request = world.submitted()
        folder = world.folder / "airlock" / request / "round-1"
        assert folder.stat().st_mode & 0o777 == 0o500
        assert (folder / "admissions.csv").stat().st_mode & 0o777 == 0o400

    def test_a_new_round_begins_without_verdicts(self, world: World) -> None:
        """Approvals of an earlier round do not count for the next."""
        request = world.submitted()
        world.airlock.decide(request, True, by=CARA)
        world.airlock.send_back(request, "Which year?", by=DEV)
        again = world.airlock.submit("falls", "admissions.csv", GOOD_TABLE, CONTEXT, by=ASHA, request_id=request)
        assert again.round == 2
        assert world.airlock.decide(request, True, by=DEV).state is S.CHECKING

    def test_what_leaves_is_what_was_approved(self, world: World) -> None:
        """The released bytes are the sealed ones, and the manifest's hash is theirs."""
        released = world.airlock.release(world.approved(), by=CARA)
        assert (released.folder / "admissions.csv").read_bytes() == GOOD_TABLE
        manifest = verify_release(released.folder, KEY.public_key())
        assert manifest["files"][0]["approvers"] == ["cara", "dev"]

    @staticmethod
    def change_a_byte(world: World, request: str) -> None:
        """As an intruder with the airlock's own account would."""
        path = world.folder / "airlock" / request / "round-1" / "admissions.csv"
        path.chmod(0o600)
        path.write_bytes(GOOD_TABLE.replace(b"120", b"125"))


class TestRule6EverythingIsAskedAgain:
    """At the moment of release everything is asked again; otherwise it is held, with the reason."""

    def test_a_withdrawn_agreement_holds_it(self, world: World) -> None:
        """A controller withdrew after the approval."""
        request = world.approved()
        world.approvals.live = False
        assert refusal_of(world.airlock.release, request, by=CARA) == "project.withdrawn"
        found = world.airlock.get(request)
        assert found.state is S.APPROVED
        assert found.held == "project.withdrawn: Withdrawn by the controller: gp."
        assert not (world.outbox / request).exists()

    def test_it_goes_when_the_reason_is_gone(self, world: World) -> None:
        """Held is not lost."""
        request = world.approved()
        world.approvals.live = False
        refusal_of(world.airlock.release, request, by=CARA)
        world.approvals.live = True
        assert world.airlock.release(request, by=CARA).folder.exists()
        assert world.airlock.get(request).held is None

    def test_a_stricter_profile_is_applied(self, world: World) -> None:
        """The owner's rules of the day of release are run, not those of the submission."""
        request = world.approved(b"age,people\n0-39,120\n40+,0\n50+,30\n", columns={"age": "age", "people": "people"})
        world.approvals.profile_name = "ons"
        assert refusal_of(world.airlock.release, request, by=CARA) == "release.rules_changed"

    def test_the_manifest_names_the_rules_that_were_run(self, world: World) -> None:
        """Criteria and causes are those of the release; the scope version is the one the table was made under."""
        world.approvals.version = 4
        request = world.approved()
        world.approvals.profile_name = "hes+opensafely"
        manifest = json.loads(world.airlock.release(request, by=CARA).manifest.read_text())["content"]
        assert [one["id"] for one in manifest["criteria"]["profiles"]] == ["hes", "opensafely"]
        assert manifest["criteria"]["causes"]["totals"] == ["opensafely"]
        assert manifest["scope_version"] == 4

    def test_another_version_of_the_approval_holds_it(self, world: World) -> None:
        """A new version went live meanwhile: perhaps without one of the controllers; the table is made again."""
        request = world.approved()
        world.approvals.version = 2
        assert refusal_of(world.airlock.release, request, by=CARA) == "release.scope_changed"


class TestRule9RolesDoNotChangeUnderReview:
    """A role change during a live request does not apply to that request."""

    def test_a_role_given_later_does_not_count(self, world: World) -> None:
        """Zoe became a checker after the submission."""
        request = world.submitted()
        world.approvals.checkers.add("zoe")
        assert refusal_of(world.airlock.decide, request, True, by=person("zoe")) == "release.role_after_submission"

    def test_it_counts_for_the_next_submission(self, world: World) -> None:
        """She decides on requests that come in from then on."""
        world.approvals.checkers.add("zoe")
        assert world.airlock.decide(world.submitted(), True, by=person("zoe")).state is S.CHECKING

    def test_a_role_taken_away_ends_at_once(self, world: World) -> None:
        """Narrowing bites: Cara is no checker any more."""
        request = world.submitted()
        world.approvals.checkers.discard("cara")
        assert refusal_of(world.airlock.decide, request, True, by=CARA) == "release.no_checker"


def test_every_refusal_is_recorded(world: World) -> None:
    """A refused verdict, release, recall and withdrawal each leave their entry with the rule."""
    request = world.submitted()
    refusal_of(world.airlock.decide, request, True, by=ASHA)
    refusal_of(world.airlock.release, request, by=CARA)
    refusal_of(world.airlock.recall, request, "x", "y", by=CARA)
    refusal_of(world.airlock.withdraw, request, by=ASHA)
    refused = [(event.name.value, event.details["rule"]) for event in world.log.events if "refused" in event.name]
    assert refused == [
        ("release.decide_refused", "release.own_output"),
        ("release.release_refused", "release.not_approved"),
        ("release.recall_refused", "release.not_its_turn"),
        ("release.withdraw_refused", "release.not_its_turn"),
    ]


def test_no_row_values_in_the_log(world: World, tmp_path: Path) -> None:
    """Nothing of the table stands in any audit entry: neither its counts nor its categories nor its text."""
    world.airlock.recall(world.released(), "Wrong year.", "INC-7", by=DEV)
    world.submitted(UNROUNDED_TABLE)
    text = " ".join(json.dumps(dict(event.details)) for event in world.log.events)
    text = re.sub("[0-9a-f-]{32,}", "", text)  # numbers of requests and hashes, in which anything may stand
    assert not any(value in text for value in ("121", "0-39", "40+", "admissions.csv", "Wrong year"))
