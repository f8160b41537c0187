"""`Strategy`: the stages that a release crosses.

What `spec.defaults` gives holds for every stage that does not say otherwise, field by field.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from fleet.model import (
    Admission,
    GateName,
    GroupName,
    Labels,
    OnBreach,
    OnNewRelease,
    Place,
    Spread,
    Stage,
    StageGates,
    StageName,
    Strategy,
    StrategyName,
    UnreachableMode,
    UnreachablePolicy,
)
from fleet.schema.document import Locator, Spec
from fleet.schema.fields import (
    AnyAmount,
    Duration,
    Fields,
    LabelKey,
    MovingAmount,
    Name,
    PositiveDuration,
    check_label_key,
    refused,
)
from fleet.schema.selectors import SelectorField


def _sort_key(value: str) -> str:
    if value not in ("name", "random") and not value.startswith("label:"):
        raise refused("no sort key", "name, random or label:KEY")
    if value.startswith("label:"):
        check_label_key(value.removeprefix("label:"))
    return value


SortKey = Annotated[str, AfterValidator(_sort_key)]


class UnreachableFields(Fields):
    """How clusters without contact are treated."""

    mode: UnreachableMode | None = None
    grace_s: Duration | None = Field(None, alias="grace")
    max: AnyAmount | None = None
    slot_timeout_s: PositiveDuration | None = Field(None, alias="slotTimeout")


class CatchUpFields(Fields):
    """Clusters that join or come back when their stage is done."""

    max_concurrency: MovingAmount


class GatesFields(Fields):
    """Gates of a stage, by when they are asked."""

    before: tuple[Name, ...] | None = None
    during: tuple[Name, ...] | None = None
    after: tuple[Name, ...] | None = None


class SpreadFields(Fields):
    """At most so many clusters in flight that share a value of a label."""

    by: LabelKey
    max_per_domain: Annotated[int, Field(ge=1)]


class StageDefaults(Fields):
    """What a stage may say, and what may be said once for all of them."""

    order: tuple[SortKey, ...] | None = None
    ramp: tuple[MovingAmount, ...] | None = None
    max_concurrency: MovingAmount | None = None
    max_failures: AnyAmount | None = None
    admission: Admission | None = None
    spread: SpreadFields | None = None
    progress_deadline_s: PositiveDuration | None = Field(None, alias="progressDeadline")
    retries: Annotated[int, Field(ge=0, le=100)] | None = None
    soak_s: Duration | None = Field(None, alias="soak")
    soak_holds_slot: bool | None = None
    unreachable: UnreachableFields | None = None
    catch_up: CatchUpFields | None = None
    on_breach: OnBreach | None = None
    drift: Literal["block", "allow"] | None = None
    gates: GatesFields | None = None


class StageFields(StageDefaults):
    """One stage: its name, its clusters, and how fast."""

    name: Name
    select: SelectorField | None = None
    groups: tuple[Name, ...] = ()

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if self.select is None and not self.groups:
            raise refused("no cluster is chosen", "at least one of select, groups")
        return self

    def stage(self, defaults: StageDefaults, place: Place) -> Stage:
        """The stage that this declares, `defaults` filled in."""
        settings = defaults.given() | self.given()
        spread: SpreadFields | None = settings.get("spread")
        gates = _overlaid(defaults.gates, self.gates)
        drift = settings.pop("drift", None)
        catch_up: CatchUpFields | None = settings.pop("catch_up", None)
        return Stage(
            **settings
            | {
                "name": StageName(self.name),
                "place": place,
                "catch_up": catch_up and catch_up.max_concurrency,
                "drift_blocks": drift == "block",
                "groups": tuple(map(GroupName, self.groups)),
                "spread": spread and Spread(by=spread.by, max_per_domain=spread.max_per_domain),
                "unreachable": UnreachablePolicy(
                    **_overlaid(defaults.unreachable, self.unreachable)
                ),
                "gates": StageGates(
                    **{when: tuple(map(GateName, names)) for when, names in gates.items()}
                ),
            }
        )


def _overlaid(defaults: Fields | None, own: Fields | None) -> dict[str, Any]:
    return (defaults.given() if defaults else {}) | (own.given() if own else {})


class StrategySpec(Spec):
    """How a release travels."""

    stages: Annotated[tuple[StageFields, ...], Field(min_length=1)]
    defaults: StageDefaults = StageDefaults()
    on_new_release: OnNewRelease = OnNewRelease.COALESCE
    max_trains: Annotated[int, Field(ge=1, le=10)] = 2
    max_failures: AnyAmount | None = None

    def declared(self, name: str, labels: Labels, at: Locator) -> Strategy:
        """The strategy that this declares."""
        return Strategy(
            name=StrategyName(name),
            place=at(()),
            stages=tuple(
                stage.stage(self.defaults, at(("spec", "stages", index)))
                for index, stage in enumerate(self.stages)
            ),
            on_new_release=self.on_new_release,
            max_trains=self.max_trains,
            max_failures=self.max_failures,
        )
