import pytest

from fleet.model import Connection
from tests.fleet.source.documents_by_hand import cluster, inventory, problems


def test_cluster() -> None:
    spec = (
        "{connection: {context: c, kubeconfig: /etc/k}, timezone: Asia/Tokyo,"
        " properties: {nodes: 42, k8s: '1.34', spot: true},"
        " taints: [{key: edge, effect: NoNewBundles}]}"
    )
    [one] = inventory(cluster("a.b-1", "{env: prod}", spec)).clusters.values()
    assert one.connection == Connection(context="c", kubeconfig="/etc/k")
    assert one.properties == {"nodes": "42", "k8s": "1.34", "spot": "true"}
    assert (one.labels, one.timezone) == ({"env": "prod"}, "Asia/Tokyo")
    assert one.taints[0].key == "edge"


@pytest.mark.parametrize(
    ("connection", "refusal"),
    [
        ("{}", "a connection has one source"),
        ("{context: a, secretRef: b}", "a connection has one source"),
        ("{secretRef: ../b}", "no name of a secret"),
        ("{secretRef: a/../b}", "no name of a secret"),
        ("{secretRef: /etc/b}", "no name of a secret"),
        ("{context: ''}", "no name or path"),
    ],
)
def test_connections_that_are_refused(connection: str, refusal: str) -> None:
    [found] = problems(cluster("a", spec=f"{{connection: {connection}}}"))
    assert refusal in found


@pytest.mark.parametrize("name", ["A", "a_b", "-a", "a-", "a..b", "a" * 64, "a/b", "''"])
def test_names_that_are_refused(name: str) -> None:
    [found] = problems(cluster(name))
    assert "3: metadata.name: no valid name" in found
