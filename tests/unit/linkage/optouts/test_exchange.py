"""The exchange with MESH: durable before each step, nothing sent twice, acknowledged last; purge, and who is held."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from access.decisions import RefusedError
from access.optouts.model import ListState
from audit.events import EventName
from audit.model import person
from linkage.errors import ZoneBusy
from linkage.optouts import in_zones
from linkage.optouts.errors import ListFailed, MailboxAway, MailboxUnset, NothingToAsk, NumberUnfit
from linkage.optouts.in_zones import S
from linkage.separation.here import InThisProcess
from tests.fakes.deliveries import nhs_number
from tests.fakes.optouts import BY, OptOutHaven, one

ADA, BEN = nhs_number(1), nhs_number(2)
BAD = "9990000000"


@pytest.fixture
def haven(tmp_path: Path) -> Iterator[OptOutHaven]:
    """Two people with numbers, one with a number that nobody can have."""
    haven = OptOutHaven(tmp_path)
    rows = [one("a", ADA, "Ada", code="a"), one("b", BEN, "Ben", code="b"), one("x", BAD, "Xyz", code="x")]
    haven.people({"gp": rows})
    yield haven
    haven.close()


def _ended_after(monkeypatch: pytest.MonkeyPatch, state: S) -> None:
    """The process ends when this state is durable."""
    moved = in_zones._moved

    def ended(room: object, found: object, to: S, **changes: object) -> object:
        made = moved(room, found, to, **changes)  # type: ignore[arg-type]
        if to is state:
            raise KeyboardInterrupt
        return made

    monkeypatch.setattr(in_zones, "_moved", ended)


def test_bad_numbers_go_to_quarantine_and_are_not_asked(haven: OptOutHaven) -> None:
    """One that fails modulus 11 would fail the whole file: it is counted by its reason, and the rest is asked."""
    done = haven.lists.refresh(by=BY, wait=True)
    assert (done.list.asked, dict(done.list.bad)) == (2, {"check_digit": 1})
    asked = next(e for e in haven.records.log.events if e.name is EventName.OPTOUT_LIST_ASKED)  # type: ignore[attr-defined]
    assert asked.details["asked"] == "fewer than 10"


@pytest.mark.parametrize("state", [S.SENDING, S.SENT, S.RECEIVED, S.COMPLETE])
def test_ended_after_any_step_it_goes_on_and_sends_nothing_twice(
    haven: OptOutHaven, monkeypatch: pytest.MonkeyPatch, state: S
) -> None:
    """The next refresh ends the same exchange with one request sent, and the mailbox is empty."""
    with monkeypatch.context() as patched:
        _ended_after(patched, state)
        with pytest.raises(KeyboardInterrupt):
            haven.lists.refresh(by=BY, wait=True)
    haven.clock.at += timedelta(seconds=1)
    done = haven.lists.refresh(by=BY, wait=True)
    assert done.resumed
    assert haven.mesh.sent == [done.list.id]
    assert haven.mesh.inbox == {}
    assert done.list.state is ListState.IN_FORCE


def test_ended_between_sending_and_knowing_of_it(haven: OptOutHaven, monkeypatch: pytest.MonkeyPatch) -> None:
    """MESH is asked whether it has the request before it is sent again."""
    sent = haven.mesh.send

    def ended(local_id: str, content: bytes) -> None:
        sent(local_id, content)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(haven.mesh, "send", ended)
        with pytest.raises(KeyboardInterrupt):
            haven.lists.refresh(by=BY, wait=True)
    assert haven.lists.refresh(by=BY, wait=True).done
    assert len(haven.mesh.sent) == 1


def test_the_answer_is_acknowledged_only_when_it_is_durable(
    haven: OptOutHaven, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ended before the answer was kept, MESH still has it."""
    with monkeypatch.context() as patched:
        patched.setattr(in_zones, "put_numbers", in_zones.put_numbers)
        kept = in_zones.put_numbers

        def ended(store: object, table: str, *rest: object) -> None:
            if table == "may_be_used":
                raise KeyboardInterrupt
            kept(store, table, *rest)  # type: ignore[arg-type]

        patched.setattr(in_zones, "put_numbers", ended)
        with pytest.raises(KeyboardInterrupt):
            haven.lists.refresh(by=BY, wait=True)
    assert len(haven.mesh.inbox) == 1
    assert haven.lists.refresh(by=BY, wait=True).done


def test_no_answer_within_the_time_is_a_failure(haven: OptOutHaven) -> None:
    """Until then it is under way; afterwards it has failed, and the next asking is a new one."""
    haven.mesh.answers = False
    assert not haven.lists.refresh(by=BY, wait=False).done
    haven.clock.at += haven.mesh.patience - timedelta(minutes=1)
    assert not haven.lists.refresh(by=BY, wait=False).done
    haven.clock.at += timedelta(minutes=2)
    with pytest.raises(ListFailed, match="No answer came"):
        haven.lists.refresh(by=BY, wait=False)
    haven.mesh.answers = True
    haven.clock.at += timedelta(seconds=1)
    assert haven.lists.refresh(by=BY, wait=True).done
    assert len(haven.mesh.sent) == 2


def test_what_was_set_aside_spoils_no_later_exchange_and_no_purge_forgets_it(haven: OptOutHaven) -> None:
    """A message that nobody asked for fails one exchange, stays with MESH for somebody to look at, and no more."""
    haven.mesh.put("odd", "somebody-elses", b"x")
    with pytest.raises(ListFailed, match="another request"):
        haven.lists.refresh(by=BY, wait=True)
    haven.clock.at += timedelta(seconds=1)
    haven.lists.purge(by=BY)
    haven.lists.purge(by=BY)
    assert haven.lists.refresh(by=BY, wait=True).done
    assert "odd" in haven.mesh.inbox


def test_mesh_away_changes_nothing(haven: OptOutHaven) -> None:
    """The exchange waits where it is."""
    haven.mesh.away = True
    with pytest.raises(MailboxAway):
        haven.lists.refresh(by=BY, wait=True)
    haven.mesh.away = False
    assert haven.lists.refresh(by=BY, wait=True).resumed


def test_without_a_mailbox_or_a_number_nothing_is_asked(haven: OptOutHaven, tmp_path: Path) -> None:
    """Both are told with how to mend them."""
    lists = haven.lists_through(InThisProcess(haven.bench.zones))
    with pytest.raises(MailboxUnset):
        lists.refresh(by=BY, wait=False)
    empty = OptOutHaven(tmp_path / "empty")
    with pytest.raises(NothingToAsk):
        empty.lists.refresh(by=BY, wait=False)


def test_not_everybody_asks_or_purges(haven: OptOutHaven) -> None:
    """A researcher does not; the refusal is in the log."""
    for call in (
        lambda: haven.lists.refresh(by=person("asha"), wait=False),
        lambda: haven.lists.purge(by=person("asha")),
    ):
        with pytest.raises(RefusedError):
            call()
        assert haven.records.log.events[-1].name is EventName.OPTOUT_LIST_REFUSED  # type: ignore[attr-defined]


def test_a_new_list_takes_the_place_of_the_old_in_the_store(haven: OptOutHaven) -> None:
    """The zone keeps the numbers of one list; which there were stands in the records."""
    first, second = haven.refresh([ADA]), haven.refresh([])
    with haven.bench.zones.optouts(read_only=True) as store:
        kept = store.execute(
            "SELECT DISTINCT exchange FROM may_be_used UNION SELECT DISTINCT exchange FROM asked"
        ).fetchall()
    assert kept == [(second,)]
    assert [one.id for one in haven.lists.status()[0]] == [second, first]


def test_purge_erases_the_file_and_certifies_it(haven: OptOutHaven) -> None:
    """A young list stays in a new file; an old one goes; the certificate is signed, and the log has it."""
    haven.refresh([ADA])
    assert haven.lists.purge(by=BY) is None
    haven.clock.at += timedelta(days=30)
    made = haven.lists.purge(by=BY)
    assert made is not None
    assert made["statement"]["kept"] is None
    haven.bench.keyring.signing_key("certificate").public_key()
    assert haven.records.log.events[-1].name is EventName.OPTOUT_LIST_PURGED  # type: ignore[attr-defined]
    assert haven.lists.status()[0][0].state is ListState.PURGED
    with haven.bench.zones.optouts(read_only=True) as store:
        assert store.execute("SELECT count(*) FROM may_be_used").fetchall() == [(0,)]


def test_a_purge_that_keeps_the_list_in_force_leaves_it_usable(haven: OptOutHaven) -> None:
    """Only what failed goes: the list is as it was."""
    with pytest.raises(ListFailed):
        haven.refresh([ADA, BEN])
    newest = haven.refresh([ADA])
    made = haven.lists.purge(by=BY)
    assert made is not None
    assert made["statement"]["kept"] == newest
    with haven.bench.zones.optouts(read_only=True) as store:
        assert store.execute("SELECT number FROM may_be_used").fetchall() == [(BEN,)]


def test_nothing_is_purged_from_under_an_asking(haven: OptOutHaven) -> None:
    """While one is under way its answer could not be judged any more."""
    haven.mesh.answers = False
    haven.lists.refresh(by=BY, wait=False)
    with pytest.raises(ZoneBusy):
        haven.lists.purge(by=BY)


def test_no_number_is_a_column_of_any_other_store(haven: OptOutHaven) -> None:
    """Neither zone has a table or a column that tells who opted out or objects."""
    haven.refresh([ADA])
    haven.name_objector(BEN, "o1")
    for opened in (haven.bench.zones.linkage, haven.bench.zones.research):
        with opened(read_only=True) as zone:
            found = zone.execute(
                "SELECT table_name || '.' || column_name FROM duckdb_columns() WHERE database_name = 'zone'"
            ).fetchall()
        names = " ".join(str(name).lower() for (name,) in found)
        assert not any(word in names for word in ("opt", "objec", "may_be_used"))


def test_who_objects_must_be_somebody(haven: OptOutHaven) -> None:
    """A number that fails modulus 11 is refused, and is not in the error."""
    with pytest.raises(NumberUnfit) as refused:
        haven.name_objector(BAD, "o1")
    assert BAD not in str(refused.value)
    haven.name_objector(ADA, "o2")
    assert haven.lists.status()[1] == ["o2"]
