"""The airlock's rule book, later on: idle requests lapse, failures release nothing, recalls reach who was told."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from audit.errors import AuditUnavailable
from audit.model import Actor, organisation, service
from environments.airlock.errors import AirlockError
from environments.airlock.states import ReleaseState
from environments.airlock.verbs.checking import FileCheck
from environments.disclosure.errors import EngineFailed
from tests.fakes.airlock import (
    ASHA,
    CARA,
    CONTEXT,
    DEV,
    GOOD_TABLE,
    OMAR,
    START,
    UNROUNDED_TABLE,
    World,
    refusal_of,
)

S = ReleaseState


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
