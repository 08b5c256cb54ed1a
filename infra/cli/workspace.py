"""`haven workspace ...`: open, list and close workspaces; ask whether this machine can run them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from infra.cli.common import DEFAULT_HOME, As, AsJson, Home, open_haven, print_json

Project = Annotated[str, typer.Argument(help="The project's id.")]


def register(app: typer.Typer) -> None:
    """Add this topic's commands to the command line."""
    topic = typer.Typer(no_args_is_help=True, help="Places of work: one per person and project.")
    topic.command("open")(open_workspace)
    topic.command("list")(list_workspaces)
    topic.command("close")(close_workspace)
    topic.command("check")(check_machine)
    topic.command("kubernetes")(write_manifests)
    app.add_typer(topic, name="workspace")


def open_workspace(project: Project, person: As, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Print an address that opens the project's workspace in a browser. The services must be up.

    It works once; where people log in at the identity provider, it asks for the log-in each time.

    Example: `haven workspace open diabetes-admissions --as asha`
    """
    haven = open_haven(home)
    workspaces = haven.workspaces
    address = workspaces.open_address(haven.acting(person).partition(":")[2], project)
    if as_json:
        print_json({"address": address})
        return
    typer.echo(address)
    if workspaces.sign_in_at is None:
        typer.echo("The address works once, within five minutes.", err=True)
    else:
        typer.echo("Open it in a browser: it asks for the log-in at the identity provider.", err=True)


def list_workspaces(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Which workspaces are open?

    Example: `haven workspace list --json`
    """
    opened = open_haven(home).workspaces.opened()
    if as_json:
        print_json({"workspaces": opened})
        return
    for workspace in opened:
        typer.echo(f"{workspace['project']:<30} {workspace['person']:<20} since {workspace['since']}")
    if not opened:
        typer.echo("No workspace is open.")


def close_workspace(project: Project, person: As, home: Home = DEFAULT_HOME) -> None:
    """Stop a workspace and everything that runs in it; its files are kept.

    Example: `haven workspace close diabetes-admissions --as asha`
    """
    open_haven(home).workspaces.close(person.removeprefix("person:"), project)
    typer.echo("Closed.")


def check_machine(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Can this machine keep workspaces apart? Says why not, and what to change. `haven doctor` looks at the rest, too.

    Example: `haven workspace check`
    """
    from access.decisions import Refused
    from environments.workspaces.machine import may_run_here
    from infra.settings import load_settings

    settings = load_settings(home)
    decision = may_run_here(settings.environments_folder / "hub", settings.clients_folder / "haven-hub")
    if as_json:
        refused = decision if isinstance(decision, Refused) else None
        print_json(
            {"possible": refused is None, "reason": refused and refused.reason, "mend": refused and refused.mend}
        )
    elif decision:
        typer.echo("Workspaces can run here: a trial sandbox was kept apart, and its filter of kernel calls held.")
    decision.require()


def write_manifests(
    folder: Annotated[Path, typer.Argument(help="Where the files are written; it is made.")],
    home: Home = DEFAULT_HOME,
) -> None:
    """Write what a Kubernetes cluster needs to run workspaces as pods; nothing is asked of any cluster.

    Read from `[workspaces.cluster]` in haven.toml: image (by its digest), node, account, storage_class, and more. Each
    file is the same whenever the settings are: keep them under version control, and look at what changes.

    The numbered files are for the cluster, in their order. node/workspace.json is the filter of kernel calls, for the
    node. example/ shows what the real KubeSpawner makes of a workspace that nobody has: for whoever reviews it.

    Example: `haven workspace kubernetes manifests --home /srv/haven`
    """
    from infra.cluster import cluster_files
    from infra.settings import load_settings

    for name, text in cluster_files(load_settings(home)).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        typer.echo(path)
    typer.echo(f"Then: kubectl apply -f {folder}; the rest: docs/kubernetes.md")
