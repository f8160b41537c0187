"""Layers of values: which apply to which cluster, in which order, from which files."""

from __future__ import annotations

import pytest

from fleet.model import ValuesLayer
from fleet.model.selector import parse_selector
from tests.fleet.source.render.building import (
    CONFIG_MAP,
    cluster,
    config_map,
    contents,
    problems_of,
    rendered,
)

TEMPLATE = {"app.yaml": CONFIG_MAP.format("${values.size}")}


def size_of(files: dict[str, str], *layers: ValuesLayer, **labels: str) -> str:
    result = rendered(
        TEMPLATE | files, values=layers, on=cluster("eu-1", properties=None, **labels)
    )
    (content,) = contents(result)
    size: str = content["data"]["region"]
    return size


BASE = ValuesLayer(file="values.yaml")
PROD = ValuesLayer(file="prod.yaml", when=parse_selector("env=prod"))
OWN = ValuesLayer(file="clusters/${cluster.name}.yaml", optional=True)
REGION = ValuesLayer(file="regions/${cluster.labels.region}.yaml", optional=True)


def test_later_layers_win_and_the_cluster_comes_last() -> None:
    files = {"values.yaml": "size: s", "prod.yaml": "size: m", "clusters/eu-1.yaml": "size: l"}
    assert size_of(files, BASE, PROD, OWN, env="prod") == "l"
    assert size_of(files, OWN, PROD, BASE, env="prod") == "s"
    assert size_of({**files, "clusters/eu-1.yaml": "other: 1"}, BASE, PROD, OWN, env="prod") == "m"
    assert size_of({**files, "clusters/eu-1.yaml": "other: 1"}, BASE, PROD, OWN, env="dev") == "s"


def test_files_are_named_after_the_cluster_and_its_labels() -> None:
    files = {"values.yaml": "size: s", "regions/eu.yaml": "size: m"}
    assert size_of(files, BASE, REGION, region="eu") == "m"
    assert size_of(files, BASE, REGION, region="us") == "s"
    assert size_of(files, BASE, REGION) == "s"


def test_layers_may_name_the_cluster_but_not_each_other() -> None:
    inline = ValuesLayer(inline={"size": "on-${cluster.name}"})
    assert size_of({}, inline) == "on-eu-1"
    assert size_of({"values.yaml": "size: in-${cluster.labels.env}"}, BASE, env="qa") == "in-qa"
    (problem,) = problems_of(TEMPLATE, values=[ValuesLayer(inline={"size": "${values.x}"})])
    assert problem.startswith("bundles.yaml:7: spec.values[0].inline: values cannot be used here")


def test_an_empty_file_of_values_has_none() -> None:
    with pytest.raises(AssertionError):
        problems_of({"a.yaml": CONFIG_MAP, "values.yaml": "# none\n"}, values=[BASE])


@pytest.mark.parametrize(
    ("files", "layer", "message"),
    [
        ({}, BASE, "cluster eu-1 needs the file values.yaml below /, which does not exist"),
        ({"vlues.yaml": "a: {}"}, BASE, "did you mean vlues.yaml?"),
        ({}, ValuesLayer(file="../../other/secret.yaml"), "must not contain '..'"),
        ({}, ValuesLayer(file="/etc/passwd"), "must be a relative path"),
        ({}, ValuesLayer(file="..%2fsecret.yaml"), "which does not exist"),
        ({}, ValuesLayer(file="${cluster.labels.zone}.yaml"), "has no cluster.labels.zone"),
        ({"values.yaml": "[1]"}, BASE, "values.yaml:1: values must be a mapping (found a list)"),
        ({"values.yaml": "a: 1\n---\nb: 1"}, BASE, "values.yaml:3: a file of values is one"),
        ({"values.yaml": "a: 1\na: 2"}, BASE, "values.yaml:2: the key 'a' is given twice"),
        ({"values.yaml": "a: ENC\nsops: {}"}, BASE, "values.yaml:2: sops: the file is encrypted"),
        (
            {"values.yaml": "a: 1\nb: '${cluster.x}'"},
            BASE,
            "values.yaml:2: b: there is no cluster.x",
        ),
    ],
)
def test_what_is_wrong_with_a_layer(
    files: dict[str, str], layer: ValuesLayer, message: str
) -> None:
    found = problems_of({"app.yaml": CONFIG_MAP} | files, values=[layer])
    assert any(message in problem for problem in found), found


def test_files_of_values_are_no_manifests_also_those_of_other_clusters() -> None:
    files = {
        "values.yaml": "a: 1",
        "clusters/eu-1.yaml": "a: 2",
        "clusters/us-7.yaml": "a: 3",
        "app.yaml": CONFIG_MAP,
    }
    assert len(rendered(files, values=[BASE, OWN]).manifests) == 1


def test_a_pattern_that_matches_everything_hides_no_manifest() -> None:
    layer = ValuesLayer(file="${cluster.name}.yaml", optional=True)
    files = {"eu-1.yaml": "size: l", "us-7.yaml": "size: s", **TEMPLATE}
    assert contents(rendered(files, values=[layer]))[0]["data"]["region"] == "l"
    broken = problems_of(TEMPLATE | {"eu-1.yaml": "size: l", "x.yaml": "a: ["}, values=[layer])
    assert any(problem.startswith("x.yaml:") for problem in broken)


def test_a_name_of_many_placeholders_is_matched_at_once() -> None:
    name = "values/" + "a${cluster.name}" * 40 + ".yaml"
    layer = ValuesLayer(file=name, optional=True)
    assert size_of({"values.yaml": "size: s", f"values/{'a' * 200}x.txt": ""}, BASE, layer) == "s"
    filled = name.replace("${cluster.name}", "eu-1")
    assert size_of({"values.yaml": "size: s", filled: "size: m"}, BASE, layer) == "m"


def test_many_documents_that_name_one_large_value_are_refused_before_the_memory_is_spent() -> None:
    names = "---\n".join(config_map(f"m{n}", x="'${values.big}'") for n in range(40))
    files = {"app.yaml": names, "values.yaml": f"big: {'x' * 2_000_000}"}
    found = problems_of(files, values=[BASE])
    assert all("insert more than 67,108,864 characters together" in each for each in found)
    assert len(found) == 40 - 67_108_864 // 2_000_000
