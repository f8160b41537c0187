"""How a bundle is kept on its clusters: drift and its exceptions, adoption, pruning, health."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from clusters.fields.fieldpaths import problem_of
from clusters.model import (
    AdoptPolicy,
    BundlePolicy,
    ConflictPolicy,
    DriftPolicy,
    DriftRule,
    HealthRule,
    Target,
)
from fleet.schema.fields import Fields, refused


class TargetFields(Fields):
    """Which objects."""

    group: str | None = None
    kind: str | None = None
    namespace: str | None = None
    name: str | None = None


def _field_path(value: str) -> str:
    if problem := problem_of(value):
        raise refused(
            problem,
            "a path as drift shows it, like spec.replicas or "
            "spec.template.spec.containers[name=web].image",
        )
    return value


class RuleFields(Fields):
    """An exception from how drift is handled, for some objects or some of their fields."""

    target: TargetFields = TargetFields()
    fields: Annotated[
        tuple[Annotated[str, AfterValidator(_field_path)], ...] | None, Field(min_length=1)
    ] = None
    drift: DriftPolicy

    def value(self) -> DriftRule:
        """The rule that this declares."""
        return DriftRule(
            target=Target(**self.target.given()), drift=self.drift, fields=self.fields or ()
        )


BLOCK = "block"


def _for_a_whole_bundle(value: object) -> object:
    if value == DriftPolicy.IGNORE.value:
        raise refused(
            "a whole bundle is not ignored: say what may be changed, in rules",
            "correct, report, block",
        )
    return value


class PolicyFields(Fields):
    """How it is kept on each cluster."""

    drift: Annotated[
        Literal["correct", "report", "block"], BeforeValidator(_for_a_whole_bundle)
    ] = "correct"
    rules: tuple[RuleFields, ...] = ()
    conflicts: ConflictPolicy = ConflictPolicy.FAIL
    adopt: AdoptPolicy = AdoptPolicy.IF_UNOWNED
    prune: bool = True
    prune_max: Annotated[int, Field(ge=0)] | None = None
    replace_immutable: bool = False

    def value(self) -> BundlePolicy:
        """The policy that this declares."""
        rules = tuple(rule.value() for rule in self.rules)
        # What blocks releases is a person's matter: it is told, and not put back before.
        drift = DriftPolicy.REPORT if self.drift == BLOCK else DriftPolicy(self.drift)
        return BundlePolicy(**{**self.given(), "rules": rules, "drift": drift})


def _expression(value: str) -> str:
    from clusters.health.expressions import NAMES, compile_expression

    try:
        compile_expression(value)
    except ValueError as error:
        raise refused(str(error), f"a CEL expression about {', '.join(NAMES)}") from None
    return value


Cel = Annotated[str, AfterValidator(_expression)]


class HealthTargetFields(Fields):
    """Which kind."""

    kind: Annotated[str, Field(min_length=1)]
    group: str | None = None


class HealthFields(Fields):
    """How objects of a kind are judged."""

    target: HealthTargetFields
    healthy: Cel
    progressing: Cel | None = None
    failed: Cel | None = None

    @model_validator(mode="after")
    def _not_of_secrets(self) -> Self:
        if self.target.kind == "Secret" and not self.target.group:
            raise refused("Secrets are not read: that one is there is its health", "another kind")
        return self

    def value(self) -> HealthRule:
        """The rule that this declares."""
        return HealthRule(
            kind=self.target.kind,
            group=self.target.group,
            healthy=self.healthy,
            progressing=self.progressing or "",
            failed=self.failed or "",
        )
