"""Which commit a branch, tag or commit of a repository is, by what its server lists.

Pure: reads the output of `git ls-remote` (`fleet.source.mirror` runs it).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from clusters.model import Revision
from fleet.source.errors import RefNotFound, RepositoryEmpty, SourceError

_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHORT_COMMIT = re.compile(r"[0-9a-f]{7,39}")
_PEELED = "^{}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteRef:
    """A ref by its full name; `revision` is the commit (for annotated tags: the peeled one)."""

    name: str
    revision: Revision


def is_commit(ref: str | None) -> bool:
    """Whether `ref` is the full name of a commit."""
    return ref is not None and _COMMIT.fullmatch(ref) is not None


def patterns_for(ref: str | None) -> list[str]:
    """List the full names that `ref` may stand for; None is the default branch."""
    if ref in (None, "HEAD"):
        return ["HEAD"]
    names = [ref] if ref.startswith("refs/") else [f"refs/heads/{ref}", f"refs/tags/{ref}"]
    return names + [name + _PEELED for name in names if name.startswith("refs/tags/")]


def read_listing(output: bytes) -> dict[str, str]:
    """Read `git ls-remote`: full name to object."""
    listing = {}
    for line in output.decode(errors="replace").splitlines():
        oid, separator, name = line.partition("\t")
        if separator and _COMMIT.fullmatch(oid):
            listing[name] = oid
    return listing


def choose(listing: Mapping[str, str], ref: str | None, *, url: str) -> RemoteRef | None:
    """Find what `ref` names, or None.

    Raises:
        RefNotFound: a branch and a tag of this name exist, at different commits.
    """
    candidates = [
        RemoteRef(name=name, revision=Revision(listing.get(name + _PEELED, listing[name])))
        for name in patterns_for(ref)
        if not name.endswith(_PEELED) and name in listing
    ]
    if len({candidate.revision for candidate in candidates}) > 1:
        raise RefNotFound(
            "is both a branch and a tag, at different commits; "
            f"write refs/heads/{ref} or refs/tags/{ref}",
            url=url,
            ref=ref,
        )
    return candidates[0] if candidates else None


def missing(listing: Mapping[str, str], ref: str | None, *, url: str) -> SourceError:
    """Say why `ref` is not there, given everything that the repository has."""
    names = sorted(
        name.removeprefix("refs/heads/").removeprefix("refs/tags/")
        for name in listing
        if name.startswith(("refs/heads/", "refs/tags/")) and not name.endswith(_PEELED)
    )
    if not names:
        return RepositoryEmpty(
            "the repository has no commits: nothing was pushed yet, or it was emptied"
            # To Git, any web page is a server without refs.
            + (", or a web page answers in its place" if url.startswith("http") else "")
            + "; the last good commit stays in force",
            url=url,
            ref=ref,
        )
    if ref is None:
        reason = "its default branch does not exist; name a branch, it has " + _some(names)
    elif _SHORT_COMMIT.fullmatch(ref):
        reason = "no branch or tag has this name; to name a commit, write all 40 digits"
    else:
        close = difflib.get_close_matches(ref, names, n=1)
        hint = f"did you mean {close[0]}?" if close else f"it has {_some(names)}"
        reason = f"there is no branch or tag of this name; {hint}"
    return RefNotFound(reason, url=url, ref=ref)


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:5])
    return f"{shown} and {len(names) - 5} more" if len(names) > 5 else shown
