"""Definitions of custom kinds: their names, versions and schemas."""

from __future__ import annotations

from typing import Any

import pytest

from clusters.embedded.validation_crd import definition, definition_changed


def crd(schema: Any = None, **spec: Any) -> dict[str, Any]:
    root = {"type": "object"} if schema is None else schema
    version = {"name": "v1", "served": True, "storage": True}
    version["schema"] = {"openAPIV3Schema": root}
    names = {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"}
    content = {"group": "e.com", "scope": "Namespaced", "names": names, "versions": [version]}
    return {"metadata": {"name": "widgets.e.com"}, "spec": {**content, **spec}}


def of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


ROOT = "spec.versions[0].schema.openAPIV3Schema"
ITEMS = {"type": "object", "properties": {"id": {"type": "string"}}}
KEYED = {"type": "array", "x-kubernetes-list-type": "map", "items": ITEMS}


@pytest.mark.parametrize(
    ("content", "causes"),
    [
        (crd(), []),
        (
            crd(
                of(
                    a={"type": "array", "items": {"type": "string"}},
                    b={"x-kubernetes-int-or-string": True},
                )
            ),
            [],
        ),
        (
            crd(group="other.com"),
            ['metadata.name: Invalid value: "widgets.e.com": must be spec.nam'],
        ),
        (
            crd(scope="World"),
            ['spec.scope: Unsupported value: "World": supported values: "Cluster"'],
        ),
        (crd(scope=None), ["spec.scope: Required value"]),
        (
            crd(names={"plural": "widgets"}),
            [
                "spec.names.singular: Required value",
                "spec.names.kind: Required value",
                "spec.names.listKind: Required value",
            ],
        ),
        (crd({}), [f"{ROOT}.type: Required value: must not be empty at the root"]),
        (crd({"type": "string"}), [f'{ROOT}.type: Invalid value: "string": must be object at the']),
        (
            crd(of(a={})),
            [f"{ROOT}.properties[a].type: Required value: must not be empty for specified object"],
        ),
        (
            crd(of(a={"type": "array"})),
            [f"{ROOT}.properties[a].items: Required value: must be specified"],
        ),
        (
            crd(of(a=KEYED)),
            [f"{ROOT}.properties[a].x-kubernetes-list-map-keys: Required value: must not be empty"],
        ),
        (
            crd(of(a={**KEYED, "x-kubernetes-list-map-keys": ["id"]})),
            [f"{ROOT}.properties[a].items.properties[id].default: Required value: this property"],
        ),
        (
            crd(of(a={**KEYED, "x-kubernetes-list-map-keys": ["no"]})),
            [f'{ROOT}.properties[a].x-kubernetes-list-map-keys[0]: Invalid value: "no": entries'],
        ),
        (
            crd(versions=[]),
            ["spec.versions: Invalid value: []: must have exactly one version marked as storage"],
        ),
    ],
)
def test_definitions(content: dict[str, Any], causes: list[str]) -> None:
    found = [str(cause) for cause in definition(content)]
    assert len(found) == len(causes), found
    assert all(said.startswith(cause) for said, cause in zip(found, causes, strict=True)), found


def test_group_scope_and_names_stay() -> None:
    new = crd(scope="Cluster", names={**crd()["spec"]["names"], "kind": "Gadget"})
    assert [cause.field for cause in definition_changed(new, crd())] == [
        "spec.scope",
        "spec.names.kind",
    ]


def test_a_version_that_was_stored_stays() -> None:
    old = {**crd(), "status": {"storedVersions": ["v1alpha1"]}}
    assert [cause.field for cause in definition_changed(crd(), old)] == ["status.storedVersions[0]"]
