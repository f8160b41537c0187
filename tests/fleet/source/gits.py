"""Real repositories for tests, written with the real git."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from fleet.source.repository import Repository

OpenRepository = Callable[..., Repository]
"""What the fixture `open_repository` gives: open a URL, at a ref, with settings and limits."""

ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_AUTHOR_DATE": "2026-03-01T10:00:00+02:00",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.com",
    "GIT_COMMITTER_DATE": "2026-03-01T10:00:00+02:00",
}


@dataclass(frozen=True)
class WorkTree:
    """A repository as a person has it: files, commits, branches."""

    path: Path

    @classmethod
    def make(cls, path: Path, files: Mapping[str, str] | None = None) -> WorkTree:
        path.mkdir(parents=True)
        tree = cls(path)
        tree.git("init", "--quiet", "--initial-branch=main")
        if files:
            tree.commit(files)
        return tree

    def git(self, *words: str, stdin: str = "") -> str:
        ended = subprocess.run(
            ["git", *words],
            cwd=self.path,
            env=ENVIRONMENT,
            input=stdin,
            capture_output=True,
            text=True,
            check=True,
        )
        return ended.stdout.strip()

    def write(self, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            file = self.path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)

    def commit(self, files: Mapping[str, str], subject: str = "Change") -> str:
        self.write(files)
        return self.commit_all(subject)

    def commit_all(self, subject: str = "Change") -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", subject)
        return self.git("rev-parse", "HEAD")
