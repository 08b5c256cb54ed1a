"""Where is a login kept between two commands? In a file of this account's only, outside the home and its backups.

Refresh and access token lie in it and nowhere else: in no log, no argument, no variable of the environment. A file that
others could read or have put there is not read.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from access.identity.device_login import Granted
from access.identity.errors import LoginRefused

PRIVATE_FOLDER = 0o700
PRIVATE_FILE = 0o600
OTHERS = 0o077
LONGEST = 64 * 1024


def config_folder() -> Path:
    """This account's own configuration (XDG base directories)."""
    named = os.environ.get("XDG_CONFIG_HOME", "")
    return (Path(named) if Path(named).is_absolute() else Path.home() / ".config") / "haven" / "logins"


class KeptLogin:
    """The login of this account at one home and one issuer."""

    def __init__(self, folder: Path, home: Path, issuer: str) -> None:
        self._folder = folder
        self._file = folder / (hashlib.sha256(f"{home}\n{issuer}".encode()).hexdigest()[:32] + ".json")

    @property
    def path(self) -> Path:
        """The file."""
        return self._file

    def read(self) -> Granted | None:
        """What is kept; None: nobody is logged in. Raises LoginRefused for a file that is not ours alone."""
        try:
            number = os.open(self._file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        except OSError:
            raise self._unfit() from None
        with os.fdopen(number, "rb") as file:
            found = os.fstat(number)
            if not stat.S_ISREG(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & OTHERS:
                raise self._unfit()
            content = file.read(LONGEST)
        try:
            said = json.loads(content)
            return Granted(str(said["access"]), str(said["refresh"]))
        except (ValueError, KeyError, TypeError):
            raise self._unfit() from None

    def write(self, granted: Granted) -> None:
        """Keep this and forget what was before. Whole or not at all."""
        draft = self._file.with_suffix(f".{secrets.token_hex(6)}")
        number = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, PRIVATE_FILE)
        with os.fdopen(number, "w", encoding="ascii") as file:
            json.dump({"access": granted.access, "refresh": granted.refresh}, file)
        draft.replace(self._file)

    def forget(self) -> None:
        """Nobody is logged in from now."""
        self._file.unlink(missing_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One command at a time: a refresh token serves once, and two commands would spend it twice."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=PRIVATE_FOLDER)
            self._folder.chmod(PRIVATE_FOLDER)
            lock = self._file.with_suffix(".lock").open("a")
        except OSError:
            raise LoginRefused(
                "There is no place to keep a login.",
                where=str(self._folder),
                mend="Name a folder of this account's own with XDG_CONFIG_HOME.",
            ) from None
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _unfit(self) -> LoginRefused:
        return LoginRefused(
            "The file of the login is not this account's alone, or damaged.",
            where=str(self._file),
            mend="Remove it, and log in again: haven login",
        )
