"""How a bundle treats its objects, in words."""

from __future__ import annotations

from typing import Any

import pytest

from clusters.model import (
    AdoptPolicy,
    BundleName,
    BundlePolicy,
    ConflictPolicy,
    DriftPolicy,
    DriftRule,
    HealthRule,
    Target,
)
from fleet.model import Bundle, Place, Placement, Source
from fleet.presenting.policies import policy_words


def words(policy: BundlePolicy = BundlePolicy(), **more: Any) -> tuple[str, ...]:  # noqa: B008
    return policy_words(
        Bundle(
            name=BundleName("web"),
            place=Place(file="f", line=1),
            source=Source(path="p"),
            placement=Placement(),
            policy=policy,
            **more,
        )
    )


def rule(drift: DriftPolicy, *fields: str, **target: str) -> BundlePolicy:
    return BundlePolicy(rules=(DriftRule(target=Target(**target), drift=drift, fields=fields),))


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        (BundlePolicy(), ()),
        (BundlePolicy(drift=DriftPolicy.REPORT), ("drift is only reported",)),
        (
            rule(DriftPolicy.IGNORE, "spec.replicas", kind="Deployment"),
            ("spec.replicas of Deployment is left to whoever changes it",),
        ),
        (
            rule(DriftPolicy.REPORT, kind="Role", group="rbac.authorization.k8s.io", namespace="a"),
            ("every change of Role.rbac.authorization.k8s.io a/* is only reported",),
        ),
        (
            rule(DriftPolicy.CORRECT, "data", namespace="a", name="b"),
            ("data of every kind a/b is corrected",),
        ),
        (BundlePolicy(adopt=AdoptPolicy.NEVER), ("what is there already is left alone",)),
        (BundlePolicy(adopt=AdoptPolicy.ALWAYS), ("what is there already is taken over",)),
        (BundlePolicy(conflicts=ConflictPolicy.FORCE), ("fields of others are taken",)),
        (BundlePolicy(prune=False, prune_max=1), ("nothing is deleted",)),
        (
            BundlePolicy(prune_max=3),
            ("at most 3 objects are deleted without confirmation",),
        ),
        (
            BundlePolicy(replace_immutable=True),
            ("objects with changed immutable fields are replaced",),
        ),
    ],
)
def test_what_is_not_as_usual_is_said(policy: BundlePolicy, said: tuple[str, ...]) -> None:
    assert words(policy) == said


def test_what_is_beside_the_policy() -> None:
    health = [HealthRule(kind="Widget", group="example.com", healthy="status.phase\n== 'x'")]
    assert words(health=health) == ("Widget.example.com is healthy when status.phase == 'x'",)
    assert words(BundlePolicy(drift=DriftPolicy.REPORT), drift_blocks=True) == (
        "drift holds releases back",
    )
