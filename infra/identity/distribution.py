"""Where does Keycloak come from? Its published distribution by Maven, held to a pinned digest, built once.

Lies beside the environments, is made whole or made again (its stamp is written last), and is shared by every home of
this checkout: nothing of a home is kept in it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.errors import DeploymentError

VERSION = "26.7.3"
ARTEFACT = f"org.keycloak:keycloak-quarkus-dist:{VERSION}:zip"
SHA256 = "27a6535553c3cdcd083872ba40629efafb3475e3b758e0c6f691395561dd0f1f"
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
OLDEST_JAVA = 17
STAMP, SCRATCH = "complete.txt", ".keycloak-in-the-making-"
WITHOUT = (
    "impersonation",  # an administrator cannot become somebody else
    "token-exchange-standard",  # a token for one service cannot be made one for another
    "account",
    "account-api",
    "admin-fine-grained-authz",
    "authorization",
    "ciba",
    "identity-brokering-api",
    "kerberos",
    "organization",
    "twitter-broker",
)
"""What Keycloak can and the haven does not use: it is not there at all, so that no setting can switch it on."""
BUILD = ("build", "--db=dev-file", f"--features-disabled={','.join(WITHOUT)}")

Say = Callable[[str], None]


class IdentityUnavailable(DeploymentError):
    """Keycloak cannot be got, built or started."""

    code = "identity.unavailable"
    exit_status = 69


class Distribution:
    """Keycloak's programs under the folder of environments."""

    def __init__(self, environments: Path) -> None:
        self.folder = environments / f"keycloak-{VERSION}"

    @property
    def program(self) -> Path:
        """What starts it."""
        return self.folder / "bin" / "kc.sh"

    def is_complete(self) -> bool:
        """Was it got and built, as this very code says?"""
        stamp = self.folder / STAMP
        return stamp.exists() and stamp.read_text(encoding="utf-8") == _stamp()

    def install(self, say: Say) -> None:
        """Get and build it, once. Raises IdentityUnavailable: Java or Maven is missing, or the download is not it."""
        require_java()
        with self._only_one():
            if self.is_complete():
                return
            say(f"[1/2] Getting Keycloak {VERSION} (170 MB, once) ...")
            for left in (self.folder, *self.folder.parent.glob(f"{SCRATCH}*")):  # by one that was killed
                shutil.rmtree(left, ignore_errors=True)
            with tempfile.TemporaryDirectory(prefix=SCRATCH, dir=self.folder.parent) as scratch:
                unpacked = _unpacked(_downloaded(Path(scratch)), Path(scratch))
                say("[2/2] Building it (half a minute, once) ...")
                _run([str(unpacked / "bin" / "kc.sh"), *BUILD], "be built")
                (unpacked / STAMP).write_text(_stamp(), encoding="utf-8")
                unpacked.rename(self.folder)

    @contextmanager
    def _only_one(self) -> Iterator[None]:
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        with (self.folder.parent / ".keycloak.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def require_java() -> None:
    """Raises IdentityUnavailable where there is no Java, or one that is too old for Keycloak."""
    java = shutil.which("java")
    mend = f"Install Java {OLDEST_JAVA} or newer (Debian: apt-get install openjdk-17-jre-headless)."
    if java is None:
        raise IdentityUnavailable("Keycloak needs Java, and there is none.", mend=mend)
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    version = told.partition('"')[2].partition(".")[0].partition('"')[0]
    if not version.isdecimal() or int(version) < OLDEST_JAVA:
        raise IdentityUnavailable("The Java that is installed is too old for Keycloak.", mend=mend)


def _downloaded(folder: Path) -> Path:
    if shutil.which("mvn") is None:
        raise IdentityUnavailable(
            "Keycloak is got with Maven, and there is none.",
            mend="Install it (Debian: apt-get install maven), with a mirror in ~/.m2/settings.xml if you need one.",
        )
    _run(["mvn", "-q", "-B", COPY, f"-Dartifact={ARTEFACT}", f"-DoutputDirectory={folder}"], "be got with Maven")
    archive = folder / f"keycloak-quarkus-dist-{VERSION}.zip"
    with archive.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != SHA256:
        raise IdentityUnavailable(
            f"What came as Keycloak {VERSION} is not it: its SHA-256 is another. It was not unpacked.",
            where=ARTEFACT,
            mend="Ask whoever keeps your Maven mirror; remove the artefact from ~/.m2/repository and try again.",
        )
    return archive


def _unpacked(archive: Path, folder: Path) -> Path:
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(folder)
    archive.unlink()
    unpacked = folder / f"keycloak-{VERSION}"
    for script in (unpacked / "bin").glob("*.sh"):
        script.chmod(0o755)
    return unpacked


def _run(command: list[str], what: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        last = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()][-12:]
        raise IdentityUnavailable(
            f"Keycloak could not {what} (status {done.returncode}):\n    " + "\n    ".join(last),
            where=Path(command[0]).name,
            mend="The lines above say why. When the cause is mended, run the same command again.",
        )


def _stamp() -> str:
    return "\n".join((VERSION, SHA256, *BUILD, ""))


def environment_for_java() -> dict[str, str]:
    """What Keycloak's process inherits: enough to find Java, and nothing that a shell may carry."""
    kept = ("PATH", "JAVA_HOME", "LANG", "LC_ALL", "TZ")
    return {name: os.environ[name] for name in kept if name in os.environ}
