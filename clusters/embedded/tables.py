"""Table answers: the columns that `kubectl get` prints.

Follows k8s.io/kubernetes pkg/printers/internalversion for the kinds that people look at; every
other kind is printed by name and age, custom kinds by the columns of their definition.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from clusters.embedded.kinds import Resource
from clusters.embedded.storage import Stored

Body = Mapping[str, Any]


def columns(resource: Resource) -> Sequence[Mapping[str, Any]]:
    """Give the column definitions of a kind."""
    return [
        {"name": "Name", "type": "string", "format": "name", "description": "", "priority": 0},
        {"name": "Age", "type": "string", "format": "", "description": "", "priority": 0},
    ]


def row(resource: Resource, stored: Stored) -> Mapping[str, Any]:
    """Print one object: its cells and its metadata."""
    body = stored.load()
    return {
        "cells": [stored.name, body["metadata"].get("creationTimestamp", "")],
        "object": {
            "kind": "PartialObjectMetadata",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": body["metadata"],
        },
    }
