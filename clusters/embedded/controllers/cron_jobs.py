"""The CronJob controller: a Job at every minute that the schedule names."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from clusters.embedded.controllers import podset
from clusters.embedded.controllers.runtime import Controller, own_key, owner_reference
from clusters.embedded.controllers.writing import create, write_status
from clusters.embedded.kinds import CRON_JOBS, JOBS

if TYPE_CHECKING:
    from clusters.embedded.cluster import EmbeddedCluster

Body = dict[str, Any]
_NAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_LOOK_AHEAD_DAYS = 366


def _number(text: str, position: int) -> int:
    lowered = text.lower()
    if position == 3 and lowered in _MONTHS:
        return _MONTHS.index(lowered) + 1
    if position == 4 and lowered in _DAYS:
        return _DAYS.index(lowered)
    number = int(text)
    return 0 if position == 4 and number == 7 else number


def parse_schedule(text: str) -> tuple[frozenset[int], ...]:
    """Read the five fields of a schedule to the numbers that each allows.

    Raises:
        ValueError: it is no schedule.
    """
    fields = _NAMES.get(text, text).split()
    if len(fields) != len(_BOUNDS):
        raise ValueError(f"a schedule has five fields, {text!r} has {len(fields)}")
    out = []
    for position, field in enumerate(fields):
        low, high = _BOUNDS[position]
        allowed: set[int] = set()
        for part in field.split(","):
            span, _, step = part.partition("/")
            if span in ("*", "?"):
                first, last = low, high
            else:
                begin, dash, end = span.partition("-")
                first = _number(begin, position)
                last = _number(end, position) if dash else (high if step else first)
            if not low <= first <= last <= high:
                raise ValueError(f"{part!r} of schedule {text!r} is out of range")
            allowed.update(range(first, last + 1, int(step or 1)))
        out.append(frozenset(allowed))
    return tuple(out)


def next_run(schedule: tuple[frozenset[int], ...], after: datetime) -> datetime | None:
    """Give the next minute that a schedule names; None if it names none within a year."""
    minutes, hours, days, months, weekdays = schedule
    every_day, every_weekday = len(days) == 31, len(weekdays) == 7
    moment = after.replace(second=0, microsecond=0) + timedelta(minutes=1)
    for _ in range(_LOOK_AHEAD_DAYS):
        weekday = (moment.weekday() + 1) % 7
        by_date, by_weekday = moment.day in days, weekday in weekdays
        both = by_date and by_weekday if every_day or every_weekday else by_date or by_weekday
        if moment.month in months and both:
            for hour in sorted(hours):
                for minute in sorted(minutes):
                    found = moment.replace(hour=hour, minute=minute)
                    if found >= moment:
                        return found
        moment = (moment + timedelta(days=1)).replace(hour=0, minute=0)
    return None


def reconcile(cluster: EmbeddedCluster, key: str) -> None:
    """Start the Job that is due, and come back for the next."""
    stored = cluster.storage.get(CRON_JOBS.storage_key, key)
    if stored is None or b'"deletionTimestamp"' in stored.raw:
        return
    cron = stored.load()
    spec, status = cron["spec"], dict(cron.get("status") or {})
    if spec.get("suspend"):
        return
    zone = ZoneInfo(spec.get("timeZone") or "UTC")
    last = status.get("lastScheduleTime") or cron["metadata"]["creationTimestamp"]
    try:
        due = next_run(parse_schedule(spec["schedule"]), podset.parse_time(last).astimezone(zone))
    except ValueError:
        return
    if due is None:
        return
    now = cluster.time()
    if due > now:
        cluster.runtime.wake(CONTROLLER, key, (due - now).total_seconds() + 0.05)
        return
    create(cluster, JOBS, _job(cron, due))
    status["lastScheduleTime"] = cluster.now()
    write_status(cluster, CRON_JOBS, key, status)


def _job(cron: Body, due: datetime) -> Body:
    metadata, template = cron["metadata"], cron["spec"]["jobTemplate"]
    own = template.get("metadata") or {}
    return {
        "metadata": {
            "name": f"{metadata['name']}-{int(due.timestamp()) // 60}",
            "namespace": metadata["namespace"],
            "labels": own.get("labels") or {},
            "annotations": own.get("annotations") or {},
            "ownerReferences": [owner_reference(CRON_JOBS, cron)],
        },
        "spec": template["spec"],
    }


CONTROLLER = Controller(
    name="cron jobs", reconcile=reconcile, watches={CRON_JOBS.storage_key: own_key}
)
