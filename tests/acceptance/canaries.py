"""Does a byte of an identifier or of a key stand where it must not? A search over every file of a home."""

from __future__ import annotations

from pathlib import Path

from access.keys import KeyRole
from infra.wiring.haven import Haven

LONG_ENOUGH = 9  # a shorter surname can stand in any binary file by chance


def canaries_of(home: Path, patients: Path, project: str) -> list[bytes]:
    """Keys of every kind, and the NHS numbers and longer surnames of two hundred patients."""
    keyring = Haven.at(home).keyring
    texts = [keyring.zone_key("linkage"), keyring.zone_key("research"), keyring.scope_file_key(project, 1)]
    wanted = [text.encode() for text in texts]
    for held in (keyring.token_key("spine"), keyring.project_key(project)):
        wanted += [held.key, held.key.hex().encode()]
    wanted += [keyring._key_of(role) for role in KeyRole]
    for line in patients.read_bytes().decode("utf-8-sig").splitlines()[1:200]:
        _, number, surname, *_ = line.split(",")
        if len(number) > LONG_ENOUGH:
            wanted += [number.encode(), number.replace(" ", "").encode()]
        if len(surname) >= LONG_ENOUGH:
            wanted += [surname.encode(), surname.title().encode()]
    return wanted


def files_that_hold(home: Path, wanted: list[bytes], left_out: tuple[str, ...]) -> list[str]:
    """The files below `home` in which one of these byte strings stands; left_out: its folders that may hold some."""
    found = []
    for path in sorted(home.rglob("*")):
        place = path.relative_to(home)
        if path.is_file() and not path.is_symlink() and place.parts[0] not in left_out:
            content = path.read_bytes()
            found += [str(place) for canary in wanted if canary in content]
    return found
