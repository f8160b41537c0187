"""What holds of every plan, whatever the cluster and whatever is wanted."""

from __future__ import annotations

import random
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from clusters.fields.fieldpaths import covers
from clusters.fields.ownership import dotted
from clusters.fields.projection import value_hash
from clusters.fields.rules import rules_of
from clusters.model import (
    BundleName,
    BundlePolicy,
    ConflictPolicy,
    DesiredBundle,
    DesiredState,
    Digest,
    DriftPolicy,
    DriftRule,
    Health,
    Manifest,
    Revision,
    Target,
)
from clusters.planning.actions import Cause, Plan
from clusters.planning.guards import PROTECTED_KINDS
from clusters.planning.plan import at_rest, make_plan, worked_out
from clusters.planning.situation import Situation
from clusters.records import Drift, Failure, Leaving, Record
from tests.fakes.plans import NOW, applied, by_ref, record, situation, state, thing

NAMES = [BundleName(name) for name in ("base", "app", "web")]
KINDS = (
    ("v1", "ConfigMap"),
    ("v1", "Namespace"),
    ("v1", "PersistentVolumeClaim"),
    ("apps/v1", "Deployment"),
    ("example.com/v1", "Widget"),
)
manifests = st.builds(
    lambda kind, name, value: thing(*kind, name, value),
    st.sampled_from(KINDS),
    st.sampled_from("abcd"),
    st.sampled_from("12"),
)
X, Y = ("f:data", "f:x"), ("f:data", "f:y")
rules = st.builds(
    DriftRule,
    target=st.sampled_from([Target(), Target(kind="ConfigMap"), Target(name="a")]),
    drift=st.sampled_from(DriftPolicy),
    fields=st.sampled_from([(), ("data",), ("data.x",), ("data.y",)]),
)
policies = st.builds(
    BundlePolicy,
    drift=st.sampled_from([DriftPolicy.CORRECT, DriftPolicy.REPORT]),
    conflicts=st.sampled_from(ConflictPolicy),
    prune=st.booleans(),
    prune_max=st.none() | st.integers(0, 3),
    rules=st.lists(rules, max_size=2).map(tuple),
)
maybe = st.sampled_from([None, None, "asked"])
drifts = st.none() | st.builds(
    lambda fields, replaced: Drift(
        paths=tuple(dotted(path) for path in fields),
        manager="m",
        changed_at=None,
        fields=fields,
        wanted=tuple(value_hash({}, path) for path in fields),
        replaced=replaced,
    ),
    st.sampled_from([(), (X,), (Y,), (X, Y)]),
    st.booleans(),
)
failures = st.none() | st.builds(
    Failure,
    reason=st.just("refused"),
    attempts=st.just(1),
    retry_at=st.sampled_from([NOW - 1, NOW + 1]),
    digest=st.sampled_from(["", thing(*KINDS[0], "a").digest]),
)


@st.composite
def bundles(draw: st.DrawFn, name: BundleName) -> DesiredBundle:
    members: dict[object, Manifest] = {m.ref: m for m in draw(st.lists(manifests, max_size=6))}
    return DesiredBundle(
        name=name,
        digest=Digest(name),
        revision=Revision("0" * 40),
        manifests=tuple(members.values()),
        policy=draw(policies),
        depends_on=draw(st.lists(st.sampled_from(NAMES), max_size=1)),
        prune_confirmed=frozenset(m.ref for m in draw(st.lists(manifests, max_size=6))),
        uninstall=draw(st.booleans()),
        suspended=draw(maybe),
    )


@st.composite
def states(draw: st.DrawFn) -> DesiredState:
    chosen = draw(st.lists(st.sampled_from(NAMES), unique=True))
    found = {name: draw(bundles(name)) for name in chosen}
    return DesiredState(generation=1, bundles=found, suspended=draw(maybe))


@st.composite
def known(draw: st.DrawFn) -> Record:
    manifest, name = draw(manifests), draw(st.sampled_from(NAMES))
    confirmed = draw(st.booleans())
    uid = f"uid-{manifest.ref.name}" if confirmed or draw(st.booleans()) else ""
    return record(
        manifest,
        applied=applied(manifest, name, confirmed=confirmed, uid=uid),
        present=draw(st.booleans()),
        uid=draw(st.sampled_from([f"uid-{manifest.ref.name}", "another"])),
        foreign=draw(st.booleans()),
        health=draw(st.sampled_from(Health)),
        drift=draw(drifts),
        reclaim=draw(st.booleans()),
        suspect=draw(st.booleans()),
        leaving=draw(st.sampled_from([None, *Leaving])),
        keep=draw(st.booleans()),
        detach=draw(st.booleans()),
        asked=draw(st.booleans()),
        failure=draw(failures),
        paused_until=draw(st.sampled_from([0.0, NOW + 9])),
    )


situations = st.builds(
    lambda records, lacking, unsynced: situation(records, lacking=lacking, unsynced=unsynced),
    st.lists(known(), max_size=10),
    st.lists(st.just("Widget"), max_size=1),
    st.lists(st.sampled_from(["ConfigMap", "Deployment"]), max_size=1),
)


@settings(max_examples=60)
@given(states(), situations)
def test_only_what_is_ours_unwanted_and_allowed_is_deleted(
    desired: DesiredState, seen: Situation
) -> None:
    plan = make_plan(desired, seen)
    wanted = {m.ref for bundle in desired.bundles.values() for m in bundle.manifests}
    for prune in plan.prunes:
        found = seen.records[prune.ref]
        bundle = desired.bundles[prune.bundle]
        assert found.bundle == prune.bundle
        assert prune.ref not in wanted
        assert found.present, "the cluster shows it, with our label"
        assert prune.uid == found.uid
        assert found.applied.uid in (found.uid, "")
        assert found.applied.uid or not found.foreign
        assert not found.keep
        assert not found.deleting
        assert bundle.policy.prune
        assert bundle.suspended is None
        assert desired.suspended is None
        assert seen.unseen(prune.ref.group_kind) is None
        if not bundle.uninstall and prune.ref not in bundle.prune_confirmed:
            assert prune.ref.group_kind not in PROTECTED_KINDS
            assert bundle.manifests, "an emptied bundle is confirmed first"


@settings(max_examples=60)
@given(states(), situations)
def test_only_members_that_are_gone_or_strangers_are_forgotten(
    desired: DesiredState, seen: Situation
) -> None:
    for ref in make_plan(desired, seen).forgets:
        found = seen.records[ref]
        ours = found.applied.uid in ("", found.uid) and not found.foreign
        assert seen.lacks(ref.group_kind) or not found.present or not ours


@settings(max_examples=60)
@given(states(), situations)
def test_each_object_is_written_at_most_once_and_never_also_deleted(
    desired: DesiredState, seen: Situation
) -> None:
    plan = make_plan(desired, seen)
    written = [action.manifest.ref for action in plan.applies]
    assert len(written) == len(set(written))
    assert not set(written) & {prune.ref for prune in plan.prunes}
    for action in plan.applies:
        assert action.manifest in desired.bundles[action.bundle].manifests


@settings(max_examples=60)
@given(states(), situations)
def test_a_suspended_cluster_is_not_touched(desired: DesiredState, seen: Situation) -> None:
    still = DesiredState(generation=1, bundles=desired.bundles, suspended="maintenance")
    plan = make_plan(still, seen)
    assert (plan.applies, plan.prunes, plan.forgets) == ((), (), ())
    assert {wait.bundle for wait in plan.waits} >= set(desired.bundles)


@settings(max_examples=60)
@given(states(), situations, st.randoms(use_true_random=False))
def test_the_same_input_gives_the_same_plan(
    desired: DesiredState, seen: Situation, shuffled: random.Random
) -> None:
    names = list(desired.bundles)
    shuffled.shuffle(names)
    same = DesiredState(
        generation=1,
        bundles={name: desired.bundles[name] for name in names},
        suspended=desired.suspended,
    )
    assert make_plan(same, seen) == make_plan(desired, seen)


@settings(max_examples=60)
@given(states(), situations)
def test_no_correction_touches_what_is_only_reported_or_left_to_others(
    desired: DesiredState, seen: Situation
) -> None:
    for action in make_plan(desired, seen).applies:
        found = seen.records.get(action.manifest.ref)
        if action.cause is not Cause.DRIFTED or found is None or found.drift is None:
            continue
        policy = rules_of(desired.bundles[action.bundle].policy, action.manifest.ref)
        for path in found.drift.fields:
            last = [spare for spare in action.spares if covers(spare.path, path) or not spare.path]
            if policy.of(path) is DriftPolicy.IGNORE or (
                policy.of(path) is DriftPolicy.REPORT and not found.asked
            ):
                assert last, path
                assert last[-1].left, path
            elif policy.of(path) is DriftPolicy.CORRECT:
                assert not last or not last[-1].left, path


@settings(max_examples=60)
@given(states(), situations)
def test_what_asks_to_be_let_go_or_kept_is_not_deleted(
    desired: DesiredState, seen: Situation
) -> None:
    plan = make_plan(desired, seen)
    for prune in plan.prunes:
        assert not seen.records[prune.ref].keep
        assert not seen.records[prune.ref].detach
    for detach in plan.detaches:
        assert not seen.records[detach.ref].keep
        assert detach.uid == seen.records[detach.ref].uid


@settings(max_examples=60)
@given(states())
def test_the_plan_of_a_converged_cluster_is_empty(desired: DesiredState) -> None:
    claimed = {}
    for name in sorted(desired.bundles):
        for manifest in desired.bundles[name].manifests:
            claimed.setdefault(manifest.ref, record(manifest, name))
    plan = make_plan(desired, situation(claimed.values()))
    assert (plan.applies, plan.prunes, plan.forgets, plan.held) == ((), (), (), ())


@settings(max_examples=60)
@given(states(), situations)
def test_whatever_is_not_as_wanted_is_planned_or_explained(
    desired: DesiredState, seen: Situation
) -> None:
    plan = make_plan(desired, seen)
    for name, bundle in desired.bundles.items():
        if bundle.policy.drift is DriftPolicy.REPORT or bundle.policy.rules:
            continue
        for manifest in bundle.manifests:
            found = seen.records.get(manifest.ref)
            if found and (found.suspect or not (found.drift or not found.present)):
                continue
            assert _mentioned(plan, name, manifest)


def _mentioned(plan: Plan, name: BundleName, manifest: Manifest) -> bool:
    planned = any(action.manifest.ref == manifest.ref for action in plan.applies)
    explained = any(w.bundle == name and w.ref in (None, manifest.ref) for w in plan.waits)
    return planned or explained or plan.retry_at is not None


@given(states(), st.lists(known(), max_size=2), st.booleans(), situations)
def test_what_rests_needs_no_plan(
    desired: DesiredState, others: list[Record], calm: bool, seen: Situation
) -> None:
    """The short way out of planning is taken only where the long one finds nothing either."""
    standing = {
        manifest.ref: record(manifest, name)
        for name in sorted(desired.bundles)
        for manifest in desired.bundles[name].manifests
    }
    found = [*standing.values(), *others]
    given_ = situation(found) if calm else replace(seen, records=by_ref(found))
    if at_rest(desired, given_):
        assert worked_out(desired, given_) == Plan()


def test_a_cluster_where_all_stands_rests() -> None:
    one, two = thing("v1", "ConfigMap", "a"), thing("apps/v1", "Deployment", "b")
    wanted = state(
        DesiredBundle(
            name=BundleName("app"),
            digest=Digest("d"),
            revision=Revision("0" * 40),
            manifests=(one, two),
        )
    )
    assert at_rest(wanted, situation([record(one), record(two)]))
    for found in ([record(one)], [record(one), record(two), record(thing("v1", "Secret", "c"))]):
        assert not at_rest(wanted, situation(found))
