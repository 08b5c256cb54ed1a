"""What a project's workspaces may install: who asks, who reviews, who mirrors, and to what it is bound."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from audit.model import organisation, person, service
from environments.airlock.errors import OutboxFailed, PackageUnfit
from environments.airlock.packages.states import PackageState
from tests.fakes.airlock import ASHA, CARA, DEV, OMAR, World, refusal_of
from tests.fakes.packages import sha256_of, source_archive, wheel

S = PackageState
ENID, STRANGER = person("enid"), person("sam")
WHY = "Prints the tables of the paper."
FINE = "Well known, pure Python."


def _approved(world: World, pinned: str = "Tiny.Haven==1.0") -> str:
    request = world.packages.request("falls", pinned, WHY, by=ASHA).id
    assert world.packages.review(request, True, FINE, by=CARA).state is S.APPROVED
    return request


def _index(world: World) -> Path:
    return world.folder / "packages" / "falls"


def _listed(world: World) -> list[str]:
    return sorted(str(path.relative_to(_index(world))) for path in _index(world).rglob("*") if path.is_file())


class TestTheWay:
    """Requested, approved, mirrored: then, and not before, it stands in the project's index, with its hash."""

    @pytest.mark.parametrize("make", [wheel, source_archive])
    def test_to_the_index(self, world: World, make: object) -> None:
        """A wheel and a source archive, linked with their hash, pinned in the list, readable and not writable."""
        request = _approved(world)
        assert not _index(world).exists()
        file = make(world.folder)  # type: ignore[operator]
        done = world.packages.mirror(request, file, sha256_of(file).upper(), by=ENID)
        assert (done.state, done.name, done.file, done.sha256) == (S.MIRRORED, "tiny-haven", file.name, sha256_of(file))
        named = [f"simple/tiny-haven/{name}" for name in ("index.html", file.name)]
        assert _listed(world) == sorted(["requirements.txt", "simple/index.html", *named])
        page = (_index(world) / "simple" / "tiny-haven" / "index.html").read_text()
        assert f'<a href="{file.name}#sha256={sha256_of(file)}">' in page
        assert '<a href="tiny-haven/">' in (_index(world) / "simple" / "index.html").read_text()
        pins = (_index(world) / "requirements.txt").read_text()
        assert pins == f"tiny-haven==1.0 --hash=sha256:{sha256_of(file)}\n"
        modes = {path.stat().st_mode & 0o777 for path in _index(world).rglob("*")}
        assert modes == {0o755, 0o444}
        assert world.events == ["package.requested", "package.approved", "package.mirrored"]
        assert world.log.events[-1].details["sha256"] == sha256_of(file)

    def test_done_again_it_finishes_what_a_crash_left(self, world: World) -> None:
        """The same file again puts it in place and records nothing more."""
        request, file = _approved(world), wheel(world.folder)
        world.packages.mirror(request, file, sha256_of(file), by=ENID)
        (_index(world) / "simple" / "tiny-haven" / file.name).unlink()
        world.packages.mirror(request, file, sha256_of(file), by=ENID)
        assert (_index(world) / "simple" / "tiny-haven" / file.name).read_bytes() == file.read_bytes()
        assert world.events.count("package.mirrored") == 1

    def test_removed_it_is_gone_and_may_be_asked_for_again(self, world: World) -> None:
        """A checker takes it out with a reason; the next request of it stands beside no old link."""
        request, file = _approved(world), wheel(world.folder)
        world.packages.mirror(request, file, sha256_of(file), by=ENID)
        assert refusal_of(world.packages.remove, request, FINE, by=ASHA) == "release.own_output"
        assert world.packages.remove(request, "A weakness.", by=DEV).state is S.REMOVED
        assert _listed(world) == ["requirements.txt", "simple/index.html", "simple/tiny-haven/index.html"]
        assert "tiny_haven" not in (_index(world) / "simple" / "tiny-haven" / "index.html").read_text()
        again = _approved(world)
        world.packages.mirror(again, file, sha256_of(file), by=ENID)
        assert f"simple/tiny-haven/{file.name}" in _listed(world)


class TestWhoMay:
    """Members and data engineers ask; checkers outside the project review; data engineers outside it mirror."""

    def test_ask(self, world: World) -> None:
        """No stranger, checker, organisation or service; no version unnamed, no purpose missing, nothing twice."""
        for by in (STRANGER, CARA, organisation("gp"), service("airlock")):
            assert refusal_of(world.packages.request, "falls", "a==1", WHY, by=by)
        assert world.events == ["package.request_refused"] * 4
        for pinned in ("a", "a>=1", "a==", "../a==1", "a==1 --hash", "a==x/../y", "a==1\n"):
            assert refusal_of(world.packages.request, "falls", pinned, WHY, by=ASHA) == "package.not_pinned"
        assert refusal_of(world.packages.request, "falls", "a==1", "x", by=ASHA) == "package.purpose_missing"
        world.packages.request("falls", "some.thing==1", WHY, by=ENID)
        assert refusal_of(world.packages.request, "falls", "Some-Thing==1", WHY, by=ASHA) == "package.asked_already"

    def test_review(self, world: World) -> None:
        """Neither the project's people, nor who asked, nor a service, nor without a reason."""
        world.approvals.checkers |= {"enid", "omar"}
        request = world.packages.request("falls", "a==1", WHY, by=ENID).id
        for by in (ENID, OMAR, STRANGER, organisation("gp"), service("airlock")):
            assert refusal_of(world.packages.review, request, True, FINE, by=by).startswith("release.")
        assert refusal_of(world.packages.review, request, True, " ", by=CARA) == "package.reason_missing"
        assert world.packages.review(request, False, "Not maintained.", by=CARA).state is S.REFUSED

    def test_mirror(self, world: World) -> None:
        """Only a data engineer outside the project."""
        request, file = _approved(world), wheel(world.folder)
        world.approvals.engineers |= {"omar"}
        for by in (ASHA, OMAR, CARA, STRANGER, service("airlock")):
            code = refusal_of(world.packages.mirror, request, file, sha256_of(file), by=by)
            assert code in {"person.other_role", "release.not_a_person"}
        assert world.packages.get(request).state is S.APPROVED
        assert not _index(world).exists()


class TestWhatIsMirrored:
    """Exactly what was approved, with the hash that was named, while everything still stands."""

    def test_nothing_before_the_approval_or_after_a_refusal(self, world: World) -> None:
        """A requested and a refused package are not mirrored."""
        file = wheel(world.folder)
        request = world.packages.request("falls", "tiny-haven==1.0", WHY, by=ASHA).id
        assert refusal_of(world.packages.mirror, request, file, sha256_of(file), by=ENID) == "package.not_its_turn"
        world.packages.review(request, False, "No.", by=CARA)
        assert refusal_of(world.packages.mirror, request, file, sha256_of(file), by=ENID) == "package.not_its_turn"

    def test_not_with_another_hash(self, world: World) -> None:
        """A changed byte is another hash; nothing of it stays."""
        request, file = _approved(world), wheel(world.folder)
        named = sha256_of(file)
        file.write_bytes(file.read_bytes() + b"x")
        for hashes in (named, "", "0" * 64, "é"):
            assert refusal_of(world.packages.mirror, request, file, hashes, by=ENID) == "package.other_hash"
        assert world.packages.get(request).state is S.APPROVED
        assert not list((world.folder / "packages").rglob("*.whl"))

    def test_not_another_package_or_version(self, world: World) -> None:
        """Neither by its name nor by its own account; nor a file that is no archive."""
        request = _approved(world)
        cut = world.folder / "tiny_haven-1.0-py3-none-any.whl"
        for file in (
            wheel(world.folder, name="other"),
            wheel(world.folder, version="1.1"),
            wheel(world.folder, told="1.1"),
            _written(cut, b"PK\x03\x04 and no more"),
            _written(cut.with_name("tiny-haven-1.0.tar.gz"), gzip.compress(b"no archive")),
            _written(cut.with_name("tiny-haven-1.0.zip"), b"x"),
        ):
            with pytest.raises(PackageUnfit):
                world.packages.mirror(request, file, sha256_of(file), by=ENID)
        assert world.packages.get(request).state is S.APPROVED
        assert not _index(world).exists()

    def test_not_what_cannot_be_read(self, world: World) -> None:
        """A missing file is said, and nothing changes."""
        request = _approved(world)
        with pytest.raises(OutboxFailed):
            world.packages.mirror(request, world.folder / "none.whl", "0" * 64, by=ENID)
        assert world.packages.get(request).state is S.APPROVED

    def test_everything_is_asked_again(self, world: World) -> None:
        """The project is live, and who approved it could still do so."""
        request, file = _approved(world), wheel(world.folder)
        world.approvals.live = False
        assert refusal_of(world.packages.mirror, request, file, sha256_of(file), by=ENID) == "project.withdrawn"
        world.approvals.live = True
        world.approvals.people_in["falls"].add("cara")
        assert refusal_of(world.packages.mirror, request, file, sha256_of(file), by=ENID) == "release.own_project"
        assert not _index(world).exists()


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path
