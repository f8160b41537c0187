"""Desired states, records and situations to plan with; nothing here talks to a cluster."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from clusters.model import (
    Applied,
    BundleName,
    DesiredBundle,
    DesiredState,
    GroupKind,
    Health,
    Manifest,
    ObjectRef,
)
from clusters.planning.guards import PruneBudget
from clusters.planning.situation import Situation
from clusters.records import Record

NOW = 1_000.0


def config(name: str, value: str = "1") -> Manifest:
    return thing("v1", "ConfigMap", name, value)


def thing(api_version: str, kind: str, name: str, value: str = "1") -> Manifest:
    return Manifest.of(
        {
            "apiVersion": api_version,
            "kind": kind,
            "metadata": {"name": name, "namespace": "default"},
            "data": {"value": value},
        }
    )


def applied(manifest: Manifest, bundle: str = "app", **more: Any) -> Applied:
    values: dict[str, Any] = {
        "ref": manifest.ref,
        "api_version": manifest.api_version,
        "bundle": BundleName(bundle),
        "digest": manifest.digest,
        "uid": f"uid-{manifest.ref.name}",
        "confirmed": True,
    }
    return Applied(**(values | more))


def record(manifest: Manifest, bundle: str = "app", **more: Any) -> Record:
    """A record of an object that stands as it was applied, but for what is given."""
    values: dict[str, Any] = {
        "present": True,
        "uid": f"uid-{manifest.ref.name}",
        "resource_version": "1",
        "health": Health.HEALTHY,
        "message": "",
    }
    member = more.pop("applied", None) or applied(manifest, bundle)
    return Record(member, **(values | more))


def state(*bundles: DesiredBundle, suspended: str | None = None) -> DesiredState:
    return DesiredState(
        generation=1, bundles={bundle.name: bundle for bundle in bundles}, suspended=suspended
    )


def situation(
    records: Iterable[Record] = (),
    *,
    lacking: Iterable[str] = (),
    unsynced: Iterable[str] = (),
    interrupted: Mapping[GroupKind, str] | None = None,
    now: float = NOW,
    budget: PruneBudget = PruneBudget(),  # noqa: B008
) -> Situation:
    """All kinds are served and synced, but for those named."""
    lacking, unsynced = frozenset(lacking), frozenset(unsynced)
    return Situation(
        records=by_ref(records),
        served=lambda _, kind: kind not in lacking,
        lacks=lambda kind: kind.kind in lacking,
        synced=_AllBut(unsynced),
        interrupted=interrupted or {},
        plural_of=lambda kind: (
            "" if kind.kind in {*lacking, *unsynced} else f"{kind.kind.lower()}s"
        ),
        now=now,
        budget=budget,
    )


def by_ref(records: Iterable[Record]) -> dict[ObjectRef, Record]:
    return {record.ref: record for record in records}


class _AllBut(frozenset[GroupKind]):
    """Every kind, but for those with these names."""

    def __new__(cls, names: frozenset[str]) -> _AllBut:
        return super().__new__(cls, (GroupKind("", name) for name in names))

    def __contains__(self, kind: object) -> bool:
        assert isinstance(kind, GroupKind)
        return all(kind.kind != other.kind for other in self)
