"""Whether Deployments and their like may be so, and may become so (pkg/apis/apps/validation).

Selectors are checked here for every kind that has one; Jobs are in `validation_jobs`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from clusters.embedded import field_errors, names
from clusters.embedded.status import Cause
from clusters.embedded.validation_metadata import label_map
from clusters.embedded.validation_pod import pod_template

Part = Mapping[str, Any]

_OPERATORS: Final = ("In", "NotIn", "Exists", "DoesNotExist")
_SET_FREELY: Final = (
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
)
NOT_SELECTED: Final = "`selector` does not match template `labels`"


def selector(content: Part | None, path: str) -> Iterator[Cause]:
    """Check a label selector."""
    if not content:
        return
    yield from label_map(content.get("matchLabels") or {}, f"{path}.matchLabels")
    for position, rule in enumerate(content.get("matchExpressions") or ()):
        where = f"{path}.matchExpressions[{position}]"
        operator, values = rule.get("operator") or "", rule.get("values") or ()
        if operator in ("In", "NotIn") and not values:
            yield field_errors.required(
                f"{where}.values", "must be specified when `operator` is 'In' or 'NotIn'"
            )
        elif operator in ("Exists", "DoesNotExist") and values:
            yield field_errors.forbidden(
                f"{where}.values",
                "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
            )
        elif operator not in _OPERATORS:
            yield field_errors.invalid(
                f"{where}.operator", operator, "not a valid selector operator"
            )
        for message in names.qualified_name(rule.get("key") or ""):
            yield field_errors.invalid(f"{where}.key", rule.get("key") or "", message)


def matches(content: Part, labels: Mapping[str, str]) -> bool:
    """Say whether labels are selected."""
    for key, value in (content.get("matchLabels") or {}).items():
        if labels.get(key) != value:
            return False
    for rule in content.get("matchExpressions") or ():
        value, values = labels.get(rule.get("key", "")), rule.get("values") or ()
        chosen = {
            "In": value in values,
            "NotIn": value not in values,
            "Exists": value is not None,
            "DoesNotExist": value is None,
        }
        if not chosen.get(rule.get("operator", ""), False):
            return False
    return True


def _is_empty(content: Part) -> bool:
    return not (content.get("matchLabels") or content.get("matchExpressions"))


def nonnegative(spec: Part, fields: Sequence[str], path: str = "spec") -> Iterator[Cause]:
    """Refuse numbers below zero."""
    for field in fields:
        value = spec.get(field)
        if isinstance(value, int) and value < 0:
            yield field_errors.invalid(
                f"{path}.{field}", value, "must be greater than or equal to 0"
            )


def _selected_template(spec: Part, kind: str, *, template: Part | None = None) -> Iterator[Cause]:
    """Check selector and template of a controller, and that they fit each other.

    `template` is what is checked instead of the template as written.
    """
    chosen = spec.get("selector")
    template = template or spec.get("template") or {}
    if chosen is None:
        yield field_errors.required("spec.selector")
    else:
        yield from selector(chosen, "spec.selector")
        if _is_empty(chosen):
            named = "deployment" if kind == "ReplicaSet" else kind.lower()
            yield field_errors.invalid(
                "spec.selector", chosen, f"empty selector is invalid for {named}"
            )
    labels = (template.get("metadata") or {}).get("labels") or {}
    # No selector selects nothing, an empty one everything.
    if chosen is None or not (_is_empty(chosen) or matches(chosen, labels)):
        yield field_errors.invalid(
            "spec.template.metadata.labels", labels or field_errors.NO_MAP, NOT_SELECTED
        )
    yield from pod_template(template, "spec.template")
    pod = template.get("spec") or {}
    policy = pod.get("restartPolicy")
    if policy != "Always":
        yield field_errors.not_supported("spec.template.spec.restartPolicy", policy, ("Always",))
    if pod.get("activeDeadlineSeconds") is not None:
        named = "ReplicaSet" if kind == "Deployment" else kind
        yield field_errors.forbidden(
            "spec.template.spec.activeDeadlineSeconds",
            f"activeDeadlineSeconds in {named} is not Supported",
        )


_PERCENT: Final = re.compile(r"[0-9]+%")


def _amount(value: Any, path: str) -> Iterator[Cause]:
    """Check a number or percentage."""
    if isinstance(value, str):
        if _PERCENT.fullmatch(value) is None:
            yield field_errors.invalid(
                path,
                value,
                "a valid percent string must be a numeric string followed by an ending '%' "
                "(e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')",
            )
    elif isinstance(value, int) and value < 0:
        yield field_errors.invalid(path, value, "must be greater than or equal to 0")


def _is_zero(value: Any) -> bool:
    return value in (0, "0%")


def deployment(content: Part) -> Iterator[Cause]:
    """Check a Deployment."""
    spec = content.get("spec") or {}
    yield from nonnegative(spec, ("replicas",))
    yield from _selected_template(spec, "Deployment")
    strategy = spec.get("strategy") or {}
    rolling = strategy.get("rollingUpdate")
    match strategy.get("type"):
        case "Recreate":
            if rolling is not None:
                yield field_errors.forbidden(
                    "spec.strategy.rollingUpdate",
                    "may not be specified when strategy `type` is 'Recreate'",
                )
        case "RollingUpdate":
            path = "spec.strategy.rollingUpdate"
            surge, missing = (rolling or {}).get("maxSurge"), (rolling or {}).get("maxUnavailable")
            yield from _amount(missing, f"{path}.maxUnavailable")
            yield from _amount(surge, f"{path}.maxSurge")
            if _is_zero(surge) and _is_zero(missing):
                yield field_errors.invalid(
                    f"{path}.maxUnavailable", missing, "may not be 0 when `maxSurge` is 0"
                )
        case other:
            yield field_errors.not_supported(
                "spec.strategy.type", other, ("Recreate", "RollingUpdate")
            )
    yield from nonnegative(
        spec, ("minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds")
    )
    deadline, ready = spec.get("progressDeadlineSeconds"), spec.get("minReadySeconds") or 0
    if deadline is not None and deadline <= ready:
        yield field_errors.invalid(
            "spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds"
        )


def stateful_set(content: Part) -> Iterator[Cause]:
    """Check a StatefulSet."""
    spec = content.get("spec") or {}
    policy = spec.get("podManagementPolicy")
    if policy not in ("OrderedReady", "Parallel"):
        yield field_errors.invalid(
            "spec.podManagementPolicy", policy, "must be 'OrderedReady' or 'Parallel'"
        )
    strategy = spec.get("updateStrategy") or {}
    if strategy.get("type") not in ("RollingUpdate", "OnDelete"):
        yield field_errors.invalid(
            "spec.updateStrategy", strategy, "must be 'RollingUpdate' or 'OnDelete'"
        )
    yield from nonnegative(spec, ("replicas", "minReadySeconds", "revisionHistoryLimit"))
    claims = spec.get("volumeClaimTemplates") or ()
    template = spec.get("template") or {}
    pod = template.get("spec") or {}
    # Mounts may name claims: they become volumes of each pod.
    volumes: list[Any] = [
        {"name": (claim.get("metadata") or {}).get("name"), "pvc": {}} for claim in claims
    ]
    own: list[Any] = list(pod.get("volumes") or ())
    filled = {**template, "spec": {**pod, "volumes": own + volumes}} if claims else template
    yield from _selected_template(spec, "StatefulSet", template=filled)


def daemon_set(content: Part) -> Iterator[Cause]:
    """Check a DaemonSet."""
    spec = content.get("spec") or {}
    yield from _selected_template(spec, "DaemonSet")
    yield from nonnegative(spec, ("minReadySeconds", "revisionHistoryLimit"))
    strategy = spec.get("updateStrategy") or {}
    if strategy.get("type") not in ("RollingUpdate", "OnDelete"):
        yield field_errors.not_supported(
            "spec.updateStrategy.type", strategy.get("type"), ("RollingUpdate", "OnDelete")
        )
    rolling = strategy.get("rollingUpdate") or {}
    path = "spec.updateStrategy.rollingUpdate"
    yield from _amount(rolling.get("maxUnavailable"), f"{path}.maxUnavailable")
    yield from _amount(rolling.get("maxSurge"), f"{path}.maxSurge")


def replica_set(content: Part) -> Iterator[Cause]:
    """Check a ReplicaSet."""
    spec = content.get("spec") or {}
    yield from nonnegative(spec, ("replicas", "minReadySeconds"))
    yield from _selected_template(spec, "ReplicaSet")


def fixed(new: Part, old: Part, fields: Sequence[str]) -> Iterator[Cause]:
    """Refuse a change of these fields of the spec."""
    after, before = new.get("spec") or {}, old.get("spec") or {}
    for field in fields:
        if after.get(field) != before.get(field):
            yield field_errors.immutable(f"spec.{field}", after.get(field))


def selector_fixed(new: Part, old: Part) -> Iterator[Cause]:
    """Refuse a change of what a controller selects."""
    yield from fixed(new, old, ("selector",))


def stateful_set_changed(new: Part, old: Part) -> Iterator[Cause]:
    """Refuse what may not change of a StatefulSet."""
    after, before = new.get("spec") or {}, old.get("spec") or {}
    keys = (after.keys() | before.keys()) - set(_SET_FREELY)
    if any(after.get(key) != before.get(key) for key in keys):
        yield field_errors.forbidden(
            "spec",
            "updates to statefulset spec for fields other than 'replicas', 'ordinals', "
            "'template', 'updateStrategy', 'revisionHistoryLimit', "
            "'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
        )
