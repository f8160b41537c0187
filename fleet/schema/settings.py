"""`Fleet`: what holds for the whole repository."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from fleet.model import FleetSettings, Forge, ForgeKind, Guards, Labels, PruneGuard, ShrinkGuard
from fleet.schema.document import Locator, Spec
from fleet.schema.fields import (
    AnyAmount,
    Fields,
    HttpUrl,
    MovingAmount,
    Name,
    Percent,
    refused,
)


def _program(value: str) -> str:
    if not value.startswith("/") or ".." in value.split("/") or not value.isprintable():
        raise refused("no program", "an absolute path on the server, without '..'")
    return value


class PruneFields(Fields):
    """Most that one change may delete without a person's word."""

    max_objects: Annotated[int, Field(ge=0)] | None = None
    max_percent: Percent | None = None
    max_clusters: Annotated[int, Field(ge=0)] | None = None
    stage: Literal["last"] = "last"


class ShrinkFields(Fields):
    """How much smaller inventory or placements may become without a person's word."""

    max: AnyAmount
    else_: Literal["approval"] = Field("approval", alias="else")


class GuardsFields(Fields):
    """Limits that no strategy overrides."""

    max_clusters_changing: MovingAmount | None = None
    max_bundles_changing_per_cluster: Annotated[int, Field(ge=1)] | None = None
    prune: PruneFields | None = None
    inventory_shrink: ShrinkFields | None = None

    def value(self) -> Guards:
        """The guards that this declares."""
        prune = self.prune.given() if self.prune else {}
        prune.pop("stage", None)
        shrink = self.inventory_shrink
        return Guards(
            max_clusters_changing=self.max_clusters_changing,
            max_bundles_changing_per_cluster=self.max_bundles_changing_per_cluster,
            prune=PruneGuard(**prune),
            inventory_shrink=ShrinkGuard(max=shrink.max) if shrink else ShrinkGuard(),
        )


class ForgeFields(Fields):
    """Where pull requests are opened."""

    kind: ForgeKind
    url: HttpUrl
    repository: Annotated[str, Field(pattern=r"^[\w.-]+(/[\w.-]+)+$")]
    secret_ref: Name

    def value(self) -> Forge:
        """The forge that this declares."""
        return Forge(
            kind=self.kind,
            url=self.url,
            repository=self.repository,
            secret_ref=self.secret_ref,
        )


class FleetSpec(Spec):
    """The settings of the fleet."""

    guards: GuardsFields = GuardsFields()
    forge: ForgeFields | None = None
    exec_allowed: tuple[Annotated[str, AfterValidator(_program)], ...] = ()
    identities: dict[
        Annotated[str, Field(min_length=1)],
        Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)],
    ] = Field(default_factory=dict)
    roles: dict[Name, tuple[Annotated[str, Field(min_length=1)], ...]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_person_each(self) -> Self:
        owners: dict[str, str] = {}
        for actor, names in self.identities.items():
            for name in names:
                owner = owners.setdefault(name.lower(), actor)
                if owner != actor:
                    raise refused(f"{name!r} is listed for {owner} and for {actor}", "one of them")
        return self

    def declared(self, name: str, labels: Labels, at: Locator) -> FleetSettings:
        """The settings that this declares."""
        return FleetSettings(
            name=name,
            place=at(()),
            guards=self.guards.value(),
            forge=self.forge.value() if self.forge else None,
            exec_allowed=self.exec_allowed,
            roles=self.roles,
            identities=self.identities,
        )
