"""How fast the TUI is: 5,000 clusters, 1,000 changes a second; beside a plain DataTable.

`python -m tests.benchmarks.bench_tui [--seconds 5]` prints one JSON object a line.  CPU is process
time of the app's process, the fake server's and the pilot's work included where they share it; the
DataTable is fed the same rows and the same changes in one process, flushed five times a second too.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import statistics
import sys
import threading
import time
from typing import Any

import msgspec
from rich.text import Text
from textual import events
from textual.app import App, ComposeResult
from textual.widgets import DataTable

from fleet.api.client import ApiClient
from fleet.view import Change, ClusterView
from tests.fakes import fleets
from tests.fakes.api_server import ApiServer
from tui.app import FLUSH_EVERY_S, FlotillaApp
from tui.content.columns import cluster_columns
from tui.session import Session
from tui.text.format import plain

RATE = 1_000


def say(name: str, **figures: Any) -> None:
    """Print one line of JSON."""
    sys.stdout.write(json.dumps({"bench": name, **figures}) + "\n")


def changes(clusters: list[ClusterView], start: int, count: int) -> list[Change]:
    """`count` changes, walking over all clusters."""
    rows = []
    for number in range(start, start + count):
        cluster = clusters[(number * 7919) % len(clusters)]
        newer = msgspec.structs.replace(cluster, why=f"change {number}", latency_ms=number % 90)
        rows.append(Change(entity="cluster", key=cluster.name, value=newer))
    return rows


def percentiles(name: str, values: list[float]) -> dict[str, float]:
    """p50 and p99 in milliseconds, and of how many."""
    ordered = sorted(values)
    return {
        f"{name}_p50_ms": round(statistics.median(ordered) * 1000, 2),
        f"{name}_p99_ms": round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))] * 1000, 2),
        f"{name}_samples": len(ordered),
    }


async def first_frame(count: int) -> None:
    """From the start of the app until its table shows clusters."""
    with ApiServer(fleets.fleet(count)) as server:
        began = time.perf_counter()
        app = FlotillaApp(Session(client=ApiClient(server.address)))
        async with app.run_test(size=(120, 36)):
            while not app.session.store.loaded:  # noqa: ASYNC110 - as fine as it gets
                await asyncio.sleep(0.001)
            await asyncio.sleep(0)
            took = time.perf_counter() - began
    say("first_frame", clusters=count, ms=round(took * 1000))


async def key_to_frame(app: App[Any], widget: Any, *, seconds: float) -> list[float]:
    """Press `j` again and again; the time until the line under the cursor was painted."""
    times = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        painted = asyncio.Event()
        original = widget.render_line

        def paint(y: int, original: Any = original, painted: asyncio.Event = painted) -> Any:
            painted.set()
            return original(y)

        widget.render_line = paint
        began = time.perf_counter()
        app.post_message(events.Key("down", None))
        await painted.wait()
        times.append(time.perf_counter() - began)
        widget.render_line = original
        await asyncio.sleep(0.02)
    return times


async def stream(count: int, seconds: float) -> None:
    """Changes from a server in another thread, while keys are pressed."""
    view = fleets.fleet(count)
    clusters = list(view.clusters)
    with ApiServer(view) as server:
        app = FlotillaApp(Session(client=ApiClient(server.address), now=lambda: fleets.NOW))
        async with app.run_test(size=(120, 36)) as pilot:
            while not server.streams:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            await pilot.press("2")
            await pilot.pause(0.5)
            stop = threading.Event()
            thread = threading.Thread(target=_send, args=(server, clusters, stop), daemon=True)
            table = app.screen.query_one("#clusters")
            flushes: list[float] = []
            frames: list[float] = []
            _time(app, "_take", flushes)
            _time(app, "_display", frames)
            seen, cpu, wall = app.session.store.changes_seen, time.thread_time(), time.monotonic()
            process = time.process_time()
            thread.start()
            keys = await key_to_frame(app, table, seconds=seconds)
            stop.set()
            thread.join()
            cpu, wall = time.thread_time() - cpu, time.monotonic() - wall
            process = time.process_time() - process
            taken = app.session.store.changes_seen - seen
    say(
        "stream",
        clusters=count,
        changes_per_s=round(taken / wall),
        interface_cpu_percent=round(100 * cpu / wall, 1),
        process_cpu_percent=round(100 * process / wall, 1),
        frames_per_s=round(len(frames) / wall, 1),
        frame_cpu_ms=round(1000 * cpu / max(1, len(frames)), 2),
        **percentiles("flush_cpu", flushes),
        **percentiles("key_to_frame", keys),
        rss_mb=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        note="process and memory include the fake server and its encoding",
    )


def _send(server: ApiServer, clusters: list[ClusterView], stop: threading.Event) -> None:
    number, batch = 0, RATE // 20
    while not stop.is_set():
        server.send(changes(clusters, number, batch), cursor=f"boot-{number}")
        number += batch
        time.sleep(batch / RATE)


def _time(owner: Any, name: str, into: list[float]) -> None:
    original = getattr(owner, name)

    def timed(*arguments: Any) -> None:
        began = time.thread_time()
        original(*arguments)
        into.append(time.thread_time() - began)

    setattr(owner, name, timed)


class PlainTable(App[None]):
    """The same rows in Textual's own table."""

    CSS = "DataTable { height: 1fr; }"

    def compose(self) -> ComposeResult:
        """One table."""
        yield DataTable(cursor_type="row")


async def data_table(count: int, seconds: float) -> None:
    """The same changes into a DataTable, taken as often as ours."""
    columns = cluster_columns(lambda: fleets.NOW)
    clusters = list(fleets.fleet(count).clusters)
    app = PlainTable()
    async with app.run_test(size=(120, 36)) as pilot:
        table: DataTable[Text] = app.query_one(DataTable)
        began = time.perf_counter()
        for column in columns:
            table.add_column(column.title, width=column.width, key=column.id)
        for cluster in clusters:
            cells = (Text(plain(column.cell(cluster))) for column in columns)
            table.add_row(*cells, key=cluster.name)
        await pilot.pause()
        built = time.perf_counter() - began
        stop = asyncio.Event()

        async def feed() -> None:
            number = 0
            while not stop.is_set():
                for change in changes(clusters, number, int(RATE * FLUSH_EVERY_S)):
                    for column in columns:
                        cell = Text(plain(column.cell(change.value)))
                        table.update_cell(change.key, column.id, cell)
                number += int(RATE * FLUSH_EVERY_S)
                await asyncio.sleep(FLUSH_EVERY_S)

        frames: list[float] = []
        _time(app, "_display", frames)
        cpu, wall = time.thread_time(), time.monotonic()
        task = asyncio.create_task(feed())
        keys = await key_to_frame(app, table, seconds=seconds)
        stop.set()
        await task
        cpu, wall = time.thread_time() - cpu, time.monotonic() - wall
    say(
        "data_table",
        rows=count,
        build_ms=round(built * 1000),
        interface_cpu_percent=round(100 * cpu / wall, 1),
        frames_per_s=round(len(frames) / wall, 1),
        frame_cpu_ms=round(1000 * cpu / max(1, len(frames)), 2),
        **percentiles("key_to_frame", keys),
        note="no server, no decoding, no other widget",
    )


def main(argv: list[str] | None = None) -> int:
    """Run everything."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=5.0)
    options.add_argument("--clusters", type=int, default=5_000)
    given = options.parse_args(argv)
    asyncio.run(first_frame(1_000))
    asyncio.run(first_frame(given.clusters))
    asyncio.run(stream(given.clusters, given.seconds))
    asyncio.run(data_table(given.clusters, given.seconds))
    return 0


if __name__ == "__main__":
    sys.exit(main())
