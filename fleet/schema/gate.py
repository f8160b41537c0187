"""`Gate`: a named condition between or inside stages, of exactly one type."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import AfterValidator, Field, JsonValue, PlainValidator, model_validator

from clusters.model import BundleName
from fleet.model import (
    ApprovalBinding,
    ApprovalCheck,
    Gate,
    GateCheck,
    GateLimits,
    GateName,
    GateScope,
    HealthCheck,
    HttpCheck,
    JobCheck,
    Labels,
    PrometheusCheck,
    SoakCheck,
    WindowCheck,
    WindowName,
)
from fleet.schema.document import Locator, Spec
from fleet.schema.fields import (
    Fields,
    HttpUrl,
    Name,
    PositiveDuration,
    Template,
    exactly_one,
    refused,
)

TYPES = ("approval", "soak", "health", "window", "prometheus", "http", "job")

_COMPARISON = re.compile(r"value\s*(<=|>=|==|!=|<|>)\s*[-+]?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?")


def _comparison(value: str) -> str:
    if not _COMPARISON.fullmatch(value.strip()):
        raise refused("no condition", "a comparison of value with a number, like 'value < 0.01'")
    return value.strip()


Comparison = Annotated[str, AfterValidator(_comparison)]


def _names(value: object) -> tuple[str, ...]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not names or not all(isinstance(one, str) for one in names):
        raise refused("no window is named", "the name of a Window, or a list of names")
    return tuple(names)


class ApprovalFields(Fields):
    """People must agree."""

    count: Annotated[int, Field(ge=1, le=20)] = 1
    roles: tuple[Name, ...] = ()
    not_author: bool = True
    expires_s: PositiveDuration = Field(86_400.0, alias="expires")
    bind: ApprovalBinding = ApprovalBinding.PLAN


class HealthFields(Fields):
    """Every cluster of the stage must be healthy."""

    bundles: tuple[Name, ...] = ()


class PrometheusFields(Fields):
    """A query against a Prometheus server."""

    url: HttpUrl
    query: Annotated[Template, Field(min_length=1)]


class HttpFields(Fields):
    """A GET."""

    url: HttpUrl
    expect_status: Annotated[
        tuple[Annotated[int, Field(ge=100, le=599)], ...], Field(min_length=1)
    ] = (200,)
    timeout_s: PositiveDuration = Field(10.0, alias="timeout")


class JobFields(Fields):
    """A Job, applied to each cluster."""

    manifest: dict[str, JsonValue]
    timeout_s: PositiveDuration = Field(600.0, alias="timeout")

    @model_validator(mode="after")
    def _is_job(self) -> Self:
        if (self.manifest.get("apiVersion"), self.manifest.get("kind")) != ("batch/v1", "Job"):
            raise refused("the manifest is no Job", "apiVersion: batch/v1 and kind: Job")
        return self


class LimitsFields(Fields):
    """How often a measurement may disappoint."""

    failures: Annotated[int, Field(ge=0)] = 0
    inconclusive: Annotated[int, Field(ge=0)] = 0
    consecutive_errors: Annotated[int, Field(ge=0)] = 4


class GateSpec(Spec):
    """One gate."""

    approval: ApprovalFields | None = None
    soak: PositiveDuration | None = None
    health: HealthFields | None = None
    window: Annotated[tuple[str, ...], PlainValidator(_names)] | None = None
    prometheus: PrometheusFields | None = None
    http: HttpFields | None = None
    job: JobFields | None = None
    success: Comparison | None = None
    failure: Comparison | None = None
    scope: GateScope = GateScope.STAGE
    interval_s: PositiveDuration = Field(30.0, alias="interval")
    limits: LimitsFields = LimitsFields()

    @model_validator(mode="after")
    def _one_type(self) -> Self:
        exactly_one(self, *TYPES)
        conditions = self.success is not None or self.failure is not None
        if self.prometheus is None and conditions:
            raise refused("success and failure speak of the value of a query", "with prometheus")
        if self.prometheus is not None and self.success is None:
            raise refused("a query needs a condition", "success, like 'value < 0.01'")
        return self

    def declared(self, name: str, labels: Labels, at: Locator) -> Gate:
        """The gate that this declares."""
        return Gate(
            name=GateName(name),
            place=at(()),
            check=self._check(),
            scope=self.scope,
            interval_s=self.interval_s,
            limits=GateLimits(**self.limits.given()),
        )

    def _check(self) -> GateCheck:
        if self.approval is not None:
            return ApprovalCheck(**self.approval.given())
        if self.soak is not None:
            return SoakCheck(duration_s=self.soak)
        if self.health is not None:
            return HealthCheck(bundles=tuple(map(BundleName, self.health.bundles)))
        if self.window is not None:
            return WindowCheck(windows=tuple(map(WindowName, self.window)))
        if self.http is not None:
            return HttpCheck(**self.http.given())
        if self.job is not None:
            return JobCheck(**self.job.given())
        assert self.prometheus is not None, "exactly one type is given"
        assert self.success is not None, "a query has a condition"
        return PrometheusCheck(
            **self.prometheus.given(), success=self.success, failure=self.failure
        )
