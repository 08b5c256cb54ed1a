"""Workspaces as pods: what the command writes is compared whole, held to Kubernetes' own schemas, and to its standard.

The pods are the real KubeSpawner's. No cluster is asked: what one makes of them is not seen here.
"""

from __future__ import annotations

import copy
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from infra.cluster import cluster_files, cluster_values
from infra.settings import Settings
from infra.settings_tables import ClusterSettings, WorkspaceSettings
from tests.fakes.pod_security import below_restricted
from tests.fakes.pods import ROOT, PodMaker, node_filter, pod_maker
from tests.fakes.workspaces import environments_folder

EXPECTED = Path(__file__).with_name("kubernetes")
OLDEST, NEWEST = "1.33", "1.37"  # the first whose pods have user namespaces without being asked; the schemas' last
IMAGE = "registry.example/haven/workspace@sha256:" + "0123456789abcdef" * 4
CLUSTER = ClusterSettings(image=IMAGE, node="haven-1.example", account=990, storage_class="encrypted")
SAID = CLUSTER.model_dump(exclude={"kubeconfig"})
HOME = Path("/srv/haven")
ASKED: dict[str, Any] = {
    "cluster": cluster_values(CLUSTER, Settings(home=HOME)),
    "held": {"disk": 20 * 1024**3, "memory": 8 * 1024**3},
    "stay": {"idle": 7200, "longest": 86400},
    "spec": {
        "person": "asha",
        "project": "diabetes",
        "conditions": ["Be good."],
        "variables": {"JUPYTERHUB_API_TOKEN": "t"},
        "door": "/srv/haven/run/doors/1",
        "limits": {},
    },
}


@pytest.fixture(scope="module")
def maker() -> Iterator[PodMaker]:
    """The real KubeSpawner, in the hub's environment."""
    with pod_maker(environments_folder() / "hub") as made:
        yield made


def _settings(**workspaces: Any) -> Settings:
    return Settings(home=HOME, workspaces=WorkspaceSettings(cluster=CLUSTER, **workspaces))


def _objects(text: str) -> list[dict[str, Any]]:
    return list(YAML(typ="safe", pure=True).load_all(text))


@pytest.fixture(scope="module")
def written() -> dict[str, str]:
    """The files of the settings above."""
    return cluster_files(_settings())


def test_the_files_are_these(written: dict[str, str]) -> None:
    """Each file that the command writes, the pod that the real KubeSpawner makes among them, whole."""
    expected = {
        str(path.relative_to(EXPECTED)): path.read_text(encoding="utf-8")
        for path in EXPECTED.rglob("*")
        if path.is_file()
    }
    assert written == expected


def test_kubernetes_knows_every_word_of_them(written: dict[str, str]) -> None:
    """Kubernetes' own schemas, of the oldest and the newest version meant, take each object: no unknown field."""
    objects = [one for name, text in written.items() if name.endswith(".yaml") and "values" not in name
               for one in _objects(text)]  # fmt: skip
    kinds = [one["kind"] for one in objects]
    assert {"Namespace", "NetworkPolicy", "Pod"} <= set(kinds)
    for one in objects:
        for version in (OLDEST, NEWEST):
            assert kubernetes_validate.validate(one, version, strict=True) == version
    wrong = {**objects[0], "specs": {}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, NEWEST, strict=True)


def test_every_object_of_the_namespace_is_in_it(written: dict[str, str]) -> None:
    """Nothing lands in the namespace that happens to be chosen where it is applied."""
    objects = [one for name, text in written.items() if name[0].isdigit() for one in _objects(text)]
    bare = [one["kind"] for one in objects if "namespace" not in one["metadata"]]
    assert bare == ["Namespace", *["PersistentVolume"] * 4]
    assert {one["metadata"].get("namespace", "haven-workspaces") for one in objects} == {"haven-workspaces"}


def test_no_pod_has_a_network(written: dict[str, str]) -> None:
    """One policy for every pod of the namespace, both ways, with no rule that lets anything through; no service."""
    objects = [one for name, text in written.items() if name[0].isdigit() for one in _objects(text)]
    policies = [one["spec"] for one in objects if one["kind"] == "NetworkPolicy"]
    assert policies == [{"podSelector": {}, "policyTypes": ["Ingress", "Egress"], "ingress": [], "egress": []}]
    quota = next(one for one in objects if one["kind"] == "ResourceQuota")
    assert quota["spec"]["hard"]["services"] == "0"


def test_the_nodes_filter_is_the_sandboxes_filter(tmp_path: Path) -> None:
    """The kernel's program made of the node's profile is the sandbox's, byte for byte, but for nested namespaces."""
    told = node_filter(environments_folder() / "hub", tmp_path / "filter")
    assert told["length"] > 500
    assert (told["same"], told["more"]) == (True, 8)


def test_the_command_writes_the_same_twice(tmp_path: Path) -> None:
    """From one haven.toml the same bytes, and without [workspaces.cluster] nothing but a sentence."""
    home = tmp_path / "home"
    home.mkdir()
    without = _run("workspace", "kubernetes", str(tmp_path / "none"), "--home", str(home))
    assert without.returncode == 78
    assert "[workspaces.cluster]" in without.stderr
    table = "\n".join(f"{name} = {json.dumps(value)}" for name, value in SAID.items())
    (home / "haven.toml").write_text(f"[workspaces.cluster]\n{table}\n", encoding="utf-8")
    for folder in ("one", "two"):
        done = _run("workspace", "kubernetes", str(tmp_path / folder), "--home", str(home))
        assert done.returncode == 0, done.stderr
    first = {path.relative_to(tmp_path / "one"): path.read_bytes() for path in (tmp_path / "one").rglob("*.*")}
    assert first == {path.relative_to(tmp_path / "two"): path.read_bytes() for path in (tmp_path / "two").rglob("*.*")}
    assert Path("node/workspace.json") in first
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"image": "registry.example/haven/workspace:latest"}, "digest"),
        ({"image": IMAGE.replace("@", ":1.0@")}, "without a tag"),
        ({"image": IMAGE[:-1]}, "digest"),
        ({"account": 0}, "root"),
        ({"account": 100_000}, "account"),
        ({"namespace": "Workspaces"}, "namespace"),
        ({"node": "a/b"}, "node"),
        ({"processors": 0.1}, "processors"),
        ({"environment": "relative"}, "environment"),
    ],
)
def test_what_could_be_something_else_tomorrow_is_refused(changed: dict[str, Any], said: str, tmp_path: Path) -> None:
    """An image by its tag, root's account, a name that is none: a sentence says it, and nothing is written."""
    home = tmp_path / "home"
    home.mkdir()
    values = {**SAID, **changed}
    table = "\n".join(f"{name} = {json.dumps(value)}" for name, value in values.items())
    (home / "haven.toml").write_text(f"[workspaces.cluster]\n{table}\n", encoding="utf-8")
    done = _run("workspace", "kubernetes", str(tmp_path / "out"), "--home", str(home))
    assert done.returncode == 78
    assert said in done.stderr
    assert not (tmp_path / "out").exists()


def test_an_unknown_setting_is_an_error(tmp_path: Path) -> None:
    """A key that the haven does not know stops the command with its name."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "haven.toml").write_text("[workspaces.cluster]\nhost_network = true\n", encoding="utf-8")
    done = _run("workspace", "kubernetes", str(tmp_path / "out"), "--home", str(home))
    assert done.returncode == 78
    assert "host_network" in done.stderr


def test_a_door_elsewhere_is_refused(maker: PodMaker) -> None:
    """A socket outside the two folders that pods see is no workspace's."""
    for door in ("/srv/haven/run", "/srv/haven/run/doors/../hub", "/etc"):
        asked = copy.deepcopy(ASKED)
        asked["spec"]["door"] = door
        assert "outside the folders" in maker.make(asked)["refused"]


LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
LABEL_VALUE = re.compile(r"([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?")
NAMES = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,62}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=200)
SPECS = st.fixed_dictionaries(
    {
        "person": NAMES,
        "project": NAMES,
        "conditions": st.lists(TEXTS, max_size=3),
        "variables": st.dictionaries(
            st.sampled_from(["JUPYTERHUB_API_TOKEN", "JUPYTERHUB_USER", "JUPYTERHUB_HOST"]), TEXTS, max_size=2
        ),
        "door": NAMES.map(lambda name: f"/srv/haven/run/doors/{name}"),
        "limits": st.fixed_dictionaries(
            {"memory": st.integers(2**29, 2**40), "processes": st.integers(1, 4096), "scratch": st.integers(1, 2**40)}
        ),
    }
)
CLUSTERS = st.fixed_dictionaries(
    {
        **{name: st.just(value) for name, value in ASKED["cluster"].items()},
        "account": st.integers(1, 65534),
        "processors": st.floats(0.5, 64),
        "namespace": st.from_regex(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", fullmatch=True),
    }
)


@settings(max_examples=60, deadline=None)
@given(spec=SPECS, cluster=CLUSTERS, longest=st.integers(0, 10**6), memory=st.integers(2**29, 2**40))
def test_every_workspace_is_a_restricted_pod(
    maker: PodMaker, spec: dict[str, Any], cluster: dict[str, Any], longest: int, memory: int
) -> None:
    """Whatever a workspace is called, holds and is told: its pod meets the standard, the schema, and our own rules."""
    held, stay = {"disk": 2**30, "memory": memory}, {"idle": 0, "longest": longest}
    made = maker.make({"spec": spec, "cluster": cluster, "held": held, "stay": stay})
    pod = made["pod"]
    assert made["faults"] == []
    assert below_restricted(pod) == []
    for one in (pod, made["home"]):
        assert kubernetes_validate.validate(one, NEWEST, strict=True) == NEWEST
        assert LABEL.fullmatch(one["metadata"]["name"])
        assert all(LABEL_VALUE.fullmatch(value) for value in one["metadata"]["labels"].values())
    _says_what_was_meant(pod["spec"], pod["metadata"]["annotations"], spec, cluster, longest, memory)


def _says_what_was_meant(
    pod: dict[str, Any], notes: dict[str, str], spec: dict[str, Any], cluster: dict[str, Any], longest: int, memory: int
) -> None:
    container = pod["containers"][0]
    assert pod["securityContext"]["runAsUser"] == cluster["account"]
    assert pod.get("activeDeadlineSeconds", 0) == longest
    assert container["resources"]["limits"]["memory"] == memory
    assert container["resources"]["requests"]["cpu"] < container["resources"]["limits"]["cpu"]
    assert {volume["emptyDir"]["sizeLimit"] for volume in pod["volumes"] if "emptyDir" in volume} == {
        str(spec["limits"]["scratch"])
    }
    assert notes["haven/conditions"] == "\n".join(spec["conditions"]) + "\n"
    variables = {one["name"]: one["value"].replace("$$", "$") for one in container["env"]}
    assert variables.items() >= spec["variables"].items()
    mounted = {mount["mountPath"]: mount for mount in container["volumeMounts"]}
    door = spec["door"].rsplit("/", 1)[1]
    assert mounted["/run/haven/gateway.sock"]["subPath"] == f"{door}/gateway.sock"
    writable = {path for path, mount in mounted.items() if not mount.get("readOnly")}
    assert writable == {"/home/researcher", "/run/haven/lab", "/tmp", "/dev/shm"}


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "infra.cli", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
