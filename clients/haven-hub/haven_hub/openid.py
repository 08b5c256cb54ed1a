"""Who is at the door? A person whom the identity provider has let in, with both factors (OpenID Connect, PKCE).

The hub exchanges the code for a token and hands the token to the gateway's process, which verifies it and knows the
records of people; what it answers is who they are. Before each start the log-in is looked at again: one that has ended
at the provider opens nothing.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections import defaultdict
from typing import Any

from jupyterhub.handlers import BaseHandler
from oauthenticator.oauth2 import OAuthenticator
from tornado import web
from tornado.httpclient import HTTPClientError

from haven_hub.control import Refusal, ask
from haven_hub.pages import IN_PLACE_OF_STOCK
from haven_hub.place import OpenID, Place, read_place

CLIENT = "haven-hub"


class OpenIDAuthenticator(OAuthenticator):  # type: ignore[misc]
    """Log-in at the haven's identity provider. Nobody is an administrator of the hub."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._refreshing: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._newest: dict[str, str] = {}  # a refresh token counts once, and its second use ends the session

    def get_handlers(self, app: Any) -> list[Any]:
        """The ways in, and our page in the place of JupyterHub's."""
        return [*super().get_handlers(app), *IN_PLACE_OF_STOCK]

    async def authenticate(self, handler: BaseHandler, data: Any = None, **_: Any) -> dict[str, Any]:
        """The person of the code that the browser brings. A refusal is shown with its reason."""
        token = await self.get_token_info(handler, self.build_access_tokens_request_params(handler, data))
        try:
            answer = await ask(read_place(), "logins/open", token=str(token["access_token"]))
        except Refusal as refused:
            raise web.HTTPError(403, str(refused)) from None
        return self._model(token, str(answer["person"]))

    async def refresh_user(self, user: Any, handler: BaseHandler | None = None, **_: Any) -> dict[str, Any] | bool:
        """Ask the provider whether the log-in still stands; False, and a new log-in is asked for, where it does not.

        The access token that is kept says nothing about that: it counts for minutes after its session has ended.
        """
        async with self._refreshing[user.name]:
            state = await user.get_auth_state() or {}
            kept = self._newest.get(user.name) or state.get("refresh_token")
            if not kept:
                return False
            try:
                token = await self.get_token_info(handler, self.build_refresh_token_request_params(kept))
                self._newest[user.name] = str(token.get("refresh_token") or kept)  # the old one counts no longer
                answer = await ask(read_place(), "logins/check", token=str(token["access_token"]))
            except (web.HTTPError, HTTPClientError, Refusal, OSError) as error:
                self.log.info("The log-in of %s does not stand any more (%s)", user.name, type(error).__name__)
                return False
            return self._model(token, user.name) if answer["person"] == user.name else False

    def _model(self, token: dict[str, Any], person: str) -> dict[str, Any]:
        """JupyterHub's description of who logged in; the tokens are kept encrypted."""
        self._newest[person] = str(token.get("refresh_token") or "")
        state = self.build_auth_state_dict(token, {self.username_claim: person})
        return {"name": person, "admin": None, "auth_state": state}

    def normalize_username(self, username: str) -> str:
        """A person's id is that of the records, letter for letter."""
        return username


def set_up(config: Any, place: Place, openid: OpenID) -> None:
    """JupyterHub's settings for it. Raises OSError where the secret cannot be read."""
    chosen = config.OpenIDAuthenticator
    chosen.client_id = CLIENT
    chosen.client_secret = openid.secret_file.read_text(encoding="utf-8").strip()
    chosen.authorize_url = openid.authorize_url
    chosen.token_url = openid.token_url
    chosen.oauth_callback_url = openid.callback_url
    chosen.logout_redirect_url = openid.logout_url
    chosen.scope = ["openid"]
    chosen.username_claim = "person"
    chosen.login_service = "the haven"
    chosen.enable_pkce = True
    chosen.auto_login = True
    chosen.enable_auth_state = True
    chosen.auth_refresh_age = 60
    chosen.refresh_pre_spawn = True
    chosen.auth_refresh_strict = True  # also for what comes with a token instead of a browser's cookie
    if openid.ca_file is not None:
        chosen.http_request_kwargs = {"ca_certs": str(openid.ca_file)}
    config.CryptKeeper.keys = [_key_of(place)]


def _key_of(place: Place) -> bytes:
    """The key under which tokens are kept: made once, in a file for this account only."""
    path = place.folder / "login-key"
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
    return bytes.fromhex(path.read_text(encoding="ascii"))
