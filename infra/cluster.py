"""Which files does a cluster need for this haven's workspaces? The same settings give the same bytes.

They can be kept under version control: what changes in them has changed in haven.toml, or in the haven.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from environments.workspaces.cluster import NotForACluster, describe
from infra.settings import Settings
from infra.settings_tables import ClusterSettings

WIDEST = 1_000_000  # no line is broken


def cluster_files(settings: Settings) -> dict[str, str]:
    """Text by file name, in the order of applying. Raises NotForACluster.

    What a folder holds beside the numbered files (node/, example/) is not for the cluster: kubectl does not look there.
    """
    told = describe(_asked(settings), settings.environments_folder / "hub", settings.clients_folder / "haven-hub")
    written = {name: _yaml(*objects) for name, objects in told.manifests.items()}
    return {
        **written,
        f"node/{Path(told.profile['file']).name}": json.dumps(told.profile["content"], indent=1) + "\n",
        "example/values.yaml": _yaml(told.example["values"]),
        "example/workspace.yaml": _yaml(told.example["home"], told.example["pod"]),
    }


def cluster_values(cluster: ClusterSettings, settings: Settings) -> dict[str, Any]:
    """As the hub's code takes a cluster: with the folders of this haven that pods see."""
    folders = {
        "doors": str(settings.run_folder / "doors"),
        "servers": str(settings.run_folder / "hub"),
        "imports": str(settings.imports_folder),
        "packages": str(settings.packages_folder),
    }
    return {**cluster.model_dump(exclude={"kubeconfig"}), **folders}


def _asked(settings: Settings) -> dict[str, Any]:
    bounds = settings.workspaces
    if bounds.cluster is None:
        raise NotForACluster(
            "The settings name no cluster.",
            where="[workspaces.cluster]",
            mend="Say at least image, node, account and storage_class there (docs/kubernetes.md).",
        )
    return {
        "cluster": cluster_values(bounds.cluster, settings),
        "held": {"disk": bounds.home_quota, "memory": bounds.memory, "process_memory": bounds.process_memory},
        "stay": {"idle": bounds.idle_minutes * 60, "longest": bounds.longest_minutes * 60},
    }


def _yaml(*objects: Mapping[str, Any]) -> str:
    yaml = YAML()
    yaml.width = WIDEST
    yaml.explicit_start = True
    yaml.indent(mapping=2, sequence=4, offset=2)
    out = io.StringIO()
    yaml.dump_all(objects, out)
    return out.getvalue()
