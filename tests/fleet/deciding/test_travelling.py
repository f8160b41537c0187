"""From which commits on the authors of a release are looked for."""

from __future__ import annotations

import pytest

from clusters.model import ClusterName, Digest, Revision
from fleet.deciding.travelling import last_good
from fleet.model.release import LastGood
from fleet.state import facts
from tests.fleet.deciding.test_observations import state
from tests.fleet.histories import AT


def came(fleet: str, revision: str, digests: dict[str, list[str]]) -> list[facts.FleetFact]:
    """A commit of the fleet repository brings content that becomes good everywhere."""
    found: list[facts.FleetFact] = [
        facts.CommitAccepted(
            at=AT, repository="r", ref="main", revision=fleet, subject="", author="ada",
            committed_at=AT,
        ),
        facts.ReleaseAssigned(at=AT, bundle="app", revision=revision, digests=digests),
    ]  # fmt: skip
    for digest, names in digests.items():
        found += [
            facts.Converged(at=AT, cluster=name, bundle="app", digest=digest, revision=revision)
            for name in names
        ]
    return found


@pytest.mark.parametrize(
    ("digests", "expected"),
    [
        ({"a": "d1", "b": "d3"}, ({"r2"}, {"f2"})),
        ({"a": "d3", "b": "d2"}, ({"r1"}, {"f1"})),
        ({"a": "d3", "b": "d3"}, ({"r1", "r2"}, {"f1", "f2"})),
        ({"a": "d1", "b": "d2", "c": "d3"}, ({"r1", "r2"}, {"f1", "f2"})),
    ],
    ids=["a stays", "b stays", "both change", "another cluster joins"],
)
def test_only_what_a_release_changes_is_new(
    digests: dict[str, str], expected: tuple[set[str], set[str]]
) -> None:
    now = state(*came("f1", "r1", {"d1": ["a", "b"]}), *came("f2", "r2", {"d2": ["b"]}))
    found = last_good(now, "app", {ClusterName(c): Digest(d) for c, d in digests.items()})
    source, fleet = expected
    assert found == LastGood(
        source=frozenset(map(Revision, source)), fleet=frozenset(map(Revision, fleet))
    )
