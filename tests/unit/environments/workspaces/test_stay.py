"""How long a workspace stays open: by its last use, and by its whole time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from haven_hub.stay import Stay, StayBounds, overstayed

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
BOUNDS = StayBounds(idle=2 * HOUR, longest=24 * HOUR)
MOMENT = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("used", "after", "rule"),
    [
        (None, 2 * HOUR, None),
        (None, 2 * HOUR + MOMENT, "workspace.idle"),
        (NOON + HOUR, 3 * HOUR, None),
        (NOON + HOUR, 3 * HOUR + MOMENT, "workspace.idle"),
        (NOON - HOUR, 2 * HOUR, None),  # of an earlier session: it begins at its start
        (NOON + 24 * HOUR, 24 * HOUR, None),
        (NOON + 24 * HOUR, 24 * HOUR + MOMENT, "workspace.long_open"),
    ],
)
def test_what_is_not_used_or_long_open_is_closed(used: datetime | None, after: timedelta, rule: str | None) -> None:
    """To the second, with the rule."""
    found = overstayed(Stay(NOON, used), BOUNDS, NOON + after)
    assert (found.code if found else None) == rule


def test_nought_is_no_bound() -> None:
    """Neither of them closes anything then."""
    assert overstayed(Stay(NOON, None), StayBounds(timedelta(0), timedelta(0)), NOON + 1000 * HOUR) is None


@pytest.mark.parametrize(
    ("idle", "told"), [(2 * HOUR, "2 hours"), (HOUR, "60 minutes"), (1.5 * HOUR, "90 minutes"), (MOMENT, "a minute")]
)
def test_the_person_reads_for_how_long(idle: timedelta, told: str) -> None:
    """In hours or minutes."""
    found = overstayed(Stay(NOON, None), StayBounds(idle, timedelta(0)), NOON + 9 * HOUR)
    assert found is not None
    assert f"nobody used it for {told}." in found.reason
