"""A first fleet repository (`flotilla init`), small enough to be read in a minute."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path
from shutil import copytree


def lay_out(path: Path) -> list[Path]:
    """Write the starter repository into `path`; return its files.

    Raises:
        OSError: it cannot be written.
    """
    with as_file(files("fleet") / "starter_files") as source:
        copytree(source, path, dirs_exist_ok=True)
    (path / ".gitignore").write_text("# Credentials never stand in Git.\nkubeconfig*\n")
    return sorted(one for one in path.rglob("*") if one.is_file())


def cluster_document(name: str, *, context: str, labels: dict[str, str]) -> str:
    """The document that adds a cluster to the inventory."""
    lines = [
        "apiVersion: flotilla.dev/v1",
        "kind: Cluster",
        "metadata:",
        f"  name: {name}",
        *(["  labels:"] if labels else []),
        *(f"    {key}: {value!r}" for key, value in sorted(labels.items())),
        "spec:",
        f"  connection: {{context: {context!r}}}",
    ]
    return "\n".join(lines) + "\n"
