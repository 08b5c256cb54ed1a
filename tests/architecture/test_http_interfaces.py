"""Is every HTTP interface described, and each description tried with invented requests?"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SERVED = {
    "access/identity/local/issuer.openapi.yaml": "the issuer of a laptop",
    "clients/haven-hub/haven_hub/hub.openapi.yaml": "the hub's own pages",
    "environments/gateway/gateway.openapi.yaml": "the query door and the airlock's",
    "environments/workspaces/control.openapi.yaml": "the hub's and the house's way to the gateway's process",
}
MAKES_ROUTES = re.compile(r"\bRoute\(|\bStarlette\(|Handler\)\]|add_route\(")
DESCRIBED_ELSEWHERE = {
    "clients/haven-hub/haven_hub/edge.py",  # passes on what the others answer, or refuses it
    "clients/haven-hub/haven_hub/edge_proof.py",  # a page of the edge's own, by which it is tried
    "clients/haven-hub/haven_hub/gate.py",  # four routes of JupyterHub's, for workspaces
}


def _ours(pattern: str) -> set[str]:
    found = (path.relative_to(ROOT) for path in ROOT.rglob(pattern))
    return {
        str(path)
        for path in found
        if path.parts[0] in ("access", "audit", "clients", "environments", "infra", "linkage")
    }


def test_every_description_is_tried_with_invented_requests() -> None:
    """Each stands in the table, and a test of schemathesis reads it by its name."""
    assert _ours("*.openapi.yaml") == set(SERVED)
    fuzzed = [
        text
        for path in (ROOT / "tests" / "integration").rglob("*.py")
        if "schema.parametrize()" in (text := path.read_text("utf-8"))
    ]
    for description in SERVED:
        assert any(f'"{Path(description).name}"' in text for text in fuzzed), description


def test_who_serves_routes_has_a_description_beside_it() -> None:
    """A module that makes routes lies in a folder with a description, or says above where they are described."""
    beside = {str(Path(description).parent) for description in SERVED} | {"environments/airlock"}
    makers = {name for name in _ours("*.py") if MAKES_ROUTES.search((ROOT / name).read_text("utf-8"))}
    assert {name for name in makers if str(Path(name).parent) not in beside} == set()
    assert makers >= DESCRIBED_ELSEWHERE - {
        "clients/haven-hub/haven_hub/edge_proof.py",
        "clients/haven-hub/haven_hub/gate.py",
    }
