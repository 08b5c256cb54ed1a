"""Files that are no tables of counts: inspected, returned or judged, written anew, and asked again when they leave."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from environments.airlock.errors import FileUnfit
from environments.airlock.model import ReleaseRequest
from environments.airlock.states import ReleaseState
from environments.disclosure.errors import ContextInvalid, TableUnfit
from environments.disclosure.tables import MOST_BYTES
from environments.inspection.errors import InspectorsDown
from tests.fakes.airlock import ASHA, CARA, CONTEXT, DEV, GOOD_TABLE, OMAR, UNROUNDED_TABLE, World, refusal_of
from tests.fakes.leaving_files import (
    CLEAN,
    NHS_NUMBER,
    PSEUDONYM,
    bomb,
    document,
    figure,
    notebook,
    packed_bomb,
    picture,
    with_place,
    workbook,
)

S = ReleaseState
TABLE = ("admissions.csv", GOOD_TABLE)
SAID = {"description": "The same counts, as the project's paper shows them."}
WITH_COUNTS = {**SAID, "counts": ["admissions.csv"]}
NEEDS_COUNTS = ("figure.png", "figure.jpg", "figure.pdf", "report.docx", "table.xlsx", "table.parquet", "table.json",
                "results.json")  # fmt: skip
OTHERS = tuple(name for name in CLEAN if not name.endswith(".csv"))


def submitted(world: World, name: str, content: bytes, said: dict[str, Any] | None = None, **more: Any) -> Any:
    """Asha submits this file beside the counts behind it."""
    context = {**CONTEXT, "files": {name: WITH_COUNTS if said is None else said}}
    return world.airlock.submit_set("falls", [TABLE, (name, content)], context, by=ASHA, **more)


def approved(world: World, request: ReleaseRequest) -> str:
    """Two checkers approve it; its number."""
    for checker in (CARA, DEV):
        world.airlock.decide(request.id, True, by=checker)
    return request.id


def codes(request: ReleaseRequest, name: str) -> list[str]:
    """What was found in a file."""
    (file,) = [one for one in request.files if one.name == name]
    assert file.inspection is not None
    return [one.code.value for one in file.inspection.findings]


class TestEveryTypeThatMayLeave:
    """Each type with an inspector is taken; what it finds is kept with the request and decides."""

    @pytest.mark.parametrize("name", OTHERS)
    def test_a_clean_file_goes_all_the_way(self, world: World, name: str) -> None:
        """To the checkers with what they must look at, and out with its manifest."""
        request = submitted(world, name, CLEAN[name]())
        assert (request.state, request.problems) == (S.CHECKING, [])
        _, check = world.airlock.review(request.id, name, by=CARA)
        assert check.look_at[-1] == "Compare it with its counts: admissions.csv."
        assert check.inspection is not None and check.inspection.rules == world.inspectors.rules
        released = world.airlock.release(approved(world, request), by=CARA)
        manifest = json.loads(released.manifest.read_text())["content"]
        for file in manifest["files"]:
            content = (released.folder / file["name"]).read_bytes()
            assert file["sha256"] == hashlib.sha256(content).hexdigest()
        assert sorted(file["name"] for file in manifest["files"]) == sorted(["admissions.csv", name])

    @pytest.mark.parametrize(
        ("name", "content", "code"),
        [
            ("notes.txt", lambda: f"Of {NHS_NUMBER}.\n".encode(), "nhs_number"),
            ("notes.md", lambda: f"Of {PSEUDONYM}.\n".encode(), "pseudonym"),
            ("page.svg", lambda: b"<svg/>", "type_refused"),
            ("model.pkl", lambda: b"\x80\x04\x95", "type_refused"),
            ("all.zip", lambda: b"PK\x03\x04", "archive"),
            ("figure.png", lambda: b"", "malformed"),
            ("figure.png", bomb, "unpacks_too_large"),
            ("table.xlsx", packed_bomb, "unpacks_too_large"),
            ("figure.jpg", figure, "wrong_type"),
            ("figure.png", lambda: GOOD_TABLE, "wrong_type"),
            ("table.xlsx", lambda: workbook(lambda book: book.create_sheet("x").__setattr__("sheet_state", "hidden")),
             "hidden_sheet"),
            ("report.docx", lambda: document(lambda paper: paper.core_properties.__setattr__("author", "Somebody")),
             "metadata"),
            ("analysis.ipynb", lambda: notebook(outputs=[{"output_type": "stream", "name": "stdout", "text": "12"}]),
             "outputs"),
        ],
    )  # fmt: skip
    def test_what_is_found_comes_back(self, world: World, name: str, content: Callable[[], bytes], code: str) -> None:
        """Returned with a sentence that names the file and how to mend it, and never quotes it; kept as data."""
        request = submitted(world, name, content())
        assert request.state is S.RETURNED
        assert code in codes(request, name)
        assert all(problem.startswith(f"{name}: ") and problem.endswith(".") for problem in request.problems)
        assert not any(NHS_NUMBER in one or PSEUDONYM in one for one in request.problems)
        assert refusal_of(world.airlock.decide, request.id, True, by=CARA) == "release.not_in_review"

    def test_the_projects_own_pseudonyms_are_known(self, world: World) -> None:
        """A number that the format keeps for itself is a finding where it is one of the project's people."""
        content = notebook(id=PSEUDONYM)
        assert submitted(world, "a.ipynb", content).state is S.CHECKING
        world.inspectors.pseudonyms.add(PSEUDONYM)
        assert codes(submitted(world, "a.ipynb", content), "a.ipynb") == ["pseudonym"]

    def test_it_goes_on_once_it_is_mended(self, world: World) -> None:
        """The same request, its next round."""
        first = submitted(world, "notes.txt", f"Of {NHS_NUMBER}.\n".encode())
        again = submitted(world, "notes.txt", b"Of nobody.\n", request_id=first.id)
        assert (again.id, again.state, again.round) == (first.id, S.CHECKING, 2)

    def test_a_bad_table_keeps_a_good_figure_back(self, world: World) -> None:
        """They pass together or not at all."""
        files = [("admissions.csv", UNROUNDED_TABLE), ("figure.png", figure())]
        context = {**CONTEXT, "files": {"figure.png": WITH_COUNTS}}
        assert world.airlock.submit_set("falls", files, context, by=ASHA).state is S.RETURNED


class TestPicturesAreWrittenAnew:
    """The new bytes are what is hashed, reviewed and released; the author's never leave, and their hash is kept."""

    @pytest.mark.parametrize(("name", "kind"), [("photo.jpg", "JPEG"), ("photo.png", "PNG")])
    def test_what_stood_beside_the_pixels_is_gone(self, world: World, name: str, kind: str) -> None:
        """EXIF with its place and name, bytes behind the end: found, told to the checker, and not in what leaves."""
        offered = picture(kind, exif=with_place()) + b"PK\x03\x04 hidden"
        request = submitted(world, name, offered)
        assert (request.state, request.problems) == (S.CHECKING, [])
        (file,) = [one for one in request.files if one.name == name]
        assert file.inspection is not None
        assert file.inspection.offered == hashlib.sha256(offered).hexdigest() != file.sha256
        assert {"trailing_bytes", "location"} <= {one.code.value for one in file.inspection.mended}
        sealed = (world.folder / "airlock" / request.id / "round-1" / name).read_bytes()
        taken = world.airlock.take(request.id, name, by=CARA)
        released = world.airlock.release(approved(world, request), by=CARA).folder / name
        assert sealed == taken == released.read_bytes()
        assert hashlib.sha256(sealed).hexdigest() == file.sha256
        assert b"Somebody" not in sealed and b"hidden" not in sealed
        assert Image.open(io.BytesIO(sealed)).size == Image.open(io.BytesIO(offered)).size
        assert not any(path.read_bytes() == offered for path in world.folder.rglob("*") if path.is_file())

    def test_the_log_has_both_hashes(self, world: World) -> None:
        """Of each file, as it was offered and as it is sealed."""
        offered = figure()
        request = submitted(world, "figure.png", offered)
        (event,) = [one for one in world.log.events if one.name == "release.submitted"]
        assert event.details["sha256"] == [one.sha256 for one in request.files]
        table, drawn = event.details["offered"]  # type: ignore[misc]
        assert (table, drawn) == (request.files[0].sha256, hashlib.sha256(offered).hexdigest())

    def test_a_picture_that_was_not_written_anew_does_not_pass(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An inspector that finds nothing and writes nothing: the author's bytes do not go on."""
        look = world.inspectors.look

        def forgets(*asked: Any) -> Any:
            found = look(*asked)
            object.__setattr__(found, "written_anew", None)
            return found

        monkeypatch.setattr(world.inspectors, "look", forgets)
        request = submitted(world, "figure.png", figure())
        assert (request.state, codes(request, "figure.png")) == (S.RETURNED, ["not_inspected"])

    def test_what_was_written_anew_is_looked_into_from_scratch(self, world: World) -> None:
        """Twice looked into: as offered, and as it would leave."""
        submitted(world, "figure.png", figure())
        assert world.inspectors.looked == ["admissions.csv", "figure.png", "figure.png"]

    def test_a_recalled_picture_stays_recalled(self, world: World) -> None:
        """Neither as it left, nor as it was offered, nor with other things beside the same pixels."""
        request = submitted(world, "figure.png", figure())
        sealed = world.airlock.take(request.id, "figure.png", by=CARA)
        world.airlock.release(approved(world, request), by=CARA)
        world.airlock.recall(request.id, "A name is drawn in it.", "INC-7", by=DEV)
        for content in (figure(), sealed, figure() + b"more"):
            files = [("other.csv", GOOD_TABLE.replace(b"120", b"155")), ("again.png", content)]
            context = {**CONTEXT, "files": {"again.png": {**SAID, "counts": "other.csv"}}}
            assert refusal_of(world.airlock.submit_set, "falls", files, context, by=ASHA) == "release.recalled_before"


class TestWhatIsSaidOfAFile:
    """Figures without their counts, types that cannot be checked and too little context come back."""

    @pytest.mark.parametrize("name", NEEDS_COUNTS)
    def test_what_shows_results_names_its_counts(self, world: World, name: str) -> None:
        """Without them it comes back, and the sentence says what to submit."""
        request = submitted(world, name, CLEAN[name](), SAID)
        assert request.state is S.RETURNED
        (problem,) = request.problems
        assert problem.startswith(f"{name}: No underlying counts beside it: submit the number of people")

    @pytest.mark.parametrize("name", [one for one in OTHERS if one not in NEEDS_COUNTS])
    def test_words_and_code_need_none(self, world: World, name: str) -> None:
        """They go on with what a checker must look at."""
        request = submitted(world, name, CLEAN[name](), SAID)
        assert request.state is S.CHECKING
        assert world.airlock.review(request.id, name, by=CARA)[1].look_at

    @pytest.mark.parametrize("counts", [["other.csv"], ["figure.png"], ["admissions.csv", "second.csv"]])
    def test_the_counts_are_a_table_of_the_same_request(self, world: World, counts: list[str]) -> None:
        """Another name, or the figure itself, are no counts."""
        request = submitted(world, "figure.png", figure(), {**SAID, "counts": counts})
        assert request.state is S.RETURNED
        assert "names what is no CSV of this request" in request.problems[0]

    def test_a_report_of_words_says_so_and_the_checker_is_told(self, world: World) -> None:
        """A pdf or docx may hold nothing but words; a picture may not say so."""
        said = {**SAID, "words_only": True}
        request = submitted(world, "report.docx", document(), said)
        assert request.state is S.CHECKING
        look_at = world.airlock.review(request.id, "report.docx", by=CARA)[1].look_at
        assert look_at[-1] == "Its author says that it holds only words: is that so?"
        assert submitted(world, "figure.png", figure(), said).state is S.RETURNED
        assert submitted(world, "report.docx", document(), {**WITH_COUNTS, "words_only": True}).state is S.RETURNED

    def test_each_file_has_its_own_description(self, world: World) -> None:
        """What the table shows is not what the figure shows; purpose and population are said once."""
        request = submitted(world, "figure.png", figure(), {"counts": ["admissions.csv"]})
        assert request.problems == [
            "figure.png: Too little context: say under 'description' in a sentence what it shows."
        ]

    @pytest.mark.parametrize("said", [{"figure.png": {"descripton": "x"}}, {"other.png": SAID}, {"figure.png": 7}])
    def test_unknown_keys_and_files_are_errors(self, world: World, said: dict[str, Any]) -> None:
        """Never ignored; nothing is taken in."""
        with pytest.raises(ContextInvalid):
            world.airlock.submit("falls", "figure.png", figure(), {**CONTEXT, "files": said}, by=ASHA)
        assert world.airlock.list() == []


class TestHostileNamesAndSizes:
    """Refused at the door with a sentence; nothing is written anywhere."""

    @pytest.mark.parametrize(
        "name",
        ["../figure.png", "/etc/figure.png", "a/b.png", "..", ".png", "figure.png\0.csv", "figure.png\n", "fi gure.png",
         "figure", "a.b.png", "-x.png", "ﬁgure.png", "a" * 90 + ".png", "manifest.json", "Manifest.JSON",
         "RECALLED.json", f"{NHS_NUMBER.replace(' ', '')}.png", "../admissions.csv"],
    )  # fmt: skip
    def test_a_name_with_tricks(self, world: World, name: str) -> None:
        """A path, a second ending, a name of the haven's own, somebody's number: the sentence does not repeat it."""
        with pytest.raises(FileUnfit) as caught:
            world.airlock.submit("falls", name, figure(), {**CONTEXT, "files": {name: SAID}}, by=ASHA)
        assert caught.value.mend
        assert NHS_NUMBER.replace(" ", "") not in str(caught.value)
        assert world.events == ["release.submit_refused"]
        assert not (world.folder / "airlock").exists()

    def test_names_that_differ_by_capitals_alone(self, world: World) -> None:
        """Some machines take them for one."""
        with pytest.raises(FileUnfit):
            world.airlock.submit_set("falls", [("a.png", figure()), ("A.png", figure())], CONTEXT, by=ASHA)

    @pytest.mark.parametrize("name", ["large.png", "large.csv", "large.txt"])
    def test_a_huge_file(self, world: World, name: str) -> None:
        """It is not looked into."""
        with pytest.raises((FileUnfit, TableUnfit), match="larger than 16 MB"):
            world.airlock.submit("falls", name, bytes(MOST_BYTES + 1), CONTEXT, by=ASHA)
        assert world.inspectors.looked == []

    def test_no_file_and_too_many(self, world: World) -> None:
        """One to twenty."""
        for count in (0, 21):
            files = [(f"a{number}.txt", b"Words.\n") for number in range(count)]
            with pytest.raises(FileUnfit, match="one to 20"):
                world.airlock.submit_set("falls", files, CONTEXT, by=ASHA)


class TestAskedAgainAtRelease:
    """Inspected again where the inspectors' rules changed or the record is missing; a failure means not released."""

    @pytest.fixture
    def request_(self, world: World) -> str:
        """An approved request with a report."""
        return approved(world, submitted(world, "notes.txt", b"Counts are rounded to 5.\n"))

    def test_under_the_same_rules_the_record_counts(self, world: World, request_: str) -> None:
        """It is not looked into twice."""
        world.inspectors.looked.clear()
        assert world.airlock.release(request_, by=CARA).folder.exists()
        assert world.inspectors.looked == []

    def test_new_rules_look_again_and_are_kept(self, world: World, request_: str) -> None:
        """The record then names the rules by which it left; that it was made is in the log."""
        world.inspectors.rules = "new"
        assert world.airlock.release(request_, by=CARA).folder.exists()
        assert [one.inspection and one.inspection.rules for one in world.airlock.get(request_).files] == ["new", "new"]
        assert "release.inspected" in world.events

    def test_a_picture_is_looked_into_as_it_is_sealed(self, world: World) -> None:
        """It is not written anew once more: what was approved is what leaves; what was offered stays on record."""
        request = submitted(world, "photo.jpg", picture("JPEG", exif=with_place()))
        before = next(one for one in request.files if one.name == "photo.jpg")
        approved(world, request)
        world.inspectors.rules = "new"
        released = world.airlock.release(request.id, by=CARA).folder / "photo.jpg"
        assert hashlib.sha256(released.read_bytes()).hexdigest() == before.sha256
        after = next(one for one in world.airlock.get(request.id).files if one.name == "photo.jpg").inspection
        assert before.inspection is not None and after is not None
        assert (after.offered, after.mended) == (before.inspection.offered, before.inspection.mended)

    def test_stricter_rules_hold_it(self, world: World, request_: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """What today's inspectors find keeps yesterday's approval from counting."""
        world.inspectors.rules = "new"
        monkeypatch.setattr("environments.inspection.inspect.INSPECTORS", {})  # every inspection breaks off
        assert refusal_of(world.airlock.release, request_, by=CARA) == "release.rules_changed"
        assert codes(world.airlock.get(request_), "notes.txt") == ["not_inspected"]
        monkeypatch.undo()
        assert world.airlock.release(request_, by=CARA).folder.exists()  # one that did not end is made again

    def test_without_a_record_it_is_looked_into(self, world: World, request_: str) -> None:
        """A record that is gone is made again, and what it finds counts."""
        self.forget(world)
        world.inspectors.looked.clear()
        assert world.airlock.release(request_, by=CARA).folder.exists()
        assert world.inspectors.looked == ["admissions.csv", "notes.txt"]

    def test_inspectors_that_are_down_hold_it(self, world: World, request_: str) -> None:
        """Not looked at is not released; when they are back, it goes."""
        self.forget(world)
        world.inspectors.down = True
        assert refusal_of(world.airlock.release, request_, by=CARA) == "inspection.inspectors_down"
        found = world.airlock.get(request_)
        assert (found.state, str(found.held).split(":")[0]) == (S.APPROVED, "inspection.inspectors_down")
        assert not (world.outbox / request_).exists()
        world.inspectors.down = False
        assert world.airlock.release(request_, by=CARA).folder.exists()

    def test_inspectors_that_are_down_take_nothing_in(self, world: World) -> None:
        """At submission nothing is kept, and the refusal is recorded."""
        world.inspectors.down = True
        with pytest.raises(InspectorsDown):
            submitted(world, "notes.txt", b"Words.\n")
        assert world.airlock.list() == []
        assert world.events == ["release.submit_refused"]

    def test_inspectors_that_change_under_a_submission(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        """Looked into by the old ones, checked under the new: failed; an operator puts it through by the new."""
        look = world.inspectors.look

        def changes(*asked: Any) -> Any:
            found = look(*asked)
            world.inspectors.rules = "new"
            return found

        monkeypatch.setattr(world.inspectors, "look", changes)
        request = submitted(world, "notes.txt", b"Words.\n")
        assert request.state is S.FAILED
        assert world.log.events[-1].details["rule"] == "inspection.inspectors_down"
        done = world.airlock.retry(request.id, by=CARA)
        assert done.state is S.CHECKING
        assert [one.inspection.rules for one in done.files if one.inspection] == ["new", "new"]

    def test_a_changed_byte_voids_it(self, world: World, request_: str) -> None:
        """As of a table: an approval is for the sealed bytes."""
        path = world.folder / "airlock" / request_ / "round-1" / "notes.txt"
        path.chmod(0o600)
        path.write_bytes(b"Counts are rounded to 6.\n")
        assert refusal_of(world.airlock.release, request_, by=CARA) == "release.seal_broken"

    @staticmethod
    def forget(world: World) -> None:
        """As a fault of the database would."""
        assert world.engine is not None
        with world.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE release_file SET inspection = NULL")


class TestWhoOpensAFile:
    """A checker takes a copy to open; that is recorded. Its author gets none: what leaves goes through the outbox."""

    def test_a_checker_takes_it_and_the_log_says_so(self, world: World) -> None:
        """With the hash of what was taken."""
        request = submitted(world, "figure.png", figure())
        content = world.airlock.take(request.id, "figure.png", by=CARA)
        event = world.log.events[-1]
        assert (event.name, event.by) == ("release.file_taken", CARA)
        assert event.details == {"request": request.id, "sha256": hashlib.sha256(content).hexdigest()}

    @pytest.mark.parametrize(("by", "code"), [(ASHA, "release.own_output"), (OMAR, "release.own_project")])
    def test_nobody_of_the_project_does(self, world: World, by: Any, code: str) -> None:
        """Neither its author nor another member."""
        request = submitted(world, "figure.png", figure())
        assert refusal_of(world.airlock.take, request.id, "figure.png", by=by) == code
