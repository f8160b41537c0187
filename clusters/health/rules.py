"""Health of a kind by a bundle's own rule.  Pure.

What is being deleted, and what its controller has not seen yet, is on its way whatever the rule
says.  Where a rule cannot be evaluated the object is Unknown: never healthy on doubt.
"""

from __future__ import annotations

from collections.abc import Mapping

from clusters.health.expressions import Subject, Unevaluable, compile_expression
from clusters.health.kinds import HealthResult, before_rules
from clusters.model import Body, BundleName, DesiredState, GroupKind, Health, HealthRule

_SHOWN_MAX = 120
HealthRules = Mapping[tuple[BundleName, GroupKind], HealthRule]
"""The rule of each bundle for each kind that has one."""


def health_rules(desired: DesiredState) -> HealthRules:
    """Which kinds of which bundles are judged by a rule; of several the last one counts."""
    return {
        (bundle.name, manifest.ref.group_kind): rule
        for bundle in desired.bundles.values()
        for rule in bundle.health
        for manifest in bundle.manifests
        if rule.kind == manifest.ref.kind and rule.group in (None, manifest.ref.group)
    }


def judge_by(rule: HealthRule, body: Body) -> HealthResult:
    """Judge one object by a rule.  Never raises."""
    if early := before_rules(body):
        return early
    try:
        subject = Subject.of(body)
    except Unevaluable as error:
        return HealthResult(Health.UNKNOWN, f"its health rule says nothing: {error}")
    for name, text, health in (
        ("failed", rule.failed, Health.DEGRADED),
        ("progressing", rule.progressing, Health.PROGRESSING),
        ("healthy", rule.healthy, Health.HEALTHY),
    ):
        if not text:
            continue
        shown = f"{name}: {_shortened(text)}"
        try:
            if compile_expression(text).holds(subject):
                healthy = health is Health.HEALTHY
                return HealthResult(health, "" if healthy else f"{shown} holds")
        except (Unevaluable, ValueError) as error:
            return HealthResult(Health.UNKNOWN, f"{shown} says nothing: {error}")
    return HealthResult(
        Health.PROGRESSING, f"healthy: {_shortened(rule.healthy)} does not hold yet"
    )


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN_MAX else f"{line[: _SHOWN_MAX - 1]}…"
