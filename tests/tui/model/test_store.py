import msgspec

from fleet.view import Change, EventView
from tests.fakes import fleets
from tui.model.store import EVENTS_MAX, FleetStore, Touched


def loaded(count: int = 4) -> FleetStore:
    store = FleetStore()
    store.load(fleets.fleet(count))
    return store


def test_a_snapshot_takes_the_place_of_everything() -> None:
    store = loaded(24)

    touched = store.load(fleets.fleet(2))

    assert touched.all
    assert set(store.clusters) == {"dev-eu-000", "stage-us-001"}
    assert len(store.placements) == 2 * len(fleets.BUNDLES)


def test_a_change_replaces_one_entity_and_says_which() -> None:
    store = loaded()
    name = next(iter(store.clusters))
    newer = msgspec.structs.replace(store.clusters[name], why="changed")

    touched = store.apply([Change(entity="cluster", key=name, value=newer)])

    assert touched.keys == {"cluster": {name}}
    assert store.clusters[name].why == "changed"


def test_an_entity_that_is_gone_is_forgotten_once() -> None:
    store = loaded()
    gone = Change(entity="need", key="approval/payments-7/prod/sre-approval")

    assert store.apply([gone]).keys == {"need": {gone.key}}
    assert not store.apply([gone])


def test_kinds_of_a_newer_server_are_skipped() -> None:
    assert not loaded().apply([Change(entity="tenant", key="a", value={"name": "a"})])


def test_git_is_replaced_as_a_whole() -> None:
    store = loaded()

    touched = store.apply([Change(entity="git", key="git", value=fleets.git())])

    assert touched.any_of("git")
    assert not store.apply([Change(entity="git", key="git", value=None)])


def test_only_the_newest_events_are_kept() -> None:
    store = FleetStore()
    rows = [
        EventView(seq=number, at=fleets.NOW, actor="system", kind="Converged")
        for number in range(EVENTS_MAX + 10)
    ]

    store.add_events(reversed(rows))

    assert len(store.events) == EVENTS_MAX
    assert next(iter(store.events)) == 10


def test_what_was_touched_adds_up() -> None:
    touched = Touched(keys={"cluster": {"a"}})

    touched.merge(Touched(keys={"cluster": {"b"}, "need": {"n"}}))

    assert touched.of("cluster") == {"a", "b"}
    assert touched.any_of("need")
    assert not touched.any_of("git")
    assert Touched(all=True).any_of("git")
