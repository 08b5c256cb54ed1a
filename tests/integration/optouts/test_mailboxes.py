"""The mailbox in memory and MESH's own, held to one contract: tests on the one prove something of the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from infra.mesh.sandbox import NATIONAL, OURS, Sandbox
from infra.mesh.spine import Misbehaviour, SimulatedSpine
from linkage.optouts.errors import MailboxAway
from linkage.optouts.form import written
from linkage.optouts.ports import MailboxPlace
from tests.fakes.optouts import MemoryMesh

NUMBERS = [f"99900000{n:02d}" for n in range(18, 60)]
REQUEST = written(NUMBERS)


@dataclass
class Both:
    """One adapter. answer: lets the service answer what waits; it opted out these."""

    place: MailboxPlace
    answer: Callable[[], None]


@pytest.fixture(params=["memory", "mesh"])
def both(request: pytest.FixtureRequest, sandbox: Sandbox) -> Both:
    """Each adapter in turn, where the first of the numbers opted out."""
    if request.param == "memory":
        return Both(MemoryMesh(opted_out={NUMBERS[0]}), lambda: None)
    spine = SimulatedSpine(sandbox, NUMBERS[:1])
    return Both(sandbox.place(), lambda: spine.answer_all() and None)


def test_a_request_is_answered_by_its_own_id(both: Both) -> None:
    """Sent once and known as sent; the answer names the sender, the workflow and our id."""
    with both.place.opened() as mailbox:
        assert not mailbox.find_sent("X26ABC1-010326-A")
        mailbox.send("X26ABC1-010326-A", REQUEST)
        assert mailbox.find_sent("X26ABC1-010326-A")
        assert not mailbox.find_sent("X26ABC1-010326-B")
        both.answer()
        (name,) = mailbox.waiting()
        message = mailbox.take(name, len(REQUEST))
    assert (message.sender, message.workflow) == (both.place.recipient, both.place.workflow)
    assert (message.local_id, message.report) == ("X26ABC1-010326-A", False)
    assert message.content == written(NUMBERS[1:])


def test_a_message_waits_until_it_is_acknowledged(both: Both) -> None:
    """Taken twice it is the same; acknowledged twice nothing happens; of a long one no more is read than is asked."""
    with both.place.opened() as mailbox:
        mailbox.send("X26ABC1-010326-C", REQUEST)
        both.answer()
        (name,) = mailbox.waiting()
        assert mailbox.take(name, 10_000) == mailbox.take(name, 10_000)
        assert len(mailbox.take(name, 23).content) == 24
        mailbox.acknowledge(name)
        mailbox.acknowledge(name)
        assert mailbox.waiting() == []


def test_a_request_in_pieces_arrives_whole(sandbox: Sandbox) -> None:
    """Where MESH takes only so much at once; and the answer in one."""
    spine = SimulatedSpine(sandbox, NUMBERS[:1])
    with replace(sandbox.place(), piece=100).opened() as mailbox:
        mailbox.send("X26ABC1-010326-D", REQUEST)
        assert mailbox.find_sent("X26ABC1-010326-D")
        assert spine.answer_all() == 1
        (name,) = mailbox.waiting()
        assert mailbox.take(name, len(REQUEST)).content == written(NUMBERS[1:])


def test_an_empty_answer_is_empty(sandbox: Sandbox) -> None:
    """Nothing is read where there is nothing."""
    spine = SimulatedSpine(sandbox, (), Misbehaviour.EMPTY)
    with sandbox.place().opened() as mailbox:
        mailbox.send("X26ABC1-010326-E", REQUEST)
        spine.answer_all()
        (name,) = mailbox.waiting()
        assert mailbox.take(name, len(REQUEST)).content == b""


def test_a_wrong_password_and_nobody_there_are_told_without_the_secret(sandbox: Sandbox, tmp_path: Path) -> None:
    """Both are MailboxAway: they may be mended, and nothing was done."""
    password = tmp_path / "password"
    password.write_text("not-the-one", encoding="ascii")
    password.chmod(0o600)
    places = (replace(sandbox.place(), password_file=password), replace(sandbox.place(), url="http://127.0.0.1:9"))
    for place in places:
        with pytest.raises(MailboxAway) as away, place.opened():
            pass
        assert "not-the-one" not in str(away.value)
    assert (sandbox.place().mailbox, sandbox.place().recipient) == (OURS, NATIONAL)
