"""Whatever is sent, a cluster answers in order: never a crash, never an unreadable answer."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import orjson
import pytest
from multidict import CIMultiDict

from clusters.embedded import api
from clusters.embedded.access import ADMIN
from clusters.embedded.cluster import EmbeddedCluster
from clusters.embedded.controllers.runtime import Timing
from clusters.embedded.exchange import Answer, Call
from clusters.embedded.kinds import BUILT_IN, Resource
from clusters.embedded.schema import Schema, Schemas, Shape

CALLS = 1500
JUNK: list[Any] = [
    None, True, 0, -1, 1.5, 2**63 - 1, "", "a/b", "\u0000", [], {}, [None], [{}], {"": ""},
    {"name": "x"}, {"matchLabels": {"a": "b"}}, "100%", [[["x"]]], {"spec": {}},
]  # fmt: skip
NAMES = ["a", "b", "default", "kube-system", "node-1", "A_B"]
QUERIES = {
    "dryRun": ["All", "x"],
    "watch": ["true"],
    "resourceVersion": ["0", "1", "x", "99999", "-1"],
    "limit": ["1", "x", "-1"],
    "continue": ["abc", "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiJhIn0"],
    "labelSelector": ["a=b", "a in (", "!", "a>1"],
    "fieldSelector": ["metadata.name=a", "x=y", "="],
    "timeoutSeconds": ["1", "x"],
    "propagationPolicy": ["Orphan", "Foreground", "x"],
    "fieldValidation": ["Strict", "Ignore", "x"],
    "resourceVersionMatch": ["Exact", "NotOlderThan", "x"],
    "sendInitialEvents": ["true", "x"],
    "force": ["true", "x"],
}
MEDIA = (
    "application/apply-patch+yaml",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/json-patch+json",
    "text/plain",
)
TYPED_FAILURES = (
    "failed to create typed",
    "resourceVersion: Invalid value",
    "resourceVersion should not be set",
    "map: ",
)
"""What a real server answers 500 to as well."""


class Sender:
    """Makes requests that are nearly right."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.schemas = Schemas()
        self.resources = list(BUILT_IN.values())

    def value(self, schema: Schema, depth: int = 0) -> Any:
        draw = self.draw
        if draw.random() < 0.1 or depth > 6:
            return draw.choice(JUNK)
        if schema.shape is Shape.MAP:
            names = list(schema.properties)
            chosen = {*schema.required, *draw.sample(names, min(len(names), draw.randint(0, 4)))}
            children = ((name, schema.child(name)) for name in sorted(chosen))
            return {name: self.value(child, depth + 1) for name, child in children if child}
        if schema.shape is Shape.LIST:
            return [self.value(schema.items, depth + 1) for _ in range(draw.randint(0, 2))]
        return draw.choice(["a", "web", "TCP", 1, 80, "100m", True, "Deployment"])

    def call(self) -> Call:
        draw, resource = self.draw, self.draw.choice(self.resources)
        parts = ["apis", resource.group, resource.version] if resource.group else ["api", "v1"]
        if resource.namespaced:
            parts += ["namespaces", draw.choice(["default", "kube-system", "nope"])]
        parts.append(resource.plural)
        method = draw.choice(["GET", "POST", "POST", "PUT", "PATCH", "PATCH", "DELETE"])
        if method in ("PUT", "PATCH") or (method != "POST" and draw.random() < 0.5):
            parts.append(draw.choice(NAMES))
        if draw.random() < 0.1:
            parts.append(draw.choice(["status", "scale", "log", "eviction", "binding", "x"]))
        query = {
            name: draw.choice(values) for name, values in QUERIES.items() if draw.random() < 0.05
        }
        query["fieldManager"] = "m"
        media = draw.choice(MEDIA) if method == "PATCH" else "application/json"
        headers = CIMultiDict({"Authorization": "Bearer t", "Content-Type": media})
        if draw.random() < 0.05:
            headers["Impersonate-User"] = "bob"
        body = b"" if method == "GET" else self.body(resource, method, parts[-1])
        return Call(method=method, parts=parts, query=query, headers=headers, body=body)

    def body(self, resource: Resource, method: str, name: str) -> bytes:
        draw = self.draw
        if draw.random() < 0.05:
            return draw.randbytes(20)
        schema = self.schemas.builtin(resource.group, resource.version, resource.kind)
        body = self.value(schema) if schema is not None else draw.choice(JUNK)
        if method == "DELETE":
            body = {"preconditions": draw.choice(JUNK), "propagationPolicy": draw.choice(JUNK)}
        elif isinstance(body, dict) and draw.random() < 0.9:
            name = draw.choice(NAMES) if method == "POST" else name
            head = {"kind": resource.kind, "apiVersion": resource.api_version}
            body = {**body, **head, "metadata": {"name": name}}
        return orjson.dumps(body)


@pytest.mark.parametrize("seed", [1, 2])
async def test_every_request_gets_an_orderly_answer(seed: int) -> None:
    raised: list[Any] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: raised.append(context))
    timing = Timing(ready_after_s=0.0, reaction_s=0.0)
    cluster = EmbeddedCluster("fuzzed", tokens={"t": ADMIN}, timing=timing)
    sender, statuses = Sender(seed), set()
    for number in range(CALLS):
        call = sender.call()
        answer = api.answer(cluster, call)
        if not isinstance(answer, Answer):
            answer.stop()
            continue
        statuses.add(answer.status)
        if answer.status >= 500 and answer.status != 504:
            said = orjson.loads(answer.body)["message"]
            assert said.startswith(TYPED_FAILURES), (call, said)
        if number % 50 == 0:
            await asyncio.sleep(0)
    await asyncio.sleep(0.05)
    cluster.close()
    assert raised == []
    assert {200, 201, 400, 403, 404, 405, 409, 415, 422} <= statuses
