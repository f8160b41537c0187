"""The way one came: back, forward, and what a new step forgets."""

from hypothesis import given
from hypothesis import strategies as st

from tests.tui.running import running
from tui.model.visited import PLACES_MAX, Place, Visited
from tui.screens.cluster import ClusterScreen
from tui.screens.rollout import RolloutScreen

A, B, C = Place(view="fleet"), Place(view="drift"), Place(view="clusters", opened=("cluster/x",))


def test_back_and_forward_go_along_the_way() -> None:
    way = Visited()
    for place in (A, B, C):
        way.went(place)

    assert [way.step(-1), way.step(-1), way.step(-1)] == [B, A, None]
    assert [way.step(1), way.step(1), way.step(1)] == [B, C, None]


def test_a_new_step_forgets_what_lay_ahead() -> None:
    way = Visited()
    for place in (A, B):
        way.went(place)
    way.step(-1)
    way.went(C)

    assert way.places == [A, C]
    assert way.step(1) is None


def test_staying_is_no_step() -> None:
    way = Visited()
    way.went(A)
    way.went(A)

    assert way.places == [A]
    assert way.before is None


@given(st.lists(st.one_of(st.sampled_from([A, B, C]), st.sampled_from([-1, 1])), max_size=300))
def test_one_is_always_somewhere_on_the_way(steps: list[Place | int]) -> None:
    way = Visited()
    for step in steps:
        if isinstance(step, Place):
            way.went(step)
            assert way.here == step
        else:
            way.step(step)
        assert len(way.places) <= PLACES_MAX
        assert way.here is None or 0 <= way.at < len(way.places)


async def test_the_keys_of_the_way() -> None:
    async with running() as run:
        await run.press("2", "enter")
        here = run.app.visited.here
        await run.press("4", "enter")
        assert isinstance(run.app.screen, RolloutScreen)
        await run.press("alt+left", "alt+left")
        assert isinstance(run.app.screen, ClusterScreen)
        assert run.app.visited.here == here
        await run.press("alt+right", "alt+right")
        assert isinstance(run.app.screen, RolloutScreen)
        await run.press("alt+right")
        assert run.notices == ["This is the newest place."]
        await run.press("5", "minus")
        assert isinstance(run.app.screen, RolloutScreen)
        await run.press("minus")
        assert run.app.current_mode == "drift"


async def test_what_is_gone_meanwhile_is_said_and_the_way_goes_on() -> None:
    async with running() as run:
        await run.press("2", "enter", "1")
        run.app.session.store.clusters.clear()
        await run.press("alt+left")

        assert run.notices == ["There is nothing more to open here."]
        assert run.app.current_mode == "clusters"
        await run.press("alt+left", "alt+left")
        assert run.app.current_mode == "fleet"
