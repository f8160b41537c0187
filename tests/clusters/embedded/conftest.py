"""A served cluster, and a client that speaks to it as any client would."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from clusters.embedded.serve import EmbeddedClusters
from tests.clusters.embedded.client import Client


@pytest.fixture
async def clusters() -> AsyncIterator[EmbeddedClusters]:
    """Two clusters that react at once and are ready after a moment."""
    async with EmbeddedClusters(["one", "two"], ready_after_s=0.1) as served:
        yield served


@pytest.fixture
async def client(clusters: EmbeddedClusters) -> AsyncIterator[Client]:
    """A client of cluster `one`, as its administrator."""
    async with Client(clusters.url_of("one"), clusters.token) as speaking:
        yield speaking
