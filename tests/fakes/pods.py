"""The real KubeSpawner, asked again and again what it makes of a workspace. A program, run by the hub's environment.

Each line of input is a JSON object: spec (person, project, conditions, variables, door, limits), cluster, held, stay.
Each line of output is what came of it: values, home and pod, or what was refused.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
CODE = ROOT / "clients" / "haven-hub"


@dataclass
class PodMaker:
    """The program's two ends."""

    process: subprocess.Popen[str]

    def make(self, asked: dict[str, Any]) -> dict[str, Any]:
        """What came of one description."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, "the program ended"
        return dict(json.loads(answer))


def node_filter(environment: Path, target: Path) -> dict[str, Any]:
    """What node_filter.py tells; it writes the kernel's program to `target`."""
    command = [str(environment / "bin" / "python"), "-P", str(Path(__file__).with_name("node_filter.py")), str(target)]
    return dict(json.loads(subprocess.run(command, check=True, capture_output=True, env=_environment()).stdout))


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, "PYTHONPATH": str(CODE), "PYTHONDONTWRITEBYTECODE": "1"}


@contextmanager
def pod_maker(environment: Path) -> Iterator[PodMaker]:
    """The program of this hub's environment, until the block ends."""
    with subprocess.Popen(
        [str(environment / "bin" / "python"), "-P", __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=_environment(),
    ) as process:
        yield PodMaker(process)
        process.communicate()


def main() -> None:
    """Answer each line."""
    from haven_hub.kubernetes.model import NotForACluster

    for line in sys.stdin:
        try:
            answer = _made(json.loads(line))
        except NotForACluster as refused:
            answer = {"refused": str(refused), "mend": refused.mend}
        print(json.dumps(answer), flush=True)


def _made(asked: dict[str, Any]) -> dict[str, Any]:
    from datetime import timedelta

    from haven_hub.kubernetes.made import objects_of
    from haven_hub.kubernetes.model import Cluster
    from haven_hub.kubernetes.policies import faults_of
    from haven_hub.sandbox import Folders, Limits, WorkspaceSpec
    from haven_hub.stay import StayBounds
    from haven_hub.watch import Bounds

    told, cluster = asked["spec"], Cluster.of(asked["cluster"])
    nowhere = Path("/nowhere")
    spec = WorkspaceSpec(
        person=told["person"],
        project=told["project"],
        folders=Folders(
            home=nowhere, lab=Path("w-1/lab"), door=Path(told["door"]) / "gateway.sock",
            flight=Path(told["door"]) / "flight.sock", hub=Path("w-1/hub.sock"),
            environment=Path(cluster.environment), python=nowhere, client=nowhere, jupyter=nowhere,
            imports=Path(cluster.imports) / told["project"], packages=Path(cluster.packages) / told["project"],
        ),
        variables=tuple(sorted(told["variables"].items())),
        conditions=tuple(told["conditions"]),
        limits=Limits(**told["limits"]),
    )  # fmt: skip
    stay = StayBounds(timedelta(seconds=asked["stay"]["idle"]), timedelta(seconds=asked["stay"]["longest"]))
    made = objects_of(spec, cluster, Bounds(**asked["held"]), stay)
    return {**made, "faults": faults_of(made["pod"], cluster)}


if __name__ == "__main__":
    main()
