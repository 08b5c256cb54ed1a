"""What does a workspace see of the machine? A frozen description, and the sandbox arguments that it means.

Pure: a description goes in, arguments come out, nothing is opened or run. Rule: what is not named here does not
exist inside (SATRE 2.1.5, no route out; safe-haven rules, no view of other projects).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
INSIDE_UID = 1000
HOME = "/home/researcher"
RUN = "/run/haven"
GATEWAY_SOCKET = f"{RUN}/gateway.sock"
FLIGHT_SOCKET = f"{RUN}/flight.sock"
HUB_SOCKET = f"{RUN}/hub.sock"
LAB_FOLDER = f"{RUN}/lab"
LAB_SOCKET = f"{LAB_FOLDER}/lab.sock"
CONDITIONS = f"{RUN}/conditions.txt"
CLIENT = "/opt/haven/client"
JUPYTER = "/opt/haven/jupyter"
R_PROFILE = f"{CLIENT}/r/profile.R"
# What Lab keeps of how its person likes it, and which tabs stand open: JSON that the page reads, nothing that is run.
LAB_SETTINGS, LAB_LAYOUTS = f"{HOME}/.lab/settings", f"{HOME}/.lab/layouts"
IMPORTS = "/imports"
PACKAGES = "/packages"
# Set inside, where the kernel (5.14 and newer) counts this sandbox's processes only, not all of the account's.
WITH_PROCESSES = (
    "import os, resource, sys; most = int(sys.argv[1]); "
    "resource.setrlimit(resource.RLIMIT_NPROC, (most, most)); os.execv(sys.argv[2], sys.argv[2:])"
)
PASSWD = f"researcher:x:{INSIDE_UID}:{INSIDE_UID}:Researcher:{HOME}:/bin/bash\n"
GROUP = f"researcher:x:{INSIDE_UID}:\n"
# The hub's address as seen inside: lower case, because JupyterHub's client lowers the case of socket paths.
HUB_ADDRESS = "http+unix://%2Frun%2Fhaven%2Fhub.sock"
# What the server inside needs to know of the hub. Nothing else of the hub's environment enters.
SERVER_VARIABLES = frozenset(
    {
        "JUPYTERHUB_API_TOKEN",
        "JUPYTERHUB_BASE_URL",
        "JUPYTERHUB_CLIENT_ID",
        "JUPYTERHUB_COOKIE_HOST_PREFIX_ENABLED",
        "JUPYTERHUB_HOST",
        "JUPYTERHUB_OAUTH_ACCESS_SCOPES",
        "JUPYTERHUB_OAUTH_CALLBACK_URL",
        "JUPYTERHUB_OAUTH_CLIENT_ALLOWED_SCOPES",
        "JUPYTERHUB_OAUTH_SCOPES",
        "JUPYTERHUB_SERVER_NAME",
        "JUPYTERHUB_SERVICE_PREFIX",
        "JUPYTERHUB_USER",
    }
)


@dataclass(frozen=True)
class Limits:
    """The most that one workspace may take: memory and open files a process, bytes a file, processes.

    scratch: bytes of /tmp, and as many of /dev/shm.
    """

    memory: int = 4 * 1024**3
    files: int = 4096
    file_size: int = 10 * 1024**3
    scratch: int = 1024**3
    processes: int = 512


@dataclass(frozen=True)
class Folders:
    """Places on the host that a workspace sees: read-only but `home` and `lab` (where its server's socket stands)."""

    home: Path
    lab: Path
    door: Path  # the gateway's socket for this person and project
    flight: Path  # its other socket, which speaks Arrow Flight SQL
    hub: Path  # the hub gate's socket for this workspace
    environment: Path  # the researchers' Python environment
    python: Path  # the interpreter that the environment was made from
    client: Path  # the folder that holds the `haven` client package
    jupyter: Path  # kernels and settings of the workspace
    packages: Path  # the project's index of packages
    imports: Path  # what was brought into the project; what is delivered later appears in it


@dataclass(frozen=True)
class System:
    """How the host arranges its programs: names at the root that are links into /usr, or folders; and has it R?"""

    links: tuple[str, ...] = ("bin", "sbin", "lib", "lib64")
    folders: tuple[str, ...] = ()
    r: bool = False  # R with its kernel for notebooks stands in /usr


SYSTEM_NAMES = ("bin", "sbin", "lib", "lib32", "lib64")
PLACES_OF_R = ("/etc/R", "/etc/alternatives")  # its settings; by which names of /usr its algebra libraries go


@dataclass(frozen=True)
class WorkspaceSpec:
    """One workspace: whose, for which project, what it sees, what it may take, and what runs in it."""

    person: str
    project: str
    folders: Folders
    variables: tuple[tuple[str, str], ...]
    conditions: tuple[str, ...] = ()
    limits: Limits = Limits()
    system: System = System()

    def __post_init__(self) -> None:
        for name in (self.person, self.project):
            if not NAME.fullmatch(name):
                raise ValueError("a person and a project are named by lower-case letters, digits, dots, dashes")
        if unknown := {name for name, _ in self.variables} - SERVER_VARIABLES:
            raise ValueError(f"a workspace may not be given the variables {', '.join(sorted(unknown))}")


@dataclass(frozen=True)
class Handles:
    """How the host's things are named to the sandbox program: a place by path, a text and the filter by open file."""

    path: Callable[[Path], str]
    text: Callable[[str], int]
    filter: int


def sandbox_arguments(spec: WorkspaceSpec, handles: Handles) -> list[str]:
    """The whole argument list for bubblewrap, the command to run included."""
    return [
        *isolation(handles.filter),
        *system_places(spec.system, handles),
        *_places(spec, handles),
        *_variables(spec),
        "--chdir",
        HOME,
        "--",
        *server_command(spec),
    ]


def isolation(call_filter: int | None) -> list[str]:
    """What keeps the sandbox apart; None as the filter is for a trial that tells which part a machine lacks."""
    return [
        "--unshare-user",
        "--unshare-ipc",
        "--unshare-pid",
        "--unshare-net",
        "--unshare-uts",
        "--unshare-cgroup-try",
        "--disable-userns",
        *("--uid", str(INSIDE_UID), "--gid", str(INSIDE_UID)),
        *("--hostname", "workspace"),
        "--die-with-parent",
        "--new-session",
        *("--cap-drop", "ALL"),
        *(() if call_filter is None else ("--seccomp", str(call_filter))),
        "--clearenv",
    ]


def system_places(system: System, handles: Handles) -> list[str]:
    """Programs and libraries, read-only; of /etc only what a program needs to start."""
    arguments = ["--ro-bind", "/usr", "/usr"]
    for name in system.links:
        arguments += ["--symlink", f"usr/{name}", f"/{name}"]
    for name in system.folders:
        arguments += ["--ro-bind", f"/{name}", f"/{name}"]
    for name in ("/etc/ld.so.cache", "/etc/localtime", "/etc/fonts", *(PLACES_OF_R if system.r else ())):
        arguments += ["--ro-bind-try", name, name]
    arguments += ["--ro-bind-data", str(handles.text(PASSWD)), "/etc/passwd"]
    arguments += ["--ro-bind-data", str(handles.text(GROUP)), "/etc/group"]
    return [*arguments, "--proc", "/proc", "--dev", "/dev"]


def _places(spec: WorkspaceSpec, handles: Handles) -> list[str]:
    folders = spec.folders
    arguments = ["--size", str(spec.limits.scratch), "--tmpfs", "/tmp"]  # noqa: S108 - the sandbox's own
    for path, inside in (
        (folders.python, str(folders.python)),
        (folders.environment, str(folders.environment)),
        (folders.client, CLIENT),
        (folders.jupyter, JUPYTER),
        (folders.imports, IMPORTS),
        (folders.packages, PACKAGES),
        (folders.door, GATEWAY_SOCKET),
        (folders.flight, FLIGHT_SOCKET),
        (folders.hub, HUB_SOCKET),
    ):
        arguments += ["--ro-bind", handles.path(path), inside]
    arguments += ["--ro-bind-data", str(handles.text("\n".join(spec.conditions) + "\n")), CONDITIONS]
    for path, inside in ((folders.lab, LAB_FOLDER), (folders.home, HOME)):
        arguments += ["--bind", handles.path(path), inside]
    arguments += ["--size", str(spec.limits.scratch), "--tmpfs", "/dev/shm"]  # noqa: S108 - the sandbox's own
    return [*arguments, "--remount-ro", "/dev", "--remount-ro", "/"]


def _variables(spec: WorkspaceSpec) -> list[str]:
    return [part for name, value in sorted(variables_inside(spec).items()) for part in ("--setenv", name, value)]


def variables_inside(spec: WorkspaceSpec) -> dict[str, str]:
    """The whole environment inside. The server's own hub token is its only secret; kernels start without it."""
    own = {
        "HOME": HOME,
        "USER": "researcher",
        "LANG": "C.UTF-8",
        "PATH": f"{spec.folders.environment}/bin:/usr/bin:/bin",
        "PYTHONPATH": CLIENT,
        "PYTHONDONTWRITEBYTECODE": "1",
        "HAVEN_SOCKET": GATEWAY_SOCKET,
        "HAVEN_FLIGHT": f"grpc+unix://{FLIGHT_SOCKET}",
        "JUPYTER_PATH": JUPYTER,
        "JUPYTER_CONFIG_DIR": f"{JUPYTER}/config",
        "JUPYTER_RUNTIME_DIR": "/tmp/jupyter",  # noqa: S108 - the sandbox's own
        "JUPYTERHUB_API_URL": f"{HUB_ADDRESS}/hub/api",
        "JUPYTERHUB_ACTIVITY_URL": f"{HUB_ADDRESS}/hub/api/users/{spec.person}/activity",
        "JUPYTERHUB_SERVICE_URL": "http://localhost:8888/",  # never bound: the server listens on its socket
        "JUPYTERHUB_DISABLE_USER_CONFIG": "1",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "OMP_NUM_THREADS": "2",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_INDEX_URL": f"file://{PACKAGES}/simple/",
    }
    return {**own, **(_for_r() if spec.system.r else {}), **dict(spec.variables)}


def _for_r() -> dict[str, str]:
    """R's kernel is offered, and every R starts alike: with our profile, and with nothing that lies in the home."""
    nothing = ("R_ENVIRON", "R_ENVIRON_USER", "R_LIBS_USER", "R_PROFILE_USER")
    return {
        "JUPYTER_PATH": f"{JUPYTER}:{JUPYTER}/with-r",
        "R_PROFILE": R_PROFILE,
        **dict.fromkeys(nothing, "/dev/null"),
    }


def limits_of_a_process(limits: Limits) -> dict[str, int]:
    """The kernel's limits by name. The count of processes is bounded inside (WITH_PROCESSES)."""
    return {
        "RLIMIT_DATA": limits.memory,
        "RLIMIT_NOFILE": limits.files,
        "RLIMIT_FSIZE": limits.file_size,
        "RLIMIT_CORE": 0,
    }


def server_command(spec: WorkspaceSpec) -> list[str]:
    """JupyterLab's server on a Unix socket, its kernels on Unix sockets too: the workspace has no network at all."""
    python = f"{spec.folders.environment}/bin/python"
    return [
        *(python, "-I", "-S", "-c", WITH_PROCESSES, str(spec.limits.processes)),
        python,
        "-P",  # what lies in the home is never imported before a cell, which is recorded, asks for it
        "-m",
        "jupyterhub.singleuser",
        f"--ServerApp.sock={LAB_SOCKET}",
        "--ServerApp.sock_mode=0600",
        f"--ServerApp.root_dir={HOME}",
        "--ServerApp.terminals_enabled=False",
        "--ConnectionFileMixin.transport=ipc",
        "--KernelSpecManager.ensure_native_kernel=False",
        "--LabApp.extension_manager=readonly",
        f"--LabApp.user_settings_dir={LAB_SETTINGS}",
        f"--LabApp.workspaces_dir={LAB_LAYOUTS}",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]
