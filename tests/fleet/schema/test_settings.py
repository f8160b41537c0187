import pytest

from fleet.model import Amount, Forge, ForgeKind, PruneGuard, ShrinkGuard
from tests.fleet.source.documents_by_hand import document, inventory, problems


def test_fleet() -> None:
    spec = (
        "{guards: {maxClustersChanging: 25%, maxBundlesChangingPerCluster: 2,"
        " prune: {maxObjects: 10, maxPercent: 20%, maxClusters: 3}, inventoryShrink: {max: 2}},"
        " execAllowed: [/usr/bin/aws], roles: {sre: [ada, grace]}}"
    )
    settings = inventory(document("Fleet", "acme", spec)).settings
    assert settings.name == "acme"
    assert settings.guards.prune == PruneGuard(max_objects=10, max_percent=20, max_clusters=3)
    assert settings.guards.inventory_shrink == ShrinkGuard(max=Amount(2))
    assert settings.guards.max_bundles_changing_per_cluster == 2
    assert (settings.exec_allowed, settings.roles) == (("/usr/bin/aws",), {"sre": ("ada", "grace")})


def test_people_and_forge() -> None:
    spec = (
        "{identities: {ada: [ada@example.com, A. Lovelace]}, forge: {kind: gitlab,"
        " url: 'https://git.example.com/api/v4', repository: acme/ops/fleet, secretRef: forge}}"
    )
    settings = inventory(document("Fleet", "acme", spec)).settings
    assert settings.identities == {"ada": ("ada@example.com", "A. Lovelace")}
    assert settings.forge == Forge(
        kind=ForgeKind.GITLAB,
        url="https://git.example.com/api/v4",
        repository="acme/ops/fleet",
        secret_ref="forge",
    )


@pytest.mark.parametrize(
    ("spec", "refusal"),
    [
        ("{execAllowed: [aws]}", "an absolute path on the server"),
        ("{execAllowed: [/usr/../bin/sh]}", "an absolute path on the server"),
        ("{guards: {prune: {maxPercent: 120}}}", "no percentage"),
        ("{guards: {maxClustersChanging: 0}}", "nothing would ever move"),
        ("{roles: {sre: ada}}", "allowed a list"),
        ("{roles: {SRE: [ada]}}", "no valid name"),
        ("{identities: {ada: []}}", "at least 1"),
        ("{identities: {ada: [a@b], ben: [A@b]}}", "'A@b' is listed for ada and for ben"),
    ],
)
def test_settings_that_are_refused(spec: str, refusal: str) -> None:
    [found] = problems(document("Fleet", "f", spec))
    assert refusal in found
