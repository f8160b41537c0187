"""Which policy a change of an object, or of one of its fields, falls under.  Pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from clusters.fields.fieldpaths import covers
from clusters.fields.projection import Path, short_hash
from clusters.model import (
    BundlePolicy,
    DesiredState,
    DriftPolicy,
    DriftRule,
    ObjectRef,
    canonical_json,
)
from clusters.records import Drift


@dataclass(frozen=True, slots=True)
class Spare:
    """A field path, and whether what is there is left to others (or, nested in such, is not)."""

    path: str
    """Empty: the whole object."""
    left: bool = True


@dataclass(frozen=True)
class ObjectRules:
    """The rules of one object, in the order of the bundle: the last one that matches counts."""

    default: DriftPolicy
    rules: tuple[DriftRule, ...] = ()

    def of(self, path: Path) -> DriftPolicy:
        """The policy for a change at one path of a field set."""
        for rule in reversed(self.rules):
            if not rule.fields or any(covers(text, path) for text in rule.fields):
                return rule.drift
        return self.default

    @property
    def presence(self) -> DriftPolicy:
        """The policy for the object being gone: what is ignored is still made again."""
        for rule in reversed(self.rules):
            if not rule.fields:
                ignored = rule.drift is DriftPolicy.IGNORE
                return DriftPolicy.CORRECT if ignored else rule.drift
        return self.default

    @cached_property
    def spares(self) -> tuple[Spare, ...]:
        """What is left to others once the object exists, in order; empty: nothing is."""
        found = [
            Spare(path, rule.drift is DriftPolicy.IGNORE)
            for rule in self.rules
            for path in rule.fields or ("",)
        ]
        return tuple(found) if any(spare.left for spare in found) else ()

    @cached_property
    def exemption(self) -> str:
        """Names what is left to others; empty: nothing is.

        Part of what an apply is remembered by: under other rules it would have sent other fields.
        """
        if not self.spares:
            return ""
        return short_hash(canonical_json([[spare.path, spare.left] for spare in self.spares]))

    def of_drift(self, drift: Drift) -> DriftPolicy:
        """The policy for a drift as a whole: it is corrected if any of it is."""
        if drift.replaced or not drift.fields:
            return self.presence
        corrects = any(self.of(path) is DriftPolicy.CORRECT for path in drift.fields)
        return DriftPolicy.CORRECT if corrects else DriftPolicy.REPORT


def rules_of(policy: BundlePolicy, ref: ObjectRef) -> ObjectRules:
    """The rules of one object of a bundle."""
    if not policy.rules:
        return ObjectRules(policy.drift)
    return ObjectRules(policy.drift, tuple(r for r in policy.rules if r.target.matches(ref)))


def all_rules(desired: DesiredState) -> dict[ObjectRef, ObjectRules]:
    """The rules of every object that has any."""
    found = {
        manifest.ref: rules_of(bundle.policy, manifest.ref)
        for bundle in desired.bundles.values()
        if bundle.policy.rules
        for manifest in bundle.manifests
    }
    return {ref: rules for ref, rules in found.items() if rules.rules}
