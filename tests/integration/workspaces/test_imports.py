"""What was brought into a project, as its workspaces see it: read through a real kernel, and by nobody else."""

from __future__ import annotations

from pathlib import Path

import pytest

from environments.airlock.imports.service import Imports
from environments.workspaces.client import Kernel
from tests.fakes.airlock import ASHA, CARA, KEY, LOOKUP, WHY, World
from tests.fakes.workspaces import WorkplaceForTests

READ = "print(sorted(os.listdir('/imports')), open('/imports/{request}/chapters.csv').read())"


@pytest.fixture
def imports(place: WorkplaceForTests, tmp_path: Path) -> Imports:
    """The door in, which delivers into the folder that the open workspaces see."""
    world = World(tmp_path)
    world.approvals.people_in = {"diabetes": {"asha"}, "asthma": {"bo"}}
    return Imports(world.records, world.approvals, tmp_path / "sealed", place.place.imports, KEY)


def test_a_table_is_read_in_the_projects_open_workspace(imports: Imports, asha: Kernel, bo: Kernel) -> None:
    """Before the approval it is not there; then asha's kernel reads it, and bo's in another project does not."""
    request = imports.request("diabetes", [("chapters.csv", LOOKUP)], WHY, by=ASHA).id
    read = "import os\n" + READ.format(request=request)
    assert asha.run(read).error == "FileNotFoundError"
    imports.approve(request, "Public codes.", by=CARA)
    seen = asha.run("import pandas\n" + read + f"\nprint(len(pandas.read_csv('/imports/{request}/chapters.csv')))")
    assert seen.error is None
    assert LOOKUP.decode() in seen.text
    assert seen.text.split()[-1] == "2"
    assert bo.run(read).error == "FileNotFoundError"
    assert bo.run("import os; print(os.listdir('/imports'))").text.strip() == "[]"


def test_nobody_inside_changes_it_and_a_recall_takes_it_out(imports: Imports, asha: Kernel) -> None:
    """The folder is read-only, for its files and for new ones; after a recall only the notice is there."""
    request = imports.request("diabetes", [("recalled.csv", LOOKUP + b"A02,x\n")], WHY, by=ASHA).id
    imports.approve(request, "Public codes.", by=CARA)
    for attempt in (
        f"open('/imports/{request}/recalled.csv', 'a')",
        f"open('/imports/{request}/new.csv', 'w')",
        "open('/imports/new.csv', 'w')",
        f"os.unlink('/imports/{request}/recalled.csv')",
        f"os.chmod('/imports/{request}/recalled.csv', 0o666)",
        f"os.rename('/imports/{request}', '/imports/other')",
    ):
        assert asha.run(f"import os\n{attempt}").error in {"OSError", "PermissionError"}, attempt
    imports.recall(request, "A mistake.", "INC-8", by=CARA)
    listed = asha.run(f"import os; print(os.listdir('/imports/{request}'))")
    assert listed.text.strip() == "['RECALLED.json']"
