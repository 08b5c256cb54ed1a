"""The rule book of opt-outs, what gets round the gate: not asking again, not a second at the same moment."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from linkage.optouts.errors import ListFailed
from tests.fakes.deliveries import nhs_number
from tests.fakes.optouts import BY, OptOutHaven, one, refused

ADA, BEN = nhs_number(1), nhs_number(2)


@pytest.fixture
def haven(tmp_path: Path) -> Iterator[OptOutHaven]:
    """Two people at the GP, one of them in hospital too; no project yet."""
    haven = OptOutHaven(tmp_path)
    gp = [one("a", ADA, "Ada", code="a"), one("b", BEN, "Ben", code="b")]
    haven.people({"gp": gp, "hospital": [one("h", BEN, "Ben")]})
    yield haven
    haven.close()


def test_asking_again_lifts_no_block_an_answer_does(haven: OptOutHaven) -> None:
    """After a failed asking nothing is built while the next is under way, and something is when it was answered."""
    haven.live()
    haven.refresh([ADA])
    with pytest.raises(ListFailed):
        haven.refresh([ADA, BEN])
    assert refused(haven.publish) == "optouts.list_failed"
    haven.mesh.answers = False
    haven.clock_on()
    assert not haven.lists.refresh(by=BY, wait=False).done
    assert refused(haven.publish) == "optouts.list_failed"
    haven.clock.at += haven.mesh.patience
    haven.clock_on()
    with pytest.raises(ListFailed):
        haven.lists.refresh(by=BY, wait=False)
    haven.mesh.answers = True
    haven.refresh([ADA])
    haven.publish()
    assert haven.codes()["gp_events"] == ["b"]
