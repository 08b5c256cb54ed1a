"""May this count be shown where many look? Below ten it is hidden, others are rounded to the nearest five.

For summaries that Prefect keeps and shows; what leaves the haven goes through environments.disclosure.
Rule: rules of the NHS England secure data environment (counts under 10 hidden, others to nearest 5).
"""

from __future__ import annotations

SMALLEST_SHOWN = 10
BASE = 5


def shown_count(count: int) -> str:
    """A count as text fit for a summary: '0', 'fewer than 10', or rounded to the nearest five."""
    if count == 0:
        return "0"
    if count < SMALLEST_SHOWN:
        return f"fewer than {SMALLEST_SHOWN}"
    return f"{rounded(count):,}"


def rounded(count: int) -> int:
    """To the nearest five."""
    return BASE * ((count + BASE // 2) // BASE)
