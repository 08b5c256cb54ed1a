"""What does a person see at the hub? Their workspaces, and before each session the conditions, which they acknowledge.

What is shown is asked of the gateway's process each time. The acknowledgement is a ticket that is good for one session.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from jupyterhub.handlers import BaseHandler
from tornado import web

from haven_hub.control import Refusal, ask
from haven_hub.hooks import refusal
from haven_hub.place import read_place

if TYPE_CHECKING:
    from haven_hub.spawner import BubblewrapSpawner

TICKET, AGREED = "ticket", "agreed"
OWN_PAGE = '<p><a href="/hub/workspaces">Your workspaces</a></p>'


class WorkspacesHandler(BaseHandler):
    """`/hub/workspaces`: the projects of whoever is logged in, which of them they may open, and what is open."""

    @web.authenticated  # type: ignore[misc]
    async def get(self) -> None:
        """The page."""
        user = self.current_user
        try:
            answer = await ask(read_place(), "workspaces/of", person=user.name)
        except Refusal as refused:
            raise web.HTTPError(403, str(refused)) from None
        open_now = {spawner.name for spawner in user.spawners.values() if spawner.active}
        page = await self.render_template(
            "workspaces.html", workplaces=answer["workplaces"], open_now=open_now, xsrf=self.xsrf_token.decode("ascii")
        )
        self.finish(page)

    @web.authenticated  # type: ignore[misc]
    async def post(self) -> None:
        """Close one of them."""
        project = self.get_body_argument("close")
        spawner = self.current_user.spawners.get(project)
        if spawner is not None and spawner.active:
            await self.stop_single_user(self.current_user, project)
        self.redirect(f"{self.hub.base_url}workspaces")


class StockPageHandler(BaseHandler):
    """A page of JupyterHub's that offers servers and tokens, which here nobody can have: to the person's own page."""

    @web.authenticated  # type: ignore[misc]
    async def get(self, *_: str) -> None:
        """Elsewhere."""
        self.redirect(f"{self.hub.base_url}workspaces")


HANDLERS = [("/workspaces", WorkspacesHandler)]
IN_PLACE_OF_STOCK = [
    ("/home", StockPageHandler),
    ("/token", StockPageHandler),
    ("/spawn", StockPageHandler),
    ("/spawn/([^/]+)", StockPageHandler),  # of no project
]
"""Given by the authenticators: JupyterHub puts their pages before its own, and `extra_handlers` after them."""


async def conditions_form(spawner: BubblewrapSpawner) -> str:
    """The form before a session. Raises the refusal, as JupyterHub shows it, where there will be none."""
    if not spawner.name:
        return OWN_PAGE
    try:
        answer = await ask(spawner.place, "workspaces/conditions", person=spawner.user.name, project=spawner.name)
    except Refusal as refused:
        raise refusal(refused) from None
    lines = "".join(f"<li>{escape(str(one))}</li>" for one in answer["conditions"])
    return (
        f"<h1>Before you begin: {escape(spawner.name)}</h1>"
        "<p>Who works here keeps to these conditions. What you do is recorded with your name.</p>"
        f"<ul>{lines}</ul>"
        f'<input type="hidden" name="{TICKET}" value="{escape(str(answer["ticket"]), quote=True)}">'
        f'<p><input type="checkbox" id="{AGREED}" name="{AGREED}" value="yes" required> '
        f'<label for="{AGREED}">I have read these conditions and keep to them.</label></p>'
        '<p><button type="submit" class="btn btn-primary">Open the workspace</button></p>'
    )


def ticket_of(form: dict[str, list[Any]]) -> dict[str, str]:
    """What the form says; nothing is acknowledged without the tick."""
    agreed = form.get(AGREED) == ["yes"]
    return {"acknowledged": str(form.get(TICKET, [""])[0]) if agreed else ""}
