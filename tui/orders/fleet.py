"""What actions mean for clusters and bundles.  Pure; `tui.orders.choosing` chooses among them."""

from __future__ import annotations

from typing import Any

from fleet.view import BundleOnCluster, BundleView, ClusterView, DriftView, RolloutView
from fleet.view_deletions import hash_of_lists, summary
from tui.content.drift_inbox import DriftGroup
from tui.model.store import FleetStore
from tui.orders.drift import put_back
from tui.orders.plans import NotNow, Plan, RolloutCluster, Tier, clusters_of_bundle, one
from tui.orders.rollouts import pause
from tui.text import format as fmt

OBJECTS_NAMED = 6
"""Objects of each list of deletions that are named; the rest is counted."""


def sync(subject: object, store: FleetStore) -> Plan | NotNow:
    """Apply what is assigned; put drift back."""
    match subject:
        case ClusterView(suspended=why) if why:
            return NotNow(f"{subject.name} is suspended ({why}): resume it first (T)")
        case ClusterView(name=name):
            return one(
                "reconcile", f"cluster/{name}", store=store, title=f"Sync {name}", verb="Sync",
                scope=name, clusters=[name],
                facts=[
                    f"applies what is assigned: {fmt.count(subject.bundles_total, 'bundle')}",
                    f"{fmt.count(subject.objects, 'object')}, {subject.drifted} drifted",
                ],
            )  # fmt: skip
        case BundleOnCluster(cluster=cluster, bundle=bundle):
            return one(
                "reconcile", f"cluster/{cluster}", store=store, verb="Sync", scope=cluster,
                title=f"Sync {cluster}", clusters=[cluster], arguments={"bundle": bundle},
                facts=[f"{bundle}: {subject.applied} of {subject.objects} objects are as desired"],
            )  # fmt: skip
        case BundleView(name=name):
            return one(
                "reconcile", f"bundle/{name}", store=store, title=f"Sync {name} everywhere",
                verb="Sync", scope=name, clusters=clusters_of_bundle(store, name),
                facts=["applies on each cluster the release that is assigned to it"],
            )  # fmt: skip
        case DriftView() | DriftGroup():
            return put_back(subject, store)
        case _:
            return NotNow("sync works on clusters, bundles and drift")


def look_at_git(store: FleetStore) -> Plan:
    """Look at the repositories now: a commit found so comes a little sooner than by itself."""
    return one(
        "reconcile", "git", store=store, title="Look at Git", verb="Look at Git", scope="git",
        tier=Tier.SEND,
    )  # fmt: skip


def suspend(subject: object, store: FleetStore) -> Plan | NotNow:
    """Suspend or resume a cluster or bundle; pause or resume a rollout."""
    match subject:
        case RolloutView():
            return pause(subject, store)
        case RolloutCluster(rollout=rollout):
            return pause(rollout, store)
        case ClusterView(name=name):
            kind, clusters, suspended = "cluster", [name], subject.suspended
        case BundleView(name=name):
            kind, suspended = "bundle", subject.suspended
            clusters = clusters_of_bundle(store, name)
        case _:
            return NotNow("only clusters, bundles and rollouts can be suspended")
    if suspended:
        return one(
            "resume", f"{kind}/{name}", store=store, title=f"Resume {name}", verb="Resume",
            scope=name, clusters=clusters, facts=[f"suspended: {suspended}"],
        )  # fmt: skip
    return one(
        "suspend", f"{kind}/{name}", store=store, title=f"Suspend {name}", verb="Suspend",
        scope=name, clusters=clusters, reason=True,
        facts=["nothing is applied or corrected there until it is resumed"],
    )  # fmt: skip


def confirm_prune(subject: object, store: FleetStore) -> Plan | NotNow:
    """Let deletions happen that a guard keeps back."""
    match subject:
        case BundleView(name=bundle):
            chosen = []
        case BundleOnCluster(bundle=bundle, cluster=cluster):
            chosen = [cluster]
        case _:
            return NotNow("deletions are confirmed for a bundle")
    needs = (need for need in store.needs.values() if need.id == f"confirm/{bundle}")
    waits = next((need.deletions for need in needs), None)
    if waits is None or not waits.hashes.keys() >= set(chosen):
        return NotNow("no deletion waits for a word here")
    clusters = chosen or list(waits.hashes)
    read = {name: waits.hashes[name] for name in clusters}
    arguments: dict[str, Any] = {"clusters": clusters, "listHash": hash_of_lists(read)}
    emptied = bundle in store.bundles and store.bundles[bundle].message == "no longer in Git"
    return one(
        "confirmPrune", f"bundle/{bundle}", store=store, verb="Delete", scope=bundle,
        title=f"Confirm the deletions of {bundle}", reason=True, clusters=clusters,
        tier=Tier.REFUSE if emptied else Tier.TYPE, arguments=arguments,
        facts=[
            "deleted objects do not come back by themselves",
            *summary(waits, chosen, most=OBJECTS_NAMED),
        ],
    )  # fmt: skip
