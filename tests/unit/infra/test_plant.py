"""What do the flows find due? Opt-outs once a day, and only where there is a mailbox to ask through."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from sqlalchemy.orm import Session

from access.optouts.model import ListState
from access.optouts.store import OptOutListRow
from audit.clock import FixedClock
from infra.identity.distribution import Distribution
from infra.identity.server import IdentityServer
from infra.plant import HavenPlant
from infra.settings import Settings
from tests.fakes.havens import START, memory_records


def test_log_ins_are_kept_where_the_haven_keeps_a_keycloak(tmp_path: Path) -> None:
    """Its own server, or the one of this home while it runs; with an issuer that somebody else keeps, none."""

    def kept(identity: dict[str, str]) -> bool:
        settings = Settings.model_validate({"home": tmp_path, "identity": identity})
        haven: Any = SimpleNamespace(settle=lambda: None, settings=settings, identity_server=server)
        return HavenPlant(haven).identity_is_kept()

    server = IdentityServer(tmp_path / "identity", tmp_path / "log", Distribution(tmp_path), "haven-keeper", 0)
    realm = "https://id.example/realms/haven"
    assert not kept({})
    assert not kept({"issuer": realm})
    assert kept({"server": "https://id.example", "issuer": realm, "keeper_secret_file": str(tmp_path / "secret")})


def test_opt_outs_are_due_until_todays_list_is_in_force(tmp_path: Path) -> None:
    """Not without a mailbox; an asking that is under way or failed is due, an answered one of today is not."""
    clock = FixedClock(START)
    records = memory_records(clock)
    settings = Settings.model_validate({"home": tmp_path})
    haven: Any = SimpleNamespace(settle=lambda: None, mailbox=None, settings=settings, records=records, clock=clock)
    plant = HavenPlant(haven)
    assert not plant.optouts_are_due()
    haven.mailbox = object()
    assert plant.optouts_are_due()
    for number, state in enumerate((ListState.FAILED, ListState.ASKED, ListState.IN_FORCE)):
        row = {"id": str(number), "number": number, "state": state.value, "as_at": clock.now()}
        with Session(records.engine) as session, session.begin():
            session.add(OptOutListRow(**row, asked=1, bad={}, failure=None, sentence=None))
        assert plant.optouts_are_due() is (state is not ListState.IN_FORCE)
    clock.at += timedelta(days=1)
    assert plant.optouts_are_due()
