"""Answers about opt-outs: one form, one sender, one request; everything else is a failure with its sentence."""

from __future__ import annotations

import pytest

from linkage.optouts.form import read, written
from linkage.optouts.judging import FAILURES, judge
from linkage.optouts.model import MAY_FOLLOW, UNDER_WAY, ExchangeState, MailboxMessage

ASKED = ["9990000018", "9990000026", "9990000034"]
GOOD = written(ASKED[:2])


def _message(content: bytes = GOOD, **changes: object) -> MailboxMessage:
    facts = {"sender": "SPINE1", "workflow": "W", "local_id": "r1", "report": False, **changes}
    return MailboxMessage(id="m1", content=content, **facts)  # type: ignore[arg-type]


def _judged(*messages: MailboxMessage) -> tuple[list[str], str | None]:
    return judge(messages, sender="SPINE1", workflow="W", local_id="r1", request=ASKED)


def test_the_form_is_ten_digits_a_comma_and_a_line_feed() -> None:
    """As the service asks, and read back as it was written."""
    assert written(ASKED[:1]) == b"9990000018,\n"
    assert read(written(ASKED)) == ASKED
    assert read(b"") == []


def test_a_good_answer_is_what_may_be_used() -> None:
    """A subset of the request, each once, in the same form; also the whole of it."""
    assert _judged(_message()) == (ASKED[:2], None)
    assert _judged(_message(written(ASKED))) == (ASKED, None)
    assert _judged(_message(sender="spine1")) == (ASKED[:2], None)


@pytest.mark.parametrize(
    ("message", "failure"),
    [
        (_message(b""), "empty"),
        (_message(GOOD[:-1]), "malformed"),
        (_message(GOOD.replace(b"\n", b"\r\n")), "malformed"),
        (_message(GOOD.replace(b",", b";")), "malformed"),
        (_message(b"one line is not valid"), "malformed"),
        (_message(GOOD.replace(b"9990000018", b"99900000 8")), "malformed"),
        (_message(written(["9990000042"])), "not_a_subset"),
        (_message(GOOD + written(ASKED[:1])), "not_a_subset"),
        (_message(written(ASKED) + b"9"), "malformed"),
        (_message(sender="SOMEBODY"), "wrong_sender"),
        (_message(sender=""), "wrong_sender"),
        (_message(workflow="OTHER"), "wrong_workflow"),
        (_message(local_id="r2"), "another_request"),
        (_message(local_id=""), "another_request"),
        (_message(report=True), "undeliverable"),
    ],
)
def test_everything_else_is_a_failure(message: MailboxMessage, failure: str) -> None:
    """Nothing of it may be used, and there is a sentence for it."""
    assert _judged(message) == ([], failure)
    assert FAILURES[failure].endswith(".")


def test_two_answers_are_none() -> None:
    """Nobody could say which is right; a message of another's beside the answer is told as what it is."""
    assert _judged(_message(), _message())[1] == "duplicate"
    assert _judged(_message(), _message(sender="SOMEBODY"))[1] == "wrong_sender"


def test_an_exchange_goes_forward_only() -> None:
    """From every state but the last ones there is a way on, and none leads back."""
    order = list(ExchangeState)
    for state, after in MAY_FOLLOW.items():
        assert all(order.index(one) > order.index(state) for one in after)
    assert {ExchangeState.COMPLETE, ExchangeState.FAILED} == set(order) - UNDER_WAY
