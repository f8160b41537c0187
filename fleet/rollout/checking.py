"""What is wrong with a strategy before any cluster is looked at: each problem in a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from fleet.model import (
    Amount,
    Gate,
    Inventory,
    PrometheusCheck,
    SoakCheck,
    Stage,
    Strategy,
    WindowCheck,
)
from fleet.rollout.expressions import parse_comparison
from fleet.rollout.windows import check_window


def strategy_problems(strategy: Strategy, inventory: Inventory, now: datetime) -> Iterator[str]:
    """Yield everything that keeps a strategy from being used."""
    if not strategy.stages:
        yield f"{strategy.place}: strategy {strategy.name} has no stages; it needs at least one"
    seen = set()
    for stage in strategy.stages:
        if stage.name in seen:
            yield f"{stage.place}: strategy {strategy.name} has two stages called {stage.name}"
        seen.add(stage.name)
        yield from _amounts(stage)
        yield from _order(stage)
        yield from _gates(stage, inventory, now)
    if strategy.max_failures is not None:
        yield from _in_range(
            f"{strategy.place}: maxFailures of strategy {strategy.name}", strategy.max_failures, 0
        )


def _amounts(stage: Stage) -> Iterator[str]:
    where = f"{stage.place}: stage {stage.name}"
    yield from _in_range(f"{where}: maxConcurrency", stage.max_concurrency, 1)
    yield from _in_range(f"{where}: maxFailures", stage.max_failures, 0)
    yield from _in_range(f"{where}: unreachable.max", stage.unreachable.max, 0)
    for position, amount in enumerate(stage.ramp, start=1):
        yield from _in_range(f"{where}: ramp step {position}", amount, 1)
    if stage.spread is not None and stage.spread.max_per_domain < 1:
        yield f"{where}: spread.maxPerDomain is {stage.spread.max_per_domain}, it must be 1 or more"
    if stage.progress_deadline_s <= 0:
        yield f"{where}: progressDeadline must be longer than 0"
    if stage.retries < 0:
        yield f"{where}: retries is {stage.retries}, it must be 0 or more"


def _in_range(what: str, amount: Amount, least: int) -> Iterator[str]:
    if amount.percent:
        if not 0 <= amount.value <= 100 or (least and not amount.value):
            low = "more than 0%" if least else "0%"
            yield f"{what} is {amount}, it must be from {low} to 100%"
    elif amount.value < least or amount.value != int(amount.value):
        yield f"{what} is {amount}, it must be a whole number of {least} or more, or a percentage"


def _order(stage: Stage) -> Iterator[str]:
    for key in stage.order:
        if key not in ("name", "random") and not (key.startswith("label:") and key[6:]):
            yield (
                f"{stage.place}: stage {stage.name}: cannot order by {key!r}; allowed are name, "
                "random and label:KEY"
            )


def _gates(stage: Stage, inventory: Inventory, now: datetime) -> Iterator[str]:
    for position in ("before", "during", "after"):
        for name in getattr(stage.gates, position):
            gate = inventory.gates.get(name)
            if gate is None:
                known = ", ".join(sorted(inventory.gates)) or "none"
                yield (
                    f"{stage.place}: stage {stage.name} asks for the gate {name}, which does not "
                    f"exist; the gates are: {known}"
                )
                continue
            if isinstance(gate.check, SoakCheck) and position == "during":
                yield (
                    f"{stage.place}: stage {stage.name} cannot soak while it runs; use gate {name} "
                    "before or after, or soak per cluster"
                )
            yield from _check(gate, inventory, now)


def _check(gate: Gate, inventory: Inventory, now: datetime) -> Iterator[str]:
    match gate.check:
        case WindowCheck():
            yield from _windows(gate, gate.check, inventory, now)
        case PrometheusCheck():
            for text in (gate.check.success, gate.check.failure):
                try:
                    if text is not None:
                        parse_comparison(text)
                except ValueError as error:
                    yield f"{gate.place}: gate {gate.name}: {error}"
        case _:
            pass


def _windows(gate: Gate, check: WindowCheck, inventory: Inventory, now: datetime) -> Iterator[str]:
    for name in check.windows:
        window = inventory.windows.get(name)
        if window is None:
            known = ", ".join(sorted(inventory.windows)) or "none"
            yield (
                f"{gate.place}: gate {gate.name} asks for the window {name}, which does not exist; "
                f"the windows are: {known}"
            )
            continue
        try:
            problem = check_window(window, now)
        except ValueError as error:
            problem = f"{window.place}: window {window.name}: {error}"
        if problem:
            yield problem
