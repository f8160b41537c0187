"""The exchanges recorded from a real API server, replayed against an embedded one."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import aiohttp
import pytest

from clusters.embedded.serve import EmbeddedClusters

RECORDED = Path(__file__).parents[4] / "shared" / "conformance"


def scenarios() -> list[Any]:
    found = sorted((RECORDED / "scenarios").glob("*.json"))
    if not found:
        return [pytest.param(None, marks=pytest.mark.skip(reason="no recorded scenarios here"))]
    return [pytest.param(json.loads(path.read_text()), id=path.stem) for path in found]


def replayer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("replay", RECORDED / "replay.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("scenario", scenarios())
async def test_answers_are_those_of_a_real_server(scenario: dict[str, Any]) -> None:
    async with EmbeddedClusters(["fresh"], ready_after_s=2.0) as clusters:
        headers = {"Authorization": f"Bearer {clusters.token}"}
        async with aiohttp.ClientSession(headers=headers) as session:
            passed, failed = await replayer().play(
                session, clusters.url_of("fresh"), scenario, False, True
            )
    assert failed == []
    assert passed > 0
