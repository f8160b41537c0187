"""Server-side apply by example: what the laws do not say."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from clusters.embedded.apply import server_side_apply
from clusters.embedded.last_applied import ANNOTATION
from clusters.embedded.schema import Schemas
from clusters.embedded.status import ApiStatus, Cause
from tests.clusters.embedded.world import World, schema_of

CONFIG: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "a", "namespace": "n"},
    "data": {"x": "1"},
}
DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "web", "image": "nginx:1"}]},
        },
    },
}


def config(**data: str) -> dict[str, Any]:
    return {**CONFIG, "data": data}


def apply(world: World, body: dict[str, Any], manager: str = "fleet", **kw: Any) -> Any:
    return world.apply(manager, body, **kw)


def refused(world: World, body: dict[str, Any], manager: str = "fleet") -> ApiStatus:
    with pytest.raises(ApiStatus) as refusal:
        apply(world, body, manager)
    return refusal.value


def test_identical_apply_returns_the_live_object_and_its_times() -> None:
    world = World()
    first = apply(world, DEPLOYMENT)
    assert world.applied("fleet", DEPLOYMENT) == first
    assert apply(world, DEPLOYMENT) is first


def test_defaults_belong_to_nobody() -> None:
    world = World()
    live = apply(world, DEPLOYMENT)
    assert live["spec"]["revisionHistoryLimit"] == 10
    assert "f:revisionHistoryLimit" not in world.entries()["fleet/Apply"]["f:spec"]


def test_letting_go_of_a_defaulted_field_brings_its_default_back() -> None:
    world = World()
    apply(world, DEPLOYMENT)
    spec = {key: value for key, value in DEPLOYMENT["spec"].items() if key != "replicas"}
    assert apply(world, {**DEPLOYMENT, "spec": spec})["spec"]["replicas"] == 1


def test_status_through_the_main_resource_is_not_owned() -> None:
    world = World()
    apply(world, {**DEPLOYMENT, "status": {"replicas": 9}})
    assert "f:status" not in world.entries()["fleet/Apply"]


def test_several_conflicts_are_listed_by_manager() -> None:
    world = World()
    apply(world, config(x="1", y="1"), "one")
    apply(world, config(z="1"), "two")
    refusal = refused(world, config(x="2", y="2", z="2"))
    assert refusal.code == 409
    assert refusal.message == (
        'Apply failed with 3 conflicts: conflicts with "one":\n- .data.x\n- .data.y\n'
        'conflicts with "two":\n- .data.z'
    )
    assert refusal.details is not None
    assert refusal.details.causes[0] == Cause(
        "FieldManagerConflict", 'conflict with "one"', ".data.x"
    )


def test_a_conflict_names_version_and_subresource_of_an_updater() -> None:
    world = World()
    apply(world, DEPLOYMENT)
    world.merge("hpa", {"spec": {"replicas": 7}}, sub="scale")
    assert refused(world, DEPLOYMENT).message == (
        'Apply failed with 1 conflict: conflict with "hpa" with subresource "scale" '
        "using apps/v1: .spec.replicas"
    )


def test_a_conflict_in_a_list_names_the_item_by_its_keys() -> None:
    world = World()
    apply(world, DEPLOYMENT)
    items = [{"name": "web", "image": "nginx:2"}]
    template = {"template": {"spec": {"containers": items}}}
    refusal = refused(world, {**DEPLOYMENT, "spec": template}, "other")
    assert refusal.message.endswith('.spec.template.spec.containers[name="web"].image')


def test_sharing_a_value_changes_ownership_and_no_time() -> None:
    world = World()
    first = apply(world, config(x="1"), "one")
    live = apply(world, config(x="1"), "two")
    assert [entry.get("time") for entry in live["metadata"]["managedFields"]] == [
        None,
        first["metadata"]["managedFields"][0]["time"],
    ]
    assert set(world.entries()) == {"one/Apply", "two/Apply"}
    assert world.writes == 2


def test_force_takes_over_and_an_emptied_entry_goes() -> None:
    world = World()
    apply(world, config(x="1"), "one")
    apply(world, config(x="2"), "two", force=True)
    assert set(world.entries()) == {"two/Apply"}


def test_a_removed_list_item_takes_its_defaults_along() -> None:
    world = World()
    side = {"name": "side", "image": "busybox:1"}
    body = orjson.loads(orjson.dumps(DEPLOYMENT))
    body["spec"]["template"]["spec"]["containers"].append(side)
    apply(world, body)
    live = apply(world, DEPLOYMENT)
    assert [item["name"] for item in live["spec"]["template"]["spec"]["containers"]] == ["web"]


def test_an_item_owned_by_another_loses_only_our_fields() -> None:
    world = World()
    body = orjson.loads(orjson.dumps(DEPLOYMENT))
    body["spec"]["template"]["spec"]["containers"][0]["tty"] = True
    apply(world, body)
    theirs = {"spec": {"template": {"spec": {"containers": [{"name": "web", "stdin": True}]}}}}
    apply(world, {**DEPLOYMENT, **theirs}, "other")
    live = apply(world, DEPLOYMENT)
    container = live["spec"]["template"]["spec"]["containers"][0]
    assert container["stdin"] is True
    assert "tty" not in container


def test_what_was_there_before_the_first_apply_has_an_owner_of_its_own() -> None:
    world = World()
    world.put("maker", CONFIG | {"metadata": {"name": "a", "uid": "u"}})
    world.merge("maker", {"metadata": {"managedFields": [{}]}})
    assert world.entries() == {}
    apply(world, config(y="2"))
    assert world.entries() == {
        "fleet/Apply": {"f:data": {"f:y": {}}},
        "before-first-apply/Update": {"f:data": {".": {}, "f:x": {}}},
    }


def test_apply_after_update_by_the_same_name_keeps_two_entries() -> None:
    world = World()
    world.put("fleet", CONFIG | {"metadata": {"name": "a", "uid": "u"}})
    apply(world, config(x="1"))
    assert set(world.entries()) == {"fleet/Apply", "fleet/Update"}


def test_shared_order_follows_the_applied_list() -> None:
    world = World()

    def body(*names: str) -> dict[str, Any]:
        items = [{"name": name, "image": "i:1"} for name in names]
        return {**DEPLOYMENT, "spec": {"template": {"spec": {"containers": items}}}}

    apply(world, body("a", "b", "c"))
    apply(world, body("x"), "other")
    live = apply(world, body("c", "a", "b"))
    names = [item["name"] for item in live["spec"]["template"]["spec"]["containers"]]
    assert [name for name in names if name != "x"] == ["c", "a", "b"]


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        ({"metadata": {"name": "a", "managedFields": []}}, 400, "managedFields must be nil"),
        ({"kind": "Secret"}, 400, "invalid object type: /v1, Kind=Secret"),
        ({"apiVersion": "v2"}, 400, "invalid object type: /v2, Kind=ConfigMap"),
        ({"nonsense": 1}, 500, "(n/a; /v1, Kind=ConfigMap): .nonsense: field not declared"),
        (
            {"data": {"x": 5}},
            500,
            ".data.x: expected string, got &value.valueUnstructured{Value:5}",
        ),
        ({"data": []}, 500, ".data: expected map, got &{[]}"),
        ({"immutable": "yes"}, 500, ".immutable: expected boolean, got &{yes}"),
    ],
)
def test_bodies_that_are_refused(change: dict[str, Any], code: int, message: str) -> None:
    body = {**CONFIG, **change}
    with pytest.raises(ApiStatus) as refusal:
        server_side_apply(
            {**CONFIG, "metadata": {"name": "a", "uid": "u"}},
            body,
            manager="fleet",
            force=False,
            schema=schema_of(CONFIG),
            now="",
            api_version="v1",
        )
    assert refusal.value.code == code
    assert message in refusal.value.message


def test_every_error_of_a_body_is_listed() -> None:
    world = World()
    containers = [{"name": "a"}, {"name": "a"}, {"name": "b", "image": 5}]
    spec = {"replicas": "many", "template": {"spec": {"containers": containers}}}
    assert refused(world, {**DEPLOYMENT, "spec": spec}).message == (
        "failed to create typed patch object (/web; apps/v1, Kind=Deployment): errors:\n"
        "  .spec.replicas: expected numeric (int or float), got string\n"
        '  .spec.template.spec.containers: duplicate entries for key [name="a"]\n'
        '  .spec.template.spec.containers[name="b"].image: expected string, '
        "got &value.valueUnstructured{Value:5}"
    )


def test_kubectl_moves_from_client_side_to_server_side_apply_without_conflict() -> None:
    world = World()
    annotations = {ANNOTATION: orjson.dumps(config(x="1")).decode()}
    metadata = {"name": "a", "uid": "u", "annotations": annotations}
    world.put("kubectl-client-side-apply", {**config(x="1"), "metadata": metadata})
    assert refused(world, config(x="2"), "fleet").code == 409
    live = apply(world, config(x="2"), "kubectl")
    assert orjson.loads(live["metadata"]["annotations"][ANNOTATION])["data"] == {"x": "2"}


def test_a_custom_kind_without_a_schema_is_granular() -> None:
    schema = Schemas().from_crd({})
    world = World(schema=schema)
    body = {"apiVersion": "e.com/v1", "kind": "T", "metadata": {"name": "t"}}
    apply(world, body | {"spec": {"a": {"b": 1}, "l": [1]}}, "one")
    apply(world, body | {"spec": {"a": {"c": 2}}}, "two")
    assert world.live is not None
    assert world.live["spec"] == {"a": {"b": 1, "c": 2}, "l": [1]}


def test_a_live_object_that_its_kind_no_longer_knows_is_refused_in_words() -> None:
    def kind(**fields: Any) -> Any:
        spec = {"type": "object", "properties": fields}
        return Schemas().from_crd({"type": "object", "properties": {"spec": spec}})

    text = {"type": "string"}
    body = {"apiVersion": "e.com/v1", "kind": "T", "metadata": {"name": "t"}}
    live = server_side_apply(
        None,
        body | {"spec": {"a": "1", "b": "1"}},
        manager="one",
        force=False,
        schema=kind(a=text, b=text),
        now="",
        api_version="e.com/v1",
    )
    with pytest.raises(ApiStatus, match="failed to create typed live object"):
        server_side_apply(
            live,
            body | {"spec": {}},
            manager="one",
            force=False,
            schema=kind(a=text),
            now="",
            api_version="e.com/v1",
        )
