"""Real manifests: online-boutique and kube-prometheus over embedded clusters, by one command."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.e2e.processes import run, served_clusters, short_folder
from tests.fakes.fleet import FLEET_FILE, bundle_document, cluster_document
from tests.fleet.source.gits import WorkTree

SAMPLES = Path(__file__).parents[3] / "shared/samples"
CLUSTERS = int(os.environ.get("FLOTILLA_CLUSTERS", "2"))
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not SAMPLES.is_dir(), reason=f"there are no samples in {SAMPLES}"),
]


def _objects(folder: Path) -> int:
    """How many objects the files of a folder hold, those inside of Lists counted one by one."""
    count = 0
    for path in [*folder.rglob("*.yaml"), *folder.rglob("*.yml")]:
        for document in yaml.load_all(path.read_text(), Loader=yaml.CBaseLoader):
            if isinstance(document, dict) and "kind" in document:
                listed = document["kind"].endswith("List") and "items" in document
                count += len(document["items"]) if listed else 1
    return count


def test_the_samples_converge_and_kubectl_lists_them() -> None:
    with short_folder() as folder, served_clusters(folder, CLUSTERS) as kubeconfig:
        repo = folder / "repo"
        shutil.copytree(
            SAMPLES / "online-boutique/kubernetes-manifests",
            repo / "apps/boutique",
            ignore=shutil.ignore_patterns("kustomization.yaml"),
        )
        shutil.copytree(SAMPLES / "kube-prometheus/manifests", repo / "apps/monitoring")
        each = _objects(repo / "apps")
        names = [f"cluster-{number:03}" for number in range(1, CLUSTERS + 1)]
        plain = "  substitute: false\n"
        tree = WorkTree(repo)
        tree.git("init", "--quiet", "--initial-branch=main")
        tree.commit(
            {
                "fleet.yaml": FLEET_FILE,
                **{f"clusters/{name}.yaml": cluster_document(name) for name in names},
                "bundles/boutique.yaml": bundle_document(
                    "boutique", more=plain + "  namespace: default\n"
                ),
                "bundles/monitoring.yaml": bundle_document("monitoring", more=plain),
            }
        )
        words = ("--repo", str(repo), "--state", str(folder / "state"))
        said = run("server", *words, "--kubeconfig", str(kubeconfig), "--once", timeout_s=600)
        assert said.returncode == 0, said.stdout + said.stderr[-3000:]
        assert f"{CLUSTERS} of {CLUSTERS} clusters ready, {CLUSTERS * each} objects" in said.stderr
        if shutil.which("kubectl") is None:
            pytest.skip("kubectl is not installed; the fleet itself has converged")
        for name in names:
            listed = _kubectl(kubeconfig, name, "get", "deployments", "-A", "-o", "name")
            assert "deployment.apps/frontend" in listed
            assert "deployment.apps/prometheus-operator" in listed
            rules = _kubectl(kubeconfig, name, "get", "prometheusrules", "-A", "-o", "name")
            assert re.search(r"prometheusrule\.monitoring\.coreos\.com/", rules)


def _kubectl(kubeconfig: Path, context: str, *words: str) -> str:
    return subprocess.run(
        ["kubectl", "--kubeconfig", str(kubeconfig), "--context", context, *words],
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent"},
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
