"""The demo's fleet repository: the files beside this module, and a document for each cluster."""

from __future__ import annotations

import os
import subprocess
from importlib.resources import as_file, files
from pathlib import Path
from shutil import copytree

AUTHORS = {"alice": "alice@example.com", "bob": "bob@example.com"}
_REGIONS = ("eu-west", "us-east")


def cluster_names(count: int) -> list[str]:
    """Name clusters: of each six, one is dev, one staging, four prod in two regions."""
    counters: dict[str, int] = {}
    names = []
    for number in range(count):
        group = ("dev", "staging", "prod-eu", "prod-us", "prod-eu", "prod-us")[number % 6]
        counters[group] = counters.get(group, 0) + 1
        names.append(f"{group}-{counters[group]}")
    return sorted(names)


def cluster_document(name: str) -> str:
    """The document of one demo cluster, whose kubeconfig context has its name."""
    env, _, rest = name.partition("-")
    region = {"eu": _REGIONS[0], "us": _REGIONS[1]}.get(rest.partition("-")[0])
    if region is None:
        region = _REGIONS[int(rest) % 2]
    tier = "canary" if name in ("prod-eu-1", "prod-us-1") else "standard"
    timezone = "Europe/Paris" if region == _REGIONS[0] else "America/New_York"
    return (
        "apiVersion: flotilla.dev/v1\n"
        "kind: Cluster\n"
        "metadata:\n"
        f"  name: {name}\n"
        f"  labels: {{env: {env}, region: {region}, tier: {tier}}}\n"
        "spec:\n"
        f"  connection: {{context: {name}}}\n"
        f"  timezone: {timezone}\n"
    )


def create(path: Path, clusters: list[str]) -> None:
    """Lay out the repository and make its first commit."""
    with as_file(files("fleet.demo") / "files") as source:
        copytree(source, path)
    folder = path / "clusters"
    folder.mkdir()
    for name in clusters:
        (folder / f"{name}.yaml").write_text(cluster_document(name))
    _git(path, "init", "--quiet", "--initial-branch=main")
    commit(path, "Lay out the fleet", author="alice")


def replace(path: Path, file: str, old: str, new: str) -> None:
    """Edit a file of the repository."""
    target = path / file
    text = target.read_text()
    if old not in text:
        raise ValueError(f"{file} has no {old!r}")
    target.write_text(text.replace(old, new))


def commit(path: Path, subject: str, *, author: str) -> None:
    """Commit everything as one of the demo's people."""
    _git(path, "add", "--all")
    _git(path, "commit", "--quiet", "--message", subject, author=author)


def _git(path: Path, *arguments: str, author: str = "alice") -> None:
    who = {
        f"GIT_{role}_{field}": value
        for role in ("AUTHOR", "COMMITTER")
        for field, value in (("NAME", author), ("EMAIL", AUTHORS[author]))
    }
    own = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    subprocess.run(
        ["git", "-C", str(path), *arguments],
        check=True,
        capture_output=True,
        env={**os.environ, **own, **who},
    )
