"""Steering a cluster while it runs: `/clusters/NAME/flotilla/...`, for tests and drills.

    GET, PUT, PATCH, DELETE faults    what is wrong (see `faults.Faults`), as JSON
    POST compact                      forget watch history: resuming clients get 410
    POST cut-watches                  cut every open watch
    POST wipe                         lose all data, as a cluster that was replaced
    GET, DELETE requests              how many requests of each verb were answered

Needs the cluster's token, and is itself beyond the reach of faults.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import orjson

from clusters.embedded.access import authenticate
from clusters.embedded.cluster import EmbeddedCluster
from clusters.embedded.exchange import PAGE_NOT_FOUND, Answer, Call, json_answer, refusal
from clusters.embedded.faults import NO_FAULTS, Faults
from clusters.embedded.status import ApiStatus, bad_request, unauthorized


def answer(cluster: EmbeddedCluster, call: Call) -> Answer:
    """Answer a request that steers the cluster."""
    try:
        if not authenticate(call.headers, cluster.tokens).is_admin:
            raise unauthorized()
        return _steer(cluster, call)
    except ApiStatus as status:
        return refusal(status)


def _steer(cluster: EmbeddedCluster, call: Call) -> Answer:
    match call.method, call.parts[1:]:
        case "GET", ["faults"]:
            pass
        case "PUT", ["faults"]:
            cluster.set_faults(_read_faults(_json(call)))
        case "PATCH", ["faults"]:
            cluster.set_faults(_read_faults(asdict(cluster.trouble.faults) | _json(call)))
        case "DELETE", ["faults"]:
            cluster.set_faults(NO_FAULTS)
        case "POST", ["compact"]:
            cluster.storage.compact()
        case "POST", ["cut-watches"]:
            cluster.cut_watches()
        case "POST", ["wipe"]:
            cluster.wipe()
        case "GET", ["requests"]:
            return json_answer(dict(cluster.request_counts))
        case "DELETE", ["requests"]:
            cluster.request_counts.clear()
        case _:
            return PAGE_NOT_FOUND
    return json_answer(asdict(cluster.trouble.faults))


def _json(call: Call) -> dict[str, Any]:
    try:
        value = orjson.loads(call.body or b"{}")
    except orjson.JSONDecodeError as error:
        raise bad_request(f"the body is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise bad_request("the body is no JSON object")
    return value


def _read_faults(raw: dict[str, Any]) -> Faults:
    try:
        return Faults.read(raw)
    except ValueError as error:
        raise bad_request(str(error)) from error
