"""The renderer: what differs between clusters, what is shared, and that sharing changes nothing."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clusters.model import (
    BundlePolicy,
    ClusterName,
    DriftPolicy,
    DriftRule,
    GroupKind,
    HealthRule,
    Target,
)
from fleet.model import Bundle, Cluster, Patch, ValuesLayer
from fleet.model.problems import InvalidFleet
from fleet.model.selector import parse_selector
from fleet.source.render.files import SourceFiles
from fleet.source.render.recent import RecentCache
from fleet.source.render.render import Renderer, digest_of_manifests, render
from tests.fleet.source.render.building import (
    PLACE,
    bundle,
    cluster,
    config_map,
    contents,
    rendered,
    source_files,
)

SAMPLES = Path(__file__).parents[5] / "shared" / "samples"

FILES = source_files(
    {
        "same.yaml": config_map("same", x="'1'"),
        "named.yaml": config_map("named", x="${cluster.name}"),
        "region.yaml": config_map("region", x="${cluster.labels.region}"),
    }
)


def test_clusters_that_cannot_be_told_apart_share_one_rendering() -> None:
    renderer = Renderer(fleet="acme")
    one = bundle()
    files = source_files({"r.yaml": config_map("r", x="${cluster.labels.region}")})
    eu1, eu2, us1 = (
        renderer.render(one, cluster(name, region=region, order=name), files)
        for name, region in (("eu-1", "eu"), ("eu-2", "eu"), ("us-1", "us"))
    )
    assert eu1 is eu2
    assert eu1.digest != us1.digest
    assert renderer.render(bundle(), cluster("eu-3", region="eu"), files) is eu1


def test_equal_objects_of_different_clusters_are_one_instance() -> None:
    renderer = Renderer(fleet="acme")
    eu, us = (
        {manifest.ref.name: manifest for manifest in result.manifests}
        for result in (
            renderer.render(bundle(), cluster(name, region="eu"), FILES) for name in ("a", "b")
        )
    )
    assert eu["same"] is us["same"]
    assert eu["region"] is us["region"]
    assert eu["named"] is not us["named"]


def test_a_commit_that_changes_one_file_keeps_the_other_objects() -> None:
    renderer = Renderer(fleet="acme")
    before = renderer.render(bundle(), cluster(region="eu"), FILES)
    changed = source_files(
        {name: file.data.decode() for name, file in FILES.files.items()}
        | {"named.yaml": config_map("named", x="'2'")}
    )
    after = renderer.render(bundle(), cluster(region="eu"), changed)
    old, new = ({one.ref.name: one for one in result.manifests} for result in (before, after))
    assert before.digest != after.digest
    assert old["same"] is new["same"]
    assert old["named"] is not new["named"]


def test_layers_and_patches_of_some_clusters_touch_only_those() -> None:
    renderer = Renderer(fleet="acme")
    one = bundle(
        values=[ValuesLayer(inline={"x": "prod"}, when=parse_selector("env=prod")),],
        patches=[
            Patch(
                target=Target(name="same"),
                place=PLACE,
                clusters=[ClusterName("eu-9")],
                merge={"data": {"x": "patched"}},
            )
        ],
    )  # fmt: skip
    files = source_files({"same.yaml": config_map("same", x="'1'")})
    plain = [renderer.render(one, cluster(f"eu-{n}"), files) for n in range(3)]
    assert len({id(result) for result in plain}) == 1
    prod = renderer.render(one, cluster("eu-1", env="prod"), files)
    assert prod.digest == plain[0].digest
    patched = renderer.render(one, cluster("eu-9"), files)
    assert contents(patched)[0]["data"] == {"x": "patched"}
    assert contents(renderer.render(one, cluster("eu-1"), files))[0]["data"] == {"x": "1"}


def test_errors_are_kept_too_and_name_the_cluster() -> None:
    renderer = Renderer(fleet="acme")
    for name in ("eu-1", "us-1", "eu-1"):
        with pytest.raises(InvalidFleet, match=f"cluster {name} has no cluster.labels.region"):
            renderer.render(bundle(), cluster(name), FILES)


def test_the_digest_ignores_the_order_of_files() -> None:
    first = rendered({"a.yaml": config_map("x"), "b.yaml": config_map("z")})
    second = rendered({"a.yaml": config_map("z"), "b.yaml": config_map("x")})
    assert first.manifests != second.manifests
    assert first.digest == second.digest
    assert first.digest == digest_of_manifests(second.manifests)
    assert rendered({}).digest != first.digest


def test_kinds_that_are_defined_elsewhere() -> None:
    files = source_files({"i.yaml": "apiVersion: x.io/v1\nkind: Issuer\nmetadata: {name: i}\n"})
    renderer = Renderer(fleet="acme", defined={GroupKind("x.io", "Issuer"): False})
    (manifest,) = renderer.render(bundle(namespace="web"), cluster(), files).manifests
    assert str(manifest.ref) == "Issuer.x.io i"


def test_what_is_not_used_is_forgotten_and_made_again() -> None:
    renderer = Renderer(fleet="acme")
    first = renderer.render(bundle(), cluster(region="eu"), FILES)
    renderer.end_round()
    assert renderer.render(bundle(), cluster(region="eu"), FILES) is first
    renderer.end_round()
    renderer.end_round()
    again = renderer.render(bundle(), cluster(region="eu"), FILES)
    assert again is not first
    assert again == first
    assert again.manifests[0] is first.manifests[0]


def test_a_cache_keeps_two_rounds() -> None:
    cache: RecentCache[str, int] = RecentCache()
    numbers = itertools.count(1)

    def get(key: str) -> int:
        return cache.get(key, lambda: next(numbers))

    assert (get("a"), get("a"), get("b")) == (1, 1, 2)
    cache.end_round()
    assert (get("a"), len(cache)) == (1, 2)
    cache.end_round()
    assert (get("b"), get("a"), len(cache)) == (3, 1, 2)


NAMES = ["cluster.name", "cluster.labels.env", "cluster.properties.vpc", "values.a", "values.b"]
TEXTS = st.lists(
    st.sampled_from(["x", "$${", "-"]) | st.sampled_from(NAMES).map(lambda name: f"${{{name}}}"),
    max_size=3,
).map("".join)
CLUSTERS = st.builds(
    lambda name, env, vpc: cluster(name, properties={"vpc": vpc}, env=env),
    st.sampled_from(["one", "two"]),
    st.sampled_from(["dev", "prod"]),
    st.sampled_from(["v1", "v2"]),
)
BUNDLES = st.builds(
    lambda a, b, late, patch: bundle(
        values=[
            ValuesLayer(inline={"a": a, "b": b}),
            ValuesLayer(inline={"a": late}, when=parse_selector("env=prod")),
        ],
        patches=[
            Patch(
                target=Target(),
                place=PLACE,
                clusters=[ClusterName("one")],
                merge={"data": {"p": patch}},
            )
        ],
    ),
    *[st.sampled_from(["1", "${cluster.name}", "${cluster.labels.env}"])] * 3,
    TEXTS,
)


@settings(max_examples=40, deadline=None)
@given(
    texts=st.lists(TEXTS, min_size=1, max_size=3),
    bundles=st.lists(BUNDLES, min_size=1, max_size=2),
    clusters=st.lists(CLUSTERS, min_size=1, max_size=5),
)
def test_caches_change_nothing(
    texts: list[str], bundles: list[Bundle], clusters: list[Cluster]
) -> None:
    files = source_files(
        {f"{n}.yaml": config_map(f"m{n}", x=f"'{text}'") for n, text in enumerate(texts)}
    )
    renderer = Renderer(fleet="acme")
    for one in bundles:
        for where in clusters:
            fresh = render(one, where, files, fleet="acme")
            assert renderer.render(one, where, files) == fresh


def sample(name: str, *, without: str = "") -> SourceFiles:
    folder = SAMPLES / name
    if not folder.is_dir():
        pytest.skip(f"the sample manifests are not here: {os.path.relpath(folder)}")
    return source_files(
        {
            str(path.relative_to(folder)): path.read_text()
            for path in folder.rglob("*")
            if path.is_file() and path.name != without
        }
    )


def test_a_real_monitoring_stack_for_24_clusters() -> None:
    files = sample("kube-prometheus/manifests")
    renderer = Renderer(fleet="acme")
    one = bundle(substitute=False)
    results = [renderer.render(one, cluster(f"c{n}"), files) for n in range(24)]
    assert len({id(result) for result in results}) == 1
    refs = [manifest.ref for manifest in results[0].manifests]
    assert len(refs) == 131
    assert sum(ref.kind == "CustomResourceDefinition" for ref in refs) == 10
    assert not any(ref.kind.endswith("List") for ref in refs)
    # Its dashboards hold hundreds of ${datasource}, which are not ours.
    assert renderer.render(bundle(), cluster(), files).digest == results[0].digest


def test_a_real_shop_of_many_services() -> None:
    files = sample("online-boutique/kubernetes-manifests", without="kustomization.yaml")
    result = render(bundle(namespace="shop"), cluster(), files, fleet="acme")
    kinds: dict[str, Any] = {}
    for manifest in result.manifests:
        kinds[manifest.ref.kind] = kinds.get(manifest.ref.kind, 0) + 1
        assert manifest.ref.namespace == "shop"
    assert kinds["Deployment"] == 12


def test_kubernetes_110254_the_texts_of_a_secret_are_data_that_we_own() -> None:
    """Of stringData nobody owns what comes of it: an edit by hand was seen by no one."""
    files = {
        "s.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n"
        "data: {both: b2xk, only: a2VwdA==}\nstringData: {both: new, text: \u00fc}\n",
        "o.yaml": "apiVersion: example.com/v1\nkind: Secret\nmetadata: {name: o}\n"
        "stringData: {text: x}\n",
        "w.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: w}\nstringData: {text: 1}\n",
    }
    found = {content["metadata"]["name"]: content for content in contents(rendered(files))}
    assert found["s"]["data"] == {"both": "bmV3", "only": "a2VwdA==", "text": "w7w="}
    assert "stringData" not in found["s"]
    assert found["o"]["stringData"] == {"text": "x"}, "another kind of this name"
    assert found["w"]["stringData"] == {"text": 1}, "the server says what is wrong with it"


def test_a_rule_about_nothing_is_a_warning() -> None:
    """A kind with a typo would be corrected where it was to be left alone."""
    rules = [
        DriftRule(target=Target(kind=kind), drift=DriftPolicy.IGNORE)
        for kind in ("ConfigMap", "Deploymnt")
    ]
    files = {"a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"}
    health = [HealthRule(kind="Widget", healthy="true")]
    result = rendered(files, policy=BundlePolicy(rules=tuple(rules)), health=health)
    said = [str(warning) for warning in result.warnings]
    assert len(said) == 2
    assert "spec.health[0].target: the rule is about nothing" in said[0] + said[1]
    assert "spec.policy.rules[1].target" in said[0] + said[1]
    assert "kind 'Deploymnt'" in said[0] + said[1]
