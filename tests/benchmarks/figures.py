"""One figure a line, as JSON: how a benchmark speaks to whoever started it.

A figure is a mapping with `what`, `value` and `unit`; all other entries are labels.  Figures of
several runs with the same labels are the same figure.  A line may also hold many figures by name
(`{"bench": "draw", "p50_ms": 3.1}`): the last part of a name is its unit.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Labels = tuple[tuple[str, Any], ...]


def say(what: str, value: float, unit: str, **labels: object) -> None:
    """Print one figure."""
    rounded = float(f"{value:.4g}") if abs(value) < 10_000 else round(value)
    sys.stdout.write(json.dumps({**labels, "what": what, "value": rounded, "unit": unit}) + "\n")
    sys.stdout.flush()


def progress(text: str) -> None:
    """Tell a waiting person what is going on."""
    sys.stderr.write(f"  {text}\n")
    sys.stderr.flush()


def read(line: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The figures of one line, in the one form that is kept."""
    if "what" in line:
        yield dict(line)
        return
    labels = {name: value for name, value in line.items() if isinstance(value, str)}
    for name, value in line.items():
        if isinstance(value, int | float):
            what, _, unit = name.rpartition("_")
            yield {**labels, "what": what or unit, "value": value, "unit": unit if what else ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One figure over all runs."""

    benchmark: str
    labels: Labels
    what: str
    unit: str
    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def noise_percent(self) -> float:
        """Half the range of the runs, as a share of their median."""
        if not self.median:
            return 0.0
        return (max(self.values) - min(self.values)) / 2 / abs(self.median) * 100


def merged(figures: Iterable[Mapping[str, Any]]) -> list[Sample]:
    """Put the same figures of several runs together, in the order of their first appearance."""
    values: dict[tuple[str, Labels, str, str], list[float]] = {}
    for figure in figures:
        labels = {
            name: text
            for name, text in figure.items()
            if name not in ("benchmark", "run", "what", "value", "unit")
        }
        key = (figure["benchmark"], tuple(labels.items()), figure["what"], figure["unit"])
        values.setdefault(key, []).append(float(figure["value"]))
    return [
        Sample(benchmark=benchmark, labels=labels, what=what, unit=unit, values=tuple(found))
        for (benchmark, labels, what, unit), found in values.items()
    ]


def table(samples: Iterable[Sample]) -> Iterator[str]:
    """Write samples as lines of a table."""
    rows = [("BENCHMARK", "OF", "FIGURE", "MEDIAN", "UNIT", "RUNS")]
    for sample in samples:
        labels = " ".join(str(text) for _, text in sample.labels)
        runs = f"± {sample.noise_percent:.0f} %" if len(sample.values) > 1 else "one run"
        rows.append(
            (sample.benchmark, labels, sample.what, number(sample.median), sample.unit, runs)
        )
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    for row in rows:
        cells = [
            cell.rjust(width) if column == 3 else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()


def number(value: float) -> str:
    """Write a number with about three digits that count."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3g}"
