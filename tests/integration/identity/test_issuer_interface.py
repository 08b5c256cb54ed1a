"""The local issuer's HTTP interface under invented requests: never a fault, and always an answer as it is described."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from access.identity.local.web import HEADERS, PAGES
from tests.fakes.issuers import LocalAtWork, local_at_work

schema = schemathesis.openapi.from_path(PAGES.parent / "issuer.openapi.yaml")


@pytest.fixture(scope="module")
def issuer() -> Iterator[LocalAtWork]:
    """A local issuer on a loopback port."""
    with local_at_work() as issuer:
        yield issuer


@schema.parametrize()
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_invented_request_is_answered_as_described(case: schemathesis.Case, issuer: LocalAtWork) -> None:
    """Fit and unfit requests: status, type and shape are the described ones, and the protecting headers are there.

    A code that is made up has the right shape and is refused all the same: that check alone is left out.
    """
    answer = case.call_and_validate(base_url=issuer.url, excluded_checks=[positive_data_acceptance])
    assert {name: answer.headers[name.lower()][0] for name in HEADERS} == HEADERS
