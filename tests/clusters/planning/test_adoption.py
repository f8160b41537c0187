"""Whose an object is that was there before us, and how what kubectl applied becomes ours."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusters.fields.ownership import Entry, leaves
from clusters.model import AdoptPolicy
from clusters.planning.adoption import LAST_APPLIED, handover, is_ours, owner_of, refusal


def entry(manager: str, operation: str = "Update", subresource: str = "") -> Entry:
    return Entry(
        manager=manager,
        operation=operation,
        subresource=subresource,
        time=None,
        fields=b'{"f:data":{"f:x":{}}}',
    )


def live(**metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": "a", **metadata}}


HELM = {
    "labels": {"app.kubernetes.io/managed-by": "Helm"},
    "annotations": {
        "meta.helm.sh/release-name": "web",
        "meta.helm.sh/release-namespace": "shop",
    },
}


@pytest.mark.parametrize(
    ("content", "entries", "owner"),
    [
        (live(), [], None),
        (live(), [entry("kubectl-create")], None),
        (live(), [entry("kubectl", "Apply")], None),
        (live(), [entry("kube-controller-manager", "Apply", "status")], None),
        (live(**HELM), [entry("helm")], "Helm release shop/web"),
        (live(labels=HELM["labels"]), [], None),
        (
            live(annotations={"argocd.argoproj.io/tracking-id": "guestbook:apps/Deployment:d/a"}),
            [],
            "Argo CD application guestbook",
        ),
        (
            live(labels={
                "kustomize.toolkit.fluxcd.io/name": "apps",
                "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
            }),
            [],
            "Flux Kustomization flux-system/apps",
        ),
        (live(labels={"flotilla.dev/fleet": "other"}), [], "Flotilla fleet other"),
        (live(labels={"flotilla.dev/fleet": "acme"}), [], None),
        (
            live(ownerReferences=[{"kind": "Database", "name": "db", "controller": True}]),
            [],
            "Database db",
        ),
        (live(ownerReferences=[{"kind": "Database", "name": "db"}]), [], None),
        (live(), [entry("argocd-controller", "Apply")], "argocd-controller, which applies it"),
    ],
)  # fmt: skip
def test_who_keeps_it(content: dict[str, Any], entries: list[Entry], owner: str | None) -> None:
    assert owner_of(content, entries, "acme") == owner
    assert (refusal(AdoptPolicy.IF_UNOWNED, content, entries, "acme") is None) is (owner is None)
    assert refusal(AdoptPolicy.ALWAYS, content, entries, "acme") is None
    assert refusal(AdoptPolicy.NEVER, content, entries, "acme") is not None


def test_a_refusal_names_owner_managers_and_the_way_out() -> None:
    said = refusal(AdoptPolicy.IF_UNOWNED, live(**HELM), [entry("helm")], "acme")
    assert said == (
        "it exists already, is not ours and belongs to Helm release shop/web (its fields are held "
        "by helm/Update); policy.adopt: always takes it over"
    )


def test_what_we_applied_is_ours_though_it_was_forgotten() -> None:
    ours = entry("flotilla", "Apply")
    assert is_ours(live(labels={"flotilla.dev/fleet": "acme"}), [ours], "acme")
    assert is_ours(live(), [ours], "acme"), "somebody took the label away"
    assert not is_ours(live(labels={"flotilla.dev/fleet": "other"}), [ours], "acme")
    assert not is_ours(live(labels={"flotilla.dev/fleet": "acme"}), [], "acme")


def raw(manager: str, fields: dict[str, Any], operation: str = "Update") -> dict[str, Any]:
    return {"manager": manager, "operation": operation, "apiVersion": "v1", "fieldsV1": fields}


def managed(*entries: dict[str, Any], applied: Any = None) -> dict[str, Any]:
    annotations = {LAST_APPLIED: orjson.dumps(applied).decode()} if applied is not None else {}
    return live(resourceVersion="7", managedFields=list(entries), annotations=annotations)


def fields_after(content: dict[str, Any]) -> dict[str, Any]:
    operations = handover(content, "v1")
    assert operations is not None
    assert operations[0] == {"op": "replace", "path": "/metadata/resourceVersion", "value": "7"}
    return {f"{e['manager']}/{e['operation']}": e["fieldsV1"] for e in operations[1]["value"]}


def test_what_kubectl_applied_becomes_ours() -> None:
    annotation = {"f:metadata": {"f:annotations": {".": {}, f"f:{LAST_APPLIED}": {}}}}
    after = fields_after(
        managed(
            raw("kubectl-client-side-apply", {**annotation, "f:data": {".": {}, "f:x": {}}}),
            raw("kubectl-edit", {"f:data": {"f:y": {}}}),
            applied={"data": {"x": "1"}},
        )
    )
    assert after == {
        "flotilla/Apply": {"f:data": {".": {}, "f:x": {}}},
        "kubectl-edit/Update": {"f:data": {"f:y": {}}},
    }


def test_of_what_was_there_before_the_first_apply_only_what_kubectl_applied() -> None:
    """All else in there is defaults and controllers' fields: owning them would remove them."""
    before = {"f:data": {"f:x": {}, "f:defaulted": {}}, "f:spec": {"f:clusterIP": {}}}
    after = fields_after(managed(raw("before-first-apply", before), applied={"data": {"x": "1"}}))
    assert after == {
        "flotilla/Apply": {"f:data": {"f:x": {}}},
        "before-first-apply/Update": {"f:data": {"f:defaulted": {}}, "f:spec": {"f:clusterIP": {}}},
    }
    assert handover(managed(raw("before-first-apply", before)), "v1") is None


def test_nothing_of_kubectl_nothing_to_take() -> None:
    assert handover(managed(raw("helm", {"f:data": {"f:x": {}}})), "v1") is None
    assert handover(live(), "v1") is None


trees = st.recursive(
    st.just({}),
    lambda inner: st.dictionaries(st.sampled_from(["f:a", "f:b", "f:c"]), inner, max_size=3),
    max_leaves=6,
)
sets = trees.filter(bool)
applied_objects = st.recursive(
    st.just("v"),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)


@given(sets, sets, sets, applied_objects)
def test_no_field_is_lost(
    kubectl: dict[str, Any], before: dict[str, Any], other: dict[str, Any], applied: Any
) -> None:
    content = managed(
        raw("kubectl-client-side-apply", kubectl),
        raw("before-first-apply", before),
        raw("other", other),
        applied=applied,
    )
    after = fields_after(content)
    assert after["other/Update"] == other
    owned = {path for fields in after.values() for path in leaves(fields)}
    for fields in (kubectl, before):
        for path in leaves(fields):
            assert any(held[: len(path)] == path for held in owned)
