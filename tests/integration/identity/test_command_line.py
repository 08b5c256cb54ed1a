"""Logging in from the command line, over real HTTP: what is kept, what it proves, and what ends it."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from access.identity.device_login import DeviceLogin, Granted
from access.identity.ended_sessions import EndedInFolder
from access.identity.errors import IssuerUnreachable, LoginRefused, TokenRefused
from access.identity.fetching import HttpNetwork
from access.identity.keys import PublishedKeys
from access.identity.model import TrustedIssuer
from access.identity.tokens import Verifier
from audit.clock import FixedClock, SystemClock
from audit.model import organisation, person, service
from infra.logins.kept import KeptLogin
from infra.logins.service import Logins
from tests.fakes.issuers import LocalAtWork, local_at_work
from tests.fakes.tokens import AUDIENCE, CLIENT


@pytest.fixture(scope="module")
def issuer() -> Iterator[LocalAtWork]:
    """A local issuer on a loopback port."""
    with local_at_work() as issuer:
        yield issuer


class Desk:
    """One account's command line at one home."""

    def __init__(self, issuer: LocalAtWork, folder: Path, trusted: TrustedIssuer | None = None) -> None:
        self.issuer = issuer
        self.clock = FixedClock(SystemClock().now())
        self.ended = EndedInFolder(folder / "ended", self.clock)
        self.kept = KeptLogin(folder / "config", folder, issuer.url)
        keys = PublishedKeys(issuer.url, HttpNetwork(), self.clock)
        self.verifier = Verifier(trusted or issuer.trusted, keys, self.clock, self.ended)
        self.logins = Logins(
            DeviceLogin(issuer.url, CLIENT, HttpNetwork(), lambda _: None, AUDIENCE),
            self.kept,
            self.verifier,
            issuer.records,
            issuer.access,
            self.ended,
            AUDIENCE,
        )

    def log_in(self, name: str) -> None:
        """A whole log-in."""
        assert self.logins.log_in(lambda prompt: self.issuer.approve(prompt, name)).person == name

    def told(self, name: str) -> list[tuple[str, object]]:
        """By whom, and by which rule, the log says this happened."""
        return [(event.by, event.details.get("rule")) for event in self.issuer.records.log.events if event.name == name]  # type: ignore[attr-defined]


@pytest.fixture
def desk(issuer: LocalAtWork, tmp_path: Path) -> Desk:
    """A desk where nobody is logged in."""
    issuer.records.log.events.clear()  # type: ignore[attr-defined]
    return Desk(issuer, tmp_path)


def test_a_login_is_kept_in_a_file_of_this_account_only(desk: Desk) -> None:
    """Readable by its owner; no token in the log; who it is can be asked again."""
    desk.log_in("asha")
    assert stat.S_IMODE(desk.kept.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(desk.kept.path.parent.stat().st_mode) == 0o700
    said = json.loads(desk.kept.path.read_text())
    log = repr(desk.issuer.records.log.events)  # type: ignore[attr-defined]
    assert said["access"] not in log
    assert said["refresh"] not in log
    assert desk.logins.current()[0].person == "asha"
    assert desk.told("login.opened") == [("person:asha", None)]


def test_a_login_proves_its_own_person_and_nobody_else(desk: Desk) -> None:
    """As asha one is asha: not bryn, not an organisation, not a service; each refusal is in the log."""
    desk.log_in("asha")
    desk.logins.require(person("asha"))
    for actor, rule in (
        (person("bryn"), "login.another"),
        (organisation("university"), "login.no_delegate"),
        (organisation("gp"), "login.no_delegate"),
        (service("gateway"), "login.no_person"),
    ):
        with pytest.raises(LoginRefused, match=r"haven login|delegate"):
            desk.logins.require(actor)
        assert desk.told("login.refused")[-1] == (actor, rule)


def test_a_delegates_login_proves_their_own_organisation(desk: Desk) -> None:
    """gwen is gp's delegate: she acts for gp and not for the hospital, and it is she who is recorded."""
    desk.log_in("gwen")
    assert desk.logins.require(organisation("gp")) == person("gwen")
    assert desk.logins.require(person("gwen")) == person("gwen")
    with pytest.raises(LoginRefused):
        desk.logins.require(organisation("hospital"))


def test_without_a_login_nobody_is_proven(desk: Desk) -> None:
    """The sentence says what to do."""
    with pytest.raises(LoginRefused, match="haven login"):
        desk.logins.require(person("asha"))
    assert desk.told("login.refused") == [("person:asha", "login.none")]


def test_who_is_suspended_is_proven_no_more(issuer: LocalAtWork, tmp_path: Path) -> None:
    """The records are asked each time."""
    desk = Desk(issuer, tmp_path)
    desk.log_in("bryn")
    issuer.access.suspend_person("bryn", by=service("administration"))
    with pytest.raises(LoginRefused, match="suspended"):
        desk.logins.require(person("bryn"))


def test_a_login_is_renewed_where_its_token_ends_soon(desk: Desk) -> None:
    """The next token is asked for, and both are kept anew."""
    desk.log_in("asha")
    before = desk.kept.read()
    desk.clock.at += timedelta(seconds=280)
    claims, _ = desk.logins.current()
    after = desk.kept.read()
    assert claims.person == "asha"
    assert before is not None
    assert after is not None
    assert before.refresh != after.refresh


def test_a_logout_ends_the_login_here_and_at_its_issuer(desk: Desk) -> None:
    """The file is gone, the access token refused, the refresh token none."""
    desk.log_in("asha")
    _, token = desk.logins.current()
    kept = desk.kept.read()
    assert desk.logins.log_out() == "asha"
    assert not desk.kept.path.exists()
    with pytest.raises(TokenRefused) as told:
        desk.verifier.verify(token, AUDIENCE)
    assert told.value.rule == "token.session_ended"
    assert kept is not None
    desk.kept.write(kept)  # somebody kept a copy
    with pytest.raises(LoginRefused, match="ended"):
        desk.logins.current()
    assert not desk.kept.path.exists()
    assert desk.logins.log_out() is None


def test_a_logout_is_recorded_also_when_its_token_has_ended(desk: Desk) -> None:
    """Minutes after the last command the log still says who logged out; and that a login had ended before."""
    desk.log_in("asha")
    ended = _with_ended_token(desk)
    assert desk.logins.log_out() == "asha"
    assert desk.told("login.closed") == [("person:asha", None)]
    desk.kept.write(ended)  # somebody kept a copy: it serves nobody
    assert desk.logins.log_out() == ""
    assert desk.told("login.closed")[-1] == ("person:unknown", None)


def _with_ended_token(desk: Desk) -> Granted:
    """The kept login as it is some minutes later: its access token is good for nothing."""
    kept = desk.kept.read()
    assert kept is not None
    ended = Granted("ended", kept.refresh)
    desk.kept.write(ended)
    return ended


def test_an_issuer_that_does_not_answer_is_in_the_log(desk: Desk) -> None:
    """Who could not be proven, and a logout that ended the login here only."""
    desk.log_in("asha")
    desk.logins._device = DeviceLogin("http://127.0.0.1:9", CLIENT, HttpNetwork(), lambda _: None, AUDIENCE)
    token = desk.logins.current()[1]
    kept = desk.kept.read()
    desk.clock.at += timedelta(seconds=280)
    with pytest.raises(IssuerUnreachable):
        desk.logins.require(person("asha"))
    assert desk.told("login.refused") == [("person:asha", "issuer.unreachable")]
    desk.clock.at -= timedelta(seconds=280)
    with pytest.raises(IssuerUnreachable):
        desk.logins.log_out()
    (closed,) = [one for one in desk.issuer.records.log.events if one.name == "login.closed"]  # type: ignore[attr-defined]
    assert (closed.by, closed.details["at_issuer"]) == ("person:asha", False)
    assert desk.kept.read() is None
    with pytest.raises(TokenRefused):
        desk.verifier.verify(token, AUDIENCE)
    assert kept is not None
    desk.kept.write(kept)
    _with_ended_token(desk)
    with pytest.raises(IssuerUnreachable):
        desk.logins.log_out()
    assert desk.told("login.closed")[-1] == ("person:unknown", None)


def test_a_login_without_the_second_factor_that_is_required_is_not_kept(issuer: LocalAtWork, tmp_path: Path) -> None:
    """The local issuer where a second factor is required: refused, logged, nothing kept."""
    strict = TrustedIssuer(issuer.url, {AUDIENCE: frozenset({CLIENT})}, second_factor=frozenset({"0", "1"}))
    desk = Desk(issuer, tmp_path, strict)
    with pytest.raises(TokenRefused) as told:
        desk.log_in("asha")
    assert told.value.rule == "token.second_factor"
    assert not desk.kept.path.exists()


@pytest.mark.parametrize("spoil", ["readable", "a link", "another's words"])
def test_a_file_that_is_not_this_accounts_alone_is_not_read(desk: Desk, spoil: str, tmp_path: Path) -> None:
    """Readable by others, a link, or damaged: nobody is logged in by it."""
    desk.log_in("asha")
    if spoil == "readable":
        desk.kept.path.chmod(0o640)
    elif spoil == "a link":
        desk.kept.path.rename(tmp_path / "other")
        desk.kept.path.symlink_to(tmp_path / "other")
    else:
        desk.kept.path.write_text("{}")
    with pytest.raises(LoginRefused, match="alone"):
        desk.logins.current()


def test_an_issuer_that_is_gone_lets_nobody_in(issuer: LocalAtWork, tmp_path: Path) -> None:
    """Without its issuer a log-in is neither made nor proven."""
    gone = DeviceLogin("http://127.0.0.1:9", CLIENT, HttpNetwork(), lambda _: None, AUDIENCE)
    with pytest.raises(IssuerUnreachable):
        gone.log_in(lambda _: None)
