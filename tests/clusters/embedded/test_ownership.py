"""What creates, updates and patches make of managedFields."""

from __future__ import annotations

from typing import Any

import pytest

from clusters.embedded.managers import BadManagedFields, decode, encode
from clusters.embedded.ownership import settle, track_update
from clusters.embedded.schema import Schema, Schemas
from tests.clusters.embedded.world import World, schema_of

POD_SPEC = {"containers": [{"name": "web", "image": "nginx:1", "ports": [{"containerPort": 80}]}]}
DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "labels": {"l": "1"}, "uid": "u"},
    "spec": {
        "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}}, "spec": POD_SPEC},
    },
}


def test_a_creator_owns_everything_but_what_is_always_there() -> None:
    world = World()
    world.put("maker", DEPLOYMENT)
    fields = world.entries()["maker/Update"]
    assert fields["f:metadata"] == {"f:labels": {".": {}, "f:l": {}}}
    spec = fields["f:spec"]
    assert "." not in spec
    assert spec["f:selector"] == {}
    assert spec["f:strategy"]["f:rollingUpdate"] == {
        ".": {},
        "f:maxSurge": {},
        "f:maxUnavailable": {},
    }
    pod = spec["f:template"]["f:spec"]
    assert "." not in pod
    assert "." not in pod["f:containers"]
    web = pod["f:containers"]['k:{"name":"web"}']
    assert web["."] == {}
    assert web["f:ports"]["."] == {}
    assert web["f:ports"]['k:{"containerPort":80,"protocol":"TCP"}']["f:protocol"] == {}
    assert "f:status" not in fields


def test_a_custom_kind_has_nothing_that_is_always_there() -> None:
    schema = Schemas().from_crd(
        {
            "type": "object",
            "properties": {"spec": {"type": "object", "properties": {"n": {"type": "integer"}}}},
        }
    )
    world = World(schema=schema)
    metadata = {"name": "t", "uid": "u"}
    world.put(
        "maker", {"apiVersion": "e.com/v1", "kind": "T", "metadata": metadata, "spec": {"n": 1}}
    )
    assert world.entries() == {"maker/Update": {"f:spec": {".": {}, "f:n": {}}}}


def test_a_write_that_changes_nothing_is_no_write() -> None:
    world = World()
    live = world.put("maker", DEPLOYMENT)
    assert world.merge("maker", {"spec": {"replicas": 1}}) is live
    assert world.merge("other", {"metadata": {"labels": {"l": "1"}}}) is live


def test_changing_a_field_takes_it_and_removing_it_leaves_no_owner() -> None:
    world = World()
    world.put("maker", DEPLOYMENT)
    world.merge("other", {"metadata": {"labels": {"l": "2"}}})
    assert world.entries()["other/Update"] == {"f:metadata": {"f:labels": {"f:l": {}}}}
    assert world.entries()["maker/Update"]["f:metadata"] == {"f:labels": {}}
    world.merge("third", {"metadata": {"labels": None}})
    assert set(world.entries()) == {"maker/Update"}


def test_status_and_spec_belong_to_different_writes() -> None:
    world = World()
    world.put("maker", DEPLOYMENT)
    both = {"spec": {"replicas": 9}, "status": {"replicas": 3}}
    world.merge("controller", both, sub="status")
    assert world.entries()["controller/Update:status"] == {"f:status": {"f:replicas": {}}}


def test_many_updaters_are_merged_oldest_first() -> None:
    world = World()
    world.put("maker", DEPLOYMENT)
    for number in range(12):
        world.merge(f"m{number:02d}", {"metadata": {"labels": {f"k{number}": "v"}}})
    names = [name for name in world.entries() if name.endswith("/Update")]
    assert len(names) == 10
    assert "ancient-changes/Update" in names
    assert "m11/Update" in names


def test_sent_entries_count_unless_they_cannot_be_read() -> None:
    world = World()
    world.put("maker", DEPLOYMENT)
    mine = {
        "manager": "me",
        "operation": "Apply",
        "apiVersion": "apps/v1",
        "fieldsType": "FieldsV1",
        "fieldsV1": {"f:spec": {"f:replicas": {}}},
    }
    world.merge("editor", {"metadata": {"managedFields": [mine]}})
    assert set(world.entries()) == {"me/Apply"}
    world.merge("editor", {"metadata": {"managedFields": [{"manager": "broken"}]}})
    assert set(world.entries()) == {"me/Apply"}


@pytest.mark.parametrize("cleared", [[], [{}]])
def test_cleared_fields_are_not_tracked_until_the_next_apply(cleared: list[Any]) -> None:
    world = World()
    world.put("maker", DEPLOYMENT)
    world.merge("maker", {"metadata": {"managedFields": cleared}})
    assert world.live is not None
    assert "managedFields" not in world.live["metadata"]
    world.merge("maker", {"spec": {"replicas": 3}})
    assert world.entries() == {}


def test_a_subresource_cannot_rewrite_the_entries() -> None:
    world = World()
    world.put("maker", DEPLOYMENT)
    before = world.entries()
    world.merge("x", {"metadata": {"managedFields": []}}, sub="status")
    assert world.entries() == before


def test_times_alone_are_no_change() -> None:
    old = {"metadata": {"managedFields": [{"manager": "m", "operation": "Update", "time": "1"}]}}
    new = {"metadata": {"managedFields": [{"manager": "m", "operation": "Update", "time": "2"}]}}
    assert settle(old, new) is old
    assert settle(old, {**new, "data": {}}) != old


def test_entries_are_written_appliers_first_then_by_time() -> None:
    def entry(manager: str, operation: str, time: str) -> dict[str, Any]:
        return {
            "manager": manager,
            "operation": operation,
            "apiVersion": "v1",
            "time": time,
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:data": {}},
        }

    entries = [entry("a", "Update", "2"), entry("b", "Update", "1"), entry("z", "Apply", "9")]
    assert [one["manager"] for one in encode(decode(entries))] == ["z", "b", "a"]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"operation": "Create"}, "operation must be `Apply` or `Update`"),
        ({"operation": "Apply"}, "apiVersion must not be empty"),
        (
            {"operation": "Apply", "apiVersion": "v1"},
            "missing fieldsType in managed fields entry 0",
        ),
        (
            {"operation": "Apply", "apiVersion": "v1", "fieldsType": "V9"},
            'invalid fieldsType "V9" in managed fields entry 0',
        ),
    ],
)
def test_malformed_entries_are_refused(entry: dict[str, Any], message: str) -> None:
    with pytest.raises(BadManagedFields, match=message.replace("`", ".")):
        decode([entry])


def test_inputs_are_never_changed() -> None:
    world = World()
    live = world.put("maker", DEPLOYMENT)
    frozen = repr(live)
    track_update(
        live,
        world.formed({**DEPLOYMENT, "spec": {**DEPLOYMENT["spec"], "replicas": 5}}),
        manager="x",
        schema=schema_of(DEPLOYMENT),
        now="",
        api_version="apps/v1",
    )
    assert repr(live) == frozen


def test_entries_follow_a_schema_that_became_atomic() -> None:
    def kind(**extensions: str) -> Schema:
        part = {"type": "object", "additionalProperties": {"type": "string"}, **extensions}
        spec = {"type": "object", "properties": {"part": part}}
        return Schemas().from_crd({"type": "object", "properties": {"spec": spec}})

    body = {"apiVersion": "e.com/v1", "kind": "T", "metadata": {"name": "t"}}
    world = World(schema=kind())
    world.apply("one", body | {"spec": {"part": {"a": "1", "b": "1"}}})
    assert world.entries()["one/Apply"] == {"f:spec": {"f:part": {"f:a": {}, "f:b": {}}}}
    atomic = World(schema=kind(**{"x-kubernetes-map-type": "atomic"}))
    atomic.live = world.live
    atomic.merge("two", {"spec": {"part": {"b": "2"}}})
    assert atomic.entries() == {"two/Update": {"f:spec": {"f:part": {}}}}
