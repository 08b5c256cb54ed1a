"""The local issuer's HTTP: forms from elsewhere, other names for this machine, fields twice, and its headers."""

from __future__ import annotations

import httpx
import pytest

from access.identity.local.web import HEADERS, LONGEST_BODY
from tests.fakes.local_logins import CODE, LocalLoginsForTests, approve, collect
from tests.fakes.tokens import CLIENT, URL


@pytest.fixture
def house() -> LocalLoginsForTests:
    """A local issuer and its people."""
    return LocalLoginsForTests()


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/device"), ("GET", "/device.css"), ("GET", "/keys"), ("GET", "/.well-known/openid-configuration"),
     ("POST", "/token"), ("GET", "/none"), ("GET", "/token"), ("POST", "/keys"),
     ("GET", "/device?user_code=BBBB-BBBB")],
)  # fmt: skip
def test_every_answer_carries_the_protecting_headers(house: LocalLoginsForTests, method: str, path: str) -> None:
    """Pages, data, refusals and what does not exist: nothing is cached, framed or guessed at."""
    with house.http() as http:
        answer = http.request(method, path)
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert answer.status_code < 500


@pytest.mark.parametrize("host", ["elsewhere.example", "localhost:8089", "127.0.0.1", "127.0.0.1:1", ""])
def test_only_its_own_address_is_answered(house: LocalLoginsForTests, host: str) -> None:
    """A name that somebody bound to this machine gets nothing: a page elsewhere cannot read the issuer's."""
    with house.http() as http:
        assert http.get("/device", headers={"host": host}).status_code == 421


@pytest.mark.parametrize(
    "headers",
    [{"origin": "https://elsewhere.example"}, {"origin": "null"}, {},
     {"origin": URL, "sec-fetch-site": "cross-site"}, {"origin": URL, "sec-fetch-site": "same-site"}],
    ids=str,
)  # fmt: skip
def test_a_form_from_another_page_approves_nothing(house: LocalLoginsForTests, headers: dict[str, str]) -> None:
    """Right fields, wrong page: refused, and the code goes on waiting."""
    with house.http() as http:
        started = http.post("/device/code", data=CODE).json()
        http.get("/device", params={"user_code": started["user_code"]})
        form = {"user_code": started["user_code"], "proof": "0" * 64, "decision": "approve", "person": "asha"}
        assert http.post("/device", data=form, headers=headers).status_code == 403
        assert collect(http, started["device_code"]).json()["error"] == "authorization_pending"


def test_a_proof_is_of_one_browser_and_one_code(house: LocalLoginsForTests) -> None:
    """Without the cookie, or for another code, the page's own proof is none."""
    with house.http() as http:
        one, other = (http.post("/device/code", data=CODE).json() for _ in range(2))
        assert approve(http, one["user_code"], "asha", user_code=other["user_code"]).status_code == 403
        assert approve(http, one["user_code"], "asha", proof="0" * 64).status_code == 403
        cookie = http.cookies["haven-issuer"]
        http.cookies.clear()
        page = http.get("/device", params={"user_code": one["user_code"]})
        assert "HttpOnly" in page.headers["set-cookie"]
        assert "samesite=strict" in page.headers["set-cookie"].lower()
        http.cookies.clear()
        http.cookies.set("haven-issuer", cookie[:-1] + ("A" if cookie[-1] != "A" else "B"))
        proof = page.text.partition('name="proof" value="')[2].partition('"')[0]
        form = {"user_code": one["user_code"], "proof": proof, "decision": "approve", "person": "asha"}
        assert http.post("/device", data=form, headers={"origin": URL}).status_code == 403


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (f"client_id={CLIENT}&client_id={CLIENT}", "application/x-www-form-urlencoded"),
        (f"client_id={CLIENT}&nonsense=1", "application/x-www-form-urlencoded"),
        ("client_id", "application/x-www-form-urlencoded"),
        ("client_id=%00", "application/x-www-form-urlencoded"),
        ("client_id=%ff", "application/x-www-form-urlencoded"),
        ("é=1", "application/x-www-form-urlencoded"),
        ("", "application/x-www-form-urlencoded"),
        ("&".join(f"a{n}=1" for n in range(500)), "application/x-www-form-urlencoded"),
        ('{"client_id": "haven-cli"}', "application/json"),
        (f"client_id={CLIENT}", "text/plain"),
    ],
    ids=lambda value: str(value)[:30],
)
@pytest.mark.parametrize("path", ["/device/code", "/token", "/revoke"])
def test_a_form_has_its_fields_once_and_no_other(
    house: LocalLoginsForTests, path: str, content: str, kind: str
) -> None:
    """A field twice, one that is not known, another encoding: refused with the word of RFC 6749."""
    with house.http() as http:
        answer = http.post(path, content=content.encode(), headers={"content-type": kind})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_a_long_body_is_cut_off(house: LocalLoginsForTests) -> None:
    """No more is read than a form may have."""
    with house.http() as http:
        assert http.post("/token", data={"device_code": "x" * (LONGEST_BODY + 1)}).status_code == 413


@pytest.mark.parametrize(
    ("form", "word"),
    [
        (CODE | {"client_id": "haven-portal"}, "invalid_client"),
        (CODE | {"code_challenge_method": "plain"}, "invalid_request"),
        (CODE | {"code_challenge": "short"}, "invalid_request"),
        (CODE | {"scope": "openid offline_access"}, "invalid_scope"),
    ],
)
def test_a_code_is_given_to_known_clients_with_a_proof_key(
    house: LocalLoginsForTests, form: dict[str, str], word: str
) -> None:
    """Another client, no proof key, another scope: refused."""
    with house.http() as http:
        assert http.post("/device/code", data=form).json()["error"] == word


@pytest.mark.parametrize("grant", ["password", "client_credentials", "authorization_code", "", "refresh_token"])
def test_no_other_grant_gives_a_token(house: LocalLoginsForTests, grant: str) -> None:
    """No password and no secret of a client stands for a person."""
    with house.http() as http:
        answer = http.post("/token", data={"grant_type": grant, "client_id": CLIENT})
    assert answer.json()["error"] in {"unsupported_grant_type", "invalid_request"}
    assert answer.status_code == 400


def test_a_fault_tells_its_type_and_no_more(house: LocalLoginsForTests, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is unforeseen shows no text of its own."""

    def broken(*_: object) -> None:
        raise LookupError("a secret")

    monkeypatch.setattr(house.logins, "start", broken)
    with house.http() as http:
        answer: httpx.Response = http.post("/device/code", data=CODE)
    assert answer.status_code == 500
    assert "a secret" not in answer.text


def test_a_log_that_does_not_answer_stops_the_issuer(house: LocalLoginsForTests) -> None:
    """No log, no token."""
    from audit.errors import AuditUnavailable

    with house.http() as http:
        started = http.post("/device/code", data=CODE).json()
        approve(http, started["user_code"], "asha")

        def dead(_: object) -> None:
            raise AuditUnavailable("The log's writer does not answer.")

        house.records.log.append = dead  # type: ignore[method-assign, assignment]
        answer = collect(http, started["device_code"])
    assert answer.status_code == 503
    assert "access_token" not in answer.json()
