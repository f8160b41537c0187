from datetime import timedelta

import pytest

from tests.fakes.fleets import NOW
from tui.model.link import SILENCE_S, Link, LinkState


@pytest.mark.parametrize(
    ("link", "state"),
    [
        (Link(), LinkState.CONNECTING),
        (Link(error="refused"), LinkState.OFFLINE),
        (Link(heard_at=NOW, connected=True), LinkState.LIVE),
        (
            Link(heard_at=NOW - timedelta(seconds=SILENCE_S + 1), connected=True),
            LinkState.STALE,
        ),
        (Link(heard_at=NOW, attempts=1, error="lost"), LinkState.STALE),
        (Link(heard_at=NOW, attempts=2, error="lost"), LinkState.OFFLINE),
    ],
)
def test_the_state_says_how_much_to_believe(link: Link, state: LinkState) -> None:
    assert link.state(NOW) is state


def test_only_a_live_link_lets_anything_be_written() -> None:
    live = Link(heard_at=NOW, connected=True)

    assert live.why_no_writes(NOW) == ""
    assert Link().why_no_writes(NOW) == "not connected yet"
    assert "what you see is old since 12:41:07Z" in live.why_no_writes(NOW + timedelta(minutes=1))
