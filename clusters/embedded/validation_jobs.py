"""Whether Jobs and CronJobs may be so, and may become so (pkg/apis/batch/validation)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from clusters.embedded import field_errors
from clusters.embedded.status import Cause
from clusters.embedded.validation_pod import pod_template
from clusters.embedded.validation_workloads import (
    NOT_SELECTED,
    Part,
    fixed,
    matches,
    nonnegative,
    selector,
)

_CRON_FIELDS: Final = 5
_JOB_NAME_MAX: Final = 63
_CRON_JOB_NAME_MAX: Final = 52


def job(content: Part) -> Iterator[Cause]:
    """Check a Job."""
    name = (content.get("metadata") or {}).get("name") or ""
    if len(name) > _JOB_NAME_MAX:
        yield field_errors.too_long("metadata.name", _JOB_NAME_MAX)
    yield from job_spec(content.get("spec") or {}, "spec")


def job_spec(spec: Part, path: str) -> Iterator[Cause]:
    """Check what a Job, or the template of one, runs."""
    yield from nonnegative(
        spec,
        (
            "parallelism",
            "completions",
            "activeDeadlineSeconds",
            "backoffLimit",
            "ttlSecondsAfterFinished",
        ),
        path,
    )
    if spec.get("completionMode") == "Indexed" and spec.get("completions") is None:
        yield field_errors.required(f"{path}.completions", "when completion mode is Indexed")
    template = spec.get("template") or {}
    yield from pod_template(template, f"{path}.template")
    policy = (template.get("spec") or {}).get("restartPolicy")
    if policy not in ("OnFailure", "Never"):
        yield field_errors.required(
            f"{path}.template.spec.restartPolicy", 'valid values: "OnFailure", "Never"'
        )
    chosen = spec.get("selector")
    if chosen:
        yield from selector(chosen, f"{path}.selector")
        labels = (template.get("metadata") or {}).get("labels") or {}
        if not matches(chosen, labels):
            yield field_errors.invalid(
                f"{path}.template.metadata.labels",
                labels or field_errors.NO_MAP,
                NOT_SELECTED,
            )


def cron_job(content: Part) -> Iterator[Cause]:
    """Check a CronJob."""
    name = (content.get("metadata") or {}).get("name") or ""
    if len(name) > _CRON_JOB_NAME_MAX:
        yield field_errors.invalid(
            "metadata.name", name, f"must be no more than {_CRON_JOB_NAME_MAX} bytes"
        )
    spec = content.get("spec") or {}
    schedule = spec.get("schedule") or ""
    if not schedule:
        yield field_errors.required("spec.schedule")
    elif not schedule.startswith("@") and len(schedule.split()) != _CRON_FIELDS:
        yield field_errors.invalid(
            "spec.schedule",
            schedule,
            f"expected exactly {_CRON_FIELDS} fields, found {len(schedule.split())}: [{schedule}]",
        )
    if spec.get("concurrencyPolicy") not in ("Allow", "Forbid", "Replace"):
        yield field_errors.not_supported(
            "spec.concurrencyPolicy",
            spec.get("concurrencyPolicy"),
            ("Allow", "Forbid", "Replace"),
        )
    yield from nonnegative(
        spec,
        ("startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit"),
    )
    template = (spec.get("jobTemplate") or {}).get("spec") or {}
    yield from job_spec(template, "spec.jobTemplate.spec")


def job_changed(new: Part, old: Part) -> Iterator[Cause]:
    """Refuse what may not change of a Job."""
    indexed = (old.get("spec") or {}).get("completionMode") == "Indexed"
    names_ = ["selector", "completionMode", "podFailurePolicy", "backoffLimitPerIndex"]
    names_ += ["managedBy", "successPolicy"]
    if not indexed:
        names_.insert(0, "completions")
    suspended = bool((old.get("spec") or {}).get("suspend"))
    started = bool((old.get("status") or {}).get("startTime"))
    if not suspended or started:
        names_.append("template")
    yield from fixed(new, old, names_)
