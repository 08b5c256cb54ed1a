"""A disk that is full while a linkage runs: a sentence, the zones as they were, and the next run does it all."""

from __future__ import annotations

from pathlib import Path

import pytest

from audit.events import EventName
from audit.model import service
from linkage.errors import ZoneError
from tests.fakes.little_disk import no_file_above
from tests.fakes.zones import LinkageBench

BY = service("test")
PEOPLE = 2_000
COLUMNS = {"code": "VARCHAR"}


def _people(dataset: str) -> list[dict[str, object]]:
    return [
        {
            "local_id": f"{dataset}{n}",
            "surname": f"Name{chr(65 + n % 26)}{chr(65 + n // 26 % 26)}{chr(65 + n // 676)}",
            "forenames": "Ada",
            "sex": "F",
            "date_of_birth": f"19{40 + n % 50}-{1 + n % 12:02d}-{1 + n % 28:02d}",
            "code": "x" * 20,
        }
        for n in range(PEOPLE)
    ]


@pytest.fixture
def bench(tmp_path: Path) -> LinkageBench:
    """Two deliveries that wait to be linked."""
    bench = LinkageBench(tmp_path)
    for dataset in ("gp", "hospital"):
        bench.deliver(dataset, f"{dataset}_rows", _people(dataset), COLUMNS)
    return bench


def test_a_full_disk_is_told_and_nothing_is_lost(bench: LinkageBench) -> None:
    """The zone stays as it was, to the byte; the log says so; with room again the same run links everybody."""
    zone = bench.home / "zones" / "linkage" / "linkage.duckdb"
    before = zone.read_bytes()
    with no_file_above(len(before) + 20_000), pytest.raises(ZoneError, match="no room") as told:
        bench.linker.link(by=BY)
    assert "run the command again" in " ".join(str(told.value.mend).split())
    assert zone.read_bytes() == before
    assert not list(zone.parent.glob(".*.next*"))
    assert [event.name for event in bench.records.log.events][-1] == EventName.LINKAGE_FAILED
    bench.linker.link(by=BY)
    persons = bench.persons()
    assert len(persons) == 2 * PEOPLE
    assert all(persons[f"gp{n}"] == persons[f"hospital{n}"] for n in range(PEOPLE))
