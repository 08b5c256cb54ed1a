"""The hub's own pages under invented requests, through the edge: never a fault, always as described."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
import schemathesis
import yaml
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance, unsupported_method

from tests.fakes.workspaces import WorkplaceForTests, clients_folder

DESCRIPTION = clients_folder() / "haven-hub" / "haven_hub" / "hub.openapi.yaml"
schema = schemathesis.openapi.from_path(DESCRIPTION)


@pytest.fixture(scope="module")
def logged_in(place: WorkplaceForTests) -> dict[str, str]:
    """The cookies of a browser in which asha has logged in."""
    with place.browser("asha", "diabetes") as browser:
        assert browser.get("/hub/workspaces").status_code == 200
        return dict(browser.cookies)


@schema.parametrize()
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_invented_request_is_answered_as_described(
    case: schemathesis.Case, place: WorkplaceForTests, logged_in: dict[str, str]
) -> None:
    """Fit and unfit, of a person who is logged in and has the form: status and shape are the described ones.

    Left out: what is made up is refused though it is fit, and JupyterHub asks for a form's token before it says that it
    does not know a method.
    """
    case.call_and_validate(
        base_url=place.place.address,
        cookies=logged_in,
        headers={"X-XSRFToken": logged_in["_xsrf"]},
        allow_redirects=False,
        excluded_checks=[positive_data_acceptance, unsupported_method],
    )


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_without_a_log_in_there_is_no_page(place: WorkplaceForTests, method: str) -> None:
    """Who is nobody is sent to the log-in, or refused."""
    answer = httpx.request(
        method, f"{place.place.address}/hub/workspaces", data={"close": "diabetes"} if method == "POST" else None
    )
    assert answer.status_code == (302 if method == "GET" else 403)
    assert "diabetes" not in answer.text


def test_a_page_elsewhere_closes_nothing(place: WorkplaceForTests, hub: object, logged_in: dict[str, str]) -> None:
    """The form's token is asked for: another page's form has none."""
    address = f"{place.place.address}/hub/workspaces"
    for headers in ({}, {"X-XSRFToken": "made-up"}):
        answer = httpx.post(address, data={"close": "diabetes"}, cookies=logged_in, headers=headers)
        assert answer.status_code == 403
    with place.browser("asha", "diabetes") as browser:
        assert "Close diabetes" in browser.get("/hub/workspaces").text


@pytest.mark.parametrize("path", ["home", "token", "spawn", "spawn/asha"])
def test_a_page_of_jupyterhub_that_offers_what_nobody_can_have_leads_to_ours(
    place: WorkplaceForTests, logged_in: dict[str, str], path: str
) -> None:
    """No other server, no token: the person's workspaces."""
    answer = httpx.get(f"{place.place.address}/hub/{path}", cookies=logged_in)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/hub/workspaces")


def test_a_page_that_refuses_says_its_sentence_once(place: WorkplaceForTests, logged_in: dict[str, str]) -> None:
    """A code that was used before, and an address that is mistyped: what it is, and the way to one's workspaces."""
    used = httpx.get(f"{place.place.address}/hub/haven-login", params={"code": "used"})
    mistyped = httpx.get(f"{place.place.address}/hub/workspace", cookies=logged_in)
    said = re.findall(r"<p>(.*)</p>", used.text)
    assert (used.status_code, mistyped.status_code) == (403, 404)
    assert len(said) == 2, said
    assert "`" not in used.text
    assert "There is no such page" in mistyped.text
    assert all('href="/hub/workspaces"' in page.text for page in (used, mistyped))


def test_every_page_of_ours_is_described() -> None:
    """What the hub's configuration adds to JupyterHub is what is described, and nothing beside it."""
    described: dict[str, Any] = yaml.safe_load(DESCRIPTION.read_text("utf-8"))["paths"]
    code = "".join(path.read_text("utf-8") for path in DESCRIPTION.parent.glob("*.py"))
    added = set(re.findall(r'\("(/[a-z-]+)", \w+Handler\)', code))
    assert {path.removeprefix("/hub") for path in described} == added
