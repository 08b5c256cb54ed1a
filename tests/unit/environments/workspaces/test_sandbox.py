"""The sandbox's description and the arguments it means, compared whole."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from haven_hub.held import has_r
from haven_hub.sandbox import (
    CONDITIONS,
    GROUP,
    HOME,
    PASSWD,
    SERVER_VARIABLES,
    Folders,
    Handles,
    Limits,
    WorkspaceSpec,
    sandbox_arguments,
    server_command,
    variables_inside,
)

SPEC = WorkspaceSpec(
    person="asha",
    project="diabetes",
    folders=Folders(
        home=Path("/h/workspaces/diabetes/asha/home"),
        lab=Path("/r/w-1/lab"),
        door=Path("/r/doors/1/gateway.sock"),
        flight=Path("/r/doors/1/flight.sock"),
        hub=Path("/r/w-1/hub.sock"),
        environment=Path("/e/workspace"),
        python=Path("/p/3.11"),
        client=Path("/c/haven-client"),
        jupyter=Path("/c/haven-hub/jupyter"),
        packages=Path("/h/packages/diabetes"),
        imports=Path("/h/imports/diabetes"),
    ),
    variables=(("JUPYTERHUB_API_TOKEN", "t"), ("JUPYTERHUB_USER", "asha")),
    conditions=("Be good.",),
    limits=Limits(scratch=1000),
)


def _handles() -> tuple[Handles, dict[str, int]]:
    texts: dict[str, int] = {}

    def text(content: str) -> int:
        texts[content] = 10 + len(texts)
        return texts[content]

    return Handles(path=lambda path: f"@{path}", text=text, filter=9), texts


def test_the_whole_argument_list() -> None:
    """Nothing is in a workspace but what stands here."""
    handles, texts = _handles()
    assert sandbox_arguments(SPEC, handles) == [
        *("--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"),
        *("--unshare-cgroup-try", "--disable-userns", "--uid", "1000", "--gid", "1000"),
        *("--hostname", "workspace", "--die-with-parent", "--new-session", "--cap-drop", "ALL"),
        *("--seccomp", "9", "--clearenv"),
        *("--ro-bind", "/usr", "/usr"),
        *("--symlink", "usr/bin", "/bin", "--symlink", "usr/sbin", "/sbin"),
        *("--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64"),
        *("--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"),
        *("--ro-bind-try", "/etc/localtime", "/etc/localtime"),
        *("--ro-bind-try", "/etc/fonts", "/etc/fonts"),
        *("--ro-bind-data", "10", "/etc/passwd", "--ro-bind-data", "11", "/etc/group"),
        *("--proc", "/proc", "--dev", "/dev", "--size", "1000", "--tmpfs", "/tmp"),
        *("--ro-bind", "@/p/3.11", "/p/3.11"),
        *("--ro-bind", "@/e/workspace", "/e/workspace"),
        *("--ro-bind", "@/c/haven-client", "/opt/haven/client"),
        *("--ro-bind", "@/c/haven-hub/jupyter", "/opt/haven/jupyter"),
        *("--ro-bind", "@/h/imports/diabetes", "/imports"),
        *("--ro-bind", "@/h/packages/diabetes", "/packages"),
        *("--ro-bind", "@/r/doors/1/gateway.sock", "/run/haven/gateway.sock"),
        *("--ro-bind", "@/r/doors/1/flight.sock", "/run/haven/flight.sock"),
        *("--ro-bind", "@/r/w-1/hub.sock", "/run/haven/hub.sock"),
        *("--ro-bind-data", "12", CONDITIONS),
        *("--bind", "@/r/w-1/lab", "/run/haven/lab"),
        *("--bind", "@/h/workspaces/diabetes/asha/home", HOME),
        *("--size", "1000", "--tmpfs", "/dev/shm", "--remount-ro", "/dev", "--remount-ro", "/"),
        *("--setenv", "HAVEN_FLIGHT", "grpc+unix:///run/haven/flight.sock"),
        *("--setenv", "HAVEN_SOCKET", "/run/haven/gateway.sock"),
        *("--setenv", "HOME", HOME),
        *("--setenv", "JUPYTERHUB_ACTIVITY_URL", "http+unix://%2Frun%2Fhaven%2Fhub.sock/hub/api/users/asha/activity"),
        *("--setenv", "JUPYTERHUB_API_TOKEN", "t"),
        *("--setenv", "JUPYTERHUB_API_URL", "http+unix://%2Frun%2Fhaven%2Fhub.sock/hub/api"),
        *("--setenv", "JUPYTERHUB_DISABLE_USER_CONFIG", "1"),
        *("--setenv", "JUPYTERHUB_SERVICE_URL", "http://localhost:8888/"),
        *("--setenv", "JUPYTERHUB_USER", "asha"),
        *("--setenv", "JUPYTER_CONFIG_DIR", "/opt/haven/jupyter/config"),
        *("--setenv", "JUPYTER_PATH", "/opt/haven/jupyter"),
        *("--setenv", "JUPYTER_RUNTIME_DIR", "/tmp/jupyter"),
        *("--setenv", "LANG", "C.UTF-8"),
        *("--setenv", "MPLBACKEND", "module://matplotlib_inline.backend_inline"),
        *("--setenv", "OMP_NUM_THREADS", "2"),
        *("--setenv", "PATH", "/e/workspace/bin:/usr/bin:/bin"),
        *("--setenv", "PIP_DISABLE_PIP_VERSION_CHECK", "1"),
        *("--setenv", "PIP_INDEX_URL", "file:///packages/simple/"),
        *("--setenv", "PYTHONDONTWRITEBYTECODE", "1"),
        *("--setenv", "PYTHONPATH", "/opt/haven/client"),
        *("--setenv", "USER", "researcher"),
        *("--chdir", HOME, "--"),
        *server_command(SPEC),
    ]
    assert texts == {PASSWD: 10, GROUP: 11, "Be good.\n": 12}


def test_the_command_holds_no_secret() -> None:
    """What stands in the list of processes names no token."""
    assert not any("token" in part.lower() for part in server_command(SPEC))


def test_two_places_can_be_written() -> None:
    """The home, and the folder of the server's socket; everything else is read-only."""
    arguments = sandbox_arguments(SPEC, _handles()[0])
    writable = [arguments[place + 2] for place, word in enumerate(arguments) if word == "--bind"]
    assert writable == ["/run/haven/lab", HOME]


def test_r_where_the_machine_has_it() -> None:
    """Two more places, read-only; its kernel is listed, and it starts with the haven's profile and nothing else."""
    handles, spec = _handles()[0], replace(SPEC, system=replace(SPEC.system, r=True))
    without, with_r = sandbox_arguments(SPEC, handles), sandbox_arguments(spec, handles)
    places = ["--ro-bind-try", "/etc/R", "/etc/R", "--ro-bind-try", "/etc/alternatives", "/etc/alternatives"]
    at = with_r.index("/etc/R") - 1
    assert with_r[at : at + len(places)] == places
    assert "/etc/R" not in without
    added = {name: value for name, value in variables_inside(spec).items() if variables_inside(SPEC).get(name) != value}
    assert added == {
        "JUPYTER_PATH": "/opt/haven/jupyter:/opt/haven/jupyter/with-r",
        "R_PROFILE": "/opt/haven/client/r/profile.R",
        **dict.fromkeys(("R_ENVIRON", "R_ENVIRON_USER", "R_LIBS_USER", "R_PROFILE_USER"), "/dev/null"),
    }


@pytest.mark.parametrize("library", ["lib/R/site-library", "lib64/R/library"])
def test_r_without_its_kernel_is_not_offered(tmp_path: Path, library: str) -> None:
    """Nor a kernel without R."""
    assert not has_r(tmp_path)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "R").touch()
    assert not has_r(tmp_path)
    (tmp_path / library / "IRkernel").mkdir(parents=True)
    assert has_r(tmp_path)
    (tmp_path / "bin" / "R").unlink()
    assert not has_r(tmp_path)


@pytest.mark.parametrize("name", ["HAVEN_HOME", "PATH", "LD_PRELOAD", "CONFIGPROXY_AUTH_TOKEN", "JPY_API_TOKEN"])
def test_no_other_variable_enters(name: str) -> None:
    """A variable that the server inside does not need cannot be described at all."""
    assert name not in SERVER_VARIABLES
    with pytest.raises(ValueError, match=name):
        replace(SPEC, variables=((name, "x"),))


@pytest.mark.parametrize("name", ["", "..", "../other", "a/b", "A", "-x", "a b", "a\0", ".hidden"])
def test_names_that_could_be_paths_are_refused(name: str) -> None:
    """A person or project whose name could lead out of its folder cannot have a workspace."""
    for field in ("person", "project"):
        with pytest.raises(ValueError, match="named by"):
            replace(SPEC, **{field: name})
