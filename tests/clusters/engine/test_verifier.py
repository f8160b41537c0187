"""Looking at suspects when the cluster goes away in the middle of it."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from clusters.engine.verifier import Verifier
from clusters.errors import Unreachable
from clusters.model import Applied, BundleName, DesiredBundle, DesiredState, ObjectRef
from clusters.records import FieldSets, Record
from tests.fakes.engine import config_map, desired_bundle


def suspects(bundle: DesiredBundle) -> list[Record]:
    return [
        Record(
            Applied(
                ref=made.ref, api_version="v1", bundle=BundleName("app"), digest=made.digest,
                confirmed=True,
            ),
            present=True,
            suspect=True,
        )
        for made in bundle.manifests
    ]  # fmt: skip


class Api:
    """A cluster that is gone when asked for `lost`, and answers for `slow` when it is let to."""

    def __init__(self) -> None:
        self.discovery = SimpleNamespace(resource=lambda *_: None)
        self.asked, self.answer = asyncio.Event(), asyncio.Event()

    async def get(self, _: object, ref: ObjectRef) -> None:
        if ref.name == "lost":
            await self.asked.wait()
            raise Unreachable("no answer")
        self.asked.set()
        await self.answer.wait()


async def test_no_look_goes_on_when_the_cluster_is_gone() -> None:
    bundle = desired_bundle([config_map("lost"), config_map("slow")])
    records = suspects(bundle)
    api: Any = Api()
    desired = DesiredState(generation=1, bundles={bundle.name: bundle})
    with pytest.raises(Unreachable):
        await Verifier(api, FieldSets()).verify(records, desired)
    slow = next(record for record in records if record.ref.name == "slow")
    api.answer.set()
    for _ in range(20):
        await asyncio.sleep(0)
    assert slow.present, "what it was told later is of a connection that is gone"
    assert slow.drift is None


class Fading:
    """A cluster that says that all is gone, and then is gone itself."""

    def __init__(self) -> None:
        self.discovery = SimpleNamespace(resource=lambda *_: None)
        self.is_there = False

    async def get(self, _: object, ref: ObjectRef) -> None:
        if ref.name == "second" and not self.is_there:
            raise Unreachable("no answer")


async def test_drift_that_was_found_when_the_cluster_went_is_found_again_and_told() -> None:
    """It was in the record already, so that it was no news, and nobody ever heard of it."""
    bundle = desired_bundle([config_map("first"), config_map("second")])
    records = suspects(bundle)
    desired = DesiredState(generation=1, bundles={bundle.name: bundle})
    api: Any = Fading()
    looks = Verifier(api, FieldSets())
    with pytest.raises(Unreachable):
        await looks.verify(records, desired)
    api.is_there = True
    found = await looks.verify(records, desired)
    assert [record.ref.name for record in found.drifted] == ["first", "second"]
