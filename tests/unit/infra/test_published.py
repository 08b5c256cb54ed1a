"""Answers that a burst of queries shares: never longer than the records are the same, nor than half a second."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text

from audit.clock import FixedClock
from audit.records import Records
from infra.database import make_engine
from infra.published import Answered
from tests.fakes.audit_log import MemoryAuditLog
from tests.fakes.havens import START


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    """Records in a file, as a haven's are."""
    made = make_engine(f"sqlite:///{tmp_path / 'records.db'}")
    with made.begin() as connection:
        connection.execute(text("CREATE TABLE approvals (n INTEGER)"))
    return made


def _count(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text("SELECT count(*) FROM approvals")).scalar_one())


def _add(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO approvals VALUES (1)"))


def _each_in_turn(*answers: int) -> Callable[[], int]:
    left = iter(answers)
    return lambda: next(left)


def test_a_change_is_seen_by_the_next_question(engine: Engine) -> None:
    """Asked again and again without a change it is asked once; after each commit anew, at once."""
    asked: list[int] = []
    answered = Answered(Records(engine, MemoryAuditLog(), FixedClock(START)))

    def ask() -> int:
        asked.append(1)
        return _count(engine)

    for expected in range(3):
        assert [answered.get("asha", ask) for _ in range(5)] == [expected] * 5
        assert len(asked) == expected + 1
        _add(engine)


def test_each_question_has_its_own_answer(engine: Engine) -> None:
    """Another person or project is another question."""
    answered = Answered(Records(engine, MemoryAuditLog(), FixedClock(START)))
    ask = _each_in_turn(1, 2, 3)
    assert [answered.get(name, ask) for name in ("asha", "bo", "asha")] == [1, 2, 1]


def test_what_follows_from_the_time_is_asked_anew(engine: Engine) -> None:
    """Half a second later an answer counts no longer, though nothing was changed."""
    clock = FixedClock(START)
    answered = Answered(Records(engine, MemoryAuditLog(), clock))
    ask = _each_in_turn(1, 2)
    assert answered.get("asha", ask) == 1
    clock.at = START + timedelta(seconds=0.5)
    assert answered.get("asha", ask) == 2


def test_an_error_is_no_answer(engine: Engine) -> None:
    """A question that could not be answered is asked again."""
    answered = Answered(Records(engine, MemoryAuditLog(), FixedClock(START)))

    def fail() -> int:
        raise OSError

    with pytest.raises(OSError):
        answered.get("asha", fail)
    assert answered.get("asha", _each_in_turn(1)) == 1


def test_records_in_memory_are_asked_each_time() -> None:
    """Without a stamp nothing is kept."""
    answered = Answered(Records(create_engine("sqlite://"), MemoryAuditLog(), FixedClock(START)))
    ask = _each_in_turn(1, 2)
    assert [answered.get("asha", ask) for _ in range(2)] == [1, 2]
