"""Who is logged in here, and does that prove who `--as` names?

A login is verified each time by the same table as the gateway's: signature, audience, client, second factor, expiry.
What the person may do is not in it; the records are asked by whatever verb follows.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from access.decisions import Decision, Refused
from access.identity.device_login import DeviceLogin, Granted, Prompt
from access.identity.ended_sessions import EndedInFolder
from access.identity.errors import IssuerUnreachable, LoginRefused, TokenRefused
from access.identity.model import Claims
from access.identity.policies import may_act_as
from access.identity.tokens import Verifier
from access.service import Access
from audit.events import EventName
from audit.model import Actor, person
from audit.records import Records
from infra.logins.kept import KeptLogin

SOON = timedelta(seconds=30)  # a token that ends so soon is renewed first
LOG_IN = "Log in: haven login"


class Logins:
    """Logs in and out at the haven's issuer, for this account at this home."""

    def __init__(
        self,
        device: DeviceLogin,
        kept: KeptLogin,
        verifier: Verifier,
        records: Records,
        access: Access,
        ended: EndedInFolder,
        audience: str,
    ) -> None:
        self._device = device
        self._kept = kept
        self._verifier = verifier
        self._records = records
        self._access = access
        self._ended = ended
        self._audience = audience

    def log_in(self, show: Callable[[Prompt], None]) -> Claims:
        """Log a person in, in place of whoever was. Raises LoginRefused, TokenRefused, IssuerUnreachable."""
        granted = self._device.log_in(show)
        claims = self._checked(granted)
        with self._kept.locked():
            self._kept.write(granted)
        self._records.note(EventName.LOGIN_OPENED, by=person(claims.person), client=claims.client)
        return claims

    def current(self) -> tuple[Claims, str]:
        """Who is logged in, and their access token, renewed where it ends soon. Raises LoginRefused."""
        with self._kept.locked():
            granted = self._kept.read()
            if granted is None:
                raise LoginRefused("Nobody is logged in here.", mend=LOG_IN)
            claims = self._said(granted)
            if claims is None or claims.ends - self._verifier.now() < SOON:
                granted = self._renewed(granted)
                claims = self._checked(granted)
        return claims, granted.access

    def log_out(self) -> str | None:
        """End the login, here at once and at its issuer; who it was, None: nobody. Raises IssuerUnreachable.

        Recorded in each case, also where the issuer does not answer and the login lives on there.
        """
        with self._kept.locked():
            granted = self._kept.read()
            if granted is None:
                return None
            claims = self._said(granted)
            self._kept.forget()
            try:
                if claims is None:  # its access token has ended; who it is, only the issuer still says
                    granted = self._device.renew(granted.refresh)
                    claims = self._said(granted)
                self._end_here(claims)
                self._device.revoke(granted.refresh)
            except IssuerUnreachable:
                self._note_closed(claims, at_issuer=False)
                raise
            except LoginRefused:  # it had ended at the issuer before
                claims = None
            self._note_closed(claims, at_issuer=True)
        return claims.person if claims is not None else ""

    def require(self, actor: Actor) -> Actor:
        """The person who acts where `actor` is named: themselves, or as the delegate of the organisation.

        It is they who are asked about and recorded: an organisation has no account of its own where people log in.
        Raises LoginRefused; IssuerUnreachable, which is recorded too.
        """
        try:
            claims, _ = self.current()
            decision = self._may_act_as(actor, claims)
        except LoginRefused as error:
            self._records.note(EventName.LOGIN_REFUSED, by=actor, rule="login.none")
            raise LoginRefused(f"{error.what} Acting as somebody needs their login.", mend=LOG_IN) from None
        except IssuerUnreachable as error:
            self._records.note(EventName.LOGIN_REFUSED, by=actor, rule=error.code)
            raise
        if isinstance(decision, Refused):
            self._records.note(EventName.LOGIN_REFUSED, by=actor, rule=decision.code, login=claims.person)
            raise LoginRefused(decision.reason, where=f"rule {decision.code}", mend=decision.mend)
        return person(claims.person)

    def _end_here(self, claims: Claims | None) -> None:
        if claims is not None:
            self._ended.add(claims.session)

    def _note_closed(self, claims: Claims | None, *, at_issuer: bool) -> None:
        who, client = (claims.person, claims.client) if claims is not None else ("unknown", None)
        self._records.note(EventName.LOGIN_CLOSED, by=person(who), client=client, at_issuer=at_issuer)

    def _may_act_as(self, actor: Actor, claims: Claims) -> Decision:
        today = self._records.clock.now().date()
        return may_act_as(actor, self._access.person(claims.person), claims.person, today)

    def _renewed(self, granted: Granted) -> Granted:
        """The next tokens; a login that the issuer ended is forgotten here too."""
        try:
            fresh = self._device.renew(granted.refresh)
        except LoginRefused:
            self._kept.forget()
            raise
        self._kept.write(fresh)
        return fresh

    def _said(self, granted: Granted) -> Claims | None:
        """What the access token says, while it is good."""
        try:
            return self._verifier.verify(granted.access, self._audience)
        except TokenRefused:
            return None

    def _checked(self, granted: Granted) -> Claims:
        """What a fresh access token says. Raises TokenRefused, which is recorded: the issuer gave what is not taken."""
        try:
            return self._verifier.verify(granted.access, self._audience)
        except TokenRefused as error:
            self._records.note(EventName.TOKEN_REFUSED, by=person("unknown"), rule=error.rule)
            raise
