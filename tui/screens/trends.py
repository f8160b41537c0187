"""Numbers over time, where a person would rather look than read."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from textual.widget import Widget

from tui.model.store import Touched
from tui.model.trends import (
    SAMPLE_EVERY_S,
    is_error,
    median_per_bucket,
    per_bucket,
    times_to_healthy_s,
)
from tui.screens.view import ViewScreen
from tui.session import Session
from tui.text import format as fmt
from tui.text.format import Line, Tone
from tui.text.plotting import Plot, beside, plot_lines
from tui.widgets.painting import LinesWidget

SPAN = timedelta(hours=1)
BUCKETS = 60
BESIDE_FROM = 100
"""From so many cells on, two plots stand beside each other."""


class TrendsScreen(ViewScreen):
    """Six plots."""

    VIEW = "trends"
    OFFERS = ()

    def __init__(self, session: Session) -> None:
        super().__init__(session, crumbs=("Trends",))

    def body(self) -> Iterable[Widget]:
        """One painter for all."""
        yield Plots(self.session)

    def arrived(self, touched: Touched) -> None:
        """Something happened."""
        self.query_one(Plots).refresh()

    def tick(self) -> None:
        """Time goes on."""
        super().tick()
        self.query_one(Plots).refresh()


def plots(session: Session) -> list[Plot]:
    """What there is to look at."""
    trends, now = session.trends, session.now()
    events = session.store.events.values()
    bucket = SPAN / BUCKETS
    here = fmt.duration(timedelta(seconds=SAMPLE_EVERY_S * len(trends.ready))) + " ago"
    healthy = [event for event in events if event.kind == "Converged"]
    errors = [event for event in events if is_error(event)]
    return [
        Plot(
            title="Clusters that are ready",
            values=[share * 100 for share in trends.ready],
            top=100,
            unit="%",
            tone=Tone.GOOD,
            begins=here,
        ),
        Plot(
            title="Clusters failed, offline or quarantined",
            values=list(trends.ill),
            tone=Tone.BAD,
            begins=here,
        ),
        Plot(
            title="Releases that became healthy, a minute",
            values=per_bucket(healthy, now=now, bucket=bucket, buckets=BUCKETS),
            filled=True,
            tone=Tone.GOOD,
            begins="1h ago",
        ),
        Plot(
            title="Errors, a minute",
            values=per_bucket(errors, now=now, bucket=bucket, buckets=BUCKETS),
            filled=True,
            tone=Tone.BAD,
            begins="1h ago",
        ),
        Plot(
            title="From written to healthy, median",
            values=median_per_bucket(
                times_to_healthy_s(events), now=now, bucket=bucket, buckets=BUCKETS
            ),
            unit="s",
            tone=Tone.ACTIVE,
            begins="1h ago",
        ),
        Plot(
            title="Answer of the clusters' APIs, median",
            values=list(trends.latency_ms),
            unit="ms",
            tone=Tone.ACTIVE,
            begins=here,
        ),
    ]


class Plots(LinesWidget):
    """All plots in a grid that fills what room there is."""

    DEFAULT_CSS = "Plots { height: 1fr; padding: 0 2; }"

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session

    def lines(self, width: int) -> list[Line]:
        """Two beside each other where that fits, else below each other as far as they fit."""
        made = plots(self.session)
        columns = 2 if width >= BESIDE_FROM else 1
        rows = (len(made) + columns - 1) // columns
        height = max(4, (self.size.height - rows + 1) // rows)
        each = (width - 2 * (columns - 1)) // columns
        lines: list[Line] = []
        for start in range(0, len(made), columns):
            blocks = [
                plot_lines(plot, width=each, height=height)
                for plot in made[start : start + columns]
            ]
            lines += [*beside(blocks, [each] * len(blocks)), ()]
        return lines
