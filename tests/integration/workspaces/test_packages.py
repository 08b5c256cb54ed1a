"""A mirrored package, installed by a real pip in a real workspace of its project, and in no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from audit.model import person
from environments.airlock.packages.service import Packages
from environments.workspaces.client import Kernel
from tests.fakes.airlock import ASHA, CARA, World
from tests.fakes.packages import sha256_of, wheel
from tests.fakes.workspaces import WorkplaceForTests

WHY = "For the tables of the paper."
PIP = (
    "import subprocess, sys\n"
    "def pip(*words):\n"
    "    subprocess.run([sys.executable, '-m', 'venv', '/home/researcher/tools'], check=True)\n"
    "    command = ['/home/researcher/tools/bin/pip', 'install', '--target', '/home/researcher/packages', *words]\n"
    "    done = subprocess.run(command, capture_output=True, text=True)\n"
    "    print(done.returncode, done.stderr)\n"
)


@pytest.fixture
def packages(place: WorkplaceForTests, tmp_path: Path) -> Packages:
    """The index that the open workspaces see."""
    world = World(tmp_path)
    world.approvals.people_in = {"diabetes": {"asha"}, "asthma": {"bo"}}
    return Packages(world.records, world.approvals, place.place.packages)


def _mirrored(packages: Packages, file: Path, pinned: str) -> None:
    request = packages.request("diabetes", pinned, WHY, by=ASHA).id
    packages.review(request, True, "Well known.", by=CARA)
    packages.mirror(request, file, sha256_of(file), by=person("enid"))


def test_pip_installs_what_was_mirrored(packages: Packages, asha: Kernel, bo: Kernel, tmp_path: Path) -> None:
    """Before it is mirrored there is nothing to install; then asha's pip finds it, by name and by the list of pins."""
    assert asha.run(PIP + "pip('tiny_haven==1.0')").text.startswith("1 ")
    _mirrored(packages, wheel(tmp_path), "tiny-haven==1.0")
    for words in ("'tiny_haven==1.0'", "'--upgrade', '--require-hashes', '-r', '/packages/requirements.txt'"):
        done = asha.run(f"pip({words})")
        assert done.text.startswith("0 "), (done.text, done.error)
    used = asha.run("sys.path.append('/home/researcher/packages')\nimport tiny_haven\nprint(tiny_haven.VERSION)")
    assert used.text.strip() == "1.0"
    other = bo.run(PIP + "pip('tiny_haven==1.0')")
    assert other.text.startswith("1 ")
    assert "No matching distribution" in other.text


def test_pip_refuses_a_file_that_was_changed(
    packages: Packages, place: WorkplaceForTests, asha: Kernel, tmp_path: Path
) -> None:
    """A file in the index that has not the hash of its link is not installed."""
    file = wheel(tmp_path, name="changed_haven")
    _mirrored(packages, file, "changed-haven==1.0")
    there = place.place.packages / "diabetes" / "simple" / "changed-haven" / file.name
    there.chmod(0o644)
    there.write_bytes(wheel(tmp_path, name="changed_haven", told="1.0\nSummary: changed").read_bytes())
    done = asha.run(PIP + "pip('changed_haven==1.0')")
    assert done.text.startswith("1 ")
    assert "DO NOT MATCH" in done.text


NO_SUCH = """import haven
try:
    haven.install("tiny_haven==2.0")
except haven.HavenClientError as refused:
    print("advice:", refused)
"""


def test_a_notebook_installs_by_a_line(packages: Packages, asha: Kernel, tmp_path: Path) -> None:
    """`haven.install` and `%pip install`: what was mirrored is imported; for anything else it says how to ask."""
    for name, line in (("by_name", "haven.install('by_name==1.0')"), ("by_line", "%pip install by-line")):
        _mirrored(packages, wheel(tmp_path, name=name), f"{name.replace('_', '-')}==1.0")
        done = asha.run(f"import haven\n{line}\nimport {name}\nprint('has', {name}.VERSION)")
        assert done.text.rstrip().endswith("has 1.0"), (done.text, done.error)
    again = asha.run("haven.install('by_name==1.0')\nimport importlib.metadata as m\nprint(m.version('by-name'))")
    assert "already satisfied" in again.text
    _mirrored(packages, wheel(tmp_path, name="numpy", version="99.0"), "numpy==99.0")
    kept = asha.run("haven.install('numpy==99.0')")
    assert kept.error == "HavenClientError"
    assert "the workspace has another version" in kept.text
    refused = asha.run(NO_SUCH)
    assert "No matching distribution" in refused.text
    assert "advice: Nothing was installed" in refused.text
    assert "haven package request" in refused.text
    inside = asha.run("haven.install('numpy<1')")
    assert "No matching distribution" in inside.text
    assert inside.error == "HavenClientError"
