"""The airlock's rule book, inwards (rules/airlock.md, 12): who asks, who judges, to what it is bound, when held."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from audit.errors import AuditUnavailable
from audit.model import AuditEvent, organisation, person, service
from environments.airlock.errors import ImportUnfit, OutboxFailed, SealBroken, UnknownRequest
from environments.airlock.files.manifest import opened
from environments.airlock.imports.states import ImportState
from environments.airlock.imports.store import ImportFileRow
from tests.fakes.airlock import ASHA, CARA, DEV, EVE, KEY, LOOKUP, OMAR, WHY, World, refusal_of

S = ImportState
ENID, STRANGER = person("enid"), person("sam")
FINE = "Public codes, nothing of a person."


def _place(world: World, request: str) -> Path:
    return world.folder / "imports" / "falls" / request


def _sealed(world: World, request: str) -> Path:
    return world.folder / "airlock" / "imports" / request / "round-1" / "chapters.csv"


def _swap(path: Path, content: bytes) -> None:
    path.chmod(0o600)
    path.write_bytes(content)


class TestWhoMayAsk:
    """A member of a live project, or a data engineer; with a purpose, and with what may come in at all."""

    def test_a_member_and_a_data_engineer(self, world: World) -> None:
        """Both may; the request waits for a checker, with its hashes in the log."""
        for by in (ASHA, ENID):
            done = world.imports.request("falls", [("chapters.csv", LOOKUP)], WHY, by=by)
            assert (done.state, done.author) == (S.REQUESTED, by)
            assert world.log.events[-1].details["sha256"] == [done.files[0].sha256]

    def test_nobody_else(self, world: World) -> None:
        """No stranger, checker, organisation or service."""
        for by in (STRANGER, CARA, organisation("gp"), service("airlock")):
            code = refusal_of(world.imports.request, "falls", [("chapters.csv", LOOKUP)], WHY, by=by)
            assert code in {"project.not_a_member", "release.not_a_person"}
        assert world.events == ["import.request_refused"] * 4
        assert world.imports.list() == []

    @pytest.mark.parametrize("by", [ASHA, ENID])
    def test_not_for_a_project_that_is_not_live(self, world: World, by: str) -> None:
        """Withdrawn, nothing comes in."""
        world.approvals.live = False
        code = refusal_of(world.imports.request, "falls", [("chapters.csv", LOOKUP)], WHY, by=by)
        assert code == "project.withdrawn"

    def test_with_a_purpose_and_some_files_of_different_names(self, world: World) -> None:
        """Too short a reason, no file, too many, and two of one name are refused."""
        one = ("chapters.csv", LOOKUP)
        many = [(f"c{n}.csv", LOOKUP) for n in range(21)]
        asked = [("codes", [one]), (WHY, []), (WHY, many), (WHY, [one, ("Chapters.csv", LOOKUP)])]
        codes = [refusal_of(world.imports.request, "falls", files, why, by=ASHA) for why, files in asked]
        assert codes == ["import.purpose_missing", "import.files", "import.files", "import.same_name"]

    def test_one_unfit_file_keeps_all_out(self, world: World) -> None:
        """Nothing of a request is sealed where one of its files is none that may come in."""
        with pytest.raises(ImportUnfit):
            world.imports.request("falls", [("chapters.csv", LOOKUP), ("x.zip", b"PK\x03\x04")], WHY, by=ASHA)
        assert world.events == ["import.request_refused"]
        assert not list((world.folder / "airlock").glob("imports/*/round-1"))


class TestWhoMayJudge:
    """A checker outside the project, who held the role when it was asked for; never on their own request."""

    @pytest.mark.parametrize("by", [ASHA, OMAR, STRANGER, ENID, organisation("gp"), service("airlock")])
    def test_nobody_else(self, world: World, by: str) -> None:
        """No author, member, stranger, engineer, organisation or service approves, refuses or delivers."""
        request = world.brought_in()
        for verb in (world.imports.approve, world.imports.refuse):
            assert refusal_of(verb, request, FINE, by=by).startswith("release.")
        assert world.imports.get(request).state is S.REQUESTED
        assert world.events[1:] == ["import.decide_refused"] * 2
        assert not _place(world, request).exists()

    def test_nobody_decides_on_their_own_request(self, world: World) -> None:
        """A data engineer who is a checker too does not approve what they asked for, nor a member who became one."""
        world.approvals.checkers |= {"enid", "omar"}
        request = world.imports.request("falls", [("chapters.csv", LOOKUP)], WHY, by=ENID).id
        assert refusal_of(world.imports.approve, request, FINE, by=ENID) == "release.own_output"
        assert refusal_of(world.imports.approve, request, FINE, by=OMAR) == "release.own_project"

    def test_nor_on_a_later_file_of_theirs(self, world: World) -> None:
        """Who brought an earlier file of the same name into the project does not judge the next."""
        world.approvals.checkers.add("enid")
        world.imports.request("falls", [("chapters.csv", LOOKUP)], WHY, by=ENID)
        request = world.brought_in(content=LOOKUP + b"A02,Other\n")
        assert refusal_of(world.imports.approve, request, FINE, by=ENID) == "release.own_output"

    def test_nor_with_a_role_that_came_later(self, world: World) -> None:
        """A checker made after the request does not judge it."""
        request = world.brought_in()
        world.approvals.checkers.add("sam")
        assert refusal_of(world.imports.approve, request, FINE, by=STRANGER) == "release.role_after_submission"

    def test_a_decision_says_why(self, world: World) -> None:
        """Approved or refused without a reason is neither."""
        request = world.brought_in()
        for verb in (world.imports.approve, world.imports.refuse):
            assert refusal_of(verb, request, " ", by=CARA) == "import.reason_missing"

    def test_who_may_look(self, world: World) -> None:
        """A checker and the author's side read the sealed file; others do not, and that is recorded."""
        request = world.brought_in()
        for by in (CARA, ASHA, OMAR):
            assert world.imports.read(request, "chapters.csv", by=by) == LOOKUP
        assert refusal_of(world.imports.read, request, "chapters.csv", by=STRANGER) == "release.no_checker"
        assert refusal_of(world.imports.read, request, "other.csv", by=CARA) == "import.no_such_file"
        assert world.events[-2:] == ["import.decide_refused"] * 2


class TestWhatIsDelivered:
    """On approval the files stand where the project's workspaces read them, whole and signed, and nowhere else."""

    def test_the_files_and_their_manifest(self, world: World) -> None:
        """Exactly the bytes, readable and not writable, with a signed manifest."""
        request = world.brought_in()
        done = world.imports.approve(request, FINE, by=CARA)
        assert done.state is S.DELIVERED
        place = _place(world, request)
        assert (place / "chapters.csv").read_bytes() == LOOKUP
        manifest = opened((place / "manifest.json").read_text(), KEY.public_key())
        assert manifest["files"][0]["sha256"] == done.files[0].sha256 == done.files[0].approved
        assert (manifest["author"], manifest["approver"]) == ("asha", "cara")
        assert {path.stat().st_mode & 0o777 for path in place.iterdir()} == {0o444}
        assert [path.stat().st_mode & 0o777 for path in (place, place.parent)] == [0o755, 0o755]
        assert (world.folder / "imports").stat().st_mode & 0o777 == 0o700
        assert world.events == ["import.requested", "import.approved", "import.delivered"]

    def test_a_refused_one_never(self, world: World) -> None:
        """Refused is final: no approval, no delivery."""
        request = world.brought_in()
        assert world.imports.refuse(request, "It names people.", by=CARA).state is S.REFUSED
        assert refusal_of(world.imports.approve, request, FINE, by=DEV) == "import.not_its_turn"
        assert refusal_of(world.imports.deliver, request, by=DEV) == "import.not_its_turn"
        assert not _place(world, request).exists()

    def test_nothing_lies_in_sight_before_it_is_recorded(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        """While the log does not take the delivery, the project's folder is empty."""
        request = world.brought_in()
        append = world.log.append

        def unavailable(events: list[AuditEvent]) -> object:
            if any(event.name == "import.delivered" for event in events):
                raise AuditUnavailable("The log does not answer.")
            return append(events)

        with monkeypatch.context() as patched:
            patched.setattr(world.log, "append", unavailable)
            with pytest.raises(AuditUnavailable):
                world.imports.approve(request, FINE, by=CARA)
        assert world.imports.get(request).state is S.APPROVED
        assert not _place(world, request).exists()
        assert not list((world.folder / "imports").glob("falls/**/*"))
        assert world.imports.deliver(request, by=DEV).state is S.DELIVERED
        assert (_place(world, request) / "chapters.csv").read_bytes() == LOOKUP

    def test_a_disk_that_fails_and_again(self, world: World) -> None:
        """Where the folder cannot be written nothing is said to be delivered; once it can be, `deliver` goes on."""
        request = world.brought_in()
        (world.folder / "imports").mkdir()
        (world.folder / "imports" / ".drafts").write_text("no folder")
        with pytest.raises(OutboxFailed):
            world.imports.approve(request, FINE, by=CARA)
        assert world.imports.get(request).state is S.APPROVED
        (world.folder / "imports" / ".drafts").unlink()
        for _ in range(2):
            assert world.imports.deliver(request, by=CARA).state is S.DELIVERED
        assert world.events.count("import.delivered") == 1

    def test_a_crash_after_the_record(self, world: World) -> None:
        """Delivered in the records and not in place: done again, it is put in place."""
        request = world.brought_in()
        world.imports.approve(request, FINE, by=CARA)
        place = _place(world, request)
        for path in place.iterdir():
            path.unlink()
        place.rmdir()
        world.imports.deliver(request, by=service("airlock"))
        assert (place / "chapters.csv").read_bytes() == LOOKUP


class TestEverythingIsAskedAgain:
    """An approval is for these bytes; at delivery all must still stand, or it is held with the reason."""

    @pytest.fixture
    def held(self, world: World) -> str:
        """An import that was approved, and could not be delivered: the project was withdrawn that moment."""
        request = world.brought_in()
        standing, world.approvals.live = world.approvals.live, False
        assert refusal_of(world.imports.approve, request, FINE, by=CARA) == "project.withdrawn"
        world.approvals.live = standing
        return request

    def test_the_project_is_live(self, world: World, held: str) -> None:
        """Held with the reason; nothing in sight; delivered once it is live again."""
        found = world.imports.get(held)
        assert (found.state, found.held) == (S.APPROVED, "project.withdrawn: Withdrawn by the controller: gp.")
        assert world.events[-1] == "import.deliver_refused"
        assert not _place(world, held).exists()
        done = world.imports.deliver(held, by=DEV)
        assert (done.state, done.held) == (S.DELIVERED, None)

    def test_the_bytes_are_those_that_were_sealed(self, world: World, held: str) -> None:
        """One changed byte, and it is held."""
        _swap(_sealed(world, held), LOOKUP.replace(b"Cholera", b"cholera"))
        with pytest.raises(SealBroken):
            world.imports.deliver(held, by=DEV)
        assert (world.imports.get(held).held or "").startswith("release.seal_broken")
        assert not _place(world, held).exists()

    def test_a_changed_byte_is_not_approved(self, world: World) -> None:
        """Nor does an approval bind to what is not as it was sealed."""
        request = world.brought_in()
        _swap(_sealed(world, request), b"code,meaning\nB00,Herpes\n")
        with pytest.raises(SealBroken):
            world.imports.approve(request, FINE, by=CARA)
        assert world.imports.get(request).state is S.REQUESTED

    def test_the_hash_is_the_one_that_was_approved(self, world: World, held: str) -> None:
        """Bytes and their record changed together are still not what was approved."""
        other = b"code,meaning\nB00,Herpes\n"
        _swap(_sealed(world, held), other)
        with world.records.change(by=ASHA) as change:
            row = change.session.get_one(ImportFileRow, (held, "chapters.csv"))
            row.sha256 = hashlib.sha256(other).hexdigest()
            change.record(world.log.events[-1].name)
        assert refusal_of(world.imports.deliver, held, by=DEV) == "import.not_bound"

    def test_the_approver_could_still_check_it(self, world: World, held: str) -> None:
        """An approver who joined the project or lost the role counts no more."""
        world.approvals.people_in["falls"].add("cara")
        assert refusal_of(world.imports.deliver, held, by=DEV) == "release.own_project"
        world.approvals.people_in["falls"].discard("cara")
        world.approvals.checkers.discard("cara")
        assert refusal_of(world.imports.deliver, held, by=DEV) == "release.no_checker"
        assert not _place(world, held).exists()

    def test_it_was_not_taken_back(self, world: World, held: str) -> None:
        """Its author alone withdraws it, until it is delivered; then nobody delivers it."""
        assert refusal_of(world.imports.withdraw, held, by=OMAR) == "import.not_yours"
        assert world.imports.withdraw(held, by=ASHA).state is S.WITHDRAWN
        assert refusal_of(world.imports.deliver, held, by=DEV) == "import.not_its_turn"

    def test_the_same_bytes_were_not_recalled_meanwhile(self, world: World, held: str) -> None:
        """Another import of these bytes was recalled: this one is held."""
        other = world.brought_in()
        world.imports.approve(other, FINE, by=CARA)
        world.imports.recall(other, "It names people.", "INC-8", by=DEV)
        assert refusal_of(world.imports.deliver, held, by=DEV) == "import.recalled_before"


class TestRecall:
    """What is in and should not be leaves the workspaces' sight, and never comes in again."""

    def test_it_is_taken_back(self, world: World) -> None:
        """The files go, a signed notice stands there, the same bytes are refused for ever."""
        request = world.brought_in()
        world.imports.approve(request, FINE, by=CARA)
        done = world.imports.recall(request, "It names people.", "INC-8", by=EVE)
        assert done.state is S.RECALLED
        assert [path.name for path in _place(world, request).iterdir()] == ["RECALLED.json"]
        notice = json.loads((_place(world, request) / "RECALLED.json").read_text())["content"]
        assert notice["incident"] == "INC-8"
        assert world.log.events[-1].details["incident"] == "INC-8"
        assert refusal_of(world.imports.deliver, request, by=CARA) == "import.not_its_turn"
        assert refusal_of(world.brought_in, "renamed.csv") == "import.recalled_before"

    def test_by_a_checker_with_reason_and_incident(self, world: World) -> None:
        """Not by its author, and not without both."""
        request = world.brought_in()
        world.imports.approve(request, FINE, by=CARA)
        assert refusal_of(world.imports.recall, request, "x", "", by=CARA) == "import.recall_unfounded"
        assert refusal_of(world.imports.recall, request, "x", "INC-8", by=ASHA) == "release.own_output"
        assert refusal_of(world.imports.recall, world.brought_in("o.csv"), "x", "I", by=CARA) == "import.not_its_turn"


def test_an_unknown_number(world: World) -> None:
    """No import of this number: said, for each verb."""
    with pytest.raises(UnknownRequest):
        world.imports.get("0" * 12)
    for verb in (world.imports.approve, world.imports.refuse):
        with pytest.raises(UnknownRequest):
            verb("0" * 12, FINE, by=CARA)
