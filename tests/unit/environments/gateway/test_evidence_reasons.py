"""Is every reason for which a query has no evidence explained? The words of the code, held against the page."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]


def test_each_reason_stands_on_the_page() -> None:
    """What the log says as `no_evidence` is found in docs/reference/evidence.md."""
    sources = [*(ROOT / "environments" / "gateway").rglob("*.py")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    reasons = set(re.findall(r'NoEvidence\("(\w+)"\)|"no_evidence": "(\w+)"', text))
    page = (ROOT / "docs" / "reference" / "evidence.md").read_text(encoding="utf-8")
    named = {one or other for one, other in reasons}
    assert len(named) > 15
    assert {name for name in named if f"`{name}`" not in page} == set()
