"""Reads from a repository what the rendering of one bundle needs, and no more."""

from __future__ import annotations

from clusters.model import Revision
from fleet.model import Bundle
from fleet.source.render.directory import is_wanted
from fleet.source.render.files import SourceFile, SourceFiles
from fleet.source.repository import Repository
from fleet.source.tree import normal_path


async def read_bundle_files(
    repository: Repository, revision: Revision, bundle: Bundle
) -> SourceFiles:
    """Read the manifests and values below the path of `bundle` at `revision`.

    Contents are read from Git's objects, and only once while they stay in the repository's cache.
    What is wrong with the folder itself (links that leave the repository) is in the result.

    Raises:
        SourceError: there is no such folder, it is too large, or the local copy is damaged.
    """
    path = bundle.source.path
    tree = await repository.read_tree(revision, path)
    root = normal_path(path)
    below = len(root) + 1 if root else 0
    entries = [entry for entry in tree.values() if is_wanted(bundle, entry.path[below:])]
    blobs = await repository.read_blobs(entries)
    return SourceFiles(
        root=root,
        files={
            entry.path: SourceFile(
                path=entry.path, blob_id=entry.blob_id, data=blobs[entry.blob_id]
            )
            for entry in entries
        },
        problems=tree.problems,
        warnings=tree.warnings,
    )
