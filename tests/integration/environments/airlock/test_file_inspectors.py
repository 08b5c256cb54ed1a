"""Files of other types from a notebook to the outbox: the real inspectors, and the project's own file asked."""

from __future__ import annotations

import asyncio
import hashlib
import importlib
import io
import uuid
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from PIL import Image

from access.decisions import Refused
from access.people.model import Role
from audit.model import person
from environments.airlock.approvals import AccessApprovals
from environments.airlock.files.manifest import verify_release
from environments.airlock.ports import Inspectors
from environments.airlock.service import Airlock
from environments.airlock.states import ReleaseState
from environments.airlock.web import routes
from environments.gateway.doors import Doors
from environments.gateway.web import build_app
from environments.inspection.errors import InspectorsDown
from infra.file_inspectors import EnclosedInspectors
from infra.query_evidence import OpenedEvidence
from tests.fakes.airlock import FakeInspectors
from tests.fakes.gateway import GatewayForTests, client, disclosures_of, gateway
from tests.fakes.havens import HOUSE
from tests.fakes.leaving_files import (
    CLEAN,
    NHS_NUMBER,
    PSEUDONYM,
    bomb,
    figure,
    notebook,
    packed_bomb,
    picture,
    with_place,
)
from tests.fakes.people import invented_person

S = ReleaseState
CARA, DEV = person("cara"), person("dev")
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
BY_DAY = "select event_date, count(distinct pseudonym) as people from gp_events group by all order by all"
CONTEXT: dict[str, Any] = {
    "purpose": "Shows how many people have the code in the records.",
    "description": "People with at least one entry, by month of the entry.",
    "population": "Everybody in the project's cohort, without a filter.",
    "columns": {"event_date": "month of the entry", "people": "distinct people, rounded to 5"},
    "count_column": "people",
    "files": {"by_month.png": {"description": "The same counts, drawn as bars.", "counts": ["by_month.csv"]}},
}


@pytest.mark.parametrize("kind", ["fake", "real"])
@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("figure.png", figure, set()),
        ("photo.jpg", lambda: picture("JPEG", exif=with_place()), {"location"}),
        ("notes.txt", lambda: f"Of {NHS_NUMBER}.\n".encode(), {"nhs_number"}),
        ("page.svg", lambda: b"<svg/>", {"type_refused"}),
        ("all.zip", lambda: b"PK\x03\x04", {"archive"}),
        ("figure.png", CLEAN["figure.jpg"], {"wrong_type"}),
        ("bomb.png", bomb, {"unpacks_too_large"}),
        ("bomb.xlsx", packed_bomb, {"unpacks_too_large"}),
    ],
)  # fmt: skip
def test_what_the_port_promises(kind: str, name: str, content: Any, found: set[str]) -> None:
    """The same findings in this process and in one apart; a picture's new bytes come with them."""
    port: Inspectors = FakeInspectors() if kind == "fake" else EnclosedInspectors(None)  # type: ignore[arg-type]
    seen = port.look("admissions", name, content())
    assert {one.code.value for one in seen.findings} == found
    assert (seen.written_anew is not None) == (name in ("figure.png", "photo.jpg") and found != {"wrong_type"})
    assert port.rules == port.rules


async def test_the_projects_own_file_is_asked_for_its_pseudonyms() -> None:
    """A cell's number in a notebook is a finding where it is one of its people; unasked is not looked into."""
    async with gateway(people=60) as stands:
        known = (await stands.ask("select distinct pseudonym from gp_events order by all limit 1"))["pseudonym"][0]
        inspectors = EnclosedInspectors(stands.core._scopes)
        mine, strange = notebook(id=str(known.as_py())), notebook(id=str(uuid.UUID(int=7)))
        look = inspectors.look
        (finding,) = (await asyncio.to_thread(look, "admissions", "a.ipynb", mine)).findings
        assert finding.code == "pseudonym"
        assert (await asyncio.to_thread(look, "admissions", "a.ipynb", strange)).passed
        file = next((stands.folder / "scopes").rglob("*.duckdb"))
        file.parent.chmod(0o700)
        file.chmod(0o600)
        file.write_bytes(b"no database" * 1000)
        with pytest.raises(InspectorsDown) as caught:
            await asyncio.to_thread(look, "admissions", "a.ipynb", mine)
        assert caught.value.__cause__ is None and str(file) not in str(caught.value)


def test_a_project_that_cannot_be_asked() -> None:
    """Without its file the numbers could be anybody's: not looked into; a file without numbers needs nobody."""

    class Unpublished:
        def current(self, project: str) -> Refused:
            return Refused("scope.not_published", "The project's data are not published yet.", None)

    inspectors = EnclosedInspectors(Unpublished())
    assert inspectors.look("admissions", "notes.txt", b"Words.\n").passed
    with pytest.raises(InspectorsDown, match="not published"):
        inspectors.look("admissions", "a.ipynb", notebook(id=PSEUDONYM))


def _airlock(stands: GatewayForTests) -> Airlock:
    """As a haven is wired, over what stands here."""
    today = stands.records.clock.now().date()
    stands.access.register_person(
        invented_person("cara", "haven", {Role.OUTPUT_CHECKER}, date(2027, 1, 31), today), by=HOUSE
    )
    places = (stands.folder / "airlock", stands.folder / "outbox", stands.folder / "register")
    return Airlock(
        stands.records,
        AccessApprovals(stands.access, disclosures_of(stands.records)),
        *places,
        KEY,
        evidence=OpenedEvidence(stands.evidence),
        people=stands.people,
        key_of=lambda name: hashlib.sha256(name.encode()).digest(),
        inspectors=EnclosedInspectors(stands.core._scopes),
    )


async def test_a_figure_and_its_counts_from_the_notebook_to_the_outbox(tmp_path: Path) -> None:
    """Asked, drawn, submitted as a list; returned with why; mended, judged, released: the new bytes and no others."""
    async with gateway(people=400) as stands:
        airlock = await asyncio.to_thread(_airlock, stands)
        doors = Doors(build_app(stands.core, routes(airlock)), stands.core, stands.folder / "d")
        door = await doors.open("asha", "admissions")
        client()
        drawn = tmp_path / "by_month.png"
        drawn.write_bytes(figure(metadata={"Author": "asha"}) + b"behind the end")

        def work() -> tuple[Any, Any]:
            haven = importlib.import_module("haven")
            connection = importlib.import_module("haven.connection").Connection(str(door))
            counts = haven.sql(BY_DAY, frame="pandas", connection=connection)
            shown = counts.assign(people=[str(5 * ((n + 2) // 5)) for n in counts["people"]])
            files = [("by_month.csv", shown), str(drawn)]
            said = {"queries": [counts], "connection": connection}
            bare = {key: one for key, one in CONTEXT.items() if key != "files"}
            returned = haven.submit(files, context=bare, **said)
            (listed,) = haven.submissions(connection)
            assert listed == returned
            return returned, haven.submit(files, context=CONTEXT, request=returned.id, **said)

        try:
            returned, request = await asyncio.to_thread(work)
        finally:
            await doors.close_all()
        assert returned.state == "returned"
        assert any("by_month.png: No underlying counts beside it" in one for one in returned.problems)
        assert (request.state, request.problems, request.round) == ("checking", [], 2)
        for checker in (CARA, DEV):
            airlock.decide(request.id, True, by=checker)
        released = await asyncio.to_thread(lambda: airlock.release(request.id, by=CARA))
        names = sorted(one["name"] for one in verify_release(released.folder, KEY.public_key())["files"])
        assert names == ["by_month.csv", "by_month.png"]
        left = (released.folder / "by_month.png").read_bytes()
        assert b"asha" not in left and b"behind" not in left
        with Image.open(io.BytesIO(left)) as new, Image.open(drawn) as old:
            assert new.convert("RGB").tobytes() == old.convert("RGB").tobytes()
