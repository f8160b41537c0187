"""What a cluster should hold: dependencies that travel at another pace than what needs them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from clusters.model import BundleName, ClusterName
from fleet.deciding.desired import desired_state
from fleet.model import Bundle, Dependency, Inventory, Place, Placement, Source
from fleet.state import facts
from fleet.state.fleet import FleetState

AT = datetime(2026, 11, 28, 9, 0, tzinfo=UTC)
HERE = ClusterName("a")
BASE, APP = BundleName("base"), BundleName("app")
FIRST, SECOND, THIRD = "1" * 40, "2" * 40, "3" * 40


def bundle(name: BundleName, *needs: BundleName, git: str | None = None) -> Bundle:
    return Bundle(
        name=name,
        place=Place(file="f", line=1),
        source=Source(path=name, git=git),
        placement=Placement(clusters=[HERE]),
        depends_on=[Dependency(bundle=other) for other in needs],
    )


def released(name: str, revision: str, minute: int) -> facts.ReleaseCreated:
    return facts.ReleaseCreated(
        at=AT + timedelta(minutes=minute),
        bundle=name,
        revision=revision,
        subject="",
        author="",
        digests={f"{name}-{revision[0]}": [HERE]},
    )


def assigned(name: str, revision: str, minute: int) -> facts.ReleaseAssigned:
    return facts.ReleaseAssigned(
        at=AT + timedelta(minutes=minute),
        bundle=name,
        revision=revision,
        digests={f"{name}-{revision[0]}": [HERE]},
    )


def awaits(*history: facts.FleetFact, app_git: str | None = None) -> str | None:
    state = FleetState()
    state.fold(facts.ClustersJoined(at=AT, clusters=[HERE]))
    for fact in history:
        state.fold(fact)
    inventory = Inventory(bundles={BASE: bundle(BASE), APP: bundle(APP, BASE, git=app_git)})
    desired = desired_state(state, inventory, HERE, lambda _: (), generation=1)
    return desired.bundles[APP].awaits


BOTH_FIRST = (
    released(BASE, FIRST, 0),
    assigned(BASE, FIRST, 0),
    released(APP, FIRST, 0),
    assigned(APP, FIRST, 0),
)
BOTH_SECOND = (released(BASE, SECOND, 1), released(APP, SECOND, 1))


def test_flux_stale_green_a_dependency_must_be_at_the_same_commit() -> None:
    """What was healthy is the release before: the new one of the dependency is still on its way."""
    said = awaits(*BOTH_FIRST, *BOTH_SECOND, assigned(APP, SECOND, 1))
    assert said == (
        "waits for bundle base: its release of commit 22222222 is not on this cluster yet"
    )
    assert (
        awaits(*BOTH_FIRST, *BOTH_SECOND, assigned(APP, SECOND, 1), assigned(BASE, SECOND, 2))
        is None
    )


@pytest.mark.parametrize(
    ("history", "why"),
    [
        (BOTH_FIRST, "both came with one commit and are here"),
        ((*BOTH_FIRST, *BOTH_SECOND), "the new release has not come here"),
        (
            (*BOTH_FIRST, released(BASE, SECOND, 1)),
            "only the dependency changed, after what needs it",
        ),
        (
            (*BOTH_FIRST, *BOTH_SECOND, assigned(APP, SECOND, 1), assigned(APP, FIRST, 2)),
            "it went back to a release that needs less",
        ),
        (
            (*BOTH_FIRST, released(APP, THIRD, 2), assigned(APP, THIRD, 2)),
            "the commit did not change the dependency",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_does_not_wait(history: tuple[facts.FleetFact, ...], why: str) -> None:
    assert awaits(*history) is None, why


def test_a_later_commit_waits_for_the_earlier_one_of_the_dependency() -> None:
    history = (*BOTH_FIRST, released(BASE, SECOND, 1), released(APP, THIRD, 2))
    assert awaits(*history, assigned(APP, THIRD, 2)) is not None


def test_another_repository_has_other_commits() -> None:
    history = (*BOTH_FIRST, *BOTH_SECOND, assigned(APP, SECOND, 1))
    assert awaits(*history, app_git="https://example.com/other.git") is None
