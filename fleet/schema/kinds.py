"""The kinds of documents, each with the model of what it may say."""

from __future__ import annotations

from collections.abc import Mapping

from fleet.schema.bundle import BundleSpec
from fleet.schema.cluster import ClusterGroupSpec, ClusterSpec
from fleet.schema.document import Envelope, Spec
from fleet.schema.gate import GateSpec
from fleet.schema.settings import FleetSpec
from fleet.schema.strategy import StrategySpec
from fleet.schema.window import WindowSpec

KINDS: Mapping[str, type[Envelope[Spec]]] = {
    "Fleet": Envelope[FleetSpec],
    "Cluster": Envelope[ClusterSpec],
    "ClusterGroup": Envelope[ClusterGroupSpec],
    "Bundle": Envelope[BundleSpec],
    "Strategy": Envelope[StrategySpec],
    "Gate": Envelope[GateSpec],
    "Window": Envelope[WindowSpec],
}

NOT_YET = {
    "Policy": "guards of the whole fleet are written in the Fleet document, as spec.guards",
    "Tenant": "this version knows no tenants",
    "Alert": "this version knows no alerts",
}
"""Kinds that the format keeps for later, and what to do today."""
