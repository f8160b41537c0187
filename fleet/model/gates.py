"""Gates: conditions before, during and after a stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from clusters.model import BundleName
from fleet.model.places import GateName, Place, WindowName


class GateScope(StrEnum):
    """What one evaluation of a gate speaks of."""

    CLUSTER = "cluster"
    STAGE = "stage"


class ApprovalBinding(StrEnum):
    """What an approval is for: it lapses when that changes."""

    PLAN = "plan"
    RELEASE = "release"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalCheck:
    """People must agree."""

    count: int = 1
    roles: Sequence[str] = ()
    not_author: bool = True
    expires_s: float = 86_400.0
    bind: ApprovalBinding = ApprovalBinding.PLAN


@dataclass(frozen=True, slots=True, kw_only=True)
class SoakCheck:
    """The stage must have been healthy for a while."""

    duration_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCheck:
    """Every cluster of the stage must be healthy, whatever bundle is asked about."""

    bundles: Sequence[BundleName] = ()
    """Bundles that are looked at; empty: all on the cluster."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowCheck:
    """The named windows must be open."""

    windows: Sequence[WindowName]


@dataclass(frozen=True, slots=True, kw_only=True)
class PrometheusCheck:
    """A query against a Prometheus server.

    `success` and `failure` compare `value` with a number (`value < 0.01`); neither is inconclusive.
    """

    url: str
    query: str
    success: str
    failure: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpCheck:
    """A GET whose status must be one of `expect_status`."""

    url: str
    expect_status: Sequence[int] = (200,)
    timeout_s: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCheck:
    """A Job, applied to each cluster, that must complete."""

    manifest: Mapping[str, Any]
    timeout_s: float = 600.0


GateCheck = (
    ApprovalCheck | SoakCheck | HealthCheck | WindowCheck | PrometheusCheck | HttpCheck | JobCheck
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GateLimits:
    """How often a measuring gate may disappoint before it says no."""

    failures: int = 0
    inconclusive: int = 0
    consecutive_errors: int = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A named condition between or inside stages."""

    name: GateName
    place: Place
    check: GateCheck
    scope: GateScope = GateScope.STAGE
    interval_s: float = 30.0
    limits: GateLimits = GateLimits()
