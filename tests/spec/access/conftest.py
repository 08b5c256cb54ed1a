"""What the stories of approvals begin with."""

from __future__ import annotations

import pytest

from audit.clock import FixedClock
from tests.fakes.havens import START


@pytest.fixture
def clock() -> FixedClock:
    """A clock that the test moves: a Sunday morning."""
    return FixedClock(START)
