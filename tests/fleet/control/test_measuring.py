"""Which addresses a gate may ask."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fleet.control.measuring import _address
from tests.fleet.source.render.building import cluster

EU = cluster("eu-1", properties={"metrics": "169.254.169.254"})


@pytest.mark.parametrize(
    "url",
    ["http://169.254.169.254/latest", "http://[fe80::1]/", "http://${cluster.properties.metrics}/"],
)
def test_no_gate_asks_for_the_credentials_of_the_machine(url: str) -> None:
    with pytest.raises(ValueError, match="link-local"):
        _address(url, EU)


def test_other_addresses_are_asked() -> None:
    assert _address("http://${cluster.name}.example/", EU) == "http://eu-1.example/"
    assert _address("http://10.0.0.1/", replace(EU, properties={})) == "http://10.0.0.1/"
