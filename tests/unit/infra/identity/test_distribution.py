"""Keycloak is got once, held to its digest, and whoever lacks Java or Maven is told how to get them."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from infra.identity.distribution import ARTEFACT, VERSION, Distribution, IdentityUnavailable

JAVA_17 = "echo 'openjdk version \"17.0.1\" 2021' >&2"


def _program(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder in which programs are found."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    _program(folder, "sh", 'exec /bin/sh "$@"')
    return folder


def _refusal(tmp_path: Path) -> IdentityUnavailable:
    with pytest.raises(IdentityUnavailable) as refusal:
        Distribution(tmp_path / "environments").install(lambda _: None)
    return refusal.value


def test_without_java_it_says_how_to_get_it(tmp_path: Path, programs: Path) -> None:
    """No Java is said as that, with the package to install; nothing is downloaded."""
    refusal = _refusal(tmp_path)
    assert "needs Java" in refusal.what
    assert "apt-get install openjdk-17" in str(refusal.mend)


@pytest.mark.parametrize("version", ["11.0.2", "1.8.0_292", "ancient"])
def test_an_old_java_is_refused(tmp_path: Path, programs: Path, version: str) -> None:
    """A Java before 17 would end Keycloak with a riddle: it is refused before."""
    _program(programs, "java", f"echo 'openjdk version \"{version}\"' >&2")
    assert "too old" in _refusal(tmp_path).what


def test_without_maven_it_says_how_to_get_it(tmp_path: Path, programs: Path) -> None:
    """No Maven is said as that, with the package to install."""
    _program(programs, "java", JAVA_17)
    refusal = _refusal(tmp_path)
    assert "Maven" in refusal.what
    assert "apt-get install maven" in str(refusal.mend)


def test_what_is_not_keycloak_is_not_unpacked(tmp_path: Path, programs: Path) -> None:
    """An archive with another digest than the pinned one is refused, and leaves nothing behind."""
    _program(programs, "java", JAVA_17)
    _program(
        programs,
        "mvn",
        f'for word in "$@"; do case $word in -DoutputDirectory=*) folder=${{word#*=}};; esac; done\n'
        f'echo "not a distribution" > "$folder/keycloak-quarkus-dist-{VERSION}.zip"',
    )
    refusal = _refusal(tmp_path)
    assert "SHA-256" in refusal.what
    assert refusal.where == ARTEFACT
    assert [path.name for path in (tmp_path / "environments").iterdir()] == [".keycloak.lock"]


def test_a_source_that_lacks_it_is_quoted(tmp_path: Path, programs: Path) -> None:
    """Where Maven fails, its last lines are shown, and that the same command can be run again."""
    _program(programs, "java", JAVA_17)
    _program(programs, "mvn", "echo '[ERROR] Could not find artifact'; exit 1")
    refusal = _refusal(tmp_path)
    assert "Could not find artifact" in refusal.what
    assert "run the same command again" in str(refusal.mend)


def test_an_installation_of_other_code_is_made_again(tmp_path: Path) -> None:
    """Complete is only what was made by this very version with these very build options."""
    distribution = Distribution(tmp_path)
    assert not distribution.is_complete()
    distribution.folder.mkdir()
    (distribution.folder / "complete.txt").write_text("26.0.0\n", encoding="utf-8")
    assert not distribution.is_complete()
