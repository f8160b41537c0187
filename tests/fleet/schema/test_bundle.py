import pytest

from clusters.model import ConflictPolicy, DriftPolicy, DriftRule, HealthRule, Target
from fleet.model import Amount, Place, RollbackMode
from tests.fleet.source.documents_by_hand import bundle, cluster, document, inventory, problems


def test_bundle() -> None:
    rest = (
        ", namespace: web, substitute: false, hotfix: true"
        ", values: [{file: ./values/../values.yaml}]"
    )
    assert "no path inside the repository" in problems(bundle("w", "{selector: x}", rest))[0]
    rest = (
        ", namespace: web, substitute: false, hotfix: true"
        ", values: [{file: ./a//b.yaml, optional: true}, {inline: {a: [1]}, when: x}]"
        ", patches: [{target: {kind: Deployment}, when: x, merge: {spec: {replicas: null}}},"
        "\n {target: {}, json6902: [{op: add, path: /a~1b, value: null}, {op: remove, path: ''},"
        " {op: move, from: /a, path: /b}]}]"
        ", policy: {drift: report, conflicts: force, prune: false, pruneMax: 3,"
        " rules: [{target: {kind: Deployment}, fields: [spec.replicas], drift: ignore},"
        " {drift: correct}]}"
        ", health: [{target: {kind: W}, healthy: 'true', failed: status.x == 1}]"
        ", rollback: {mode: manual, maxConcurrency: 2}"
    )
    [one] = inventory(cluster("c", "{x: one}"), bundle("w", "{selector: x}", rest)).bundles.values()
    assert one.source.path == "w"
    assert [layer.file for layer in one.values] == ["a/b.yaml", None]
    assert one.values[1].inline == {"a": [1]}
    merge, operations = one.patches
    assert merge.merge == {"spec": {"replicas": None}}
    assert operations.place == Place(file="fleet.yaml", line=10)
    assert operations.json6902 == (
        {"op": "add", "path": "/a~1b", "value": None},
        {"op": "remove", "path": ""},
        {"op": "move", "path": "/b", "from": "/a"},
    )
    assert (one.policy.drift, one.policy.conflicts) == (DriftPolicy.REPORT, ConflictPolicy.FORCE)
    assert (one.policy.prune, one.policy.prune_max) == (False, 3)
    assert one.health == (HealthRule(kind="W", healthy="true", failed="status.x == 1"),)
    assert one.policy.rules == (
        DriftRule(
            target=Target(kind="Deployment"), drift=DriftPolicy.IGNORE, fields=("spec.replicas",)
        ),
        DriftRule(target=Target(), drift=DriftPolicy.CORRECT),
    )
    assert (one.rollback.mode, one.rollback.max_concurrency) == (RollbackMode.MANUAL, Amount(2))


def rule(more: str) -> str:
    return f", policy: {{rules: [{{drift: ignore, {more}}}]}}"


def health(more: str) -> str:
    return f", health: [{{target: {{kind: Widget}}, {more}}}]"


@pytest.mark.parametrize(
    ("placement", "rest", "refusal"),
    [
        ("{}", "", "spec.placement: no cluster is chosen"),
        ("{selector: ''}", "", "a selector must not be empty"),
        ("{selector: 'a in b'}", "", "spec.placement.selector: cannot read the selector"),
        ("{selector: x, select: x}", "", "spec.placement.select: unknown field"),
        ("{selector: x}", ", values: [{}]", "exactly one of file, perCluster, inline"),
        ("{selector: x}", ", values: [{file: a, inline: {}}]", "several are given"),
        ("{selector: x}", ", values: [{file: /etc/x}]", "no path inside the repository"),
        ("{selector: x}", ", values: [{perCluster: a.yaml}]", "the same for every cluster"),
        ("{selector: x}", ", patches: [{target: {}}]", "exactly one of merge, json6902"),
        (
            "{selector: x}",
            ", patches: [{target: {}, json6902: [{op: add, path: /a}]}]",
            "'value' goes with add, replace and test",
        ),
        (
            "{selector: x}",
            ", patches: [{target: {}, json6902: [{op: copy, path: /a}]}]",
            "'from' goes with move and copy",
        ),
        ("{selector: x}", ", policy: {drift: corect}", "did you mean 'correct'?"),
        ("{selector: x}", ", policy: {drift: ignore}", "a whole bundle is not ignored"),
        ("{selector: x}", ", policy: {rules: [{fields: [a]}]}", "spec.policy.rules[0].drift"),
        ("{selector: x}", rule("fields: []"), "at least 1"),
        ("{selector: x}", rule("fields: ['spec.x[0]']"), "named by their keys"),
        ("{selector: x}", rule("fields: [/spec/replicas]"), "fields[0]: no field path"),
        ("{selector: x}", rule("fields: ['spec..x']"), "a path as drift shows it"),
        ("{selector: x}", rule("fields: ['spec.x[name=a']"), "no field path"),
        ("{selector: x}", rule("fields: [metadata.name]"), "says which object it is"),
        ("{selector: x}", rule("fields: [status.replicas]"), "nothing of this is ever applied"),
        ("{selector: x}", rule("target: {kinds: x}"), "did you mean 'kind'?"),
        ("{selector: x}", health("healthy: 'state.x == 1'"), "spec.health[0].healthy: there is no"),
        ("{selector: x}", health("healthy: 'status.x = 1'"), "no valid CEL at column 10"),
        ("{selector: x}", health("healthy: 'true', failed: 'nope()'"), "no function 'nope'"),
        ("{selector: x}", health("failed: 'true'"), "spec.health[0].healthy"),
        ("{selector: x}", ", health: [{target: {group: a}, healthy: 'true'}]", "target.kind"),
        (
            "{selector: x}",
            ", health: [{target: {kind: Secret}, healthy: 'true'}]",
            "Secrets are not read",
        ),
        ("{selector: x}", ", rollback: {maxConcurrency: 0}", "nothing would ever move"),
    ],
)
def test_bundles_that_are_refused(placement: str, rest: str, refusal: str) -> None:
    [found] = problems(bundle("w", placement, rest))
    assert refusal in found


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/a.git", "ssh://git@example.com:22/a", "git@example.com:org/a.git",
        "file:///srv/a", "/srv/a", "../a", "https://git@example.com/a",
    ],
)  # fmt: skip
def test_repositories(url: str) -> None:
    spec = f"{{source: {{path: ., git: '{url}', ref: v1.2}}, placement: {{selector: x}}}}"
    [one] = inventory(document("Bundle", "b", spec)).bundles.values()
    assert (one.source.git, one.source.ref, one.source.path) == (url, "v1.2", ".")


@pytest.mark.parametrize(
    ("source", "refusal"),
    [
        ("{path: ., git: 'ext::sh -c x'}", "no repository"),
        ("{path: ., git: '--upload-pack=x'}", "no repository"),
        ("{path: ., git: 'https://a:b@example.com/x'}", "credentials do not belong into Git"),
        ("{path: ., git: /srv/a, ref: --x}", "no ref"),
        ("{path: ., git: /srv/a, ref: a..b}", "no ref"),
        ("{path: ., ref: main}", "a ref needs its repository"),
        ("{path: ../a}", "no path inside the repository"),
        ("{path: ''}", "no path inside the repository"),
    ],
)
def test_sources_that_are_refused(source: str, refusal: str) -> None:
    [found] = problems(document("Bundle", "b", f"{{source: {source}, placement: {{selector: x}}}}"))
    assert refusal in found
