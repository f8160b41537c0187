"""Deleting objects: preconditions, grace, finalizers, and what becomes of dependents.

An object that nothing holds is removed at once.  One with finalizers is marked and stays until
the last is gone; Orphan and Foreground propagation are finalizers too, served by `collector`.
Follows apiserver's BeforeDelete and the generic registry's Delete.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from clusters.embedded.kinds import CRDS, NAMESPACES, PODS, Resource, StorageKey
from clusters.embedded.status import (
    ApiStatus,
    Cause,
    bad_request,
    conflict,
    forbidden,
    invalid,
)
from clusters.embedded.storage import Storage, Stored

Body = dict[str, Any]

ORPHAN = "orphan"
FOREGROUND = "foregroundDeletion"
CRD_CLEANUP = "customresourcecleanup.apiextensions.k8s.io"
_POLICIES = ("Orphan", "Background", "Foreground")
_PROTECTED_NAMESPACES = frozenset({"default", "kube-system", "kube-public"})
_RETURNS_OBJECT: frozenset[StorageKey] = frozenset(
    {
        ("", "persistentvolumeclaims"),
        ("", "persistentvolumes"),
        ("", "pods"),
        ("", "podtemplates"),
        ("", "resourcequotas"),
        ("", "serviceaccounts"),
        ("", "services"),
        ("storage.k8s.io", "csidrivers"),
        ("storage.k8s.io", "csinodes"),
        ("storage.k8s.io", "storageclasses"),
        ("storage.k8s.io", "volumeattachments"),
    }
)
"""Resources that answer an immediate deletion with the object (ReturnDeletedObject)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteOptions:
    """What a deletion is told: preconditions are empty where the client set none."""

    uid: str = ""
    revision: str = ""
    policy: str = ""
    grace_s: int | None = None
    dry_run: bool = False


def delete_options(body: Body | None, query: Mapping[str, str]) -> DeleteOptions:
    """Read DeleteOptions from a body, or from the query when there is none.

    Raises:
        ApiStatus: 400 or 422 for options that cannot be read.
    """
    source: Mapping[str, Any] = body or {}
    if source.get("kind", "DeleteOptions") != "DeleteOptions":
        raise bad_request(
            f'no kind "{source["kind"]}" is registered for version '
            f'"{source.get("apiVersion", "")}" in scheme "pkg/api/legacyscheme/scheme.go:30"'
        )
    preconditions = source.get("preconditions") or {}
    if not isinstance(preconditions, Mapping):
        raise bad_request("json: cannot unmarshal preconditions of DeleteOptions")
    policy = source.get("propagationPolicy") or query.get("propagationPolicy") or ""
    if source.get("orphanDependents") is not None and not policy:
        policy = "Orphan" if source["orphanDependents"] else "Background"
    if policy and policy not in _POLICIES:
        why = (
            f'Unsupported value: "{policy}": supported values: "Background", "Foreground", "Orphan"'
        )
        cause = Cause("FieldValueNotSupported", why, "propagationPolicy")
        raise invalid("DeleteOptions", "", [cause], group="meta.k8s.io")
    grace = source.get("gracePeriodSeconds", query.get("gracePeriodSeconds"))
    dry_run = source.get("dryRun") or query.get("dryRun")
    if dry_run and dry_run not in ("All", ["All"]):
        why = f'Unsupported value: "{dry_run}": supported values: "All"'
        cause = Cause("FieldValueNotSupported", why, "dryRun")
        raise invalid("DeleteOptions", "", [cause], group="meta.k8s.io")
    try:
        grace_s = None if grace is None else int(grace)
    except (TypeError, ValueError) as error:
        raise bad_request(f"invalid gracePeriodSeconds: {grace!r}") from error
    return DeleteOptions(
        uid=str(preconditions.get("uid") or ""),
        revision=str(preconditions.get("resourceVersion") or ""),
        policy=str(policy),
        grace_s=grace_s,
        dry_run=bool(dry_run),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted:
    """What a deletion came to: the object's last or marked state, and the answer."""

    stored: Stored
    removed: bool
    answer: bytes


class Deleter:
    """Deletes objects of one cluster."""

    def __init__(self, storage: Storage, *, now: Callable[[], str]) -> None:
        self._storage = storage
        self._now = now

    def delete(self, resource: Resource, live: Stored, options: DeleteOptions) -> Deleted:
        """Delete one object, or mark it when something holds it.

        Raises:
            ApiStatus: 403 for a protected namespace, 409 for a failed precondition.
        """
        body = live.load()
        _check(resource, live, body, options)
        metadata = body["metadata"]
        finalizers = _finalizers(resource, metadata, options)
        grace_s = _grace_s(resource, body, options)
        held = bool(finalizers) or (resource is NAMESPACES and bool(body["spec"]["finalizers"]))
        if not held and not grace_s:
            if options.dry_run:
                stored = live
            else:
                stored = self._storage.remove(resource.storage_key, live.key, body)
            answer = _gone(resource, stored, body)
            return Deleted(stored=stored, removed=True, answer=answer)
        if not _mark(resource, body, finalizers, grace_s, self._now()) or options.dry_run:
            answer = orjson.dumps(body)
            return Deleted(stored=live, removed=False, answer=answer)
        stored = self._storage.put(resource.storage_key, live.key, body)
        return Deleted(stored=stored, removed=False, answer=stored.raw)


def _check(resource: Resource, live: Stored, body: Body, options: DeleteOptions) -> None:
    if resource is NAMESPACES and live.name in _PROTECTED_NAMESPACES:
        raise forbidden("namespaces", live.name, "this namespace may not be deleted")
    uid = body["metadata"]["uid"]
    if options.uid and options.uid != uid:
        raise _precondition(resource, live, "UID", options.uid, uid)
    if options.revision and options.revision != str(live.revision):
        raise _precondition(resource, live, "ResourceVersion", options.revision, str(live.revision))


def _precondition(resource: Resource, live: Stored, what: str, wanted: str, held: str) -> ApiStatus:
    ending = "deleted and then recreated" if what == "UID" else "modified"
    why = (
        f"the {what} in the precondition ({wanted}) does not match the {what} in record ({held}). "
        f"The object might have been {ending}"
    )
    return conflict(resource.kind, live.name, group=resource.group, why=why)


def _finalizers(resource: Resource, metadata: Body, options: DeleteOptions) -> list[str]:
    """Give the finalizers that the object is left with."""
    held = list(metadata.get("finalizers") or ())
    if resource is CRDS and CRD_CLEANUP not in held and "deletionTimestamp" not in metadata:
        held.append(CRD_CLEANUP)
    if not options.policy:
        return held
    held = [name for name in held if name not in (ORPHAN, FOREGROUND)]
    if options.policy == "Orphan":
        held.append(ORPHAN)
    elif options.policy == "Foreground":
        held.append(FOREGROUND)
    return held


def _grace_s(resource: Resource, body: Body, options: DeleteOptions) -> int:
    if resource is not PODS:
        return 0
    spec = body.get("spec") or {}
    finished = (body.get("status") or {}).get("phase") in ("Succeeded", "Failed")
    if not spec.get("nodeName") or finished:
        return 0
    if options.grace_s is not None:
        return max(options.grace_s, 0)
    return int(spec.get("terminationGracePeriodSeconds", 30))


def _mark(resource: Resource, body: Body, finalizers: list[str], grace_s: int, now: str) -> bool:
    """Mark for deletion; False when it was marked so before."""
    metadata = body["metadata"]
    before = (list(metadata.get("finalizers") or ()), metadata.get("deletionGracePeriodSeconds"))
    if finalizers:
        metadata["finalizers"] = finalizers
    if "deletionTimestamp" in metadata:
        after = (finalizers, min(grace_s, before[1] if before[1] is not None else grace_s))
        metadata["deletionGracePeriodSeconds"] = after[1]
        return after != before
    metadata["deletionTimestamp"] = now
    if resource is NAMESPACES:
        body.setdefault("status", {})["phase"] = "Terminating"
    else:
        metadata["deletionGracePeriodSeconds"] = grace_s
    if metadata.get("generation"):
        metadata["generation"] += 1
    return True


def _gone(resource: Resource, stored: Stored, body: Body) -> bytes:
    if resource.storage_key in _RETURNS_OBJECT:
        return stored.raw
    details = {
        "name": stored.name,
        "group": resource.group,
        "kind": resource.plural,
        "uid": body["metadata"]["uid"],
    }
    return orjson.dumps(
        {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Success",
            "details": {key: value for key, value in details.items() if value},
        }
    )
