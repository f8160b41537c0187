"""`Bundle`: what is deployed together, where to, and with which values."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, AliasChoices, Field, JsonValue, model_validator

from clusters.model import BundleName, ClusterName, Target
from fleet.model import (
    Bundle,
    Dependency,
    DependencyScope,
    GroupName,
    Labels,
    Patch,
    Place,
    Placement,
    RollbackMode,
    RollbackPolicy,
    Source,
    StrategyName,
    ValuesLayer,
    WithoutLastGood,
    WriteBack,
)
from fleet.schema.document import Locator, Spec
from fleet.schema.fields import (
    Fields,
    LabelKey,
    MovingAmount,
    Name,
    RelativePath,
    exactly_one,
    refused,
)
from fleet.schema.policy import BLOCK, HealthFields, PolicyFields, TargetFields
from fleet.schema.selectors import SelectorField

_REMOTE = re.compile(
    r"(?:https?|ssh|file)://[^\s@]*(?:[^\s:@/]+@)?[^\s@]+|[A-Za-z0-9_.-]+@[A-Za-z0-9.-]+:[^\s:]+"
    r"|[A-Za-z0-9_.-]+@[A-Za-z0-9.-]+/[^\s:]+|/[^\s]+|\.{1,2}/[^\s]+"
)
_REF = re.compile(r"(?!-)[A-Za-z0-9_./@+-]+")


def _git_url(value: str) -> str:
    if re.match(r"[a-z+]+://[^/@]*:[^/@]*@", value):
        raise refused("credentials do not belong into Git", "a URL without a password", secret=True)
    if "::" in value or not _REMOTE.fullmatch(value):
        raise refused(
            "no repository", "https://…, ssh://…, git@host:path, file://… or a path", secret=True
        )
    return value


def _ref(value: str) -> str:
    if not _REF.fullmatch(value) or ".." in value:
        raise refused("no ref", "a branch, a tag or a commit")
    return value


class SourceFields(Fields):
    """Where the manifests are."""

    path: RelativePath
    git: Annotated[str, AfterValidator(_git_url)] | None = None
    ref: Annotated[str, AfterValidator(_ref)] | None = None

    @model_validator(mode="after")
    def _ref_of_a_repository(self) -> Self:
        if self.ref is not None and self.git is None:
            raise refused("a ref needs its repository", "git and ref, or neither")
        return self


class PlacementFields(Fields):
    """Which clusters: the union of what is named, without the excluded."""

    select: SelectorField | None = Field(
        None, alias="selector", validation_alias=AliasChoices("selector", "select")
    )
    groups: tuple[Name, ...] = ()
    clusters: tuple[Name, ...] = ()
    exclude: tuple[Name, ...] = ()
    tolerations: tuple[LabelKey, ...] = ()

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if self.select is None and not self.groups and not self.clusters:
            raise refused("no cluster is chosen", "at least one of selector, groups, clusters")
        return self

    def value(self) -> Placement:
        """The placement that this declares."""
        return Placement(
            select=self.select,
            groups=tuple(map(GroupName, self.groups)),
            clusters=tuple(map(ClusterName, self.clusters)),
            exclude=tuple(map(ClusterName, self.exclude)),
            tolerations=self.tolerations,
        )


class ValuesFields(Fields):
    """One layer of values."""

    file: RelativePath | None = None
    per_cluster: RelativePath | None = None
    inline: dict[str, JsonValue] | None = None
    when: SelectorField | None = None
    optional: bool = False

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        exactly_one(self, "file", "per_cluster", "inline")
        if self.optional and self.inline is not None:
            raise refused("inline values are never missing", "optional only with a file")
        if self.per_cluster is not None and "${" not in self.per_cluster:
            raise refused(
                "this file is the same for every cluster", "a path with ${cluster.name} in it"
            )
        return self

    def value(self) -> ValuesLayer:
        """The layer that this declares."""
        return ValuesLayer(
            file=self.file or self.per_cluster,
            inline=self.inline,
            when=self.when,
            optional=self.optional,
        )


class OperationFields(Fields):
    """One operation of RFC 6902."""

    op: Literal["add", "remove", "replace", "move", "copy", "test"]
    path: Annotated[str, Field(pattern=r"^(/.*)?$")]
    from_: str | None = Field(None, alias="from", pattern=r"^(/.*)?$")
    value: JsonValue = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.op in ("move", "copy")) != (self.from_ is not None):
            raise refused("'from' goes with move and copy, and only with them")
        if (self.op in ("add", "replace", "test")) != ("value" in self.model_fields_set):
            raise refused("'value' goes with add, replace and test, and only with them")
        return self

    def operation(self) -> dict[str, Any]:
        """The operation in its JSON form."""
        fields: dict[str, Any] = {"op": self.op, "path": self.path}
        if self.from_ is not None:
            fields["from"] = self.from_
        if "value" in self.model_fields_set:
            fields["value"] = self.value
        return fields


class PatchFields(Fields):
    """A change to rendered objects, for all or some clusters."""

    target: TargetFields
    clusters: tuple[Name, ...] = ()
    when: SelectorField | None = None
    merge: dict[str, JsonValue] | None = None
    json6902: tuple[OperationFields, ...] | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        exactly_one(self, "merge", "json6902")
        return self


class DependencyFields(Fields):
    """A bundle that must be there first."""

    bundle: Name
    scope: DependencyScope = DependencyScope.SAME_CLUSTER


class RollbackFields(Fields):
    """How it returns to its last good release."""

    mode: RollbackMode = RollbackMode.AUTO
    to: Literal["lastGood"] = "lastGood"
    write_back: WriteBack = WriteBack.NONE
    without_last_good: WithoutLastGood = WithoutLastGood.LEAVE
    max_concurrency: MovingAmount | None = None
    windows: Literal["ignore", "respect"] = "ignore"


class BundleSpec(Spec):
    """One bundle."""

    source: SourceFields
    placement: PlacementFields
    namespace: Name | None = None
    values: tuple[ValuesFields, ...] = ()
    patches: tuple[PatchFields, ...] = ()
    depends_on: tuple[DependencyFields, ...] = ()
    strategy: Name | None = Field(
        None, alias="strategyRef", validation_alias=AliasChoices("strategyRef", "strategy")
    )
    rollback: RollbackFields = RollbackFields()
    policy: PolicyFields = PolicyFields()
    health: tuple[HealthFields, ...] = ()
    substitute: bool = True
    sequential: bool = False
    hotfix: bool = False

    def declared(self, name: str, labels: Labels, at: Locator) -> Bundle:
        """The bundle that this declares."""
        rollback = self.rollback.given()
        rollback.pop("to", None)
        rollback["respects_windows"] = rollback.pop("windows", "ignore") == "respect"
        return Bundle(
            name=BundleName(name),
            place=at(()),
            source=Source(path=self.source.path, git=self.source.git, ref=self.source.ref),
            placement=self.placement.value(),
            namespace=self.namespace,
            values=tuple(layer.value() for layer in self.values),
            patches=tuple(
                _patch(patch, at(("spec", "patches", index)))
                for index, patch in enumerate(self.patches)
            ),
            depends_on=tuple(
                Dependency(bundle=BundleName(one.bundle), scope=one.scope)
                for one in self.depends_on
            ),
            strategy=None if self.strategy is None else StrategyName(self.strategy),
            rollback=RollbackPolicy(**rollback),
            policy=self.policy.value(),
            drift_blocks=self.policy.drift == BLOCK,
            health=tuple(rule.value() for rule in self.health),
            substitute=self.substitute,
            sequential=self.sequential,
            hotfix=self.hotfix,
        )


def _patch(patch: PatchFields, place: Place) -> Patch:
    return Patch(
        target=Target(**patch.target.given()),
        place=place,
        clusters=tuple(map(ClusterName, patch.clusters)),
        when=patch.when,
        merge=patch.merge,
        json6902=(
            None
            if patch.json6902 is None
            else tuple(operation.operation() for operation in patch.json6902)
        ),
    )
