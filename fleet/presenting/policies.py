"""How a bundle treats its objects, in words; what is as usual is not said.  Pure."""

from __future__ import annotations

from collections.abc import Iterator

from clusters.model import AdoptPolicy, BundlePolicy, ConflictPolicy, DriftPolicy, DriftRule, Target
from fleet.model import Bundle

_DRIFT = {
    DriftPolicy.CORRECT: "corrected",
    DriftPolicy.REPORT: "only reported",
    DriftPolicy.IGNORE: "left to whoever changes it",
}
_USUAL = BundlePolicy()


def policy_words(bundle: Bundle) -> tuple[str, ...]:
    """One text for each thing that is not as usual."""
    return tuple(_words(bundle))


def _words(bundle: Bundle) -> Iterator[str]:
    policy = bundle.policy
    if bundle.drift_blocks:
        yield "drift holds releases back"
    elif policy.drift is not _USUAL.drift:
        yield f"drift is {_DRIFT[policy.drift]}"
    yield from map(_rule, policy.rules)
    if policy.adopt is not _USUAL.adopt:
        never = policy.adopt is AdoptPolicy.NEVER
        yield f"what is there already is {'left alone' if never else 'taken over'}"
    if policy.conflicts is ConflictPolicy.FORCE:
        yield "fields of others are taken"
    if not policy.prune:
        yield "nothing is deleted"
    elif policy.prune_max is not None:
        yield f"at most {policy.prune_max} objects are deleted without confirmation"
    if policy.replace_immutable:
        yield "objects with changed immutable fields are replaced"
    for rule in bundle.health:
        kind = f"{rule.kind}.{rule.group}" if rule.group else rule.kind
        yield f"{kind} is healthy when {' '.join(rule.healthy.split())}"


def _rule(rule: DriftRule) -> str:
    what = ", ".join(rule.fields) or "every change"
    return f"{what} of {_target(rule.target)} is {_DRIFT[rule.drift]}"


def _target(target: Target) -> str:
    kind = target.kind or "every kind"
    if target.group:
        kind = f"{kind}.{target.group}"
    place = f" {target.namespace}/" if target.namespace else " " if target.name else ""
    return f"{kind}{place}{target.name or ('*' if target.namespace else '')}"
