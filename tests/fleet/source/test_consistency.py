import pytest

from tests.fleet.source.documents_by_hand import bundle, cluster, document, problems, warnings

PROD = cluster("prod-1", "{env: prod}")
DEV = cluster("dev-1", "{env: dev}")


def strategy(stages: str) -> str:
    return document("Strategy", "ring", f"{{stages: [{stages}]}}")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (bundle("w", "{clusters: [prd-1]}"), "no Cluster of this name, did you mean 'prod-1'?"),
        (bundle("w", "{clusters: [prod-1], exclude: [x]}"), "spec.placement.exclude[0]: there is"),
        (bundle("w", "{groups: [x]}"), "(found 'x'; allowed none; no ClusterGroup is declared)"),
        (bundle("w", "{selector: env}", ", dependsOn: [{bundle: x}]"), "spec.dependsOn[0].bundle"),
        (
            bundle("w", "{selector: env}", ", patches: [{target: {}, merge: {}, clusters: [x]}]"),
            "spec.patches[0].clusters[0]",
        ),
        (strategy("{name: a, groups: [x]}"), "spec.stages[0].groups[0]: there is no ClusterGroup"),
        (strategy("{name: a, select: env, gates: {before: [x]}}"), "gates.before[0]: there is no"),
        (document("Gate", "g", "{window: [x]}"), "spec.window: there is no Window"),
        (document("Gate", "g", "{health: {bundles: [x]}}"), "spec.health.bundles[0]: there is no"),
        (
            strategy("{name: a, select: env=dev}, {name: a, select: env=prod}"),
            "spec.stages[1].name: two stages of a strategy have the same name (found 'a')",
        ),
    ],
)
def test_references_must_lead_somewhere(text: str, problem: str) -> None:
    [found] = problems(PROD, DEV, text)
    assert problem in found


def test_bundles_that_wait_for_each_other_are_named_in_order() -> None:
    found = problems(
        PROD,
        bundle("c", "{selector: env}", ", dependsOn: [{bundle: a}]"),
        bundle("b", "{selector: env}", ", dependsOn: [{bundle: c}]"),
        bundle("a", "{selector: env}", ", dependsOn: [{bundle: b}]"),
        bundle("self", "{selector: env}", ", dependsOn: [{bundle: self}]"),
    )
    assert [one.split(" (")[0] for one in found] == [
        "19: spec.dependsOn[0]: bundles wait for each other: a → b → c → a",
        "24: spec.dependsOn[0]: bundles wait for each other: self → self",
    ]


def test_a_cluster_in_two_stages_is_refused_by_name() -> None:
    [found] = problems(PROD, DEV, strategy("{name: a, select: env}, {name: b, select: env=prod}"))
    assert found == (
        "14: spec.stages[1]: the stages a and b both select prod-1 "
        "(allowed every cluster in exactly one stage)"
    )


def test_a_placed_cluster_that_no_stage_selects_is_refused_by_name() -> None:
    web = bundle("web", "{selector: env}", ", strategyRef: ring")
    [found] = problems(PROD, DEV, strategy("{name: a, select: env=prod}"), web)
    assert (
        "spec.strategyRef: goes to dev-1, which no stage of ring (fleet.yaml:11) selects" in found
    )
    only_prod = bundle("web", "{selector: env=prod}", ", strategyRef: ring")
    assert not problems(PROD, DEV, strategy("{name: a, select: env=prod}"), only_prod)


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        (bundle("w", "{selector: env=prd}"), "spec.placement: matches no cluster"),
        (document("ClusterGroup", "g", "{select: x=y}"), "spec.select: matches no cluster"),
        (
            document("Window", "w", "{kind: deny, select: x=y, cron: 0 1 * * *, duration: 1h}"),
            "spec.select: matches no cluster (found 'x=y')",
        ),
        (strategy("{name: a, select: x}"), "spec.stages[0]: the stage a selects no cluster"),
        (
            bundle("w", "{selector: env}", ", values: [{when: env=prd, inline: {}}]"),
            "spec.values[0].when: matches no cluster",
        ),
        (
            bundle("w", "{selector: env}", ", patches: [{target: {}, merge: {}, when: x}]"),
            "spec.patches[0].when: matches no cluster",
        ),
    ],
)
def test_selectors_that_match_nothing_are_warned_about(text: str, warning: str) -> None:
    [found] = warnings(PROD, DEV, text)
    assert warning in found


def test_a_dependency_that_does_not_go_everywhere_is_warned_about() -> None:
    [found] = warnings(
        PROD,
        DEV,
        bundle("base", "{selector: env=prod}"),
        bundle("web", "{selector: env}", ", dependsOn: [{bundle: base}]"),
    )
    assert "waits on dev-1 for base, which does not go there" in found


def test_roles_that_nobody_has_are_warned_about_once_roles_are_listed() -> None:
    gate = document("Gate", "g", "{approval: {roles: [sre, ops]}}")
    assert not warnings(gate)
    fleet = document("Fleet", "f", "{roles: {sre: [ada], ops: []}}")
    window = document("Window", "w", "{kind: deny, cron: 0 1 * * *, duration: 1h, bypassRole: x}")
    assert warnings(gate, fleet, window) == [
        "4: spec.approval.roles[1]: nobody has this role (found 'ops'; allowed ops, sre)",
        "14: spec.bypassRole: nobody has this role (found 'x'; allowed ops, sre)",
    ]
