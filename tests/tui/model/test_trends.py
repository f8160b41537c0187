from datetime import timedelta

import msgspec

from fleet.view import EventView
from tests.fakes import fleets
from tests.fakes.fleets import NOW
from tui.model.store import FleetStore
from tui.model.trends import (
    SAMPLE_EVERY_S,
    Trends,
    burn_up,
    is_error,
    median_per_bucket,
    per_bucket,
    times_to_healthy_s,
)


def test_a_sample_is_taken_when_it_is_due() -> None:
    store, trends = FleetStore(), Trends()
    assert not trends.sample(store, NOW)
    store.load(fleets.fleet(24))

    assert trends.sample(store, NOW)
    assert not trends.sample(store, NOW + timedelta(seconds=SAMPLE_EVERY_S - 1))
    assert trends.sample(store, NOW + timedelta(seconds=SAMPLE_EVERY_S))
    assert list(trends.ready) == [16 / 24, 16 / 24]
    assert list(trends.ill) == [3.0, 3.0]


def test_events_are_counted_by_when_they_happened() -> None:
    events = fleets.events(fleets.fleet(4).clusters)

    counts = per_bucket(events, now=NOW, bucket=timedelta(minutes=30), buckets=4)

    assert counts == [1.0, 1.0, 2.0, 1.0]
    assert sum(per_bucket(events, now=NOW, bucket=timedelta(minutes=1), buckets=2)) == 0


def test_errors_are_known_by_their_kind() -> None:
    event = fleets.events(fleets.fleet(1).clusters)[0]

    assert not is_error(event)
    assert is_error(msgspec.structs.replace(event, kind="Degraded"))


def test_a_burn_up_never_falls_and_ends_at_what_is_done() -> None:
    rollout = fleets.rollout(fleets.fleet(24).clusters)

    values = burn_up(rollout, now=NOW, points=12)

    assert values == sorted(values)
    assert values[-1] == 9.0


def test_how_long_placements_took_is_paired_by_digest() -> None:
    def event(seq: int, kind: str, second: int, digest: str, cluster: str = "a") -> EventView:
        return EventView(
            seq=seq,
            at=NOW + timedelta(seconds=second),
            actor="flotilla",
            kind=kind,
            cluster=cluster,
            bundle="web",
            data={"digest": digest},
        )

    took = times_to_healthy_s(
        [
            event(4, "Converged", 7, "one"),
            event(1, "ObjectsWritten", 0, "one"),
            event(2, "ObjectsWritten", 3, "one"),
            event(3, "Converged", 5, "other"),
            event(5, "Converged", 9, "one"),
            event(6, "Converged", 9, "one", cluster="b"),
        ]
    )

    assert took == [(NOW + timedelta(seconds=7), 4.0)]


def test_a_median_is_unknown_where_nothing_happened() -> None:
    minute = timedelta(minutes=1)
    values = [(NOW - minute, each) for each in (9.0, 1.0, 2.0)] + [(NOW - 9 * minute, 5.0)]

    assert median_per_bucket(values, now=NOW, bucket=minute, buckets=3) == [None, 2.0, None]
