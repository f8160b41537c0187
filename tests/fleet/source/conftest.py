"""Fixtures of real repositories and the worker that reads them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fleet.source.git_command import DEFAULT_SETTINGS, GitSettings
from fleet.source.repository import Repository, SourceLimits
from fleet.source.urls import parse_url
from fleet.source.worker import GitWorker
from tests.fleet.source.gits import OpenRepository, WorkTree

LIMITS = SourceLimits()


@pytest.fixture
def work_tree(tmp_path: Path) -> WorkTree:
    return WorkTree.make(tmp_path / "origin", {"apps/web/a.yaml": "a: 1\n", "README": "hello\n"})


@pytest.fixture
async def worker() -> AsyncIterator[GitWorker]:
    async with GitWorker() as git_worker:
        yield git_worker


@pytest.fixture
async def open_repository(worker: GitWorker, tmp_path: Path) -> AsyncIterator[OpenRepository]:
    """Open a repository by URL; its mirrors are in one state directory of the test."""
    opened: list[Repository] = []

    def open_one(
        url: str | Path,
        ref: str | None = None,
        *,
        settings: GitSettings = DEFAULT_SETTINGS,
        limits: SourceLimits = LIMITS,
    ) -> Repository:
        repository = Repository(
            parse_url(str(url)),
            ref=ref,
            worker=worker,
            state=tmp_path / "state",
            settings=settings,
            limits=limits,
        )
        opened.append(repository)
        return repository

    yield open_one
    for repository in opened:
        await repository.close()
