from typing import Any

import msgspec
import pytest

from fleet.deciding import commands, rollout_commands
from fleet.rollout import progress
from fleet.view import ClusterState, DeletionsView, NeedView
from fleet.view_deletions import DeletionListView, hash_of_lists
from tests.fakes import fleets
from tui.actions import ACTIONS
from tui.content.drift_inbox import Grouping, drift_groups
from tui.model.queries import approvals
from tui.model.store import FleetStore
from tui.orders.choosing import plan
from tui.orders.plans import NotNow, Plan, RolloutCluster, Tier


@pytest.fixture
def store() -> FleetStore:
    made = FleetStore()
    made.load(fleets.fleet(24))
    return made


def planned(action: str, subjects: list[object], store: FleetStore) -> Plan:
    made = plan(action, subjects, store)
    assert isinstance(made, Plan), made
    return made


def sent(made: Plan) -> list[tuple[str, str, dict[str, Any]]]:
    return [(each.command, each.target, dict(each.arguments)) for each in made.requests]


def member(store: FleetStore, name: str, state: str) -> RolloutCluster:
    rollout = store.rollouts["payments-7"]
    return RolloutCluster(rollout=rollout, name=name, stage="prod", state=state)


def test_syncing_a_cluster_that_is_not_production_only_asks(store: FleetStore) -> None:
    made = planned("sync", [store.clusters["dev-eu-000"]], store)

    assert sent(made) == [("reconcile", "cluster/dev-eu-000", {})]
    assert made.tier is Tier.ASK
    assert not made.production


def test_production_must_be_typed(store: FleetStore) -> None:
    made = planned("sync", [store.clusters["prod-eu-009"]], store)

    assert (made.tier, made.scope, made.production) == (Tier.TYPE, "prod-eu-009", True)
    assert made.needs_reason
    assert made.facts[0] == "1 cluster, 1 of them production"


def test_many_clusters_must_be_typed_even_when_none_is_production(store: FleetStore) -> None:
    dev = [
        msgspec.structs.replace(store.clusters["dev-eu-000"], name=f"dev-{number}")
        for number in range(11)
    ]
    few, many = planned("sync", dev[:10], store), planned("sync", dev, store)

    assert (few.tier, many.tier) == (Tier.ASK, Tier.TYPE)
    assert many.scope == "11 selected"
    assert len(many.requests) == 11


def test_a_suspended_cluster_is_resumed_before_it_is_synced(store: FleetStore) -> None:
    suspended = store.clusters["prod-ap-014"]

    assert plan("sync", [suspended], store) == NotNow(
        "prod-ap-014 is suspended (carol: load test): resume it first (T)"
    )
    assert sent(planned("suspend", [suspended], store)) == [("resume", "cluster/prod-ap-014", {})]


def test_suspending_wants_a_reason(store: FleetStore) -> None:
    made = planned("suspend", [store.clusters["dev-eu-000"]], store)

    assert sent(made) == [("suspend", "cluster/dev-eu-000", {})]
    assert made.needs_reason


def test_pausing_a_rollout_is_sent_at_once_and_resuming_asks(store: FleetStore) -> None:
    rollout = store.rollouts["payments-7"]
    paused = msgspec.structs.replace(rollout, phase="Paused")

    assert planned("suspend", [rollout], store).tier is Tier.SEND
    assert sent(planned("suspend", [paused], store)) == [
        ("resumeRollout", "rollout/payments-7", {})
    ]


def test_approving_names_the_gate_and_the_plan_that_was_read(store: FleetStore) -> None:
    (approval,) = approvals(store.rollouts.values())
    expected = {
        "stage": "prod",
        "gate": "sre-approval",
        "planHash": "5e1d0c",
    }

    for subject in (approval, approval.rollout, member(store, "prod-eu-009", "Pending")):
        made = planned("approve", [subject], store)
        assert sent(made) == [("approve", "rollout/payments-7", expected)]
        assert (made.tier, made.scope) == (Tier.TYPE, "prod")
    assert "gate soak-30m: 22m of 30m" in made.facts


def test_reject_without_an_approval_aborts(store: FleetStore) -> None:
    rollout = store.rollouts["payments-7"]
    running = msgspec.structs.replace(rollout, stages=())

    assert planned("reject", [rollout], store).requests[0].command == "reject"
    assert planned("reject", [running], store).requests[0].command == "abort"


def test_a_rollback_counts_only_clusters_that_have_the_release(store: FleetStore) -> None:
    rollout = store.rollouts["payments-7"]
    had = [each.name for each in rollout.clusters if each.stage != "prod"]

    for subject in (rollout, store.bundles["payments"], member(store, "dev-eu-000", "Good")):
        made = planned("rollback", [subject], store)
        assert made.clusters == set(had)
        assert made.facts[0] == f"{len(had)} clusters"


@pytest.mark.parametrize("state", ["Pending", "Blocked", "Unchanged", "Withdrawn", "RolledBack"])
def test_what_changed_nothing_is_not_rolled_back(store: FleetStore, state: str) -> None:
    assert state in {each.value for each in progress.ClusterState}
    rollout = store.rollouts["payments-7"]
    clusters = [msgspec.structs.replace(each, state=state) for each in rollout.clusters]
    made = plan("rollback", [msgspec.structs.replace(rollout, clusters=clusters)], store)

    assert isinstance(made, NotNow)
    assert "has changed no cluster" in made.reason


def test_promotion_says_which_gates_it_passes_over(store: FleetStore) -> None:
    made = planned("promote", [store.rollouts["payments-7"]], store)

    assert sent(made) == [("promote", "rollout/payments-7", {"stage": "prod"})]
    assert "passes over gate soak-30m: 22m of 30m" in made.facts


@pytest.mark.parametrize("action", ["promote", "suspend", "approve"])
def test_nothing_is_done_to_a_finished_rollout(store: FleetStore, action: str) -> None:
    assert isinstance(plan(action, [store.rollouts["search-6"]], store), NotNow)


def test_retry_names_the_clusters_that_failed(store: FleetStore) -> None:
    rollout = store.rollouts["payments-7"]
    broken = [
        msgspec.structs.replace(each, state="Failed") if each.name == "dev-eu-000" else each
        for each in rollout.clusters
    ]
    failed = msgspec.structs.replace(rollout, clusters=broken)

    assert sent(planned("retry", [failed], store))[0][2] == {"clusters": ["dev-eu-000"]}
    assert plan("retry", [rollout], store) == NotNow("no cluster of this rollout failed")
    one = planned("retry", [member(store, "prod-eu-009", "Failed")], store)
    assert sent(one)[0][2] == {"clusters": ["prod-eu-009"]}


def test_a_quarantined_cluster_is_let_out_by_retry(store: FleetStore) -> None:
    quarantined = store.clusters["prod-ap-023"]
    assert quarantined.state is ClusterState.QUARANTINED

    assert sent(planned("retry", [quarantined], store)) == [("resume", "cluster/prod-ap-023", {})]


def test_skipping_needs_a_cluster_of_a_rollout(store: FleetStore) -> None:
    made = planned("skip", [member(store, "prod-eu-009", "Failed")], store)

    assert sent(made) == [("skip", "rollout/payments-7", {"clusters": ["prod-eu-009"]})]
    assert isinstance(plan("skip", [store.rollouts["payments-7"]], store), NotNow)


def test_a_group_of_drift_is_put_back_cluster_by_cluster(store: FleetStore) -> None:
    (group,) = drift_groups(store.drift.values())

    made = planned("sync", [group], store)

    assert [each.target for each in made.requests] == ["drift/drift-2", "drift/drift-1"]
    assert made.production
    assert made.title == "Put back Deployment web on 2 clusters"
    assert made.scope == "Deployment/web"
    assert "on prod-eu-009, stage-ap-005" in made.facts
    acknowledged = planned("acknowledge", [group], store)
    assert acknowledged.requests[0].command == "acknowledgeDrift"
    assert acknowledged.needs_reason


def test_what_is_settled_in_a_group_is_left_out(store: FleetStore) -> None:
    first, second = store.drift.values()
    settled = msgspec.structs.replace(first, state="corrected")
    (group,) = drift_groups([settled, second])

    made = planned("sync", [group], store)

    assert [each.target for each in made.requests] == [f"drift/{second.id}"]
    assert made.scope == second.cluster
    (done,) = drift_groups([settled])
    assert plan("sync", [done], store) == NotNow("this drift is already put back")


def test_a_group_of_different_changes_counts_them(store: FleetStore) -> None:
    first, second = store.drift.values()
    other = msgspec.structs.replace(second, name="api", paths=("spec.image",), who="dave")
    (group,) = drift_groups([first, other], Grouping.BUNDLE)

    made = planned("sync", [group], store)

    assert made.title == "Put back 2 objects on 2 clusters"
    assert made.scope == "web"
    assert "overwrites 2 objects" in made.facts
    assert "held now by dave, kubectl-edit (Update)" in made.facts


def test_drift_that_is_settled_asks_for_nothing(store: FleetStore) -> None:
    corrected = msgspec.structs.replace(store.drift["drift-1"], state="corrected")

    assert plan("sync", [corrected], store) == NotNow("this drift is already put back")
    assert plan("acknowledge", [corrected], store) == NotNow("this drift is corrected")


def with_need(store: FleetStore, need_id: str, **more: Any) -> NeedView:
    need = NeedView(id=need_id, kind="", subject=more.pop("subject", "x"), sentence="why", **more)
    store.needs[need_id] = need
    return need


def test_a_hold_is_released_for_the_rollout_that_placed_it(store: FleetStore) -> None:
    rollout, web = store.rollouts["payments-7"], store.bundles["payments"]
    assert plan("release_hold", [web], store) == NotNow("nothing is on hold here")
    need = with_need(store, "hold/payments-7", subject="payments 9f3c1ab on hold")

    for subject in (web, rollout, need, member(store, "prod-eu-009", "Failed")):
        made = planned("release_hold", [subject], store)
        assert sent(made) == [("releaseHold", "rollout/payments-7", {})]
        assert made.tier is Tier.TYPE


def test_a_contested_field_is_taken_or_left(store: FleetStore) -> None:
    rollout = msgspec.structs.replace(store.rollouts["payments-7"], stages=())
    need = with_need(store, "takeover/payments-7/prod-eu-009")
    arguments = {"clusters": ["prod-eu-009"]}

    for subject in (need, rollout):
        taken = planned("approve", [subject], store)
        assert sent(taken) == [("takeOver", "rollout/payments-7", arguments)]
        assert taken.production
        assert taken.scope == "prod-eu-009"
        left = planned("reject", [subject], store)
        assert sent(left) == [("leaveField", "rollout/payments-7", arguments)]


def test_a_gate_that_cannot_be_judged_is_passed(store: FleetStore) -> None:
    need = with_need(
        store, "approval/payments-7/prod/metrics", command="flotilla rollout pass-gate payments-7"
    )

    assert sent(planned("approve", [need], store)) == [
        ("passGate", "rollout/payments-7", {"stage": "prod", "gate": "metrics"})
    ]


@pytest.mark.parametrize("action", ["approve", "confirm_prune"])
def test_a_commit_that_takes_clusters_away_is_confirmed(store: FleetStore, action: str) -> None:
    need = with_need(store, "shrink", subject="9f3c1ab0")

    made = planned(action, [need], store)

    assert sent(made) == [("confirmShrink", "commit/9f3c1ab0", {})]
    assert made.scope == "9f3c1ab0"


def test_the_server_knows_every_command(store: FleetStore) -> None:
    """The interface and the server were written apart: nothing that one sends is unknown there."""
    known = {*commands._RULES, *rollout_commands.COMMANDS}
    needs = [
        with_need(store, "hold/payments-7"),
        with_need(store, "takeover/payments-7/prod-eu-009"),
        with_need(store, "shrink"),
        deletions_of("web", {"dev-eu-000": "h1"}),
        with_need(store, "approval/payments-7/prod/x", command="flotilla rollout pass-gate y"),
    ]
    store.needs |= {need.id: need for need in needs}
    running = msgspec.structs.replace(store.rollouts["payments-7"], id="other-1", stages=())
    paused = msgspec.structs.replace(running, phase="Paused")
    quarantined = store.clusters["prod-ap-023"]
    subjects: list[object] = [
        *store.clusters.values(), *store.bundles.values(), *store.placements.values(),
        *store.drift.values(), *store.rollouts.values(), *needs, quarantined, running, paused,
        *approvals(store.rollouts.values()), member(store, "prod-eu-009", "failed"),
        *drift_groups(store.drift.values()),
    ]  # fmt: skip
    made = [
        plan(action.id, [subject], store)
        for action in ACTIONS
        if action.writes
        for subject in subjects
    ]
    asked = {each.command for one in made if isinstance(one, Plan) for each in one.requests}

    assert asked <= known
    assert known - asked == {"bypassWindow"}, "only this is left to the command line"


def deletions_of(bundle: str, hashes: dict[str, str]) -> NeedView:
    """Nine objects on each of some clusters wait to be deleted."""
    objects = [*(f"ConfigMap shop/c{number}" for number in range(8)), "Secret shop/keys"]
    same = DeletionListView(clusters=list(hashes), objects=objects, total=9, reason="many")
    found = DeletionsView(
        bundle=bundle, list_hash=hash_of_lists(hashes), hashes=hashes, lists=[same]
    )
    return NeedView(
        id=f"confirm/{bundle}",
        kind="confirm",
        subject=bundle,
        sentence="9 objects kept",
        deletions=found,
    )


def test_deletions_are_confirmed_only_where_some_wait(store: FleetStore) -> None:
    web = store.bundles["web"]
    place = store.placements["dev-eu-000/web"]
    assert plan("confirm_prune", [web], store) == NotNow("no deletion waits for a word here")
    waits = deletions_of("web", {"dev-eu-000": "h1", "dev-us-001": "h2"})
    store.needs[waits.id] = waits

    whole = planned("confirm_prune", [web], store)
    both = {
        "clusters": ["dev-eu-000", "dev-us-001"],
        "listHash": hash_of_lists({"": "h1", "b": "h2"}),
    }
    assert sent(whole) == [("confirmPrune", "bundle/web", both)]
    assert list(whole.facts[1:]) == [
        "deleted objects do not come back by themselves",
        "on dev-eu-000, dev-us-001: 9 objects (8 ConfigMap, 1 Secret) each; many",
        *(f"  ConfigMap shop/c{number}" for number in range(6)),
        "  and 3 more",
    ]
    alone = planned("confirm_prune", [place], store)
    assert sent(alone)[0][2] == {"clusters": ["dev-eu-000"], "listHash": "h1"}
    assert alone.facts[2].startswith("on dev-eu-000: 9 objects")
    assert planned("confirm_prune", [waits], store).tier is Tier.TYPE
    elsewhere = deletions_of("web", {"dev-us-001": "h2"})
    store.needs[waits.id] = elsewhere
    assert plan("confirm_prune", [place], store) == NotNow("no deletion waits for a word here")


def test_deleting_all_of_a_bundle_is_refused_here(store: FleetStore) -> None:
    gone = msgspec.structs.replace(store.bundles["web"], message="no longer in Git")
    store.bundles["web"] = gone
    waits = deletions_of("web", {"dev-eu-000": "h1"})
    store.needs[waits.id] = waits

    assert planned("confirm_prune", [gone], store).tier is Tier.REFUSE


def test_a_need_stands_for_what_it_speaks_of(store: FleetStore) -> None:
    need = store.needs["approval/payments-7/prod/sre-approval"]

    assert planned("approve", [need], store).requests[0].target == "rollout/payments-7"


@pytest.mark.parametrize("action", [action.id for action in ACTIONS if action.writes])
def test_every_writing_action_answers_for_everything_it_may_meet(
    store: FleetStore, action: str
) -> None:
    subjects: list[object] = [
        *store.clusters.values(),
        *store.bundles.values(),
        *store.placements.values(),
        *store.rollouts.values(),
        *store.drift.values(),
        *store.needs.values(),
        *approvals(store.rollouts.values()),
        *drift_groups(store.drift.values()),
        *fleets.history(),
        member(store, "prod-eu-009", "Failed"),
    ]
    for subject in subjects:
        made = plan(action, [subject], store)
        if isinstance(made, NotNow):
            assert made.reason
        else:
            assert made.requests
            assert made.tier is not Tier.TYPE or (made.scope and made.needs_reason)


def test_nothing_selected_is_a_reason(store: FleetStore) -> None:
    assert plan("sync", [], store) == NotNow("nothing is selected that this could be done to")
