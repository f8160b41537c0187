"""The order inside one cluster: what others need comes first, what intercepts others last."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusters.model import GroupKind, ObjectRef
from clusters.planning.waves import FOUNDATION_WAVE, apply_order, wave_of

KINDS = {
    "Namespace": GroupKind("", "Namespace"),
    "CRD": GroupKind("apiextensions.k8s.io", "CustomResourceDefinition"),
    "ClusterRole": GroupKind("rbac.authorization.k8s.io", "ClusterRole"),
    "ServiceAccount": GroupKind("", "ServiceAccount"),
    "RoleBinding": GroupKind("rbac.authorization.k8s.io", "RoleBinding"),
    "ConfigMap": GroupKind("", "ConfigMap"),
    "Secret": GroupKind("", "Secret"),
    "Service": GroupKind("", "Service"),
    "Deployment": GroupKind("apps", "Deployment"),
    "CronJob": GroupKind("batch", "CronJob"),
    "Prometheus": GroupKind("monitoring.coreos.com", "Prometheus"),
    "Webhook": GroupKind("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Namespace", "ServiceAccount"),
        ("CRD", "Prometheus"),
        ("ClusterRole", "RoleBinding"),
        ("ServiceAccount", "Deployment"),
        ("ConfigMap", "Deployment"),
        ("Secret", "CronJob"),
        ("Service", "Deployment"),
        ("Deployment", "Prometheus"),
        ("Prometheus", "Webhook"),
    ],
)
def test_needed_before_needing(first: str, second: str) -> None:
    assert wave_of(KINDS[first]) < wave_of(KINDS[second])


def test_namespaces_and_definitions_are_the_foundation() -> None:
    founding = {name for name, kind in KINDS.items() if wave_of(kind) == FOUNDATION_WAVE}
    assert founding == {"Namespace", "CRD"}


def test_a_kind_of_the_same_name_in_another_group_is_not_mistaken() -> None:
    knative = GroupKind("serving.knative.dev", "Service")
    assert wave_of(knative) == wave_of(KINDS["Prometheus"])


refs = st.builds(
    lambda kind, namespace, name: ObjectRef(kind.group, kind.kind, namespace, name),
    st.sampled_from(list(KINDS.values())),
    st.sampled_from(["", "a", "b"]),
    st.sampled_from(["x", "y"]),
)


@given(st.lists(refs, unique=True), st.randoms(use_true_random=False))
def test_the_order_does_not_depend_on_the_input(objects: list[ObjectRef], random: object) -> None:
    shuffled = list(objects)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert sorted(objects, key=apply_order) == sorted(shuffled, key=apply_order)


@given(st.lists(refs, unique=True))
def test_pruning_is_the_exact_reverse(objects: list[ObjectRef]) -> None:
    applied = sorted(objects, key=apply_order)
    assert sorted(objects, key=apply_order, reverse=True) == applied[::-1]
