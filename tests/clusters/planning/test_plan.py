"""What is done next on a cluster, and why what is not done waits."""

from __future__ import annotations

from typing import Any

import pytest

from clusters.model import (
    BundleName,
    BundlePolicy,
    ConflictPolicy,
    DesiredBundle,
    Digest,
    DriftPolicy,
    GroupKind,
    Health,
    Manifest,
    Revision,
)
from clusters.planning.actions import Cause, Plan
from clusters.planning.guards import PruneBudget
from clusters.planning.plan import make_plan
from clusters.records import Drift, Failure, Leaving, Record
from tests.fakes.plans import NOW, applied, config, record, situation, state, thing

DRIFT = Drift(paths=("data.value",), manager="kubectl-edit/Update", changed_at=None)
A, B, C = config("a"), config("b"), config("c")
REPORT = BundlePolicy(drift=DriftPolicy.REPORT)


def bundle(*manifests: Manifest, name: str = "app", **more: Any) -> DesiredBundle:
    return DesiredBundle(
        name=BundleName(name),
        digest=Digest(f"digest-{name}"),
        revision=Revision("0" * 40),
        manifests=manifests,
        **more,
    )


def failure(digest: str, retry_at: float = NOW + 5) -> Failure:
    return Failure(reason="refused", attempts=1, retry_at=retry_at, digest=digest)


def causes(plan: Plan) -> list[tuple[str, Cause, bool]]:
    return [(a.manifest.ref.name, a.cause, a.force) for a in plan.applies]


def waits(plan: Plan) -> list[str]:
    return [wait.reason for wait in plan.waits]


@pytest.mark.parametrize(
    ("known", "cause", "force"),
    [
        pytest.param(None, Cause.NEW, False, id="unknown"),
        pytest.param(
            record(A, applied=applied(A, confirmed=False)), Cause.UNCONFIRMED, False, id="intended"
        ),
        pytest.param(
            record(A, applied=applied(A, digest="old")), Cause.CHANGED, False, id="other content"
        ),
        pytest.param(record(A, present=False), Cause.MISSING, True, id="gone"),
        pytest.param(record(A, drift=DRIFT), Cause.DRIFTED, True, id="drifted"),
        pytest.param(record(A, reclaim=True), Cause.RECLAIM, True, id="only our entry went"),
    ],
)
def test_why_an_object_is_written(known: Record | None, cause: Cause, force: bool) -> None:
    plan = make_plan(state(bundle(A)), situation([known] if known else []))
    assert causes(plan) == [("a", cause, force)]


def test_what_stands_is_left_alone() -> None:
    assert make_plan(state(bundle(A)), situation([record(A)])) == Plan()


def test_a_forced_bundle_takes_what_others_hold() -> None:
    policy = BundlePolicy(conflicts=ConflictPolicy.FORCE)
    plan = make_plan(state(bundle(A, policy=policy)), situation())
    assert causes(plan) == [("a", Cause.NEW, True)]


@pytest.mark.parametrize(
    "known",
    [record(A, drift=DRIFT), record(A, present=False), record(A, reclaim=True)],
    ids=["drifted", "gone", "entry went"],
)
def test_a_bundle_that_reports_corrects_nothing(known: Record) -> None:
    assert make_plan(state(bundle(A, policy=REPORT)), situation([known])).applies == ()


def test_a_bundle_that_reports_still_applies_new_content() -> None:
    known = record(A, applied=applied(A, digest="old"), drift=DRIFT)
    plan = make_plan(state(bundle(A, policy=REPORT)), situation([known]))
    assert causes(plan) == [("a", Cause.CHANGED, False)]


def test_a_suspect_is_looked_at_before_it_is_written() -> None:
    """Correcting before looking would put things back without naming who changed them."""
    gone = record(A, present=False, suspect=True)
    assert make_plan(state(bundle(A)), situation([gone])).applies == ()
    other = record(A, applied=applied(A, digest="old"), suspect=True)
    assert causes(make_plan(state(bundle(A)), situation([other]))) == [("a", Cause.CHANGED, False)]


def test_a_finished_job_that_removed_itself_is_not_made_again() -> None:
    """A Job with ttlSecondsAfterFinished ran again after each clean-up (Flux: JobsWithTTL)."""
    gone = record(A, present=False, expired=True)
    assert make_plan(state(bundle(A)), situation([gone])) == Plan()


def test_a_fight_pauses_correction_and_nothing_else() -> None:
    paused = record(A, drift=DRIFT, paused_until=NOW + 60)
    plan = make_plan(state(bundle(A)), situation([paused]))
    assert (plan.applies, plan.retry_at) == ((), NOW + 60)
    newer = config("a", "2")
    assert causes(make_plan(state(bundle(newer)), situation([paused]))) == [
        ("a", Cause.CHANGED, False)
    ]
    assert causes(make_plan(state(bundle(A)), situation([paused], now=NOW + 60))) == [
        ("a", Cause.DRIFTED, True)
    ]


def test_what_the_server_refused_waits_until_it_is_due_or_other() -> None:
    known = record(A, applied=applied(A, confirmed=False), failure=failure(A.digest))
    plan = make_plan(state(bundle(A, B)), situation([known]))
    assert causes(plan) == [("b", Cause.NEW, False)]
    assert plan.retry_at == NOW + 5
    later = make_plan(state(bundle(A)), situation([known], now=NOW + 5))
    assert causes(later) == [("a", Cause.UNCONFIRMED, False)]
    edited = make_plan(state(bundle(config("a", "2"))), situation([known]))
    assert [name for name, _, _ in causes(edited)] == ["a"]


def test_applies_go_in_waves_over_all_bundles() -> None:
    namespace = thing("v1", "Namespace", "n")
    web = thing("apps/v1", "Deployment", "web")
    crd = thing("apiextensions.k8s.io/v1", "CustomResourceDefinition", "x")
    plan = make_plan(state(bundle(web, A), bundle(crd, namespace, name="other")), situation())
    kinds = [action.manifest.ref.kind for action in plan.applies]
    assert kinds == ["Namespace", "CustomResourceDefinition", "ConfigMap", "Deployment"]


def test_a_kind_that_is_not_served_waits_and_the_rest_goes_on() -> None:
    widget = thing("example.com/v1", "Widget", "w")
    plan = make_plan(state(bundle(widget, A)), situation(lacking=["Widget"]))
    assert causes(plan) == [("a", Cause.NEW, False)]
    assert waits(plan) == ["this cluster does not serve Widget in example.com/v1 (yet)"]
    assert plan.unserved


def test_a_kind_that_cannot_be_watched_waits_and_says_why() -> None:
    kind = GroupKind("", "ConfigMap")
    unseen = situation(unsynced=["ConfigMap"], interrupted={kind: "may not list configmaps"})
    plan = make_plan(state(bundle(A)), unseen)
    assert plan.applies == ()
    assert waits(plan) == [
        "what the cluster has of this kind is not known: may not list configmaps"
    ]


class TestDependencies:
    def test_waits_until_all_of_the_other_is_applied_and_healthy(self) -> None:
        first, second = bundle(A, name="base"), bundle(B, depends_on=[BundleName("base")])
        for known, reason in (
            ([], "waits for bundle base: ConfigMap default/a is not applied yet"),
            (
                [record(A, "base", health=Health.PROGRESSING)],
                "waits for bundle base: ConfigMap default/a is Progressing",
            ),
            (
                [record(A, "base", applied=applied(A, "base", digest="old"))],
                "waits for bundle base: ConfigMap default/a is not applied yet",
            ),
            (
                [record(A, "base", leaving=Leaving.DELETED)],
                "waits for bundle base: ConfigMap default/a is not applied yet",
            ),
        ):
            plan = make_plan(state(first, second), situation(known))
            assert reason in waits(plan)
            assert "b" not in [name for name, _, _ in causes(plan)]
        plan = make_plan(state(first, second), situation([record(A, "base")]))
        assert causes(plan) == [("b", Cause.NEW, False)]

    def test_a_bundle_that_is_not_here_is_named(self) -> None:
        plan = make_plan(state(bundle(B, depends_on=[BundleName("base")])), situation())
        assert waits(plan) == ["depends on bundle base, which is not placed on this cluster"]

    def test_a_circle_stands_still_and_says_so(self) -> None:
        one = bundle(A, name="one", depends_on=[BundleName("two")])
        two = bundle(B, name="two", depends_on=[BundleName("one")])
        plan = make_plan(state(one, two), situation())
        assert plan.applies == ()
        assert len(plan.waits) == 2


class TestClaims:
    def test_of_two_claims_the_first_name_holds_when_nobody_has_it(self) -> None:
        plan = make_plan(state(bundle(A, name="x"), bundle(A, name="y")), situation())
        assert [(a.bundle, a.cause) for a in plan.applies] == [("x", Cause.NEW)]
        assert [(w.bundle, w.reason) for w in plan.waits] == [
            ("y", "bundle x has this object as well, and keeps it")
        ]

    def test_the_holder_keeps_it(self) -> None:
        both = state(bundle(A, name="x"), bundle(A, name="y"))
        plan = make_plan(both, situation([record(A, "y")]))
        assert plan.applies == ()
        assert [wait.bundle for wait in plan.waits] == ["x"]

    def test_argo_cd_22607_a_shared_object_is_not_deleted_when_its_holder_lets_go(self) -> None:
        """Leaving one application deleted what another still had (argo-cd#22607)."""
        moved = state(bundle(B, name="x"), bundle(A, name="y"))
        plan = make_plan(moved, situation([record(A, "x"), record(B, "x")]))
        assert plan.prunes == ()

    def test_what_moves_to_a_bundle_that_waits_is_kept_meanwhile(self) -> None:
        moved = state(bundle(B, name="x"), bundle(A, name="y", suspended="asked"))
        plan = make_plan(moved, situation([record(A, "x"), record(B, "x")]))
        assert (plan.prunes, plan.held) == ((), ())


class TestPruning:
    def plan(self, leftover: Record, **more: Any) -> Plan:
        others = [record(manifest) for manifest in (B, C)]
        return make_plan(state(bundle(B, C, **more)), situation([leftover, *others]))

    def test_what_left_is_deleted_by_its_uid(self) -> None:
        (prune,) = self.plan(record(A)).prunes
        assert (prune.ref, prune.uid, prune.bundle) == (A.ref, "uid-a", "app")

    @pytest.mark.parametrize(
        "leftover",
        [
            pytest.param(record(A, present=False), id="already gone, or without our label"),
            pytest.param(record(A, uid="another"), id="somebody made a new one"),
            pytest.param(
                record(A, applied=applied(A, uid="", confirmed=False), foreign=True),
                id="the name was taken before we came",
            ),
        ],
    )
    def test_what_is_not_ours_is_forgotten_not_deleted(self, leftover: Record) -> None:
        plan = self.plan(leftover)
        assert (plan.prunes, plan.forgets) == ((), (A.ref,))

    def test_kustomize_1664_what_we_made_and_could_not_confirm_is_deleted(self) -> None:
        """Objects of a pass that failed half-way stayed behind for ever (kustomize#1664)."""
        made = record(A, applied=applied(A, uid="", confirmed=False), foreign=False)
        assert [prune.uid for prune in self.plan(made).prunes] == ["uid-a"]

    @pytest.mark.parametrize(
        ("leftover", "reason"),
        [
            (record(A, keep=True), "kept: the object is annotated flotilla.dev/prune: disabled"),
            (
                record(A, leaving=Leaving.DELETED, message="being deleted, waits for x/y"),
                "waits until it is gone: being deleted, waits for x/y",
            ),
        ],
        ids=["annotated", "under way"],
    )
    def test_kept_with_a_reason(self, leftover: Record, reason: str) -> None:
        plan = self.plan(leftover)
        assert (plan.prunes, plan.forgets, waits(plan)) == ((), (), [reason])

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"policy": BundlePolicy(prune_max=0)}, "1 objects would be deleted; at most 0 may be"),
            ({"prune_hold": "the rollout would"}, "the rollout would"),
        ],
    )
    def test_the_bundle_says_no(self, changes: dict[str, Any], reason: str) -> None:
        plan = self.plan(record(A), **changes)
        assert plan.prunes == ()
        assert [(held.refs, held.reason) for held in plan.held] == [((A.ref,), reason)]

    def test_a_rollout_deletes_last_and_never_where_pruning_is_off(self) -> None:
        later = self.plan(record(A), prune_later=True)
        assert (later.prunes, later.held) == ((), ())
        assert waits(later) == [
            "1 object that left it is deleted once the rollout has reached all clusters"
        ]
        off = self.plan(record(A), prune_later=True, policy=BundlePolicy(prune=False))
        assert (off.prunes, off.held) == ((), ()), "nobody is asked what no word would change"
        assert waits(off) == ["kept: pruning is switched off for the bundle"]
        confirmed = self.plan(record(A), prune_later=True, prune_confirmed=frozenset({A.ref}))
        assert len(confirmed.prunes) == 1

    @pytest.mark.parametrize(
        ("read", "deleted"),
        [
            ((A, B, C), (A, B)),
            ((A, B), (A, B)),
            ((A,), ()),
            ((C,), ()),
            ((), ()),
        ],
        ids=["more than is left", "exactly that", "less", "something else", "nothing"],
    )
    def test_only_what_was_read_is_deleted(
        self, read: tuple[Manifest, ...], deleted: tuple[Manifest, ...]
    ) -> None:
        confirmed = frozenset(manifest.ref for manifest in read)
        plan = make_plan(
            state(bundle(prune_confirmed=confirmed)), situation([record(A), record(B)])
        )
        assert {prune.ref for prune in plan.prunes} == {manifest.ref for manifest in deleted}
        assert [held.refs for held in plan.held] == ([] if deleted else [(A.ref, B.ref)])

    def test_what_git_says_is_to_be_uninstalled_needs_no_word(self) -> None:
        plan = make_plan(state(bundle(uninstall=True)), situation([record(A)]))
        assert len(plan.prunes) == 1

    def test_a_bundle_may_allow_more_than_is_usual(self) -> None:
        old = [config(f"old{number}") for number in range(4)]
        known = [record(manifest) for manifest in (*old, B)]
        tight = PruneBudget(max_objects=3)
        held = make_plan(state(bundle(B)), situation(known, budget=tight))
        assert (len(held.prunes), len(held.held)) == (0, 1)
        wide = bundle(B, policy=BundlePolicy(prune_max=4))
        assert len(make_plan(state(wide), situation(known, budget=tight)).prunes) == 4

    def test_an_emptied_bundle_is_held_until_confirmed(self) -> None:
        """A path that is there but empty pruned everything (flux2#2627, test PruneEmpty)."""
        plan = make_plan(state(bundle()), situation([record(A)]))
        assert (plan.prunes, len(plan.held)) == ((), 1)
        read = bundle(prune_confirmed=frozenset({A.ref}))
        confirmed = make_plan(state(read), situation([record(A)]))
        assert len(confirmed.prunes) == 1

    def test_nothing_is_deleted_for_a_bundle_that_is_not_there(self) -> None:
        """A failed render gives no bundle at all, and so no deletion."""
        assert make_plan(state(bundle(B, name="other")), situation([record(A)])).prunes == ()

    def test_what_replaces_an_object_is_in_place_before_it_goes(self) -> None:
        """Pruning went on after a failed apply, and left neither the old nor the new."""
        broken = record(B, applied=applied(B, confirmed=False), failure=failure(B.digest))
        known = [record(A), broken, record(C)]
        plan = make_plan(state(bundle(B, C)), situation(known))
        assert plan.prunes == ()
        assert waits(plan) == ["is deleted once ConfigMap default/b is applied"]

    @pytest.mark.parametrize(
        ("known", "lacking"),
        [
            pytest.param(None, ["Widget"], id="its kind is not served yet"),
            pytest.param(None, [], id="it is written in this pass"),
            pytest.param("old", [], id="it is changed in this pass"),
        ],
    )
    def test_what_waits_to_replace_an_object_keeps_it(
        self, known: str | None, lacking: list[str]
    ) -> None:
        """A Deployment went though the kind of what replaces it was not installed."""
        new = thing("example.com/v1", "Widget", "w")
        there = [record(new, applied=applied(new, digest=known))] if known else []
        seen = situation([record(A), *there], lacking=lacking)
        plan = make_plan(state(bundle(new)), seen)
        assert plan.prunes == ()
        assert "is deleted once Widget.example.com default/w is applied" in waits(plan)

    def test_one_object_under_two_groups_is_not_deleted(self) -> None:
        """It left as one and stays as the other (cli-utils: CurrentUIDFilter)."""
        old = thing("extensions/v1beta1", "Ingress", "web")
        new = thing("networking.k8s.io/v1", "Ingress", "web")
        plan = make_plan(state(bundle(new)), situation([record(old), record(new)]))
        assert (plan.prunes, plan.forgets) == ((), (old.ref,))
        other = record(new, applied=applied(new, uid="another"), uid="another")
        plan = make_plan(state(bundle(new)), situation([record(old), other]))
        assert [prune.ref for prune in plan.prunes] == [old.ref]

    def test_one_object_under_two_groups_that_moves_to_another_bundle_is_kept(self) -> None:
        old = thing("extensions/v1beta1", "Ingress", "web")
        new = thing("networking.k8s.io/v1", "Ingress", "web")
        moved = state(bundle(B), bundle(new, name="y", suspended="asked"))
        plan = make_plan(moved, situation([record(old), record(B)]))
        assert (plan.prunes, plan.forgets) == ((), ())
        kept = "kept until Ingress.networking.k8s.io default/web is applied"
        assert waits(plan)[0].startswith(kept)

    def test_what_is_not_seen_counts_for_the_guards(self) -> None:
        """Seen kind by kind, each part was few enough to go without a question."""
        old = [config(f"old{number}") for number in range(4)]
        hidden = [thing("v1", "Secret", f"s{number}") for number in range(4)]
        known = [record(manifest) for manifest in (*old, *hidden, B)]
        plan = make_plan(state(bundle(B)), situation(known, unsynced=["Secret"]))
        assert plan.prunes == ()
        assert [len(held.refs) for held in plan.held] == [8]

    def test_what_was_being_deleted_when_its_kind_went_is_gone(self) -> None:
        """No watch tells of a kind that is not there: it was waited for for ever."""
        widget = thing("example.com/v1", "Widget", "w")
        known = [record(widget, leaving=Leaving.DELETED), record(B)]
        plan = make_plan(state(bundle(B)), situation(known, lacking=["Widget"]))
        assert (plan.forgets, plan.waits) == ((widget.ref,), ())

    def test_a_refused_deletion_is_tried_again_later(self) -> None:
        """A DELETE that a webhook refused was never tried again (kustomize#1664)."""
        refused = record(A, failure=failure(""))
        plan = self.plan(refused)
        assert (plan.prunes, plan.forgets, plan.retry_at) == ((), (), NOW + 5)

    def test_an_api_group_that_does_not_answer_hides_nothing(self) -> None:
        """An extension server that is down looks like a removed kind; its objects still exist."""
        known = [record(thing("metrics.example.com/v1", "Widget", "w")), record(B)]
        hidden = situation(known, unsynced=["Widget"])
        plan = make_plan(state(bundle(B)), hidden)
        assert (plan.prunes, plan.forgets) == ((), ())
        removed = situation(known, lacking=["Widget"])
        assert make_plan(state(bundle(B)), removed).forgets == (known[0].ref,)

    def test_in_reverse_order_of_applying(self) -> None:
        web, secret = thing("apps/v1", "Deployment", "web"), thing("v1", "Secret", "s")
        known = [record(secret), record(web), record(B), record(C)]
        plan = make_plan(state(bundle(B, C)), situation(known))
        assert [prune.ref.kind for prune in plan.prunes] == ["Deployment", "Secret"]


class TestWhatHoldsOthers:
    """Deleting a namespace or a definition deletes what is in it, whoever wants it."""

    SPACE = Manifest.of({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}})
    DEFINITION = Manifest.of(
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": "widgets.example.com"},
        }
    )
    WIDGET = thing("example.com/v1", "Widget", "w")

    def leaving(self, one: Manifest, *others: DesiredBundle, **seen: Any) -> Plan:
        known = seen.pop("known", [])
        agreed = bundle(name="base", prune_confirmed=frozenset({one.ref}))
        return make_plan(state(agreed, *others), situation([record(one, "base"), *known], **seen))

    def test_goes_when_nothing_is_in_it(self) -> None:
        assert [p.ref for p in self.leaving(self.SPACE).prunes] == [self.SPACE.ref]
        assert [p.ref for p in self.leaving(self.DEFINITION).prunes] == [self.DEFINITION.ref]

    @pytest.mark.parametrize("one", [SPACE, DEFINITION], ids=["namespace", "definition"])
    def test_stays_while_a_bundle_wants_something_in_it(self, one: Manifest) -> None:
        """What was applied in the same pass went with it a moment later."""
        plan = self.leaving(one, bundle(self.WIDGET))
        assert plan.prunes == ()
        assert [a.manifest for a in plan.applies] == [self.WIDGET]

    @pytest.mark.parametrize("one", [SPACE, DEFINITION], ids=["namespace", "definition"])
    def test_stays_while_it_is_not_known_what_is_in_it(self, one: Manifest) -> None:
        unseen = record(self.WIDGET, "gone", present=False)
        plan = self.leaving(one, known=[unseen], unsynced=["Widget"])
        assert plan.prunes == ()
        absent = record(self.WIDGET, "gone", present=False)
        assert len(self.leaving(one, known=[absent]).prunes) == 1


@pytest.mark.parametrize(
    "desired",
    [
        state(bundle(B), suspended="maintenance"),
        state(bundle(B, suspended="maintenance")),
    ],
    ids=["cluster", "bundle"],
)
def test_suspended_changes_nothing(desired: Any) -> None:
    known = [record(A), record(B, drift=DRIFT)]
    assert make_plan(desired, situation(known)) == Plan(waits=make_plan(desired, situation()).waits)


def test_what_is_being_deleted_is_not_written() -> None:
    plan = make_plan(state(bundle(A)), situation([record(A, leaving=Leaving.DELETED)]))
    assert (plan.applies, waits(plan)) == ((), ["its deletion is not finished"])
