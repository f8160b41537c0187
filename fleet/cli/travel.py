"""Commands that look at how releases travel: what they did (history), what they would do."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fleet.cli.connection import ServerOption, TokenOption, client
from fleet.cli.durations import duration
from fleet.cli.output import EXIT_USAGE, Format, count, fail, printable, say, show_data, show_table

if TYPE_CHECKING:
    from fleet.model import Cluster, Inventory, Strategy
    from fleet.view_history import FiguresView

_STAYS_SHOWN = 40


def history(
    bundle: Annotated[str, typer.Argument(help="A bundle; left out: all of them.")] = "",
    days: Annotated[int, typer.Option("--days", help="Period of the figures.", min=1)] = 30,
    limit: Annotated[int, typer.Option("--limit", "-n", help="Rollouts to show.")] = 20,
    output: Annotated[Format, typer.Option("--output", "-o", help="Form.")] = Format.TABLE,
    server: ServerOption = None,
    token_file: TokenOption = None,
) -> None:
    """Show what ran where and when, and how well delivery goes.

    With a bundle: also which commit each cluster held, from when to when.  The figures are those
    of the DORA reports, over the last --days days.

    Examples:
        flotilla history
        flotilla history payments --days 90
    """
    found = client(server, token_file).rollout_history(bundle=bundle, days=days)
    if output in (Format.JSON, Format.YAML):
        show_data([found], output, kind="HistoryList")
        return
    rows = [
        [
            one.rollout, one.phase, one.revision[:8], _time(one.started_at),
            _length(one.started_at, one.ended_at), f"{one.good}/{one.size}", one.author,
            one.subject,
        ]
        for one in found.rollouts[:limit]
    ]  # fmt: skip
    headers = ["ROLLOUT", "PHASE", "COMMIT", "STARTED", "TOOK", "GOOD", "AUTHOR", "SUBJECT"]
    show_table(rows, headers)
    if stopped := [one for one in found.rollouts[:limit] if one.stopped]:
        print()
        for one in stopped:
            print(printable(f"{one.rollout} stopped: {one.stopped}"))
    if found.stays:
        print()
        where = [
            [stay.cluster, stay.revision[:8] or "-", stay.purpose, _time(stay.since),
             _time(stay.until) if stay.until else "now", stay.rollout]
            for stay in found.stays[-_STAYS_SHOWN:]
        ]  # fmt: skip
        show_table(where, ["CLUSTER", "COMMIT", "WHY", "FROM", "UNTIL", "ROLLOUT"])
    print()
    for line in _figures(found.figures, days):
        print(line)


def _figures(figures: FiguresView, days: int) -> list[str]:
    rate = figures.failure_rate
    return [
        f"last {days} days     {count(figures.rollouts, 'rollout')} ended",
        f"frequency        {figures.per_day:.2f} completed a day",
        f"lead time        {_span(figures.lead_time_s)} from commit to the last cluster, median",
        f"change failures  {'-' if rate is None else f'{rate:.0%}'}",
        f"time to restore  {_span(figures.restore_s)} from a breach, median",
    ]


def _span(seconds: float | None) -> str:
    from fleet.rollout.report import span

    return "-" if seconds is None else span(seconds)


def _time(at: datetime) -> str:
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _length(begin: datetime, end: datetime | None) -> str:
    return "-" if end is None else _span((end - begin).total_seconds())


def simulate(
    strategy: Annotated[str, typer.Argument(help="The strategy's name.")],
    clusters: Annotated[
        int, typer.Option("--clusters", help="Imagined clusters; 0: those of the repository.")
    ] = 0,
    failure_rate: Annotated[
        str, typer.Option("--failure-rate", help="Share that the release breaks, like 2%.")
    ] = "0%",
    unreachable_rate: Annotated[
        str, typer.Option("--unreachable-rate", help="Share that is lost for a while, like 1%.")
    ] = "0%",
    healthy: Annotated[
        str,
        typer.Option("--healthy-in", help="Time from the last write to healthy, like 20s-2m."),
    ] = "20s-2m",
    apply: Annotated[
        str, typer.Option("--applied-in", help="Time that a cluster takes to apply, like 5s-30s.")
    ] = "5s-30s",
    seed: Annotated[int, typer.Option("--seed", help="The same seed plays the same again.")] = 1,
    repo: Annotated[Path, typer.Option("--repo", help="The repository's work tree.")] = Path(),
    folder: Annotated[str, typer.Option("--path", help="Folder with the documents.")] = "",
) -> None:
    """Play a strategy against the real planner in virtual time: choose budgets before risking one.

    Imagined clusters take their labels from those of the repository, in the same shares.

    Examples:
        flotilla simulate ring --clusters 1000 --failure-rate 2% --seed 7
        flotilla simulate ring --repo my-fleet --unreachable-rate 5%
        flotilla simulate ring --clusters 200 --healthy-in 2m-8m
    """
    from fleet.model.problems import InvalidFleet
    from fleet.rollout.planning import PlanRefused
    from fleet.rollout.simulate import Odds
    from fleet.rollout.simulate import simulate as play
    from fleet.rollout.simulate_report import draw
    from fleet.source.validation import read_work_tree

    try:
        inventory = read_work_tree(repo, folder)
    except InvalidFleet as error:
        for problem in error.problems:
            print(printable(str(problem)))
        fail(f"{len(error.problems)} problems; `flotilla validate` says the same")
    found = _strategy(inventory, strategy)
    odds = Odds(
        failure_rate=_share(failure_rate),
        unreachable_rate=_share(unreachable_rate),
        ready_s=_range(healthy, "--healthy-in"),
        apply_s=_range(apply, "--applied-in"),
    )
    imagined = _imagined(inventory, found, clusters)
    try:
        played = play(found, imagined, seed=seed, odds=odds, fleet=inventory)
    except PlanRefused as error:
        fail("; ".join(error.problems))
    print(draw(played), end="")


def _strategy(inventory: Inventory, name: str) -> Strategy:
    found = next((s for known, s in inventory.strategies.items() if known == name), None)
    if found is None:
        names = ", ".join(sorted(inventory.strategies)) or "none"
        fail(f"there is no strategy {name!r}; there is: {names}", EXIT_USAGE)
    return found


def _share(text: str) -> float:
    number = text.strip()
    try:
        share = float(number[:-1]) / 100 if number.endswith("%") else float(number)
    except ValueError:
        fail(f"{text!r} is no share; write 2% or 0.02", EXIT_USAGE)
    if not 0 <= share <= 1:
        fail(f"{text!r} is out of range: from 0% to 100%", EXIT_USAGE)
    return share


def _range(text: str, option: str) -> tuple[float, float]:
    """Read `20s-2m`, or one duration for all."""
    first, _, last = text.partition("-")
    least, most = duration(first, option), duration(last or first, option)
    if least > most:
        fail(f"{option}: {first} is longer than {last}; write the shorter one first", EXIT_USAGE)
    return least, most


def _imagined(inventory: Inventory, strategy: Strategy, count: int) -> list[Cluster]:
    """As many clusters as wanted, like those that the strategy's stages select."""
    from dataclasses import replace

    from clusters.model import ClusterName
    from fleet.rollout.planning import assign_stages

    stages = assign_stages(strategy, inventory, inventory.clusters)
    models = [inventory.clusters[name] for name, found in stages.items() if len(found) == 1]
    if not models:
        fail(f"the stages of {strategy.name} select no cluster of this repository", EXIT_USAGE)
    if not count:
        return models
    if count < len(models):
        say(f"the repository has {len(models)} clusters for this strategy; {count} are played")
    # Taken evenly over all, so that every stage has its share.
    chosen = [models[number * len(models) // count] for number in range(count)]
    return [
        replace(model, name=ClusterName(f"{model.name}-{number:04}"))
        for number, model in enumerate(chosen, start=1)
    ]
