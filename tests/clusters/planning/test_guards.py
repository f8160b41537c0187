"""What may be deleted without a person's word, and what never."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusters.model import GroupKind, ObjectRef
from clusters.planning.guards import (
    FEW,
    PROTECTED_KINDS,
    PruneBudget,
    immutable_fields,
    prune_refusal,
    replace_refusal,
)

BUDGET = PruneBudget(max_objects=50, max_percent=30.0)
CONFIG = GroupKind("", "ConfigMap")


def configs(count: int, kind: GroupKind = CONFIG) -> list[ObjectRef]:
    return [ObjectRef(kind.group, kind.kind, "a", f"o{number:04}") for number in range(count)]


@pytest.mark.parametrize(
    ("candidates", "members", "remaining", "refused"),
    [
        pytest.param([], 10, 0, None, id="nothing to delete"),
        pytest.param(configs(1), 2, 1, None, id="half of two is a common edit"),
        pytest.param(configs(5), 8, 3, None, id="few, whatever the share"),
        pytest.param(configs(6), 20, 14, None, id="exactly 30 percent"),
        pytest.param(configs(7), 20, 13, "7 of 20 objects (35%)", id="above 30 percent"),
        pytest.param(configs(50), 500, 450, None, id="as many as may be"),
        pytest.param(configs(51), 500, 449, "51 objects would be deleted", id="one too many"),
        pytest.param(configs(1), 1, 0, "nothing of the bundle would be left", id="emptied"),
    ],
)
def test_budget(
    candidates: list[ObjectRef], members: int, remaining: int, refused: str | None
) -> None:
    reason = prune_refusal(candidates, members=members, remaining=remaining, budget=BUDGET)
    assert (reason is None) if refused is None else (reason is not None and refused in reason)


@pytest.mark.parametrize("kind", sorted(PROTECTED_KINDS), ids=str)
def test_what_holds_others_is_never_deleted_unasked(kind: GroupKind) -> None:
    reason = prune_refusal(configs(1, kind), members=100, remaining=99, budget=BUDGET)
    assert reason is not None
    assert kind.kind in reason


def test_a_limit_by_kind() -> None:
    budget = PruneBudget(max_per_kind={CONFIG: 2})
    kept = prune_refusal(configs(3), members=90, remaining=87, budget=budget)
    assert kept == "3 of kind ConfigMap would be deleted; at most 2 may be"
    assert prune_refusal(configs(2), members=90, remaining=88, budget=budget) is None


def test_names_a_few_and_counts_the_rest() -> None:
    reason = prune_refusal(
        configs(5, GroupKind("", "Namespace")), members=50, remaining=45, budget=BUDGET
    )
    assert reason is not None
    assert "o0002 and 2 more" in reason


kinds = st.sampled_from([CONFIG, GroupKind("apps", "Deployment"), *PROTECTED_KINDS])
doomed = st.lists(
    st.builds(
        lambda kind, number: ObjectRef(kind.group, kind.kind, "a", f"o{number}"),
        kinds,
        st.integers(0, 400),
    ),
    unique=True,
    max_size=120,
)


@given(doomed, st.integers(0, 500), st.integers(0, 500))
def test_what_is_allowed_is_small_and_unprotected(
    candidates: list[ObjectRef], kept: int, remaining: int
) -> None:
    members = len(candidates) + kept
    if prune_refusal(candidates, members=members, remaining=remaining, budget=BUDGET) is None:
        assert not {ref.group_kind for ref in candidates} & PROTECTED_KINDS
        assert not candidates or remaining > 0
        assert len(candidates) <= max(FEW, 0.3 * members)
        assert len(candidates) <= 50


@given(doomed, st.integers(0, 500), st.integers(1, 500))
def test_deleting_less_is_never_worse(
    candidates: list[ObjectRef], kept: int, remaining: int
) -> None:
    members = len(candidates) + kept
    if prune_refusal(candidates, members=members, remaining=remaining, budget=BUDGET) is None:
        fewer = candidates[1:]
        assert prune_refusal(fewer, members=members, remaining=remaining, budget=BUDGET) is None


def test_argo_cd_7412_a_path_became_empty() -> None:
    """A path that lost its files pruned over 90 % of what ran (argo-cd#7412, #3473)."""
    for members in (1, 3, 60):
        reason = prune_refusal(configs(members), members=members, remaining=0, budget=BUDGET)
        assert reason is not None
    reason = prune_refusal(configs(54), members=60, remaining=6, budget=PruneBudget())
    assert reason is not None


IMMUTABLE = ("spec.selector", "FieldValueInvalid", "Invalid value: {}: field is immutable")


@pytest.mark.parametrize(
    ("causes", "fields"),
    [
        ([IMMUTABLE], ("spec.selector",)),
        ([("spec", "FieldValueInvalid", 'Invalid value: "object": Value is immutable')], ("spec",)),
        ([IMMUTABLE, ("spec.x", "FieldValueInvalid", "must be positive")], ()),
        ([IMMUTABLE, ("spec.x", "FieldValueRequired", "Required value")], ()),
        ([("spec", "FieldValueForbidden", "updates to statefulset spec are forbidden")], ()),
        ([("data", "FieldValueForbidden", "field is immutable when `immutable` is set")], ()),
        ([], ()),
    ],
)
def test_flux_kc734_only_what_says_immutable_is(
    causes: list[tuple[str, str, str]], fields: tuple[str, ...]
) -> None:
    assert immutable_fields(causes) == fields


@pytest.mark.parametrize("kind", sorted(PROTECTED_KINDS))
def test_protected_kinds_are_never_replaced(kind: GroupKind) -> None:
    ref = ObjectRef(kind.group, kind.kind, "", "a")
    said = replace_refusal(ref, bundle="app", allowed=True, keep=False, ours=True)
    assert said is not None
    assert "never replaced" in said
