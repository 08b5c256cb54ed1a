"""How does a flow run from the command line or a deployment? With this haven put behind it, telemetry off."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from audit.progress import Progress, silent
from flows.environment import prepare
from infra.errors import DeploymentError
from infra.servers.supervisor import service_address

if TYPE_CHECKING:
    from infra.plant import HavenPlant
    from infra.wiring.haven import Haven


class UnknownFlow(DeploymentError):
    """No flow has this name, or it was called with the wrong subject."""

    code = "flow.unknown"
    exit_status = 64


def prefect_address(haven: Haven) -> str | None:
    """The API of the haven's Prefect server when it is up; None means an ephemeral one."""
    address = service_address(haven.settings.run_folder, "prefect")
    return f"{address}/api" if address else None


def put_behind_flows(haven: Haven, progress: Progress = silent) -> HavenPlant:
    """Prepare this process for flows on `haven`; returns the plant, which keeps what the steps returned."""
    prepare(haven.settings.prefect_folder, prefect_address(haven))
    from flows.pieces import as_tasks
    from flows.plant import use
    from infra.plant import HavenPlant

    haven.run_pieces = as_tasks
    plant = HavenPlant(haven)
    use(lambda: plant, progress)
    return plant


def run_named_flow(
    haven: Haven, name: str, subject: str | None, say: Callable[[str], None], *, who: str | None = None
) -> None:
    """Run one flow by name and say what it did. who: takes a delivery in; the other flows act as services.

    Raises UnknownFlow, or what the flow's step raised.
    """
    if (name == "ingest") is (who is None):
        raise UnknownFlow(
            "A delivery is taken in by a person." if who is None else "This flow acts as a service of the haven's.",
            where="--as",
            mend="haven flow run ingest PATH --as NAME" if who is None else f"haven flow run {name}, without --as",
        )
    plant = put_behind_flows(haven)
    from flows.housekeeping import housekeeping
    from flows.ingest import ingest
    from flows.link import link
    from flows.publish_scope import publish_scope
    from flows.refresh_optouts import refresh_optouts
    from flows.release import release
    from flows.sweep import sweep_inbox
    from flows.train_linkage import train_linkage

    with_subject: dict[str, Callable[[str], object]] = {
        "ingest": lambda path: ingest(plant.inbox.stage(Path(path), by=haven.whoever(who or ""))),
        "publish_scope": publish_scope,
        "release": release,
        "sweep_inbox": sweep_inbox,
    }
    alone: dict[str, Callable[[], object]] = {
        "link": link,
        "train_linkage": train_linkage,
        "refresh_optouts": refresh_optouts,
        "housekeeping": housekeeping,
    }
    if name in alone and subject is None:
        alone[name]()
    elif name in with_subject and subject is not None:
        with_subject[name](subject)
    else:
        raise UnknownFlow(
            f"There is no flow '{name}' {'for' if subject else 'without'} a subject.",
            mend="There are: ingest PATH --as NAME, train_linkage, link, publish_scope PROJECT, release REQUEST,"
            " sweep_inbox DATASET, refresh_optouts, housekeeping.",
        )
    for summary in plant.summaries:
        say(summary.headline)
        for label, value in summary.rows:
            say(f"  {label}: {value}")
