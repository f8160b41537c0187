"""What a server lists, and which commit a ref is by that."""

from __future__ import annotations

import pytest

from fleet.source.errors import RefNotFound, RepositoryEmpty
from fleet.source.remote_refs import choose, is_commit, missing, patterns_for, read_listing

A, B, C = "a" * 40, "b" * 40, "c" * 40


def test_reads_a_listing_and_passes_over_what_is_none() -> None:
    output = f"{A}\tHEAD\n{B}\trefs/heads/ä\n<html>\nwarning: x\n{B[:9]}\trefs/heads/short\n\n"
    assert read_listing(output.encode()) == {"HEAD": A, "refs/heads/ä": B}


@pytest.mark.parametrize(
    ("ref", "patterns"),
    [
        (None, ["HEAD"]),
        ("HEAD", ["HEAD"]),
        ("main", ["refs/heads/main", "refs/tags/main", "refs/tags/main^{}"]),
        ("refs/heads/main", ["refs/heads/main"]),
        ("refs/tags/v1", ["refs/tags/v1", "refs/tags/v1^{}"]),
    ],
)
def test_asks_only_for_what_a_ref_may_stand_for(ref: str | None, patterns: list[str]) -> None:
    assert patterns_for(ref) == patterns


@pytest.mark.parametrize(
    ("listing", "ref", "revision"),
    [
        ({"HEAD": A}, None, A),
        ({"refs/heads/main": A, "refs/heads/x/main": B}, "main", A),
        ({"refs/tags/v1": A, "refs/tags/v1^{}": B}, "v1", B),
        ({"refs/heads/v1": B, "refs/tags/v1": A, "refs/tags/v1^{}": B}, "v1", B),
        ({"refs/heads/x": A}, "main", None),
        ({}, None, None),
    ],
)
def test_the_commit_of_a_ref(listing: dict[str, str], ref: str | None, revision: str) -> None:
    found = choose(listing, ref, url="u")
    assert (found.revision if found else None) == revision


def test_a_name_that_stands_for_two_commits_is_refused() -> None:
    with pytest.raises(RefNotFound, match="both a branch and a tag"):
        choose({"refs/heads/x": A, "refs/tags/x": B}, "x", url="u")


def test_says_what_there_is_instead() -> None:
    assert isinstance(missing({}, "main", url="u"), RepositoryEmpty)
    assert "web page" in str(missing({}, None, url="https://x/y"))
    many = {f"refs/heads/branch-{n}": C for n in range(9)}
    assert "branch-4 and 4 more" in str(missing(many, "zzz", url="u"))


@pytest.mark.parametrize(
    ("ref", "expected"), [(A, True), (A[:39], False), (A.upper(), False), ("main", False)]
)
def test_a_commit_is_named_in_full(ref: str, expected: bool) -> None:
    assert is_commit(ref) is expected
    assert not is_commit(None)
