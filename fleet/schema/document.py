"""The frame of every document: version, kind, metadata, and a spec that declares something."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Generic, Literal, TypeVar

from pydantic import Field

from fleet.model import (
    Bundle,
    Cluster,
    ClusterGroup,
    FleetSettings,
    Gate,
    Labels,
    Place,
    Strategy,
    Window,
)
from fleet.schema.fields import Fields, LabelFields, LabelKey, Name

API_GROUP = "flotilla.dev"
API_VERSION = "flotilla.dev/v1"

Declared = FleetSettings | Cluster | ClusterGroup | Bundle | Strategy | Gate | Window
"""What one document can declare."""

Path = tuple[str | int, ...]
"""Keys and list positions from the top of a document to a field."""

Locator = Callable[[Path], Place]
"""Gives the place of a field of the document at hand, by its path; `()` is the document."""


class Spec(Fields):
    """The `spec` of a kind."""

    @abstractmethod
    def declared(self, name: str, labels: Labels, at: Locator) -> Declared:
        """Give the domain value that the document declares."""


class Metadata(Fields):
    """What every document has."""

    name: Name
    labels: LabelFields = Field(default_factory=dict)
    annotations: dict[LabelKey, str] = Field(default_factory=dict)


SpecT = TypeVar("SpecT", bound=Spec, covariant=True)


class Envelope(Fields, Generic[SpecT]):
    """A whole document."""

    api_version: Literal["flotilla.dev/v1"]
    kind: str
    metadata: Metadata
    spec: SpecT

    def declared(self, at: Locator) -> Declared:
        """Give the domain value that the document declares."""
        return self.spec.declared(self.metadata.name, self.metadata.labels, at)
