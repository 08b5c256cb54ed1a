"""The kernel of tokens: made by the installer, refused where it could be somebody else's or answers wrongly."""

from __future__ import annotations

import hashlib
import hmac
import os
import subprocess
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from infra.cli.common import say_tokens
from linkage import tokens
from linkage.errors import KernelWrong
from linkage.native import kernel
from linkage.native.kernel import SOURCE, Found, Kernel, find_kernel, kernel_in
from tests.fakes.agent import ROOT, in_agent, installer
from tests.unit.linkage.test_tokens import KEY, by_definition

WRONG = "#include <stdint.h>\nint haven_tokens(const void *column, uint64_t *out) { (void)column; %s }\n"


def can_hash() -> bool:
    """Has this processor SHA instructions, as it tells the system?"""
    return "sha_ni" in Path("/proc/cpuinfo").read_text(encoding="utf-8")


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """A folder that stands for an environment, this account's own."""
    folder = tmp_path / "haven"
    folder.mkdir(mode=0o755)
    return folder


@pytest.fixture
def made(environment: Path) -> Kernel:
    """The kernel as the installer makes it."""
    installer().make_kernel(environment)
    found = kernel_in(environment / "native").kernel
    if found is None:
        assert not can_hash(), "the kernel did not compile"
        pytest.skip("this processor has no SHA instructions: here the kernel says so, and the loop is used")
    return found


def compiled(folder: Path, body: str) -> Path:
    """A library in the kernel's place, of a source with this body; the source."""
    source = folder / "other.c"
    source.write_text(WRONG % body, encoding="ascii")
    name = f"tokens-{hashlib.sha256(source.read_bytes()).hexdigest()[:16]}.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(folder / name), str(source)], check=True)
    return source


def test_where_a_compiler_is_the_kernel_is_used() -> None:
    """This environment's own kernel was made, and makes the tokens here."""
    if not can_hash():
        pytest.skip("this processor has no SHA instructions: here the kernel says so, and the loop is used")
    found = find_kernel()
    assert found.kernel, found.why


def test_any_bytes_in_any_part_of_a_column(made: Kernel) -> None:
    """Not only text: zero bytes, long values, and a column cut at any place, with and without nulls."""
    values = [bytes([place % 251]) * (place * 7 % 400) for place in range(150)]
    for column in (values, [None if place % 5 == 0 else value for place, value in enumerate(values)]):
        for start, length in ((0, 150), (1, 16), (9, 17), (63, 1), (70, 0), (149, 1)):
            part = pa.array(column, pa.large_binary()).slice(start, length)
            expected = [
                0 if value is None else int.from_bytes(hmac.digest(b"k" * 70, b"p" + value, "sha256")[:8], "big")
                for value in column[start : start + length]
            ]
            assert made.tokens(part, b"k" * 70, b"p").tolist() == expected


def test_a_column_that_points_outside_itself_is_refused(made: Kernel) -> None:
    """Offsets that go back, are negative or leave the data: nothing is read there."""
    data = pa.py_buffer(b"x" * 100)
    for offsets in ([0, 101, 100], [0, 50, 40, 60], [0, -5, 10], [0, 2**62, 100]):
        held = pa.py_buffer(np.array(offsets, np.int64).tobytes())
        column = pa.Array.from_buffers(pa.large_binary(), len(offsets) - 1, [None, held, data])
        with pytest.raises(KernelWrong):
            made.tokens(column, b"k", b"p")


def test_without_the_kernel_tokens_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is none, Python's loop makes the same tokens."""
    values = ["SMITH", None, "", "x" * 300, *(f"{number:010d}" for number in range(2000))]
    column = pl.Series(values, dtype=pl.String)
    monkeypatch.setattr(tokens, "find_kernel", lambda: Found(None, "it has not been compiled"))
    assert tokens.tokenise(column, "d", KEY).to_list() == [by_definition(value) for value in values]


@pytest.mark.parametrize("body", ["out[0] = 1; return 0;", "(void)out; return 0;", "(void)out; return 2;"])
def test_a_kernel_that_answers_wrongly_is_an_error(environment: Path, body: str) -> None:
    """It is not used, and nothing goes on without a word: somebody is to look."""
    with pytest.raises(KernelWrong, match=r"wrongly.*Remove it"):
        kernel_in(environment, compiled(environment, body))


def test_a_processor_without_sha_is_no_error(environment: Path) -> None:
    """The kernel says so itself, and is not used."""
    found = kernel_in(environment, compiled(environment, "(void)out; return 1;"))
    assert found.kernel is None
    assert "no SHA instructions" in found.why


def test_a_file_that_others_can_change_is_not_loaded(environment: Path, made: Kernel) -> None:
    """Nor one in a folder in which others could exchange it."""
    for place in (made.path, environment / "native"):
        place.chmod(0o775)
        found = kernel_in(environment / "native")
        assert found.kernel is None
        assert f"can change {place}" in found.why
        place.chmod(0o755)
    if os.getuid() == 0:
        os.chown(made.path, 65534, 65534)
        assert kernel_in(environment / "native").kernel is None


def test_what_is_no_library_is_not_used(environment: Path) -> None:
    """A damaged file is told, and tokens are made without it."""
    name = f"tokens-{hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:16]}.so"
    (environment / name).write_bytes(b"no library")
    found = kernel_in(environment)
    assert found.kernel is None
    assert "cannot be loaded" in found.why


def test_another_source_needs_another_kernel(
    environment: Path, made: Kernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was made from an older source is neither complete nor used, and goes when the new one is made."""
    newer = tmp_path / "tokens.c"
    newer.write_bytes(SOURCE.read_bytes() + b"/* newer */\n")
    assert installer().kernel_is_made(environment)
    monkeypatch.setattr(installer(), "KERNEL", newer)
    assert not installer().kernel_is_made(environment)
    assert kernel_in(environment / "native", newer).why == "it has not been compiled"
    installer().make_kernel(environment)
    assert kernel_in(environment / "native", newer).kernel
    assert not made.path.exists()


def test_the_launcher_notices_another_source(tmp_path: Path) -> None:
    """`./haven` has the kernel made where the checkout's source is not the one that its environment was made with."""
    root = tmp_path / "checkout"
    for name in ("haven", "hub", "workspace"):
        for place in ("locks", f".haven/envs/{name}/bin", f".haven/envs/{name}/native"):
            (root / place).mkdir(parents=True, exist_ok=True)
        for lock in (root / "locks" / f"{name}.txt", root / ".haven" / "envs" / name / "complete.txt"):
            lock.write_text("locked\n", encoding="ascii")
    source, stamp = root / "linkage" / "native" / "tokens.c", root / ".haven" / "envs" / "haven" / "native" / "tokens.c"
    for place, text in (
        (root / "haven", (ROOT / "haven").read_text(encoding="utf-8")),
        (root / ".haven" / "envs" / "haven" / "bin" / "python", "#!/bin/sh\necho started\n"),
        (root / "scripts" / "install.py", "print('installed')\n"),
        (source, "one\n"),
        (stamp, "one\n"),
    ):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
        place.chmod(0o755)
    said = [subprocess.run([root / "haven"], capture_output=True, text=True, check=True).stdout]
    source.write_text("two\n", encoding="ascii")
    said.append(subprocess.run([root / "haven"], capture_output=True, text=True, check=True).stdout)
    assert said == ["started\n", "installed\nstarted\n"]


def test_the_status_says_by_what_tokens_are_made(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the kernel, or without it: why, and how that is mended."""
    monkeypatch.setattr(kernel, "find_kernel", lambda: Found(Kernel(SOURCE, int)))
    say_tokens()
    assert "by the compiled kernel" in capsys.readouterr().out
    monkeypatch.setattr(kernel, "find_kernel", lambda: Found(None, "it has not been compiled", "Install a compiler."))
    say_tokens()
    assert "more slowly: it has not been compiled. Install a compiler." in capsys.readouterr().err


def test_without_a_compiler_the_haven_goes_on(
    environment: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """One sentence says that tokens are made more slowly and how to mend it; a compiler that comes later is used."""
    with monkeypatch.context() as patch:
        patch.setattr(installer(), "_compiler", lambda: None)
        installer().make_kernel(environment)
        assert installer().kernel_is_made(environment)
    said = capfd.readouterr().err
    assert "more slowly" in said
    assert "apt-get install gcc" in said
    found = kernel_in(environment / "native")
    assert found.kernel is None
    assert "python3 scripts/install.py" in found.mend
    assert not installer().kernel_is_made(environment)


def test_a_compiler_that_fails_is_told(
    environment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The haven goes on, and says what is missing."""
    failing = tmp_path / "cc"
    failing.write_text("#!/bin/sh\necho 'no headers' >&2\nexit 1\n", encoding="ascii")
    failing.chmod(0o755)
    monkeypatch.setattr(installer(), "_compiler", lambda: str(failing))
    installer().make_kernel(environment)
    said = capfd.readouterr().err
    assert "no headers" in said
    assert "could not be compiled" in said
    assert kernel_in(environment / "native").kernel is None


def test_the_controllers_agent_does_without() -> None:
    """The agent's wheel holds no kernel: its tokens are the loop's, and the same."""
    code = (
        "import json, polars as pl\n"
        "from haven_controller.rules.access.keys.model import HeldKey\n"
        "from haven_controller.rules.linkage.native.kernel import find_kernel\n"
        "from haven_controller.rules.linkage.tokens import tokenise\n"
        f"key = HeldKey('token/spine', 1, bytes(range(32)), {KEY.check_value!r})\n"
        "print(json.dumps([find_kernel().kernel is None, *tokenise(pl.Series(['SMITH', None]), 'd', key)]))"
    )
    assert in_agent(code) == [True, by_definition("SMITH"), None]
