import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from fleet.model import Amount, ApprovalCheck, GateScope, Place, PrometheusCheck
from fleet.model.problems import InvalidFleet
from fleet.source.yaml import read_documents
from tests.fleet.source.documents_by_hand import (
    bundle,
    cluster,
    document,
    problems,
    read_inventory,
    reading,
)

ROOT = Path(__file__).parents[3]
WORKED_EXAMPLE = ROOT.parent / "shared" / "reference" / "rollout.md"


def test_any_layout_is_read_and_workload_is_left_alone() -> None:
    inventory, warnings = read_inventory(
        {
            "a/b/c.yml": cluster("one").encode(),
            "all.json": b'{"apiVersion": "flotilla.dev/v1", "kind": "ClusterGroup",'
            b' "metadata": {"name": "g"}, "spec": {"select": "!x"}}',
            "apps/web.yaml": b"apiVersion: v1\nkind: Service\nmetadata: {name: web}\n",
            "apps/broken.yaml": b"a: [1\n",
            "apps/annotated.yaml": b"{{ if x }}\nannotations: {flotilla.dev/prune: disabled}\n",
            "README.md": b"apiVersion: flotilla.dev/v1",
            "list.yaml": b"- flotilla.dev/v1\n",
        }
    )
    assert list(inventory.clusters) == ["one"]
    assert list(inventory.groups) == ["g"]
    assert inventory.clusters["one"].place == Place(file="a/b/c.yml", line=1)
    assert warnings == ()


def test_nothing_at_all_is_an_empty_inventory() -> None:
    inventory = read_inventory({}).inventory
    assert not inventory.clusters
    assert inventory.settings.name == "fleet"


def test_a_file_that_means_to_be_ours_and_cannot_be_parsed_is_a_problem() -> None:
    text = cluster("one") + "---\na: [1\n"
    with pytest.raises(InvalidFleet) as refused:
        read_inventory({"x.yaml": text.encode(), "y.yaml": cluster("b", "{a: 1}").encode()})
    files = [(one.file, one.line) for one in refused.value.problems]
    assert files == [("x.yaml", 7), ("y.yaml", 3)]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            document("Clutser", "a", "{}"),
            "2: kind: unknown kind, did you mean 'Cluster'? (found 'Clutser'; allowed Fleet, Clus",
        ),
        ("apiVersion: flotilla.dev/v1\n", "1: kind: is required and missing"),
        (document("Policy", "a", "{}"), "2: kind: not yet: guards of the whole fleet"),
        (
            "apiVersion: flotilla.dev/v2\nkind: Cluster\n",
            "1: apiVersion: unknown version (found 'flotilla.dev/v2'; allowed flotilla.dev/v1)",
        ),
        (
            "apiVersion: flotilla.dev/v1\nkind: Cluster\n",
            "1: metadata: is required and missing",
        ),
    ],
)
def test_documents_that_are_nothing_we_know(text: str, problem: str) -> None:
    assert any(one.startswith(problem) for one in problems(text)), problems(text)


def test_names_are_given_once_and_both_places_are_named() -> None:
    found = problems(cluster("a"), cluster("b"), cluster("a"))
    assert found == ["13: metadata.name: fleet.yaml:1 declares this Cluster too (found 'a')"]
    assert not problems(cluster("a"), document("ClusterGroup", "a", "{select: '!x'}"))


def test_a_fleet_has_one_fleet_document() -> None:
    found = problems(document("Fleet", "a", "{}"), document("Fleet", "b", "{}"))
    assert found == ["7: kind: a fleet has one Fleet document; fleet.yaml:1 is one already"]


def test_all_problems_of_all_kinds_are_shown_at_once() -> None:
    found = problems(
        cluster("A"),
        bundle("web", "{selector: env=prod, groups: [nobody]}", ", strategyRef: rng"),
        document("Strategy", "ring", "{stages: [{name: all, select: env, soak: 5}]}"),
    )
    assert [one.split(":")[:2] for one in found] == [
        ["3", " metadata.name"],
        ["9", " spec.placement.groups[0]"],
        ["9", " spec.strategyRef"],
        ["14", " spec.stages[0].soak"],
    ]
    assert "there is no Strategy of this name, did you mean 'ring'?" in found[2]


def test_a_reference_to_a_document_that_is_wrong_otherwise_is_no_second_problem() -> None:
    found = problems(cluster("a", spec="{}"), bundle("web", "{clusters: [a]}"))
    assert len(found) == 1


@pytest.mark.skipif(not WORKED_EXAMPLE.exists(), reason="no ../shared/reference")
def test_the_worked_example_is_read() -> None:
    text = WORKED_EXAMPLE.read_text().split("```yaml\n")[1].split("```")[0]
    text = text.replace("apiVersion: fleet/v1", "apiVersion: flotilla.dev/v1")
    guards, policy = document("Fleet", "acme", "{guards: "), text.rindex("---\n")
    written = text[policy:].split("spec: ")[1].strip()
    approval = "{approval: {count: 2, roles: [sre], notAuthor: true, expires: 24h}}"
    inventory = reading(
        text[:policy],
        f"{guards.strip()} {written}}}\n",
        document("Gate", "sre-approval", approval),
        document("Gate", "business-hours", "{window: hours}"),
        document("Window", "hours", "{kind: allow, cron: 0 9 * * 1-5, duration: 8h}"),
        cluster("lab-1"),
        bundle("cert-manager", "{selector: env}", ", strategyRef: ring"),
    ).inventory
    assert inventory.settings.guards.max_clusters_changing == Amount(25, percent=True)
    assert inventory.settings.guards.prune.max_clusters == 3
    payments = inventory.bundles["payments"]
    assert payments.source.git == "git@example/apps"
    assert payments.values[2].file == "clusters/${cluster.name}.yaml"
    prod = inventory.strategies["ring"].stages[2]
    assert prod.ramp == (Amount(1), Amount(10, True), Amount(50, True), Amount(100, True))
    assert (prod.retries, prod.soak_s, prod.progress_deadline_s) == (2, 900.0, 600.0)
    error_rate = inventory.gates["error-rate"]
    assert error_rate.scope is GateScope.CLUSTER
    assert isinstance(error_rate.check, PrometheusCheck)
    assert error_rate.check.url == "http://prom.${cluster.name}"
    assert inventory.gates["sre-approval"].check == ApprovalCheck(count=2, roles=("sre",))


def valid_documents() -> list[Any]:
    folder = ROOT / "examples" / "fleet"
    files = sorted(path for path in folder.rglob("*.yaml") if "apps" not in path.parts)
    return [
        document.content
        for path in files
        for document in read_documents(path.read_bytes(), file=path.name)
    ]


def paths_in(value: object, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    match value:
        case dict():
            inside = list(value.items())
        case list():
            inside = list(enumerate(value))
        case _:
            inside = []
    for key, item in inside:
        yield from paths_in(item, (*path, key))


VALID = valid_documents()
FIELDS = [(index, path) for index, one in enumerate(VALID) for path in paths_in(one) if path]
ODD = [
    None, True, 0, -1, 1.5, "", "x y", "\n", "é" * 99, "%", "../..", "http://[", "99999-01-01",
    "* * * * *", "RRULE:FREQ=DAILY;COUNT=0", "DTSTART:99990101T000000\nFREQ=DAILY;INTERVAL=9",
    [], {}, [None], [[]], [{}], {"a": None}, {"matchLabels": None}, {"matchExpressions": [3]},
]  # fmt: skip


@given(st.sampled_from(FIELDS), st.sampled_from(ODD))
def test_cve_2022_39272_anything_in_any_field_is_read_or_refused_with_a_place(
    where: tuple[int, tuple[Any, ...]], odd: object
) -> None:
    index, path = where
    content = copy.deepcopy(VALID[index])
    inside = content
    for part in path[:-1]:
        inside = inside[part]
    inside[path[-1]] = odd
    data = yaml.safe_dump(content, default_style='"').encode()
    try:
        read_inventory({"x.yaml": data})
    except InvalidFleet as refused:
        lines = data.count(b"\n")
        if [one for one in refused.problems if not (1 <= one.line <= lines and one.message)]:
            raise
