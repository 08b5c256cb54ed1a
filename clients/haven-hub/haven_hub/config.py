"""How is JupyterHub set? Loopback only, no administrators, one named server per project, nothing phones home."""

from __future__ import annotations

import os
import resource
from pathlib import Path

from haven_hub.authenticator import CodeAuthenticator
from haven_hub.edge import WorkspaceEdge
from haven_hub.ended import ended_of
from haven_hub.fail_closed import checked_start
from haven_hub.hooks import after_stop
from haven_hub.openid import OpenIDAuthenticator, set_up
from haven_hub.pages import HANDLERS, conditions_form, ticket_of
from haven_hub.place import read_place
from haven_hub.spawner import HUB_SOCKET, BubblewrapSpawner

place = read_place()
os.umask(0o077)
_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # one process holds the connections of all workspaces
os.chdir(place.run)
for left in place.run.glob("*.sock"):
    left.unlink()

c = get_config()  # type: ignore[name-defined]  # noqa: F821 - traitlets puts it here
hub = c.JupyterHub
hub.bind_url = f"http://127.0.0.1:{place.port}/"
hub.hub_bind_url = hub.hub_connect_url = f"http+unix://{HUB_SOCKET}"
hub.proxy_class = WorkspaceEdge
hub.spawner_class = BubblewrapSpawner
if place.cluster is not None:
    if place.kubeconfig is None or not place.kubeconfig.is_file():
        raise FileNotFoundError("the cluster's kubeconfig is not there")
    os.environ["KUBECONFIG"] = str(place.kubeconfig)  # read when the library is imported
    from haven_hub.kubernetes.model import Cluster
    from haven_hub.kubernetes.spawner import PodSpawner

    Cluster.of(place.cluster)  # a wrong one is an error now, not at the first workspace

    hub.spawner_class = PodSpawner
hub.authenticator_class = CodeAuthenticator if place.openid is None else OpenIDAuthenticator
hub.template_paths = [str(Path(__file__).parent / "templates")]
hub.extra_handlers = HANDLERS
hub.default_url = "/hub/workspaces"
hub.db_url = f"sqlite:///{place.folder / 'hub.sqlite'}"
hub.cookie_secret_file = str(place.folder / "cookie-secret")
hub.cookie_max_age_days = 0.5
hub.allow_named_servers = True
hub.cleanup_servers = True
hub.authenticate_prometheus = True
hub.template_vars = {"ended": ended_of}  # why workspaces were closed; the hub calls it with who looks
hub.answer_yes = True
hub.tornado_settings = {"slow_spawn_timeout": 90, "slow_stop_timeout": 20}
hub.services = [
    {"name": "orchestrator", "api_token": place.orchestrator_token.read_text(encoding="utf-8").strip()},
]
hub.load_roles = [
    {
        "name": "orchestrator",
        "description": "Starts and stops workspaces, and acts for a person who has logged in.",
        "scopes": ["start:servers", "delete:servers", "read:servers", "read:users:activity", "tokens"],
        "services": ["orchestrator"],
    },
    {
        "name": "user",
        "description": "Opens, uses and closes their own workspaces. Makes no tokens: who holds one needs no log-in.",
        "scopes": ["read:users!user", "users:activity!user", "servers!user", "access:servers!user"],
    },
]
c.Authenticator.admin_users = set()
c.Authenticator.allow_all = True  # whoever holds a code was named by the haven; each start asks the approvals
if place.openid is not None:
    set_up(c, place, place.openid)
c.Spawner.options_form = conditions_form
c.Spawner.options_from_form = ticket_of
c.Spawner.pre_spawn_hook = checked_start
c.Spawner.post_stop_hook = after_stop
c.Spawner.start_timeout = 75
c.Spawner.http_timeout = 60
c.Spawner.poll_interval = 1  # so soon a workspace whose approval has ended is stopped
c.Spawner.default_url = "/lab"
c.Spawner.oauth_client_allowed_scopes = []
