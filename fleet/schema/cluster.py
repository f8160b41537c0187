"""`Cluster` and `ClusterGroup`: the inventory of the fleet."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import AfterValidator, AliasChoices, Field, model_validator

from clusters.model import ClusterName
from fleet.model import Cluster, ClusterGroup, Connection, GroupName, Labels, Taint, TaintEffect
from fleet.schema.document import Locator, Spec
from fleet.schema.fields import (
    Fields,
    LabelKey,
    Properties,
    Timezone,
    refused,
)
from fleet.schema.selectors import SelectorField

_SECRET_NAME = re.compile(r"(?:[a-z]+:)?[A-Za-z0-9][-A-Za-z0-9_.]*(?:/[A-Za-z0-9][-A-Za-z0-9_.]*)*")


def _one_line(value: str) -> str:
    # Whoever pastes a kubeconfig here must not find it in a log.
    if not value or not value.isprintable():
        raise refused("no name or path", "one line of text", secret=True)
    return value


def _secret_name(value: str) -> str:
    if not _SECRET_NAME.fullmatch(value):
        raise refused(
            "no name of a secret",
            "names joined by '/', like clusters/eu-1 or vault:clusters/eu-1",
            secret=True,
        )
    return value


OneLine = Annotated[str, AfterValidator(_one_line)]


class ConnectionFields(Fields):
    """How to reach it; credentials themselves are never in Git."""

    context: OneLine | None = None
    kubeconfig: OneLine | None = None
    secret_ref: Annotated[str, AfterValidator(_secret_name)] | None = Field(
        None, validation_alias=AliasChoices("secretRef", "kubeconfigRef")
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        in_file = self.context is not None or self.kubeconfig is not None
        if in_file == (self.secret_ref is not None):
            raise refused(
                "a connection has one source",
                "context, kubeconfig, or both; or secretRef",
                secret=True,
            )
        return self


class TaintFields(Fields):
    """Keeps bundles away that do not tolerate it."""

    key: LabelKey
    effect: TaintEffect


class ClusterSpec(Spec):
    """One cluster."""

    connection: ConnectionFields
    timezone: Timezone = "UTC"
    properties: Properties = Field(default_factory=dict)
    taints: tuple[TaintFields, ...] = ()

    def declared(self, name: str, labels: Labels, at: Locator) -> Cluster:
        """The cluster that this declares."""
        return Cluster(
            name=ClusterName(name),
            place=at(()),
            connection=Connection(**self.connection.given()),
            labels=labels,
            properties=self.properties,
            taints=tuple(Taint(key=one.key, effect=one.effect) for one in self.taints),
            timezone=self.timezone,
        )


class ClusterGroupSpec(Spec):
    """A selector with a name."""

    select: SelectorField

    def declared(self, name: str, labels: Labels, at: Locator) -> ClusterGroup:
        """The group that this declares."""
        return ClusterGroup(name=GroupName(name), place=at(()), select=self.select)
