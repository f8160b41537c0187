"""Renders everything that an inventory declares, and gathers all that is wrong with it.

Works on what could be read: a document with an error must not hide the errors of others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from clusters.model import BundleName, ClusterName, Digest, Manifest
from fleet.model import Inventory
from fleet.model.problems import InvalidFleet, Problem
from fleet.model.release import double_claims
from fleet.source.render.files import SourceFiles
from fleet.source.render.render import Renderer


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """All renderings of a commit, without those that failed; `problems` say why."""

    contents: dict[Digest, tuple[Manifest, ...]] = field(default_factory=dict)
    placements: dict[BundleName, dict[ClusterName, Digest]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)


def render_whole(
    inventory: Inventory,
    files: Mapping[BundleName, SourceFiles],
    placed: Mapping[BundleName, Sequence[ClusterName]],
    renderer: Renderer,
) -> Whole:
    """Render every bundle that has files, for every cluster that it goes to.

    A bundle that goes nowhere is read all the same: it may go somewhere with the next commit.
    """
    whole = Whole()
    for bundle in inventory.bundles.values():
        digests = whole.placements.setdefault(bundle.name, {})
        source = files.get(bundle.name)
        if source is None:
            continue
        if not placed[bundle.name]:
            whole.problems.extend(renderer.faults(bundle, source))
        for name in placed[bundle.name]:
            try:
                rendered = renderer.render(bundle, inventory.clusters[name], source)
            except InvalidFleet as error:
                whole.problems.extend(error.problems)
                continue
            whole.contents.setdefault(rendered.digest, rendered.manifests)
            digests[name] = rendered.digest
            whole.warnings.extend(rendered.warnings)
    renderer.end_round()
    whole.problems.extend(double_claims(inventory, whole.contents, whole.placements))
    return whole
