"""Bundles, clusters and files for tests of rendering, in a line each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from clusters.model import BundleName, BundlePolicy, ClusterName, HealthRule, digest_of
from fleet.model import (
    Bundle,
    Cluster,
    Connection,
    Patch,
    Place,
    Placement,
    Source,
    ValuesLayer,
)
from fleet.model.problems import InvalidFleet
from fleet.source.render.files import SourceFile, SourceFiles
from fleet.source.render.render import Rendered, render

PLACE = Place(file="bundles.yaml", line=7)

CONFIG_MAP = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
data:
  region: "{}"
"""


def cluster(
    name: str = "eu-1", *, properties: Mapping[str, str] | None = None, **labels: str
) -> Cluster:
    return Cluster(
        name=ClusterName(name),
        place=Place(file="clusters.yaml", line=1),
        connection=Connection(context=name),
        labels=labels,
        properties=properties or {},
    )


def bundle(
    *,
    path: str = "",
    namespace: str | None = None,
    values: Sequence[ValuesLayer] = (),
    patches: Sequence[Patch] = (),
    substitute: bool = True,
    policy: BundlePolicy = BundlePolicy(),  # noqa: B008
    health: Sequence[HealthRule] = (),
) -> Bundle:
    return Bundle(
        name=BundleName("web"),
        place=PLACE,
        source=Source(path=path),
        placement=Placement(),
        namespace=namespace,
        values=values,
        patches=patches,
        substitute=substitute,
        policy=policy,
        health=health,
    )


def source_files(files: Mapping[str, str], *, root: str = "") -> SourceFiles:
    return SourceFiles(
        root=root,
        files={
            path: SourceFile(path=path, blob_id=digest_of(text.encode()), data=text.encode())
            for path, text in files.items()
        },
    )


def config_map(name: str, **data: str) -> str:
    lines = [f"  {key}: {value}" for key, value in data.items()]
    return "\n".join(
        ["apiVersion: v1", "kind: ConfigMap", f"metadata: {{name: {name}}}", "data:", *lines, ""]
    )


def rendered(files: Mapping[str, str], *, on: Cluster | None = None, **settings: Any) -> Rendered:
    return render(bundle(**settings), on or cluster(), source_files(files), fleet="acme")


def contents(result: Rendered) -> list[Mapping[str, Any]]:
    return [manifest.content for manifest in result.manifests]


def problems_of(files: Mapping[str, str], **settings: Any) -> list[str]:
    """What a person is told; fails where there is nothing to tell."""
    try:
        rendered(files, **settings)
    except InvalidFleet as invalid:
        return [str(problem) for problem in invalid.problems]
    raise AssertionError("this should have been refused")
