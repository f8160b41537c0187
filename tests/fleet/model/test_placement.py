from hypothesis import given
from hypothesis import strategies as st

from clusters.model import ClusterName
from fleet.model import Inventory, Place, Stage, StageName, Strategy, StrategyName
from fleet.model.placement import placed_clusters, stage_members
from fleet.model.selector import parse_selector
from tests.fleet.source.documents_by_hand import bundle, cluster, document, inventory

CLUSTERS = (
    cluster("eu-2", "{env: prod, region: eu}"),
    cluster("eu-1", "{env: prod, region: eu}"),
    cluster("us-1", "{env: prod, region: us}"),
    cluster(
        "edge-1",
        "{env: prod, region: edge}",
        "{connection: {context: c}, taints: [{key: edge, effect: NoNewBundles}]}",
    ),
    cluster("dev-1", "{env: dev}"),
    document("ClusterGroup", "us", "{select: region=us}"),
)


def placed(placement: str, *holding: str) -> tuple[str, ...]:
    fleet = inventory(*CLUSTERS, bundle("web", placement))
    [web] = fleet.bundles.values()
    return placed_clusters(web, fleet, holding=[ClusterName(name) for name in holding])


def test_a_placement_is_the_union_of_its_parts_without_the_excluded() -> None:
    assert placed("{selector: region=eu}") == ("eu-1", "eu-2")
    assert placed("{groups: [us], clusters: [dev-1]}") == ("dev-1", "us-1")
    assert placed("{selector: env=prod, exclude: [eu-1], groups: [us]}") == ("eu-2", "us-1")


def test_a_taint_keeps_a_bundle_from_coming_unless_tolerated_or_already_there() -> None:
    assert "edge-1" not in placed("{selector: env=prod}")
    assert "edge-1" not in placed("{clusters: [edge-1, us-1]}")
    assert "edge-1" in placed("{selector: env=prod, tolerations: [edge]}")
    assert "edge-1" in placed("{selector: env=prod}", "edge-1")
    assert "edge-1" not in placed("{selector: env=dev}", "edge-1")


def staged(stages: str) -> Inventory:
    return inventory(*CLUSTERS, document("Strategy", "ring", f"{{stages: [{stages}]}}"))


def test_stages_divide_clusters_and_say_who_is_left_over() -> None:
    fleet = staged("{name: dev, select: env=dev}, {name: us, groups: [us]}, {name: x, select: z}")
    [ring] = fleet.strategies.values()
    divided = stage_members(ring, fleet, fleet.clusters)
    assert divided.members == {"dev": ("dev-1",), "us": ("us-1",), "x": ()}
    assert divided.unplaced == ("edge-1", "eu-1", "eu-2")
    assert divided.repeated == {}


@given(st.lists(st.sampled_from(["env=dev", "env=prod", "region=eu", "!region"]), min_size=1))
def test_every_cluster_is_in_one_stage_or_reported(selectors: list[str]) -> None:
    here = Place(file="x", line=1)
    fleet = inventory(*CLUSTERS)
    ring = Strategy(
        name=StrategyName("ring"),
        place=here,
        stages=tuple(
            Stage(name=StageName(f"s{index}"), place=here, select=parse_selector(text))
            for index, text in enumerate(selectors)
        ),
    )
    divided = stage_members(ring, fleet, fleet.clusters)
    counted = {
        name: sum(name in members for members in divided.members.values())
        for name in fleet.clusters
    }
    assert {name for name, count in counted.items() if count == 0} == set(divided.unplaced)
    assert {name for name, count in counted.items() if count > 1} == set(divided.repeated)
