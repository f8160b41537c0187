"""Builders of fleets as a server would describe them, from one cluster to thousands.

Deterministic: the same arguments make the same view.  Numbers agree with each other (a cluster's
counts are those of its placements), because the TUI is judged on data a real server could send.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from fleet.view import (
    BundleOnCluster,
    BundleView,
    ClusterState,
    ClusterView,
    CommitView,
    DriftView,
    EventView,
    FleetView,
    GateView,
    GitView,
    NeedView,
    ObjectView,
    ProblemView,
    RolloutClusterView,
    RolloutView,
    StageView,
)

NOW = datetime(2026, 11, 23, 12, 41, 7, tzinfo=UTC)
NEW = "9f3c1ab0d2e4f6a8b0c2d4e6f8a0b2c4d6e8f001"
OLD = "51b0d9e7c3a1958372615048fedcba9876543210"
BUNDLES = ("cert-manager", "ingress-nginx", "payments", "search", "web")
REGIONS = ("eu-west-1", "us-east-1", "ap-south-1")
_FAULTS = {
    3: ClusterState.FAILED,
    5: ClusterState.DRIFTED,
    9: ClusterState.DRIFTED,
    11: ClusterState.OFFLINE,
    14: ClusterState.SUSPENDED,
    17: ClusterState.RECONCILING,
    21: ClusterState.PENDING,
    23: ClusterState.QUARANTINED,
}
_WHY = {
    ClusterState.FAILED: "payments: Deployment payments/pay-api: ImagePullBackOff (4m)",
    ClusterState.DRIFTED: "web: Deployment web/web spec.replicas changed by kubectl-edit",
    ClusterState.OFFLINE: "TLS handshake timeout, next try in 40s",
    ClusterState.SUSPENDED: "carol: load test",
    ClusterState.RECONCILING: "search: wave 1 of 3, 2 pods not ready",
    ClusterState.PENDING: "waits for its first contact",
    ClusterState.QUARANTINED: "its reconciler crashed: KeyError 'spec'",
}
_HEALTH = {
    ClusterState.READY: "Healthy",
    ClusterState.FAILED: "Degraded",
    ClusterState.DRIFTED: "Healthy",
    ClusterState.SUSPENDED: "Suspended",
    ClusterState.RECONCILING: "Progressing",
}


def environment(index: int, total: int) -> str:
    """Dev for the first eighth, stage for the next quarter, prod for the rest."""
    if index < max(1, total // 8):
        return "dev"
    return "stage" if index < max(2, total * 3 // 8) else "prod"


def cluster(index: int, total: int) -> ClusterView:
    """One cluster; every 24th has the same fault."""
    env = environment(index, total)
    region = REGIONS[index % len(REGIONS)]
    state = _FAULTS.get(index % 24, ClusterState.READY)
    silent = state in {ClusterState.OFFLINE, ClusterState.PENDING}
    ready = {ClusterState.READY: 5, ClusterState.DRIFTED: 5}.get(state, 0 if silent else 4)
    return ClusterView(
        name=f"{env}-{region.split('-')[0]}-{index:03d}",
        labels={"env": env, "region": region, "tier": "1" if env == "prod" else "2"},
        state=state,
        health=_HEALTH.get(state, "Unknown"),
        version="" if state is ClusterState.PENDING else f"1.{35 + index % 2}.2",
        bundles_ready=ready,
        bundles_total=len(BUNDLES),
        objects=6 * len(BUNDLES),
        drifted=1 if state is ClusterState.DRIFTED else 0,
        revision=OLD if silent else NEW,
        last_seen=NOW - timedelta(minutes=26 if silent else 0, seconds=index % 5),
        why=_WHY.get(state, ""),
        suspended="carol: load test" if state is ClusterState.SUSPENDED else "",
        latency_ms=None if silent else 12.0 + index % 9,
    )


def placement(view: ClusterView, bundle: str) -> BundleOnCluster:
    """One bundle on one cluster: the cluster's fault sits on the bundle its reason names."""
    at_fault = (view.why.partition(":")[0] or "") == bundle
    whole = view.state in {
        ClusterState.OFFLINE,
        ClusterState.SUSPENDED,
        ClusterState.PENDING,
        ClusterState.QUARANTINED,
    }
    state = view.state if at_fault or whole else ClusterState.READY
    return BundleOnCluster(
        cluster=view.name,
        bundle=bundle,
        state=state,
        health=_HEALTH.get(state, "Unknown"),
        revision=view.revision,
        assigned_revision=NEW,
        digest="d1",
        assigned_digest="d1",
        objects=6,
        applied=6 if state in {ClusterState.READY, ClusterState.DRIFTED} else 4,
        drifted=view.drifted if at_fault else 0,
        message=view.why if at_fault else "",
        since=NOW - timedelta(minutes=4) if at_fault else NOW - timedelta(hours=3),
    )


def drift(view: ClusterView, *, number: int) -> DriftView:
    """The same hand's change of one Deployment on each drifted cluster."""
    return DriftView(
        id=f"drift-{number}",
        cluster=view.name,
        bundle="web",
        group="apps",
        kind="Deployment",
        namespace="web",
        name="web",
        paths=("spec.replicas",),
        who="kubectl-edit (Update)",
        seen_at=NOW - timedelta(minutes=17),
        changed_at=NOW - timedelta(minutes=18),
        policy="report",
        same_as="web/replicas-7",
    )


def rollout(clusters: Sequence[ClusterView]) -> RolloutView:
    """Payments on its way: dev and stage done, prod waits for one more approval."""
    members: list[RolloutClusterView] = []
    stages: list[StageView] = []
    for env in ("dev", "stage", "prod"):
        names = [c.name for c in clusters if c.labels["env"] == env]
        done = env != "prod"
        members += [
            RolloutClusterView(
                name=name,
                stage=env,
                state="good" if done else "pending",
                since=NOW - timedelta(minutes=90 - 60 * position / max(1, len(names)))
                if done
                else None,
            )
            for position, name in enumerate(names)
        ]
        stages.append(_stage(env, len(names), done=done))
    return RolloutView(
        id="payments-7",
        bundle="payments",
        phase="waiting",
        from_revision=OLD,
        to_revision=NEW,
        subject="payments: 2.8.0 to 2.8.1",
        author="bob",
        strategy="careful",
        plan_hash="5e1d0c",
        started_at=NOW - timedelta(minutes=95),
        stages=stages,
        clusters=members,
        waiting_on=(
            "Stage prod waits for 1 more approval (1 of 2).",
            "Stage prod soaks until 12:49Z.",
        ),
        changes=("~ Deployment payments/pay-api  image 2.8.0 -> 2.8.1", "~ ConfigMap pay-flags"),
    )


def _stage(env: str, total: int, *, done: bool) -> StageView:
    return StageView(
        name=env,
        state="complete" if done else "waiting",
        total=total,
        good=total if done else 0,
        max_concurrency=4,
        max_failures=0 if env == "prod" else 1,
        bound="at most 4 clusters can break before it stops",
        gates_before=() if done else _gates(),
        started_at=NOW - timedelta(minutes=90) if done else None,
        finished_at=NOW - timedelta(minutes=30) if done else None,
    )


def _gates() -> tuple[GateView, ...]:
    return (
        GateView(
            name="stage-healthy", kind="health", state="open", sentence="9 of 9 clusters healthy"
        ),
        GateView(
            name="soak-30m",
            kind="soak",
            state="waiting",
            sentence="22m of 30m",
            until=NOW + timedelta(minutes=8),
            progress=0.73,
        ),
        GateView(
            name="sre-approval",
            kind="approval",
            state="waiting",
            sentence="1 of 2 approvals",
            approvals=("bob",),
            approvals_needed=2,
        ),
    )


def finished_rollout() -> RolloutView:
    """An older one that was carried through."""
    return RolloutView(
        id="search-6",
        bundle="search",
        phase="complete",
        from_revision=OLD,
        to_revision=NEW,
        subject="search: more replicas",
        author="carol",
        strategy="careful",
        plan_hash="77aa01",
        started_at=NOW - timedelta(days=1),
        finished_at=NOW - timedelta(hours=22),
    )


def needs(clusters: Sequence[ClusterView]) -> tuple[NeedView, ...]:
    """What a person should see to, worst first."""
    rows = [
        NeedView(
            id="approval/payments-7/prod/sre-approval",
            kind="approval",
            subject="payments",
            sentence="payments 9f3c1ab waits for approval 2 of 2 before stage prod",
            since=NOW - timedelta(minutes=3),
            command="flotilla approve payments-7 --stage prod",
        )
    ]
    kinds = {
        ClusterState.FAILED: "failure",
        ClusterState.OFFLINE: "offline",
        ClusterState.QUARANTINED: "quarantine",
        ClusterState.SUSPENDED: "suspended",
    }
    rows += [
        NeedView(
            id=_need_id(view),
            kind=kinds[view.state],
            subject=view.name,
            sentence=view.why,
            since=NOW - timedelta(minutes=4),
        )
        for view in clusters
        if view.state in kinds
    ]
    drifted = [view for view in clusters if view.drifted]
    if drifted:
        sentence = f"Deployment web/web spec.replicas differs on {len(drifted)} clusters"
        rows.append(
            NeedView(
                id="drift/drift-1",
                kind="drift",
                subject=f"Deployment/web @ {drifted[0].name}",
                sentence=sentence,
                since=NOW - timedelta(minutes=17),
            )
        )
    return tuple(rows)


def _need_id(view: ClusterView) -> str:
    match view.state:
        case ClusterState.FAILED:
            return f"failure/{view.name}/payments"
        case ClusterState.OFFLINE:
            return f"offline/{view.name}"
        case ClusterState.QUARANTINED:
            return f"quarantine/{view.name}"
        case _:
            return f"suspended/cluster/{view.name}"


def events(clusters: Sequence[ClusterView]) -> tuple[EventView, ...]:
    """A short audit log, oldest first."""
    first = clusters[0].name if clusters else ""
    rows = (
        ("system", "CommitAccepted", "", "", "commit 9f3c1ab0 «payments» by bob is in force"),
        ("system", "ReleaseCreated", "", "payments", "release 9f3c1ab0 of payments by bob"),
        ("system", "Converged", first, "payments", f"payments 9f3c1ab0 is healthy on {first}"),
        ("bob", "RolloutEvent", "", "payments", "rollout payments-7: Approved"),
        ("system", "DriftSeen", first, "web", "Deployment web/web: spec.replicas by kubectl-edit"),
    )
    return tuple(
        EventView(
            seq=18230 + number,
            at=NOW - timedelta(minutes=95 - 18 * number),
            actor=actor,
            kind=kind,
            cluster=at,
            bundle=bundle,
            sentence=sentence,
        )
        for number, (actor, kind, at, bundle, sentence) in enumerate(rows)
    )


def git(*, problems: Sequence[ProblemView] = ()) -> GitView:
    """The fleet repository, good unless `problems` are given."""
    return GitView(
        repository="https://git.example.com/acme/fleet.git",
        ref="main",
        revision=NEW,
        subject="payments: 2.8.0 to 2.8.1",
        author="bob",
        committed_at=NOW - timedelta(minutes=97),
        fetched_at=NOW - timedelta(seconds=41),
        refused_revision="77aa012b" * 5 if problems else "",
        problems=problems,
    )


def fleet(count: int, *, cursor: str = "boot-1") -> FleetView:
    """A fleet of `count` clusters with all kinds of trouble in every 24."""
    clusters = tuple(cluster(index, count) for index in range(count))
    drifted = [view for view in clusters if view.drifted]
    return FleetView(
        cursor=cursor,
        at=NOW,
        fleet="acme",
        version="0.1.0",
        git=git(),
        clusters=clusters,
        bundles=tuple(bundle(name, clusters) for name in BUNDLES) if count else (),
        placements=tuple(placement(view, name) for view in clusters for name in BUNDLES),
        drift=tuple(drift(view, number=number + 1) for number, view in enumerate(drifted)),
        rollouts=(rollout(clusters), finished_rollout()) if count else (),
        needs=needs(clusters) if count else (),
        events=events(clusters) if count else (),
    )


def bundle(name: str, clusters: Sequence[ClusterView]) -> BundleView:
    """One bundle, placed on every cluster."""
    states = [placement(view, name).state for view in clusters]
    return BundleView(
        name=name,
        source=f"bundles/{name}",
        strategy="careful",
        revision=NEW,
        clusters_total=len(clusters),
        clusters_ready=sum(state is ClusterState.READY for state in states),
    )


def objects(view: ClusterView) -> tuple[ObjectView, ...]:
    """The apply set of one cluster: six objects of each bundle."""
    rows: list[ObjectView] = []
    for name in BUNDLES:
        place = placement(view, name)
        for group, kind in (
            ("", "Namespace"),
            ("", "ServiceAccount"),
            ("", "ConfigMap"),
            ("", "Service"),
            ("apps", "Deployment"),
            ("policy", "PodDisruptionBudget"),
        ):
            ill = kind == "Deployment" and place.state is ClusterState.FAILED
            rows.append(
                ObjectView(
                    bundle=name,
                    group=group,
                    kind=kind,
                    namespace="" if kind == "Namespace" else name,
                    name=name,
                    health="Degraded" if ill else "Healthy",
                    message="ImagePullBackOff: image not found" if ill else "",
                    drifted=kind == "Deployment" and place.drifted > 0,
                    state="failed" if ill else "applied",
                )
            )
    return tuple(rows)


def history() -> tuple[CommitView, ...]:
    """Four commits, newest first: one refused, one in force."""
    rows = (
        ("77aa012b" * 5, "web: typo in values", "dave", "refused", 1),
        (NEW, "payments: 2.8.0 to 2.8.1", "bob", "in force", 97),
        (OLD, "search: more replicas", "carol", "superseded", 1500),
        ("a1" * 20, "first commit", "alice", "", 9000),
    )
    return tuple(
        CommitView(
            revision=revision,
            subject=subject,
            author=author,
            at=NOW - timedelta(minutes=minutes),
            state=state,
        )
        for revision, subject, author, state, minutes in rows
    )
