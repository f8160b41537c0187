"""Clusters and groups of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from clusters.model import ClusterName
from fleet.model.places import GroupName, Labels, Place
from fleet.model.selector import Selector


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """How a cluster is reached.  Exactly one of the sources is set; never a credential itself."""

    context: str | None = None
    """Context name in the server's kubeconfig, or in `kubeconfig` where that is given."""
    kubeconfig: str | None = None
    """Path of a mounted kubeconfig file on the server."""
    secret_ref: str | None = None
    """Name of a secret that the server's secret directory holds as a kubeconfig file."""


class TaintEffect(StrEnum):
    """What an untolerated taint does."""

    NO_NEW_BUNDLES = "NoNewBundles"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taint:
    """Keeps bundles away that do not tolerate `key`."""

    key: str
    effect: TaintEffect


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """One cluster of the inventory."""

    name: ClusterName
    place: Place
    connection: Connection
    labels: Labels = field(default_factory=dict)
    properties: Labels = field(default_factory=dict)
    taints: Sequence[Taint] = ()
    timezone: str = "UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterGroup:
    """A named selector, usable wherever a selector is."""

    name: GroupName
    place: Place
    select: Selector
