"""What benchmarks apply: one namespace and a mix of kinds, harmless on any cluster."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from clusters.model import (
    BUNDLE_LABEL,
    FLEET_LABEL,
    BundleName,
    BundlePolicy,
    ConflictPolicy,
    DesiredBundle,
    DesiredState,
    Manifest,
    Revision,
    canonical_json,
    digest_of,
)

NAMESPACE = "flotilla-bench"
FLEET = "bench"
BUNDLE = BundleName("bench")
SELECTOR = f"{FLEET_LABEL}={FLEET}"
PATHS = {
    "Namespace": "/api/v1/namespaces",
    "ConfigMap": f"/api/v1/namespaces/{NAMESPACE}/configmaps",
    "Secret": f"/api/v1/namespaces/{NAMESPACE}/secrets",
    "Service": f"/api/v1/namespaces/{NAMESPACE}/services",
    "ServiceAccount": f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts",
    "Deployment": f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments",
}
_MIX = ("ConfigMap",) * 5 + ("Deployment",) * 2 + ("Secret", "Service", "ServiceAccount")


def path_of(manifest: Manifest) -> str:
    """The path of an object below the server's address."""
    return f"{PATHS[manifest.ref.kind]}/{manifest.ref.name}"


def _content(kind: str, name: str, edition: str) -> dict[str, Any]:
    match kind:
        case "Namespace":
            return {}
        case "ConfigMap":
            data = {f"key-{line}": f"value {line} of {name}" for line in range(12)}
            return {"data": {**data, "edition": edition}}
        case "Secret":
            return {"data": {f"key-{line}": "c2VjcmV0" for line in range(4)}}
        case "Service":
            ports = [{"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"}]
            return {"spec": {"selector": {"app": name}, "ports": ports}}
        case "ServiceAccount":
            return {"automountServiceAccountToken": False}
        case _:
            return {"spec": _deployment(name)}


def _deployment(name: str) -> dict[str, Any]:
    labels = {"app": name, "tier": "web"}
    container = {
        "name": "main",
        "image": "registry.example.com/web:1.4.2",
        "ports": [{"containerPort": 8080, "name": "http", "protocol": "TCP"}],
        "env": [{"name": f"VARIABLE_{n}", "value": f"value {n}"} for n in range(6)],
        "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 10},
    }
    return {
        "replicas": 0,  # nothing is to run on somebody's cluster
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
    }


def _object(number: int, kind: str, edition: str) -> Manifest:
    name = NAMESPACE if kind == "Namespace" else f"{kind.lower()}-{number:05}"
    place = {} if kind == "Namespace" else {"namespace": NAMESPACE}
    return Manifest.of(
        {
            "apiVersion": "apps/v1" if kind == "Deployment" else "v1",
            "kind": kind,
            "metadata": {
                "name": name,
                **place,
                "labels": {FLEET_LABEL: FLEET, BUNDLE_LABEL: BUNDLE},
            },
            **_content(kind, name, edition),
        }
    )


@lru_cache
def manifests(count: int, edition: str = "first") -> tuple[Manifest, ...]:
    """`count` objects; another edition differs in one of them, and shares the rest."""
    if edition != "first":
        before = manifests(count, "first")  # the same key of the cache: the server shares them, too
        return (before[0], _object(1, _MIX[0], edition), *before[2:])
    kinds = ["Namespace", *(_MIX[number % len(_MIX)] for number in range(count - 1))]
    return tuple(_object(number, kind, edition) for number, kind in enumerate(kinds))


def desired(count: int, edition: str = "first", *, generation: int = 1) -> DesiredState:
    """A desired state of one bundle with `count` objects."""
    made = manifests(count, edition)
    bundle = DesiredBundle(
        name=BUNDLE,
        digest=digest_of(canonical_json([manifest.digest for manifest in made])),
        revision=Revision("0" * 40),
        manifests=made,
        policy=BundlePolicy(conflicts=ConflictPolicy.FORCE),
    )
    return DesiredState(generation=generation, bundles={BUNDLE: bundle})
