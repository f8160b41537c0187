"""How long the first commit of an empty store waits for the clusters to remember."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from clusters.bookkeeping.mirror import MirroredRelease
from clusters.events import Disconnected, MirrorRead
from clusters.model import BundleName, ClusterName, Digest, Revision
from fleet.deciding.rebuilding import PATIENCE, QUIET, Survey
from fleet.model import Cluster, Inventory, Place
from fleet.model.release import CommitHead, Proposal

START = datetime(2026, 11, 28, 9, 0, tzinfo=UTC)
NAMES = "abcde"


def survey() -> Survey:
    head = CommitHead(revision=Revision("0" * 40), subject="", author="", committed_at=START)
    clusters = {
        ClusterName(name): Cluster(
            name=ClusterName(name),
            place=Place(file="c.yaml", line=1),
            labels={},
            connection=None,  # type: ignore[arg-type]
        )
        for name in NAMES
    }
    proposal = Proposal(
        head=head,
        forced=False,
        inventory=Inventory(clusters=clusters),
        warnings=(),
        contents={},
        placements={},
    )
    return Survey.begin(proposal, START, before=None)


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def read(name: str, *, remembers: bool = False, at: datetime = START) -> MirrorRead:
    release = MirroredRelease(
        bundle=BundleName("app"), digest=Digest("d"), revision=Revision("1" * 40)
    )
    return MirrorRead(
        cluster=ClusterName(name), at=at, releases=(release,) if remembers else (), recalled=0
    )


def silent(name: str, at: datetime = START) -> Disconnected:
    return Disconnected(cluster=ClusterName(name), at=at, reason="no answer", retry_in_s=1)


@pytest.mark.parametrize(
    ("heard", "ends"),
    [
        ("", False),
        ("ab", False),
        ("abc", True),
    ],
)
def test_a_fleet_of_which_most_remember_nothing_is_new(heard: str, ends: bool) -> None:
    asked = survey()
    for name in heard:
        asked.hear(read(name))
    assert asked.ends(after(0.1)) is ends


def test_what_cannot_be_reached_says_nothing_of_the_fleet() -> None:
    asked = survey()
    for name in "abcd":
        asked.hear(silent(name))
    assert not asked.ends(after(0.1))


def test_once_one_remembers_all_are_waited_for() -> None:
    asked = survey()
    asked.hear(read("a", remembers=True))
    for name in "bcd":
        asked.hear(read(name))
    assert not asked.ends(after(0.1))
    asked.hear(silent("e"))
    assert asked.ends(after(0.2))
    assert not asked.ends(after(0.3))


def test_silence_ends_it() -> None:
    asked = survey()
    asked.hear(read("a", remembers=True, at=after(3)))
    assert not asked.ends(after(4) + QUIET - timedelta(seconds=2))
    assert asked.ends(after(3) + QUIET)


def test_it_ends_in_any_case() -> None:
    asked = survey()
    for second in range(int(PATIENCE.total_seconds())):
        asked.hear(read("a", remembers=True, at=after(second)))
        assert not asked.ends(after(second))
    assert asked.ends(START + PATIENCE)
