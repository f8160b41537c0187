"""`flotilla get`: lists, for people and programs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from fleet.cli.connection import ServerOption, TokenOption, client
from fleet.cli.output import (
    EXIT_USAGE,
    Format,
    fail,
    labels_text,
    say,
    show_data,
    show_table,
)
from fleet.cli.watching import next_view
from fleet.view import (
    BundleOnCluster,
    BundleView,
    ClusterView,
    DriftView,
    EventView,
    FleetView,
    NeedView,
    RolloutView,
)


class Kind(StrEnum):
    """What can be listed."""

    CLUSTERS = "clusters"
    BUNDLES = "bundles"
    PLACEMENTS = "placements"
    ROLLOUTS = "rollouts"
    APPROVALS = "approvals"
    DRIFT = "drift"
    NEEDS = "needs"
    EVENTS = "events"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listing:
    """How one kind is read and shown.  Columns after `narrow` are shown with -o wide only."""

    items: Callable[[FleetView], Sequence[Any]]
    headers: Sequence[str]
    row: Callable[[Any], Sequence[str]]
    narrow: int
    name: Callable[[Any], str]
    clusters: Callable[[FleetView, Any], Iterable[str]]
    """The clusters that it speaks of: `-l` selects by their labels."""


def _age(at: datetime | None) -> str:
    if at is None:
        return "-"
    seconds = max(0.0, (datetime.now(UTC) - at).total_seconds())
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return f"{int(seconds)}s"


def bundles_of(c: ClusterView) -> str:
    """How many of its bundles are ready; of none nothing can be said."""
    return f"{c.bundles_ready}/{c.bundles_total}" if c.bundles_total else "-"


def _cluster_row(c: ClusterView) -> list[str]:
    return [
        c.name, c.state, bundles_of(c), str(c.objects), str(c.drifted),
        c.revision[:8], _age(c.last_seen), c.why, c.version, labels_text(c.labels),
    ]  # fmt: skip


def _bundle_row(b: BundleView) -> list[str]:
    return [
        b.name, f"{b.clusters_ready}/{b.clusters_total}", b.revision[:8], b.strategy or "-",
        b.suspended or b.message, b.source, "; ".join(b.policy) or "-",
    ]  # fmt: skip


def _placement_row(p: BundleOnCluster) -> list[str]:
    return [
        p.cluster, p.bundle, p.state, p.health, f"{p.applied}/{p.objects}", str(p.drifted),
        p.revision[:8], p.assigned_revision[:8], p.message,
    ]  # fmt: skip


def _rollout_row(r: RolloutView) -> list[str]:
    stages = " ".join(f"{_GLYPHS.get(s.state, '?')}{s.name}" for s in r.stages)
    return [
        r.id, r.bundle, r.phase, stages, r.from_revision[:8] or "-", r.to_revision[:8], r.author,
        _age(r.started_at), r.waiting_on[0] if r.waiting_on else "", r.subject,
    ]  # fmt: skip


_GLYPHS = {
    "complete": "✓", "running": "↻", "soaking": "⧗", "waiting": "◆", "pending": "·", "halted": "✖",
}  # fmt: skip


def _drift_row(d: DriftView) -> list[str]:
    where = f"{d.namespace}/{d.name}" if d.namespace else d.name
    return [
        _age(d.seen_at), d.cluster, d.bundle, f"{d.kind} {where}",
        ",".join(d.paths) or "(deleted)", d.who, d.state, d.policy, d.note,
    ]  # fmt: skip


def _need_row(n: NeedView) -> list[str]:
    return [n.kind, n.subject, _age(n.since), n.sentence, n.command]


def _event_row(e: EventView) -> list[str]:
    return [str(e.seq), e.at.strftime("%H:%M:%S"), e.actor, e.kind, e.sentence]


def _clusters_of_need(view: FleetView, need: NeedView) -> list[str]:
    """The clusters in what names a need; of one that speaks of a rollout, all of the rollout's."""
    parts = need.id.split("/")
    travelling = [c.name for r in view.rollouts if r.id in parts for c in r.clusters]
    return [*parts, *travelling]


_LISTINGS: Mapping[Kind, _Listing] = {
    Kind.CLUSTERS: _Listing(
        items=lambda view: view.clusters,
        headers=["NAME", "STATE", "BUNDLES", "OBJECTS", "DRIFT", "REVISION", "SEEN", "WHY",
                 "VERSION", "LABELS"],
        row=_cluster_row, narrow=8, name=lambda c: c.name, clusters=lambda _, c: [c.name],
    ),
    Kind.BUNDLES: _Listing(
        items=lambda view: view.bundles,
        headers=["NAME", "READY", "REVISION", "STRATEGY", "MESSAGE", "SOURCE", "POLICY"],
        row=_bundle_row, narrow=5, name=lambda b: b.name,
        clusters=lambda view, b: [p.cluster for p in view.placements if p.bundle == b.name],
    ),
    Kind.PLACEMENTS: _Listing(
        items=lambda view: view.placements,
        headers=["CLUSTER", "BUNDLE", "STATE", "HEALTH", "APPLIED", "DRIFT", "REVISION",
                 "ASSIGNED", "MESSAGE"],
        row=_placement_row, narrow=9, name=lambda p: f"{p.cluster}/{p.bundle}",
        clusters=lambda _, p: [p.cluster],
    ),
    Kind.ROLLOUTS: _Listing(
        items=lambda view: view.rollouts,
        headers=["ID", "BUNDLE", "PHASE", "STAGES", "FROM", "TO", "AUTHOR", "AGE", "WAITS FOR",
                 "SUBJECT"],
        row=_rollout_row, narrow=9, name=lambda r: r.id,
        clusters=lambda _, r: [c.name for c in r.clusters],
    ),
    Kind.APPROVALS: _Listing(
        items=lambda view: [need for need in view.needs if need.kind == "approval"],
        headers=["NEEDS", "SUBJECT", "SINCE", "WHAT", "ANSWER"],
        row=_need_row, narrow=5, name=lambda n: n.id, clusters=_clusters_of_need,
    ),
    Kind.DRIFT: _Listing(
        items=lambda view: view.drift,
        headers=["AGE", "CLUSTER", "BUNDLE", "OBJECT", "CHANGED", "BY", "STATE", "POLICY", "NOTE"],
        row=_drift_row, narrow=7, name=lambda d: d.id, clusters=lambda _, d: [d.cluster],
    ),
    Kind.NEEDS: _Listing(
        items=lambda view: view.needs,
        headers=["NEEDS", "SUBJECT", "SINCE", "WHAT", "ANSWER"],
        row=_need_row, narrow=5, name=lambda n: n.id, clusters=_clusters_of_need,
    ),
    Kind.EVENTS: _Listing(
        items=lambda view: view.events,
        headers=["SEQ", "TIME", "ACTOR", "KIND", "WHAT"],
        row=_event_row, narrow=5, name=lambda e: str(e.seq), clusters=lambda _, e: [e.cluster],
    ),
}  # fmt: skip


def get(
    kind: Annotated[Kind, typer.Argument(help="What to list.")],
    names: Annotated[list[str] | None, typer.Argument(help="Only these.")] = None,
    output: Annotated[Format, typer.Option("--output", "-o", help="Form.")] = Format.TABLE,
    selector: Annotated[
        str, typer.Option("--selector", "-l", help="Cluster labels, like env=prod,tier!=canary.")
    ] = "",
    state: Annotated[str, typer.Option("--state", help="Only this state, like Failed.")] = "",
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Print again on changes.")] = False,
    no_headers: Annotated[bool, typer.Option("--no-headers")] = False,
    sort_by: Annotated[str, typer.Option("--sort-by", help="A column, like STATE.")] = "",
    server: ServerOption = None,
    token_file: TokenOption = None,
) -> None:
    """List clusters, bundles, placements, rollouts, approvals, drift, needs or events.

    Examples:
        flotilla get clusters -l env=prod --sort-by state
        flotilla get bundles payments
        flotilla get needs
        flotilla get drift -o json
        flotilla get clusters -w
    """
    wanted = _Wanted(names=names or [], selector=selector, state=state, sort_by=sort_by)
    api = client(server, token_file)
    view = api.snapshot()
    _show(view, kind, wanted, output, headers=not no_headers)
    while watch:
        view = next_view(api, view, _ENTITIES[kind])
        print()
        _show(view, kind, wanted, output, headers=not no_headers)


_ENTITIES = {
    Kind.CLUSTERS: "cluster",
    Kind.BUNDLES: "bundle",
    Kind.PLACEMENTS: "placement",
    Kind.ROLLOUTS: "rollout",
    Kind.APPROVALS: "need",
    Kind.DRIFT: "drift",
    Kind.NEEDS: "need",
    Kind.EVENTS: "event",
}
"""What each list is made of, as the stream of changes names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """Which items are shown, in which order."""

    names: Sequence[str]
    selector: str
    state: str
    sort_by: str


def _show(view: FleetView, kind: Kind, wanted: _Wanted, output: Format, *, headers: bool) -> None:
    listing = _LISTINGS[kind]
    items = _chosen(view, kind, wanted)
    if output in (Format.JSON, Format.YAML):
        show_data(items, output, kind=f"{kind.value.removesuffix('s').title()}List")
    elif output is Format.NAME:
        for item in items:
            print(listing.name(item))
    elif not items:
        where = " that match" if wanted.selector or wanted.state else ""
        say(f"no {kind.value}{where}")
    else:
        width = len(listing.headers) if output is Format.WIDE else listing.narrow
        rows = [listing.row(item)[:width] for item in items]
        show_table(rows, listing.headers[:width], with_headers=headers)


def _chosen(view: FleetView, kind: Kind, wanted: _Wanted) -> Sequence[Any]:
    listing = _LISTINGS[kind]
    items = _selected(view, listing, wanted.selector)
    if wanted.names:
        known = {listing.name(item) for item in listing.items(view)}
        if unknown := sorted(set(wanted.names) - known):
            fail(f"there are no {kind.value} named {', '.join(unknown)}")
        items = [item for item in items if listing.name(item) in wanted.names]
    if wanted.state:
        state = wanted.state.lower()
        items = [item for item in items if getattr(item, "state", "").lower() == state]
    if wanted.sort_by:
        column = _column(listing, wanted.sort_by)
        items = sorted(items, key=lambda item: listing.row(item)[column])
    return items


def _selected(view: FleetView, listing: _Listing, text: str) -> Sequence[Any]:
    items = listing.items(view)
    if not text:
        return items
    from fleet.model.selector import parse_selector

    try:
        wanted = parse_selector(text)
    except ValueError as error:
        fail(str(error), EXIT_USAGE)
    chosen = {c.name for c in view.clusters if wanted.matches(c.labels)}
    return [item for item in items if not chosen.isdisjoint(listing.clusters(view, item))]


def _column(listing: _Listing, name: str) -> int:
    known: Iterable[str] = [header.lower() for header in listing.headers]
    if name.lower() not in known:
        fail(f"there is no column {name!r}; there is: {', '.join(known)}", EXIT_USAGE)
    return list(known).index(name.lower())
