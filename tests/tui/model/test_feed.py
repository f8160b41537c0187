import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from fleet.api.client import ApiClient
from fleet.view import Change, FleetView
from tests.fakes import fleets
from tests.fakes.api_server import ApiServer
from tui.model.feed import BACKLOG_MAX, Feed
from tui.model.store import FleetStore

PATIENCE_S = 60.0


class Reader:
    """Takes what a feed has, as the app would, and keeps what came of it."""

    def __init__(self, feed: Feed) -> None:
        self.feed = feed
        self.store = FleetStore()
        self.snapshots = 0
        self.take()

    def take(self) -> None:
        batch = self.feed.take()
        self.link = batch.link
        if batch.snapshot is not None:
            self.snapshots += 1
            self.store.load(batch.snapshot)
        self.store.apply(batch.changes)

    def until(self, condition: Callable[[], object]) -> None:
        def holds() -> object:
            self.take()
            return condition()

        until(holds, "it never came")


def until(condition: Callable[[], object], what: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.005)


@contextmanager
def feeding(server: ApiServer | str, notify: Callable[[], None] = lambda: None) -> Iterator[Reader]:
    address = server if isinstance(server, str) else server.address
    feed = Feed(ApiClient(address, timeout_s=PATIENCE_S), notify=notify)
    thread = threading.Thread(target=feed.run)
    thread.start()
    try:
        yield Reader(feed)
    finally:
        feed.stop()
        thread.join(timeout=PATIENCE_S)
        assert not thread.is_alive()


def changed(view: FleetView, why: str) -> Change:
    cluster = msgspec.structs.replace(view.clusters[0], why=why)
    return Change(entity="cluster", key=cluster.name, value=cluster)


def why(reader: Reader) -> str:
    return next(iter(reader.store.clusters.values())).why


def test_a_snapshot_comes_first_and_changes_follow() -> None:
    with ApiServer(fleets.fleet(3)) as server, feeding(server) as reader:
        reader.until(lambda: reader.store.loaded and server.streams)
        server.send([changed(server.view, "first")])
        server.send([changed(server.view, "second")])

        reader.until(lambda: why(reader) == "second")

        assert reader.snapshots == 1
        assert reader.link.connected


def test_after_a_break_the_stream_goes_on_from_its_cursor() -> None:
    with ApiServer(fleets.fleet(3)) as server, feeding(server) as reader:
        reader.until(lambda: reader.store.loaded and server.streams)
        server.send([changed(server.view, "before")], cursor="boot-77")
        reader.until(lambda: why(reader) == "before")
        server.drop()
        reader.until(lambda: not reader.link.connected)
        reader.feed.retry_now()

        reader.until(lambda: reader.link.connected and server.streams)

        assert reader.snapshots == 1
        assert server.requests[-1].endswith("cursor=boot-77")


def test_a_reset_leads_to_a_new_snapshot() -> None:
    with ApiServer(fleets.fleet(3)) as server, feeding(server) as reader:
        reader.until(lambda: reader.store.loaded and server.streams)
        server.view = fleets.fleet(5)
        server.reset()

        reader.until(lambda: len(reader.store.clusters) == 5)

        assert reader.snapshots == 2


def test_beginning_anew_reads_a_snapshot_and_follows_on() -> None:
    with ApiServer(fleets.fleet(3)) as server, feeding(server) as reader:
        reader.until(lambda: reader.store.loaded and server.streams)
        server.view = fleets.fleet(5)
        reader.feed.begin_anew()
        # The fake hears of the end of the first stream only when it writes to it.
        reader.until(lambda: len(reader.store.clusters) == 5 and server.streams == 2)
        server.send([changed(server.view, "followed")])

        reader.until(lambda: why(reader) == "followed")

        assert reader.link.connected
        assert reader.link.attempts == 0


def test_more_than_can_be_taken_leads_to_a_new_snapshot() -> None:
    with ApiServer(fleets.fleet(1)) as server, feeding(server) as reader:
        reader.until(lambda: reader.store.loaded and server.streams)
        heap = [changed(server.view, "many")] * (BACKLOG_MAX // 10)
        for _ in range(11):
            server.send(heap)

        until(
            lambda: sum("snapshot" in each for each in server.requests) >= 2,
            "no second snapshot was asked for",
        )


def test_no_server_is_told_and_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    with feeding(f"unix:{path}") as reader:
        reader.until(lambda: reader.link.error)
        assert reader.link.retry_at is not None
        with ApiServer(fleets.fleet(2), socket_path=path):
            reader.feed.retry_now()
            reader.until(lambda: reader.store.loaded)


def test_many_news_are_announced_once_until_they_are_taken() -> None:
    told: list[int] = []
    with (
        ApiServer(fleets.fleet(1)) as server,
        feeding(server, lambda: told.append(1)) as reader,
    ):
        reader.until(lambda: reader.store.loaded and server.streams)
        server.send([changed(server.view, "the stream is read")])
        reader.until(lambda: why(reader) == "the stream is read")
        before = len(told)
        for number in range(20):
            server.send([changed(server.view, str(number))])
        until(lambda: len(reader.feed._batch.changes) == 20, "not all was read")

        assert len(told) == before + 1
