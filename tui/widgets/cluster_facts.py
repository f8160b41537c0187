"""The head of a cluster's view."""

from __future__ import annotations

from tui.content.columns import state_cell
from tui.model.queries import is_production
from tui.session import Session
from tui.text import format as fmt
from tui.text.format import Line, Span, Tone
from tui.widgets.painting import LinesWidget


class ClusterFacts(LinesWidget):
    """The cluster in two lines: production looks different."""

    DEFAULT_CSS = "ClusterFacts { height: 2; padding: 0 2; }"

    def __init__(self, session: Session, cluster: str) -> None:
        super().__init__()
        self.session = session
        self.cluster = cluster

    def lines(self, width: int) -> list[Line]:
        """What it is; what is wrong."""
        cluster = self.session.store.clusters.get(self.cluster)
        if cluster is None:
            return [fmt.text(f"{self.cluster} is no longer in the inventory.", Tone.WARN)]
        labels = " ".join(f"{key}={value}" for key, value in sorted(cluster.labels.items()))
        production: tuple[Span, ...] = (
            (("▌PRODUCTION ", Tone.PROD),) if is_production(cluster.labels) else ()
        )
        silence = f"  {cluster.silence}" if cluster.silence else ""
        latency = "-" if cluster.latency_ms is None else f"{cluster.latency_ms:.0f} ms"
        seen = fmt.age(cluster.last_seen, self.session.now())
        first: Line = (
            *production,
            *fmt.text(cluster.name, Tone.STRONG),
            ("  ", Tone.PLAIN),
            *state_cell(cluster.state),
            *fmt.text(silence, Tone.WARN),
            *fmt.text(
                f"  k8s {cluster.version or '?'}  api {latency}  seen {seen} ago", Tone.MUTED
            ),
            *fmt.text(f"  {labels}", Tone.MUTED),
        )
        ready = f"{cluster.bundles_ready}/{cluster.bundles_total} bundles"
        counts = f"{ready} · {cluster.objects} objects · {cluster.drifted} drifted"
        revision = fmt.short_revision(cluster.revision)
        second: Line = (
            *fmt.text(f"{counts} · {revision}", Tone.MUTED),
            *(fmt.text(f"  {cluster.why}", Tone.WARN) if cluster.why else ()),
        )
        return [first, second]
