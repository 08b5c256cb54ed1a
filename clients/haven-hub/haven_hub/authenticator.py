"""Who is at the door? A person with a one-time code from the haven, redeemed once and within its minutes.

The code is checked by the gateway process; the hub learns the person's name and the project they asked for.
"""

from __future__ import annotations

from typing import Any

from jupyterhub.auth import Authenticator
from jupyterhub.handlers import BaseHandler
from jupyterhub.utils import url_path_join
from tornado import web

from haven_hub.control import Refusal, ask
from haven_hub.pages import IN_PLACE_OF_STOCK
from haven_hub.place import read_place

HOW_TO_LOG_IN = """
<h1>Workspaces</h1>
<p>Get an address from the haven: <code>haven workspace open PROJECT --as PERSON</code>.
It works once, and for a few minutes.</p>
"""


class CodeLoginHandler(BaseHandler):
    """`/hub/haven-login?code=...`: log the person in and take them to their project's workspace."""

    async def get(self) -> None:
        """Redeem the code. A wrong, used or expired one is refused with the reason."""
        try:
            user = await self.login_user({"code": self.get_argument("code", "")})
        except Refusal as refused:
            raise web.HTTPError(403, str(refused)) from None
        if user is None:
            raise web.HTTPError(403, "The code is not valid.")
        self.redirect(url_path_join(self.hub.base_url, "spawn", user.escaped_name, self.haven_project))


class CodeAuthenticator(Authenticator):
    """One-time codes only. There is no password, and nobody is an administrator of the hub."""

    custom_html = HOW_TO_LOG_IN

    def get_handlers(self, app: Any) -> list[tuple[str, type[BaseHandler]]]:
        """The one way in, and our page in the place of JupyterHub's."""
        return [("/haven-login", CodeLoginHandler), *IN_PLACE_OF_STOCK]

    async def authenticate(self, handler: BaseHandler, data: dict[str, str] | None) -> str | None:
        """The person whom this code names, or None."""
        code = (data or {}).get("code")
        if not code:
            return None
        answer = await ask(read_place(), "login-codes/redeem", code=code)
        handler.haven_project = str(answer["project"])
        return str(answer["person"])
