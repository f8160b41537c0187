from datetime import timedelta

import msgspec
import pytest

from fleet.view import ClusterState, NeedView
from tests.fakes import fleets
from tui.content.matrix import bundle_matrix
from tui.model import queries
from tui.model.store import FleetStore


@pytest.fixture
def store() -> FleetStore:
    made = FleetStore()
    made.load(fleets.fleet(24))
    return made


@pytest.mark.parametrize(
    ("labels", "production"),
    [
        ({"env": "prod"}, True),
        ({"environment": "Production"}, True),
        ({"tier": "prod"}, True),
        ({"env": "preprod"}, False),
        ({"name": "prod"}, False),
        ({}, False),
    ],
)
def test_production_is_known_by_its_labels(labels: dict[str, str], production: bool) -> None:
    assert queries.is_production(labels) is production


def test_an_unknown_state_is_worse_than_all_known_ones() -> None:
    assert queries.badness("Molten") > max(queries.badness(state) for state in ClusterState)


def test_needs_stand_by_urgency_and_then_by_age() -> None:
    def need(name: str, kind: str, minutes: int) -> NeedView:
        since = fleets.NOW - timedelta(minutes=minutes)
        return NeedView(id=name, kind=kind, subject="", sentence="", since=since)

    given = [need("d", "drift", 90), need("young", "failure", 1), need("old", "failure", 9)]
    given += [need("r", "refused", 1), need("?", "unheard-of", 1)]

    assert [each.id for each in queries.sorted_needs(given)] == ["?", "r", "old", "young", "d"]


@pytest.mark.parametrize(
    ("need_id", "subject", "found"),
    [
        ("failure/stage-eu-003/payments", "", "BundleOnCluster"),
        ("offline/prod-ap-011", "", "ClusterView"),
        ("quarantine/prod-ap-023", "", "ClusterView"),
        ("suspended/cluster/prod-ap-014", "", "ClusterView"),
        ("suspended/bundle/web", "", "BundleView"),
        ("confirm/web", "", "BundleView"),
        ("drift/drift-1", "", "DriftView"),
        ("approval/payments-7/prod/sre-approval", "payments", "RolloutView"),
        ("halted/payments-7", "payments", "RolloutView"),
        ("new/thing", "cluster/prod-ap-011", "ClusterView"),
        ("refused", "77aa012b", "NoneType"),
    ],
)
def test_a_need_leads_to_what_it_speaks_of(
    store: FleetStore, need_id: str, subject: str, found: str
) -> None:
    need = NeedView(id=need_id, kind="", subject=subject, sentence="")

    assert type(queries.subject_of_need(store, need)).__name__ == found


def test_groups_follow_the_way_changes_travel(store: FleetStore) -> None:
    groups = queries.heat_groups(store.clusters.values(), "env")

    assert [(group.name, len(group.clusters)) for group in groups] == [
        ("dev", 3),
        ("stage", 6),
        ("prod", 15),
    ]
    assert groups[0].tally == [(ClusterState.READY, 3)]


def test_clusters_without_the_label_make_the_last_group(store: FleetStore) -> None:
    groups = queries.heat_groups(store.clusters.values(), "zone")

    assert [group.name for group in groups] == ["no zone"]


def test_labels_worth_grouping_by_begin_with_the_usual_ones(store: FleetStore) -> None:
    assert queries.group_labels(store.clusters.values()) == ["env", "region", "tier"]
    assert queries.group_labels([]) == ["env"]


def test_only_open_gates_of_unfinished_rollouts_ask_for_approval(store: FleetStore) -> None:
    (approval,) = queries.approvals(store.rollouts.values())

    assert (approval.stage.name, approval.gate.name) == ("prod", "sre-approval")
    assert approval.missing == 1
    finished = msgspec.structs.replace(approval.rollout, finished_at=fleets.NOW)
    assert queries.approvals([finished]) == []


def test_rollouts_in_flight_are_those_that_are_not_finished(store: FleetStore) -> None:
    assert [rollout.id for rollout in queries.in_flight(store)] == ["payments-7"]


def test_the_matrix_counts_each_group_and_shows_its_worst(store: FleetStore) -> None:
    groups, rows = bundle_matrix(store, "env")
    payments = next(row for row in rows if row.bundle.name == "payments")

    assert groups == ["dev", "stage", "prod"]
    assert (payments.cells["stage"].ready, payments.cells["stage"].total) == (5, 6)
    assert payments.cells["stage"].state is ClusterState.FAILED
    assert payments.cells["prod"].revisions == (fleets.NEW, fleets.OLD)
    assert payments.worst is ClusterState.QUARANTINED


def test_what_a_person_decides_about_a_rollout_is_found_by_its_id(store: FleetStore) -> None:
    store.needs.clear()
    for key in (
        "hold/web-1",
        "hold/web-10",
        "takeover/web-1/a",
        "approval/web-1/prod/x",
        "refused",
    ):
        store.needs[key] = NeedView(id=key, kind="", subject="", sentence="")

    found = [need.id for need in queries.needs_of_rollout(store, "web-1")]

    assert found == ["hold/web-1", "takeover/web-1/a"]
