"""What is shown of a fleet: the worst first, and nothing unknown as healthy."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusters.events import BundleObserved, Connected, Disconnected, Silence
from clusters.model import BundleName, ClusterName, Digest, Health
from fleet.model import Inventory
from fleet.presenting.views import (
    Picture,
    bundle_view,
    cluster_view,
    placement_view,
    placement_views,
)
from fleet.presenting.why import why
from fleet.state import facts
from fleet.state.fleet import FleetState
from fleet.state.observed import Observed
from fleet.view import ClusterState, ProblemView
from tests.fleet.histories import AT, CLUSTERS, any_history
from tests.fleet.source.render.building import bundle

A, APP = ClusterName("a"), BundleName("app")


def picture(*history: facts.FleetFact, observed: Observed | None = None) -> Picture:
    state = FleetState()
    for fact in (
        facts.ClustersJoined(at=AT, clusters=["a"]),
        facts.ReleaseAssigned(at=AT, bundle="app", revision="r1", digests={"d1": ["a"]}),
        *history,
    ):
        state.fold(fact)
    return Picture(
        state=state,
        observed=observed or Observed(),
        inventory=Inventory(),
        repository="r",
        ref="main",
        at=AT,
    )


def heard(*, health: Health = Health.HEALTHY, digest: str = "d1", drifted: int = 0) -> Observed:
    observed = Observed()
    observed.take(Connected(cluster=A, at=AT, version="v1.36", latency_ms=3.0))
    observed.take(
        BundleObserved(
            cluster=A,
            at=AT,
            bundle=APP,
            generation=1,
            applied_digest=Digest(digest),
            health=health,
            objects=3,
            applied=3 - drifted,
            drifted=drifted,
            leftover=0,
            message="",
        )
    )
    return observed


def commit(*warnings: ProblemView) -> facts.CommitAccepted:
    return facts.CommitAccepted(
        at=AT, repository="r", ref="main", revision="r1", subject="s", author="ada",
        committed_at=AT, warnings=warnings,
    )  # fmt: skip


SUSPENDED = facts.Suspended(at=AT, actor="alice", target="cluster/a", reason="kernel")
QUARANTINED = facts.ClusterQuarantined(at=AT, cluster="a", error="KeyError in plan")


@pytest.mark.parametrize(
    ("observed", "history", "state", "words"),
    [
        (Observed(), (), ClusterState.PENDING, "not heard of since the server started"),
        (heard(), (), ClusterState.READY, ""),
        (heard(health=Health.PROGRESSING), (), ClusterState.RECONCILING, ""),
        (heard(health=Health.UNKNOWN), (), ClusterState.PENDING, ""),
        (heard(health=Health.DEGRADED), (), ClusterState.FAILED, ""),
        (heard(digest=""), (), ClusterState.RECONCILING, ""),
        (heard(digest="d0"), (), ClusterState.RECONCILING, ""),
        (heard(drifted=1), (), ClusterState.DRIFTED, "app: 1 object changed by somebody else"),
        (heard(drifted=2, health=Health.DEGRADED), (), ClusterState.FAILED, ""),
        (heard(), (SUSPENDED,), ClusterState.SUSPENDED, "suspended by alice: kernel"),
        (Observed(), (SUSPENDED,), ClusterState.SUSPENDED, "suspended by alice: kernel"),
        (heard(), (QUARANTINED,), ClusterState.QUARANTINED, "KeyError in plan"),
        (heard(), (QUARANTINED, SUSPENDED), ClusterState.QUARANTINED, "KeyError in plan"),
    ],
    ids=lambda value: value.value if isinstance(value, ClusterState) else "",
)
def test_the_state_of_a_cluster(
    observed: Observed, history: tuple[facts.FleetFact, ...], state: ClusterState, words: str
) -> None:
    view = cluster_view(picture(*history, observed=observed), "a")
    assert (view.state, view.why) == (state, words)


def test_a_cluster_without_bundles_is_ready() -> None:
    observed = heard()
    gone = facts.PlacementEnded(at=AT, bundle="app", cluster="a")
    view = cluster_view(picture(commit(), gone, observed=observed), "a")
    assert (view.state, view.why) == (ClusterState.READY, "no bundle is placed here")


def test_a_cluster_that_its_first_release_has_not_reached_is_not_said_to_be_empty() -> None:
    gone = facts.PlacementEnded(at=AT, bundle="app", cluster="a")
    made = facts.ReleaseCreated(
        at=AT, bundle="app", revision="r2", subject="s", author="ada", digests={"d2": ["a"]}
    )
    view = cluster_view(picture(commit(), gone, made, observed=heard()), "a")
    assert (view.state, view.why) == (ClusterState.PENDING, "app: not here yet")
    assert (view.bundles_ready, view.bundles_total) == (0, 0)


@pytest.mark.parametrize("health", [Health.DEGRADED, Health.HEALTHY])
def test_what_was_said_of_earlier_content_is_not_said_of_the_new_one(health: Health) -> None:
    """Right after a rollback began, a cluster was still called degraded."""
    observed = heard(health=health, digest="d0")
    said = observed.bundles["a"]["app"]
    observed.take(replace(said, digest=Digest("d0"), message="image v2 not found"))
    (view,) = placement_views(picture(observed=observed), "a")
    assert (view.state, view.message) == (ClusterState.RECONCILING, "r1 is on its way")


def test_a_suspension_is_said_once() -> None:
    shown = picture(commit(), SUSPENDED, observed=heard())
    for target in ("cluster/a", "fleet", "bundle/app"):
        assert why(shown, target) == ["a is suspended by alice: kernel"]


def test_clusters_that_say_the_same_are_named_together() -> None:
    joined = facts.ClustersJoined(at=AT, clusters=["b", "c", "d", "e"])
    quiet = why(picture(commit(), joined), "fleet")
    assert quiet == ["5 clusters (a, b, …) are Pending: not heard of since the server started"]
    apart = why(picture(commit(), joined, SUSPENDED), "fleet")
    assert apart[0] == "a is suspended by alice: kernel"
    assert apart[1].startswith("4 clusters (b, c, …) are Pending")


def test_a_cluster_is_not_ready_before_any_commit_is_in_force() -> None:
    gone = facts.PlacementEnded(at=AT, bundle="app", cluster="a")
    shown = picture(gone, observed=heard())
    view = cluster_view(shown, "a")
    assert (view.state, view.why) == (ClusterState.PENDING, "no commit is in force yet")
    assert why(shown, "fleet") == ["a is Pending: no commit is in force yet"]


def test_a_lost_cluster_is_unknown_whatever_it_said_before() -> None:
    observed = heard()
    observed.take(Disconnected(cluster=A, at=AT, reason="timed out", retry_in_s=9.0))
    shown = picture(observed=observed)
    view = cluster_view(shown, "a")
    assert (view.state, view.health, view.why) == (ClusterState.OFFLINE, "Unknown", "timed out")
    entry = shown.state.assignment("app", "a")
    assert entry is not None
    placed = placement_view(shown, "a", "app", entry)
    assert (placed.state, placed.health, placed.objects) == (ClusterState.OFFLINE, "Unknown", 0)
    retry = (AT + timedelta(seconds=9)).strftime("%H:%M:%S")
    assert why(shown, "cluster/a") == [f"a does not answer: timed out; next attempt {retry} UTC"]


@pytest.mark.parametrize(
    ("silence", "sentence"),
    [
        (Silence.ASKED_RARELY, "a failed so often that it is asked rarely: refused; next attempt"),
        (Silence.FENCED, "another server writes to a: refused; next attempt"),
    ],
)
def test_a_cluster_that_is_left_alone_says_so_in_words(silence: Silence, sentence: str) -> None:
    observed = heard()
    lost = Disconnected(cluster=A, at=AT, reason="refused", retry_in_s=9.0, silence=silence)
    observed.take(lost)
    view = cluster_view(picture(observed=observed), "a")
    assert (view.silence, view.why) == (silence.value, f"{silence.value}: refused")
    assert why(picture(observed=observed), "cluster/a")[0].startswith(sentence)
    observed.take(Connected(cluster=A, at=AT, version="1.36.2", latency_ms=1.0))
    assert cluster_view(picture(observed=observed), "a").silence == ""


def test_a_placement_shows_the_last_good_revision_until_the_new_one_is_applied() -> None:
    converged = facts.Converged(at=AT, cluster="a", bundle="app", digest="d1", revision="r1")
    newer = facts.ReleaseAssigned(at=AT, bundle="app", revision="r2", digests={"d2": ["a"]})
    shown = picture(converged, newer, observed=heard(digest="d1"))
    entry = shown.state.assignment("app", "a")
    assert entry is not None
    view = placement_view(shown, "a", "app", entry)
    assert (view.revision, view.assigned_revision) == ("r1", "r2")
    assert view.state is ClusterState.RECONCILING


reports = st.lists(
    st.one_of(
        st.builds(
            Connected,
            cluster=st.sampled_from(CLUSTERS),
            at=st.just(AT),
            version=st.just("v1.36"),
            latency_ms=st.just(1.0),
        ),
        st.builds(
            Disconnected,
            cluster=st.sampled_from(CLUSTERS),
            at=st.just(AT),
            reason=st.just("gone"),
            retry_in_s=st.just(1.0),
        ),
        st.builds(
            BundleObserved,
            cluster=st.sampled_from(CLUSTERS),
            at=st.just(AT),
            bundle=st.sampled_from(["app", "web"]),
            generation=st.just(1),
            applied_digest=st.sampled_from(["d1", "d2", None]),
            health=st.sampled_from(Health),
            objects=st.just(2),
            applied=st.integers(0, 2),
            drifted=st.integers(0, 1),
            leftover=st.just(0),
            message=st.just(""),
        ),
    ),
    max_size=12,
)


@given(any_history, reports)
def test_ready_and_healthy_are_only_said_of_what_was_seen_so(
    history: list[facts.FleetFact], said: list[Connected | Disconnected | BundleObserved]
) -> None:
    observed = Observed()
    for event in said:
        observed.take(event)
    shown = picture(*history, observed=observed)
    for name in shown.state.clusters:
        contact = observed.contact(name)
        for view in placement_views(shown, name):
            seen = observed.bundle(name, view.bundle)
            if view.health == "Healthy" or view.state is ClusterState.READY:
                assert contact.connected
                assert seen is not None
                assert seen.health is Health.HEALTHY
            if view.state is ClusterState.READY:
                assert seen is not None
                assert seen.applied_digest == view.assigned_digest
                assert not seen.drifted
        if cluster_view(shown, name).health == "Healthy":
            assert contact.connected


@given(any_history)
def test_everything_can_be_asked_why(history: list[facts.FleetFact]) -> None:
    shown = picture(*history, observed=heard())
    assert all(why(shown, "fleet"))
    for name in shown.state.clusters:
        assert all(why(shown, f"cluster/{name}"))
    for name in shown.state.assignments:
        assert all(why(shown, f"bundle/{name}"))


@pytest.mark.parametrize("target", ["", "cluster", "cluster/zzz", "bundle/", "moon/x"])
def test_what_is_not_there_cannot_be_asked_why(target: str) -> None:
    with pytest.raises(LookupError, match="it takes fleet, cluster/NAME"):
        why(picture(), target)


def test_warnings_of_the_commit_in_force_are_told() -> None:
    warned = ProblemView(
        file="b.yaml", line=4, field="spec.placement", message="matches no cluster"
    )
    said = why(picture(commit(warned), observed=heard()), "fleet")
    assert said == ["warning: b.yaml:4: spec.placement: matches no cluster"]


def test_a_bundle_tells_the_worst_of_its_clusters() -> None:
    observed = heard(health=Health.PROGRESSING)
    waiting = replace(observed.bundles["a"]["app"], message="Widget w: not served (yet)")
    observed.take(waiting)
    shown = picture(observed=observed)
    view = bundle_view(shown, "app", placement_views(shown, "a"))
    assert view.message == "no longer in Git"
    declared = replace(shown, inventory=Inventory(bundles={APP: bundle()}))
    view = bundle_view(declared, "app", placement_views(declared, "a"))
    assert view.message == "a: Widget w: not served (yet)"
