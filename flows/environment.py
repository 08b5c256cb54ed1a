"""How is Prefect set up? By variables that must stand before its first import: no telemetry, loopback, own folder."""

from __future__ import annotations

import os
from pathlib import Path

SLOWEST_START_SECONDS = "180"


def prefect_environment(folder: Path, api_url: str | None) -> dict[str, str]:
    """Variables for a process that uses Prefect. `api_url` None: an ephemeral server inside the process."""
    variables = {
        "PREFECT_HOME": str(folder),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_CLOUD_ENABLE_ORCHESTRATION_TELEMETRY": "false",
        "PREFECT_SERVER_API_HOST": "127.0.0.1",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": SLOWEST_START_SECONDS,
        "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",
        "PREFECT_TASKS_REFRESH_CACHE": "true",
        "PREFECT_LOGGING_LEVEL": "WARNING",
        "PREFECT_LOGGING_TO_API_ENABLED": "false",
        "PREFECT_CLI_COLORS": "false",
        "PREFECT_SHOW_UPDATE_NOTICE": "false",
    }
    if api_url:
        variables["PREFECT_API_URL"] = api_url
    else:
        variables["PREFECT_SERVER_ALLOW_EPHEMERAL_MODE"] = "true"
    return variables


def prepare(folder: Path, api_url: str | None = None) -> None:
    """Set this process up; call before anything imports Prefect."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.environ.update(prefect_environment(folder, api_url))
