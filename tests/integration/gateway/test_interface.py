"""The gateway's and the airlock's HTTP interface under invented requests: never a fault, always as it is described."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

import environments.gateway
from tests.fakes.interfaces import gateway_interface

schema = schemathesis.openapi.from_path(Path(environments.gateway.__file__).parent / "gateway.openapi.yaml")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where it answers."""
    with gateway_interface(tmp_path_factory.mktemp("airlock")) as address:
        yield address


@schema.parametrize()
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_invented_request_is_answered_as_described(case: schemathesis.Case, address: str) -> None:
    """Fit and unfit requests: status, type and shape are the described ones; no answer is a fault.

    A text of the right shape is no SELECT and no table of counts yet: that it may be refused is left out of the checks.
    """
    case.call_and_validate(base_url=address, excluded_checks=[positive_data_acceptance])


@pytest.mark.parametrize("path", ["/v1/query", "/v1/releases"])
@pytest.mark.parametrize(
    "body",
    [b"[" * 200_000, b'{"sql":' * 5000, b'{"sql": "select 1", "sql": "select 2"}', b'{"sql": NaN}', b"\xff\xfe", b""],
    ids=["brackets", "nested", "twice", "no number", "no text", "nothing"],
)
def test_a_body_with_two_readings_or_none_is_refused_and_no_fault(address: str, path: str, body: bytes) -> None:
    """JSON without end ends no process and answers no fault; a name that stands twice is not read as either."""
    answer = httpx.post(address + path, content=body, headers={"content-type": "application/json"}, trust_env=False)
    assert answer.status_code in {403, 422}
    assert answer.json()["refused"]["code"]
