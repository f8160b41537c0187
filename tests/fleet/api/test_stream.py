import threading
from collections.abc import Iterator

import msgspec
import pytest

from fleet.api.client import ApiClient
from fleet.api.errors import ServerError, ServerUnreachable
from fleet.api.stream import (
    ENTITY_TYPES,
    Changes,
    ChangeStream,
    Frame,
    Heartbeat,
    Reset,
    frames,
    read_frame,
)
from fleet.view import Change, ClusterView
from tests.fakes import fleets
from tests.fakes.api_server import ApiServer


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with ApiServer(fleets.fleet(2)) as made:
        yield made


def follow(server: ApiServer, *, timeout_s: float = 60.0) -> ChangeStream:
    stream = ApiClient(server.address).changes("boot-1", timeout_s=timeout_s)
    while not server.streams:
        pass
    return stream


def test_frames_are_cut_as_the_standard_says() -> None:
    lines = [
        b": a comment\n",
        b"id: 7\n",
        b"event:change\r\n",
        b"data: [1,\n",
        b"data:2]\n",
        b"\n",
        b"\n",
        b"event: heartbeat\n",
        b"\n",
        b"data: never finished\n",
    ]

    assert list(frames(lines)) == [
        Frame(event="change", id="7", data="[1,\n2]"),
        Frame(event="heartbeat"),
    ]


def test_events_of_a_newer_server_are_passed_over() -> None:
    assert read_frame(Frame(event="weather", data="rain")) is None


@pytest.mark.parametrize("entity", ENTITY_TYPES)
def test_every_entity_arrives_as_its_type(entity: str) -> None:
    view = fleets.fleet(24)
    given = {
        "git": view.git,
        "cluster": view.clusters[0],
        "bundle": view.bundles[0],
        "placement": view.placements[0],
        "drift": view.drift[0],
        "rollout": view.rollouts[0],
        "need": view.needs[0],
        "event": view.events[0],
    }[entity]
    data = msgspec.json.encode([Change(entity=entity, key="k", value=given)]).decode()

    item = read_frame(Frame(event="change", id="9", data=data))

    assert isinstance(item, Changes)
    (change,) = item.changes
    assert type(change.value) is ENTITY_TYPES[entity]
    assert msgspec.json.encode(change.value) == msgspec.json.encode(given)


def test_changes_heartbeats_and_resets_arrive_in_order(server: ApiServer) -> None:
    cluster = server.view.clusters[0]
    stream = follow(server)
    server.send([Change(entity="cluster", key=cluster.name, value=cluster)], cursor="boot-5")
    server.heartbeat()
    server.reset()

    items = iter(stream)
    first = next(items)

    assert isinstance(first, Changes)
    assert isinstance(first.changes[0].value, ClusterView)
    assert stream.cursor == "boot-5"
    assert next(items) == Heartbeat()
    assert next(items) == Reset()
    stream.close()


def test_a_stream_the_server_ends_is_a_lost_connection(server: ApiServer) -> None:
    stream = follow(server)
    server.drop()

    with pytest.raises(ServerUnreachable, match="closed the connection"):
        list(stream)


def test_silence_is_a_lost_connection(server: ApiServer) -> None:
    stream = follow(server, timeout_s=0.05)

    with pytest.raises(ServerUnreachable, match="silent for too long"):
        list(stream)


def test_a_stream_closed_from_another_thread_just_ends(server: ApiServer) -> None:
    stream = follow(server)
    timer = threading.Timer(0.05, stream.close)
    timer.start()

    assert list(stream) == []
    timer.join()


def test_a_change_that_cannot_be_read_says_so(server: ApiServer) -> None:
    stream = follow(server)
    server.send_raw(
        b'id: 1\nevent: change\ndata: [{"entity": "cluster", "key": "a", "value": 3}]\n\n'
    )

    with pytest.raises(ServerError, match="cannot be read"):
        list(stream)
    stream.close()


def test_a_stream_that_is_refused_says_why(server: ApiServer) -> None:
    server.status_of = {"/v1/events": 503}

    with pytest.raises(ServerError, match="Told to answer 503"):
        ApiClient(server.address).changes("boot-1")
