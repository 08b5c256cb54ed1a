"""The airlock's rule book: rules/airlock.md, rule by rule, each as what happens to a person who tries."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest

from access.decisions import RefusedError
from audit.errors import AuditUnavailable
from audit.model import Actor, organisation, person, service
from environments.airlock.errors import AirlockError
from environments.airlock.files.manifest import verify_release
from environments.airlock.model import Gate
from environments.airlock.policies import CHECKERS_NEEDED
from environments.airlock.states import ReleaseState
from environments.airlock.verbs.checking import FileCheck
from environments.disclosure.errors import ContextInvalid, EngineFailed, TableUnfit
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
    START,
    UNROUNDED_TABLE,
    World,
)

S = ReleaseState


def refusal_of(call: object, *arguments: object, **named: object) -> str:
    """The code with which this is refused."""
    with pytest.raises(RefusedError) as caught:
        call(*arguments, **named)  # type: ignore[operator]
    return caught.value.refused.code


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
            "falls", [("a.csv", GOOD_TABLE, CONTEXT), ("b.csv", OTHER_TABLE, CONTEXT)], by=ASHA
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


class TestRule7IdleRequestsLapse:
    """Idle requests lapse."""

    def test_after_thirty_days(self, world: World) -> None:
        """A returned request on which nothing moves lapses; one under review does not."""
        returned = world.submitted(UNROUNDED_TABLE)
        waiting = world.submitted()
        world.clock.at = START + timedelta(days=31)
        assert world.airlock.lapse_idle() == [returned]
        assert world.airlock.get(returned).state is S.LAPSED
        assert world.airlock.get(waiting).state is S.CHECKING

    def test_an_approval_does_not_hold_for_ever(self, world: World) -> None:
        """An approved request that nobody released lapses, and cannot be released afterwards."""
        request = world.approved()
        world.clock.at = START + timedelta(days=31)
        world.airlock.lapse_idle()
        assert refusal_of(world.airlock.release, request, by=CARA) == "release.not_approved"


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


class TestRule8Recall:
    """Recall: reason, incident number, recipients notified, acknowledged; the hash can never be released again."""

    def test_it_is_taken_back(self, world: World) -> None:
        """The file leaves the outbox, a signed notice stands there, the register tells the incident."""
        request = world.released(gate="to_commissioner", recipient="City Council")
        done = world.airlock.recall(request, "A count was not hidden.", "INC-7", by=DEV)
        assert done.state is S.RECALLED
        assert [path.name for path in (world.outbox / request).iterdir()] == ["RECALLED.json"]
        entry = json.loads((world.register / "releases.json").read_text())["releases"][0]
        assert (entry["state"], entry["incident"]) == ("recalled", "INC-7")

    def test_recipients_acknowledge(self, world: World) -> None:
        """Who was told is on record, and when they acknowledged."""
        request = world.released(gate="to_commissioner", recipient="City Council")
        world.airlock.recall(request, "Wrong year.", "INC-7", by=DEV)
        world.clock.at = START + timedelta(hours=2)
        done = world.airlock.acknowledge_recall(request, "City Council", by=organisation("City Council"))
        assert [(one.name, one.acknowledged) for one in done.recipients] == [("City Council", world.clock.at)]

    @pytest.mark.parametrize("by", [DEV, OMAR, service("airlock")])
    def test_nobody_acknowledges_for_another(self, world: World, by: Actor) -> None:
        """Neither a checker nor another of the project nor the haven itself; the refusal is recorded."""
        request = world.released()
        world.airlock.recall(request, "Wrong year.", "INC-7", by=DEV)
        assert refusal_of(world.airlock.acknowledge_recall, request, "asha", by=by) == "release.not_the_recipient"
        assert world.airlock.get(request).recipients[0].acknowledged is None
        assert world.events[-1] == "release.recall_refused"
        assert world.airlock.acknowledge_recall(request, "asha", by=ASHA).recipients[0].acknowledged

    @pytest.mark.parametrize(
        "again",
        [
            GOOD_TABLE,
            GOOD_TABLE.replace(b"\n", b"\r\n"),
            b"people,sex,age\n*,M,40+\n210,F,40+\n135,M,0-39\n120,F,0-39\n",
        ],
        ids=["the same bytes", "other line ends", "other order"],
    )
    def test_it_never_leaves_again(self, world: World, again: bytes) -> None:
        """Neither the same bytes nor the same cells written otherwise can be submitted again."""
        world.airlock.recall(world.released(), "Wrong year.", "INC-7", by=DEV)
        code = refusal_of(world.airlock.submit, "falls", "again.csv", again, CONTEXT, by=ASHA)
        assert code == "release.recalled_before"

    def test_what_was_approved_meanwhile_does_not_leave(self, world: World) -> None:
        """A second request with the same content, approved before the recall, is held at its release."""
        first, second = world.released(), world.approved()
        world.airlock.recall(first, "Wrong year.", "INC-7", by=DEV)
        assert refusal_of(world.airlock.release, second, by=CARA) == "release.recalled_before"

    def test_it_has_a_reason_and_an_incident(self, world: World) -> None:
        """Without them nothing is recalled."""
        request = world.released()
        assert refusal_of(world.airlock.recall, request, " ", "INC-7", by=DEV) == "release.recall_unfounded"
        assert refusal_of(world.airlock.recall, request, "Wrong.", "", by=DEV) == "release.recall_unfounded"

    def test_a_recalled_release_is_not_released_again(self, world: World) -> None:
        """Recalled is final."""
        request = world.released()
        world.airlock.recall(request, "Wrong year.", "INC-7", by=DEV)
        assert refusal_of(world.airlock.release, request, by=CARA) == "release.not_approved"


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


class TestRule10FailureMeansNotReleased:
    """A failure of the scan, the disclosure engine, the clock or the audit log means not released."""

    def test_a_broken_engine_fails_the_request(self, world: World) -> None:
        """The check breaks at submission: failed, no verdict is possible, an operator puts it through again."""

        def broken(*_: object) -> FileCheck:
            raise EngineFailed("The disclosure check broke.")

        working, world.check = world.check, broken
        request = world.submitted()
        assert world.airlock.get(request).state is S.FAILED
        assert refusal_of(world.airlock.decide, request, True, by=CARA) == "release.not_in_review"
        world.check = working
        assert world.airlock.retry(request, by=CARA).state is S.CHECKING

    def test_an_engine_that_breaks_at_release_holds_it(self, world: World) -> None:
        """The check breaks between approval and release: held."""
        request = world.approved()

        def broken(*_: object) -> FileCheck:
            raise EngineFailed("The disclosure check broke.")

        world.check = broken
        assert refusal_of(world.airlock.release, request, by=CARA) == "disclosure.engine_failed"
        assert not (world.outbox / request).exists()

    def test_without_the_log_nothing_happens(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        """The log refuses: no verdict, no release, and the outbox stays empty."""
        request = world.approved()

        def down(_: object) -> list[object]:
            raise AuditUnavailable("The log does not answer.")

        monkeypatch.setattr(world.log, "append", down)
        with pytest.raises(AuditUnavailable):
            world.airlock.release(request, by=CARA)
        assert world.airlock.get(request).state is S.APPROVED
        assert not (world.outbox / request).exists()

    def test_a_log_that_stops_at_the_last_step_lets_nothing_out(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The log takes `release.started` and then stops: the files stay out of sight; asked again, they leave."""
        request = world.approved()
        append = world.log.append

        def stops(events: list[object]) -> object:
            if any(getattr(one, "name", None) == "release.released" for one in events):
                raise AuditUnavailable("The log's disk is full.")
            return append(events)  # type: ignore[arg-type]

        with monkeypatch.context() as patched:
            patched.setattr(world.log, "append", stops)
            with pytest.raises(AuditUnavailable):
                world.airlock.release(request, by=CARA)
        assert world.airlock.get(request).state is S.RELEASING
        assert not (world.outbox / request).exists()
        assert world.airlock.release(request, by=CARA).folder.exists()

    def test_a_full_disk_fails_the_request(self, world: World) -> None:
        """The outbox cannot be written: failed; put through again it needs two verdicts anew."""
        request = world.approved()
        world.outbox.write_text("a file where the folder should be")
        with pytest.raises(AirlockError, match="outbox"):
            world.airlock.release(request, by=CARA)
        assert world.airlock.get(request).state is S.FAILED
        world.outbox.unlink()
        assert world.airlock.retry(request, by=DEV).state is S.CHECKING
        world.airlock.decide(request, True, by=CARA)
        world.airlock.decide(request, True, by=DEV)
        assert world.airlock.release(request, by=DEV).folder.exists()


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

    def test_another_type_is_refused(self, world: World) -> None:
        """Only CSV is taken so far; the refusal is recorded."""
        with pytest.raises(TableUnfit, match="Only CSV"):
            world.airlock.submit("falls", "plot.png", b"", CONTEXT, by=ASHA)
        assert world.events[-1] == "release.submit_refused"

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


def test_a_release_done_again_changes_nothing(world: World) -> None:
    """The second release gives the same folder, and one release stands in log and register."""
    request = world.approved()
    first = world.airlock.release(request, by=CARA)
    manifest = first.manifest.read_bytes()
    assert world.airlock.release(request, by=CARA).folder == first.folder
    assert first.manifest.read_bytes() == manifest
    assert world.events.count("release.released") == 1
    assert len(json.loads((world.register / "releases.json").read_text())["releases"]) == 1


def test_the_author_does_not_carry_out_the_release(world: World) -> None:
    """The haven or a checker does."""
    request = world.approved()
    assert refusal_of(world.airlock.release, request, by=ASHA) == "release.own_output"


def test_no_row_values_in_the_log(world: World, tmp_path: Path) -> None:
    """Nothing of the table stands in any audit entry: neither its counts nor its categories nor its text."""
    world.airlock.recall(world.released(), "Wrong year.", "INC-7", by=DEV)
    world.submitted(UNROUNDED_TABLE)
    text = " ".join(json.dumps(dict(event.details)) for event in world.log.events)
    text = re.sub("[0-9a-f-]{32,}", "", text)  # numbers of requests and hashes, in which anything may stand
    assert not any(value in text for value in ("121", "0-39", "40+", "admissions.csv", "Wrong year"))
