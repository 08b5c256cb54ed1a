"""Which services has this haven, in which order? The log first: nothing happens without it."""

from __future__ import annotations

import http.client
import socket
import sys
import urllib.error
import urllib.request
from pathlib import Path

from access.decisions import Refused
from environments.workspaces.hub import HubPlace, HubServer
from environments.workspaces.machine import may_run_here
from flows.environment import prefect_environment
from infra.servers.model import Service
from infra.servers.ports import LOOPBACK, free_port
from infra.settings import Settings
from infra.wiring.haven import Haven

NOT_BY_OPENID = Refused(
    "workspace.no_openid",
    "With real data people log in at the identity provider before they reach a workspace.",
    "Name the secret of the client haven-hub: [identity] hub_secret_file (docs/workspaces.md).",
)


def services_of(haven: Haven) -> list[Service]:
    """Every service of this home, in the order of start."""
    settings = haven.settings
    services = [log_service(settings)]
    if settings.identity.issuer is None:
        services.append(issuer_service(settings))
    services.append(gateway_service(settings))
    workspaces = may_run_here(settings.environments_folder / "hub", settings.clients_folder / "haven-hub")
    if settings.real_data and not settings.identity.hub_by_openid:
        workspaces = NOT_BY_OPENID
    if isinstance(workspaces, Refused):
        haven.left_out["hub"] = f"{workspaces.reason} {workspaces.mend or ''}".strip()
    else:
        services.append(hub_service(haven.hub_place))
    return [*services, prefect_service(settings)]


def log_service(settings: Settings) -> Service:
    """The audit log's writer."""
    folder, path = settings.audit_folder, settings.audit_socket
    return Service(
        name="log",
        purpose="writes the audit log",
        command=(sys.executable, "-P", "-m", "audit.writer", "--folder", str(folder), "--socket", str(path)),
        ready=lambda: answers(path),
        address=f"unix:{path}",
    )


def issuer_service(settings: Settings) -> Service:
    """The local development issuer, where no identity provider is set."""
    port = settings.servers.issuer_port or free_port()
    url = f"http://{LOOPBACK}:{port}"
    return Service(
        name="issuer",
        purpose="says who people are, for synthetic data only",
        command=(
            sys.executable, "-P", "-m", "infra.servers.issuer", "--home", str(settings.home), "--port", str(port)
        ),
        ready=lambda: healthy_url(f"{url}/.well-known/openid-configuration"),
        address=url,
        opens_records=True,
    )  # fmt: skip


def gateway_service(settings: Settings) -> Service:
    """The query gateway, with the doors of the workspaces and the control routes of the hub."""
    path = settings.gateway_socket
    return Service(
        name="gateway",
        purpose="answers queries",
        command=(sys.executable, "-P", "-m", "infra.servers.gateway", "--home", str(settings.home)),
        ready=lambda: _healthy_socket(path),
        address=f"unix:{path}",
        opens_records=True,
    )


def hub_service(place: HubPlace) -> Service:
    """The hub of the workspaces; it has no haven code and asks the gateway's process who may enter."""
    server = HubServer(place)
    server.prepare()
    return Service(
        name="hub",
        purpose="opens workspaces",
        command=server.command,
        ready=server.ready,
        address=place.address,
        environment=server.environment,
        seconds_to_start=120.0,
    )


def prefect_service(settings: Settings) -> Service:
    """Prefect's server, on loopback, with telemetry off."""
    port = settings.servers.prefect_port or free_port()
    url = f"http://{LOOPBACK}:{port}"
    return Service(
        name="prefect",
        purpose="orchestrates flows",
        command=(sys.executable, "-P", "-m", "prefect", "server", "start", "--host", LOOPBACK, "--port", str(port)),
        ready=lambda: healthy_url(f"{url}/api/health"),
        address=url,
        environment=prefect_environment(settings.prefect_folder, f"{url}/api"),
        opens_records=True,
        seconds_to_start=180.0,
    )


def answers(path: Path) -> bool:
    """Does anybody listen at this socket?"""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path, timeout: float = 5.0) -> None:
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self) -> None:
        """Connect to the socket instead of a host."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


def _healthy_socket(path: Path) -> bool:
    connection = UnixConnection(path, timeout=2.0)
    try:
        connection.request("GET", "/v1/health")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def healthy_url(url: str) -> bool:
    """Does our own service at this loopback address answer with OK?"""
    try:
        with urllib.request.urlopen(url, timeout=2.0) as answer:  # noqa: S310 - our own loopback address
            return bool(answer.status == http.HTTPStatus.OK)
    except (OSError, urllib.error.URLError, http.client.HTTPException):
        return False
