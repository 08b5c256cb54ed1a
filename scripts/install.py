"""Make Haven's environments from the hash-pinned locks. Standard library only: it runs before anything is installed.

Each environment is made whole or made again: its stamp (a copy of the lock) is written last, so that Ctrl-C or
a crash at any point leaves something the next run finishes. Downloads are kept in the installer's cache.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENTS = Path(os.environ.get("HAVEN_ENVIRONMENTS", ROOT / ".haven" / "envs"))
OLDEST_PYTHON = (3, 11)
STAMP = "complete.txt"
SOURCES = "sources.txt"  # of the agent's wheel: it is made again when the checkout has other rules
KERNEL = ROOT / "linkage" / "native" / "tokens.c"
WITH_KERNEL = ("haven", "test")
HARDENED = ("-O3", "-fPIC", "-shared", "-fstack-protector-strong", "-D_FORTIFY_SOURCE=2", "-Wl,-z,relro,-z,now")
PURPOSE = {
    "haven": "the haven itself",
    "hub": "JupyterHub",
    "workspace": "what researchers work with",
    "spark": "Apache Spark, for linkage past one machine",
    "mesh": "NHS England's MESH sandbox, for trials of opt-outs",
    "controller": "the controller's agent, from its own wheel",
    "pycanon": "pycanon and anjana, for `haven bench anonymity`",
    "test": "the haven with the tools of its tests",
}


def main(names: list[str]) -> int:
    """Make the named environments; 0 when all are complete."""
    if sys.version_info < OLDEST_PYTHON:
        return _fail(f"Python {sys.version.split()[0]} is too old: Haven needs 3.11 or newer.")
    ENVIRONMENTS.mkdir(parents=True, exist_ok=True)
    with (ENVIRONMENTS / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        missing = [name for name in names if not is_complete(name)]
        for number, name in enumerate(missing, start=1):
            print(
                f"[{number}/{len(missing)}] Making the environment '{name}' ({PURPOSE[name]}) ...",
                file=sys.stderr,
            )
            started = time.monotonic()
            try:
                make(name)
            except subprocess.CalledProcessError as error:
                return _fail(
                    f"The environment '{name}' could not be made (step: {' '.join(map(str, error.cmd[:4]))}).",
                    "The lines above say why. When the cause is mended, run the same command again.",
                )
            print(f"      done in {time.monotonic() - started:.0f} s", file=sys.stderr)
    return 0


def is_complete(name: str) -> bool:
    """Was this environment finished, from this very lock?"""
    stamp = ENVIRONMENTS / name / STAMP
    if not stamp.exists() or stamp.read_bytes() != lock_of(name).read_bytes():
        return False
    if name in WITH_KERNEL and not kernel_is_made(ENVIRONMENTS / name):
        return False
    made_of = ENVIRONMENTS / name / SOURCES
    return name != "controller" or (made_of.exists() and made_of.read_text("utf-8") == _agent_sources())


def lock_of(name: str) -> Path:
    """The committed lock: names, versions, hashes, no addresses."""
    return ROOT / "locks" / f"{name}.txt"


def make(name: str) -> None:
    """Make one environment from nothing."""
    installer = _installer()
    folder = ENVIRONMENTS / name
    environment = _installer_environment()
    stamp = folder / STAMP
    if (
        stamp.exists() and stamp.read_bytes() == lock_of(name).read_bytes()
    ):  # only the checkout's own sources are others
        if name == "controller":
            _install_agent(installer, folder, environment)
        elif name in WITH_KERNEL:
            make_kernel(folder)
        return
    shutil.rmtree(folder, ignore_errors=True)
    _run([installer, "venv", "--quiet", "--python", sys.executable, folder], environment)
    _run(
        [installer, "pip", "install", "--require-hashes", "--compile-bytecode", "--no-deps"]
        + ["--python", folder / "bin" / "python", "-r", lock_of(name)],
        environment,
    )
    if name in ("haven", "test"):
        packages = next((folder / "lib").glob("python3*")) / "site-packages"
        (packages / "haven.pth").write_text(f"{ROOT}\n", encoding="utf-8")
        _run([folder / "bin" / "python", "-m", "compileall", "-q", *_own_packages()], environment)
        make_kernel(folder)
    if name == "controller":
        _install_agent(installer, folder, environment)
    shutil.copyfile(lock_of(name), folder / STAMP)


def build_agent(target: Path) -> Path:
    """The wheel of the controller's agent, made in `target` by the environment `controller`; its path."""
    target.mkdir(parents=True, exist_ok=True)
    python = ENVIRONMENTS / "controller" / "bin" / "python"
    command = [str(python), "-m", "hatchling", "build", "--target", "wheel", "--directory", str(target.resolve())]
    subprocess.run(command, check=True, cwd=ROOT / "clients" / "haven-controller", stdout=subprocess.DEVNULL)
    return max(target.glob("haven_controller-*.whl"), key=lambda path: path.stat().st_mtime)


def make_kernel(folder: Path) -> None:
    """The kernel of tokens, compiled into the environment under its source's digest; without one the haven is slower.

    linkage/native/kernel.py finds it there. The stamp, a copy of the source, is written last and in any case: what
    cannot be compiled here is not tried at every start.
    """
    place = folder / "native"
    place.mkdir(exist_ok=True)
    place.chmod(0o755)
    made, draft = _kernel_of(folder), place / ".tokens.part"
    command = [_compiler() or "", *HARDENED, "-o", str(draft), str(KERNEL)]
    if not command[0]:
        _say_slower(f"there is no C compiler here: install one (Debian: apt-get install gcc libc6-dev), and run"
                    f" python3 scripts/install.py {folder.name}")  # fmt: skip
    elif subprocess.run(command, check=False).returncode:
        draft.unlink(missing_ok=True)
        _say_slower(f"{KERNEL.name} could not be compiled, as the lines above say: mend it (Debian: apt-get install gcc"
                    f" libc6-dev), and run python3 scripts/install.py {folder.name}")  # fmt: skip
    else:
        draft.chmod(0o755)
        draft.replace(made)
    for other in set(place.glob("tokens-*.so")) - {made}:
        other.unlink()
    shutil.copyfile(KERNEL, place / KERNEL.name)


def kernel_is_made(folder: Path) -> bool:
    """From this very source; or as far as can be, where nothing compiles."""
    stamp = folder / "native" / KERNEL.name
    current = stamp.exists() and stamp.read_bytes() == KERNEL.read_bytes()
    return current and (_kernel_of(folder).exists() or _compiler() is None)


def _kernel_of(folder: Path) -> Path:
    return folder / "native" / f"tokens-{hashlib.sha256(KERNEL.read_bytes()).hexdigest()[:16]}.so"


def _compiler() -> str | None:
    return shutil.which("cc")


def _say_slower(why: str) -> None:
    print(f"haven: tokens of a linkage will be made more slowly, since {why}.", file=sys.stderr)


def _install_agent(installer: Path, folder: Path, environment: dict[str, str]) -> None:
    """The agent's wheel into its own environment, as a controller installs it."""
    sources = _agent_sources()
    (folder / SOURCES).unlink(missing_ok=True)
    wheel = build_agent(folder / "wheel")
    _run(
        [installer, "pip", "install", "--quiet", "--no-deps", "--no-index", "--reinstall"]
        + ["--python", folder / "bin" / "python", wheel],
        environment,
    )
    (folder / SOURCES).write_text(sources, encoding="utf-8")


def _agent_sources() -> str:
    """A digest of everything that can be in the agent's wheel."""
    digest = hashlib.sha256()
    places = [ROOT / "clients" / "haven-controller", *(ROOT / name for name in ("audit", "access", "linkage"))]
    for path in sorted(path for place in places for path in place.rglob("*") if path.is_file()):
        if "__pycache__" not in path.parts:
            digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def _own_packages() -> list[Path]:
    return [ROOT / name for name in ("audit", "access", "linkage", "environments", "flows", "infra")]


def _installer() -> Path:
    """uv, installed by pip at its pinned hash into an environment of its own."""
    folder = ENVIRONMENTS / "bootstrap"
    if not is_complete("bootstrap"):
        shutil.rmtree(folder, ignore_errors=True)
        try:
            _run([sys.executable, "-m", "venv", folder], dict(os.environ))
        except subprocess.CalledProcessError:
            print(
                "haven: this Python cannot make environments. On Debian: apt-get install python3-venv",
                file=sys.stderr,
            )
            raise
        _run(
            [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--require-hashes"]
            + ["--disable-pip-version-check", "-r", lock_of("bootstrap")],
            dict(os.environ),
        )
        shutil.copyfile(lock_of("bootstrap"), folder / STAMP)
    return folder / "bin" / "uv"


def _installer_environment() -> dict[str, str]:
    return {**os.environ, "UV_PYTHON_DOWNLOADS": "never"}


def _run(command: list[str | Path], environment: dict[str, str]) -> None:
    subprocess.run([str(part) for part in command], check=True, env=environment)


def _fail(*lines: str) -> int:
    for line in lines:
        print(f"haven: {line}", file=sys.stderr)
    return 69


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:] or ["haven", "hub", "workspace"]))
    except KeyboardInterrupt:
        print("\nhaven: stopped; the next start goes on from here.", file=sys.stderr)
        sys.exit(130)
