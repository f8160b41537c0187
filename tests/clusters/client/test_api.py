"""The verbs we need, as a server receives them."""

from __future__ import annotations

import orjson
import pytest
from aiohttp import web

from clusters.client.api import ClusterApi
from clusters.client.discovery import Resource
from clusters.client.transport import Transport
from clusters.errors import Conflict, FieldConflict, UnknownKind, Unreachable
from clusters.model import Manifest
from tests.fakes.engine import config_map
from tests.fakes.http_server import json, serving, status

CONFIGS = Resource(group="", version="v1", kind="ConfigMap", plural="configmaps", namespaced=True)
MANIFEST = Manifest.of(config_map("a", x="1"))
LIVE = {"metadata": {"name": "a", "namespace": "default", "uid": "u", "resourceVersion": "7"}}


class Recorded:
    """Answers the same every time, and keeps the last request."""

    def __init__(self, answer: web.Response) -> None:
        self.answer = answer
        self.request = ""
        self.body = b""

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.request = f"{request.method} {request.raw_path}"
        self.body = await request.read()
        self.content_type = request.content_type
        return self.answer


async def test_apply_is_one_patch_with_the_very_bytes() -> None:
    recorded = Recorded(json(LIVE))
    async with serving(recorded.handle) as server, Transport(server.endpoint()) as transport:
        live = await ClusterApi(transport).apply(CONFIGS, MANIFEST, dry_run=True)
        requests = len(server.seen)
    assert requests == 1
    assert recorded.request == (
        "PATCH /api/v1/namespaces/default/configmaps/a?fieldManager=flotilla&force=false&dryRun=All"
    )
    assert recorded.content_type == "application/apply-patch+yaml"
    assert recorded.body == MANIFEST.body
    assert (live.metadata.uid, live.content()) == ("u", LIVE)


async def test_delete_names_what_was_seen() -> None:
    recorded = Recorded(json({"kind": "Status"}))
    async with serving(recorded.handle) as server, Transport(server.endpoint()) as transport:
        existed = await ClusterApi(transport).delete(
            CONFIGS, MANIFEST.ref, uid="u", resource_version="7"
        )
    assert existed
    assert recorded.request == "DELETE /api/v1/namespaces/default/configmaps/a"
    options = orjson.loads(recorded.body)
    assert options["preconditions"] == {"uid": "u", "resourceVersion": "7"}
    assert options["propagationPolicy"] == "Background"


@pytest.mark.parametrize(
    ("answer", "gone"), [(status(404, "NotFound"), True), (status(409, "Conflict"), False)]
)
async def test_delete_of_what_is_gone_or_other(answer: web.Response, gone: bool) -> None:
    recorded = Recorded(answer)
    async with serving(recorded.handle) as server, Transport(server.endpoint()) as transport:
        deletion = ClusterApi(transport).delete(
            CONFIGS, MANIFEST.ref, uid="u", resource_version="7"
        )
        if gone:
            assert await deletion is False
        else:
            with pytest.raises(Conflict):
                await deletion


async def test_get_of_nothing_is_none() -> None:
    recorded = Recorded(status(404, "NotFound"))
    async with serving(recorded.handle) as server, Transport(server.endpoint()) as transport:
        assert await ClusterApi(transport).get(CONFIGS, MANIFEST.ref) is None


async def test_a_conflict_of_fields_names_the_holder() -> None:
    cause = {"reason": "FieldManagerConflict", "message": 'conflict with "hpa"', "field": ".x"}
    recorded = Recorded(status(409, "Conflict", causes=[cause]))
    async with serving(recorded.handle) as server, Transport(server.endpoint()) as transport:
        with pytest.raises(FieldConflict) as raised:
            await ClusterApi(transport).apply(CONFIGS, MANIFEST)
    assert raised.value.holders == (("hpa", ".x"),)


async def test_identity_is_the_uid_of_kube_system_where_it_may_be_seen() -> None:
    for answer, identity in ((json(LIVE), "u"), (status(403, "Forbidden"), None)):
        recorded = Recorded(answer)
        async with serving(recorded.handle) as server, Transport(server.endpoint()) as transport:
            assert await ClusterApi(transport).identity() == identity
        assert recorded.request == "GET /api/v1/namespaces/kube-system"


@pytest.mark.parametrize("answer", [[], "words", {"metadata": 5}, {}])
async def test_other_json_is_an_unreachable_cluster_not_a_crash(answer: object) -> None:
    recorded = Recorded(json(answer))
    async with serving(recorded.handle) as server, Transport(server.endpoint()) as transport:
        with pytest.raises(Unreachable):
            await ClusterApi(transport).apply(CONFIGS, MANIFEST)


async def test_a_path_that_is_not_served_is_no_object_that_is_gone() -> None:
    """A proxy without a route says so too: what was to be deleted was forgotten, and stood on."""
    for ask in (
        lambda api: api.get(CONFIGS, MANIFEST.ref),
        lambda api: api.delete(CONFIGS, MANIFEST.ref, uid="u"),
    ):
        nowhere = Recorded(web.Response(text="404 page not found\n", status=404))
        async with serving(nowhere.handle) as server, Transport(server.endpoint()) as transport:
            with pytest.raises(UnknownKind):
                await ask(ClusterApi(transport))
    absent = Recorded(status(404, "NotFound", "configmaps a not found"))
    async with serving(absent.handle) as server, Transport(server.endpoint()) as transport:
        assert await ClusterApi(transport).get(CONFIGS, MANIFEST.ref) is None
