"""When changes are let in: allow and deny windows, in each cluster's own timezone.

Deny wins.  If any allow window applies, one must be open.  A window applies to the clusters it
selects (all, if it selects none); an allow window that a gate names applies only where that gate
is.  Occurrences begin at wall-clock times: one that falls into the gap of a clock change begins as
much later, one that happens twice begins the first time.  Their length is elapsed time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from dateutil.rrule import rruleset, rrulestr

from clusters.model import ClusterName
from fleet.model import Cluster, Gate, Overrun, Window, WindowCheck, WindowKind, WindowName
from fleet.rollout.cron import parse_cron

_EPOCH = datetime(2020, 1, 1)
"""Where a recurrence without a start begins: wall-clock time of whatever zone it is read in."""
_DAY = timedelta(days=1)
_FIXPOINT = 8
"""How often the end of one closed window is checked against the others before giving up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shut:
    """Changes are kept out."""

    window: WindowName
    """The window that keeps them out: a deny in force, or the allow that opens next."""
    opens_at: datetime | None
    """When changes will be let in; None: not in sight."""
    overrun: Overrun = Overrun.FINISH


@dataclass(frozen=True, slots=True, kw_only=True)
class Ajar:
    """Changes are let in."""

    window: WindowName | None = None
    """The window that closes next, if any does."""
    closes_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """All that the windows know of one cluster; many clusters share one."""

    zone: str = "UTC"
    windows: frozenset[WindowName] = frozenset()
    """The windows that select it."""


Groups = tuple[tuple[WindowName, ...], ...]
"""The windows that each gate of a stage names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """All windows of the fleet, and which clusters they select."""

    windows: Mapping[WindowName, Window] = field(default_factory=dict)
    profiles: Mapping[ClusterName, Profile] = field(default_factory=dict)
    named: frozenset[WindowName] = frozenset()
    """Allow windows that gates name: in force only there."""
    kinds: tuple[Profile, ...] = ()
    """Every profile that some cluster has, once."""

    @classmethod
    def of(
        cls, windows: Iterable[Window], clusters: Iterable[Cluster], gates: Iterable[Gate] = ()
    ) -> Calendar:
        """Work out which windows select which clusters."""
        by_name = {window.name: window for window in windows}
        named = {
            name
            for gate in gates
            if isinstance(gate.check, WindowCheck)
            for name in gate.check.windows
        }
        known: dict[Profile, Profile] = {}
        profiles = {}
        for cluster in clusters if by_name else ():
            profile = Profile(
                zone=cluster.timezone,
                windows=frozenset(
                    window.name
                    for window in by_name.values()
                    if window.select is None or window.select.matches(cluster.labels)
                ),
            )
            profiles[cluster.name] = known.setdefault(profile, profile)
        return cls(windows=by_name, profiles=profiles, named=frozenset(named), kinds=tuple(known))

    def profile(self, cluster: ClusterName) -> Profile:
        """Return what the windows know of `cluster`."""
        return self.profiles.get(cluster, _NO_PROFILE)

    def verdict(
        self,
        profile: Profile,
        now: datetime,
        *,
        groups: Groups = (),
        bypassed: frozenset[WindowName] = frozenset(),
    ) -> Shut | Ajar:
        """Say whether changes are let in on clusters of `profile`, with gates naming `groups`."""
        found = self._at(profile, now, groups, bypassed)
        if isinstance(found, Ajar) or found.opens_at is None:
            return found
        opens_at: datetime | None = found.opens_at
        for _ in range(_FIXPOINT):
            then = self._at(profile, opens_at, groups, bypassed) if opens_at else None
            if not isinstance(then, Shut):
                break
            opens_at = then.opens_at
        return Shut(window=found.window, opens_at=opens_at, overrun=found.overrun)

    def _at(
        self, profile: Profile, now: datetime, groups: Groups, bypassed: frozenset[WindowName]
    ) -> Shut | Ajar:
        applying = [self.windows[name] for name in sorted(profile.windows)]
        closings: list[tuple[datetime, WindowName]] = []
        for window in applying:
            if window.kind is not WindowKind.DENY or window.name in bypassed:
                continue
            span = current(window, profile.zone, now)
            if span is not None:
                return Shut(window=window.name, opens_at=span.end, overrun=window.overrun)
            begins = next_start(window, profile.zone, now)
            if begins is not None:
                closings.append((begins, window.name))
        allows = [window for window in applying if window.kind is WindowKind.ALLOW]
        common = tuple(window.name for window in allows if window.name not in self.named)
        for group in (common, *groups):
            members = [window for window in allows if window.name in group]
            if not members or any(window.name in bypassed for window in members):
                continue
            verdict = _one_open(members, profile.zone, now)
            if isinstance(verdict, Shut):
                return verdict
            if verdict.closes_at and verdict.window:
                closings.append((verdict.closes_at, verdict.window))
        if not closings:
            return Ajar()
        closes_at, name = min(closings)
        return Ajar(window=name, closes_at=closes_at)


_NO_PROFILE = Profile()


def _one_open(windows: list[Window], zone: str, now: datetime) -> Shut | Ajar:
    """One of several allow windows must be open; the one that stays open longest counts."""
    spans = [(span.end, w.name) for w in windows if (span := current(w, zone, now))]
    if spans:
        ends = [(end, name) for end, name in spans if end is not None]
        if len(ends) < len(spans):
            return Ajar()
        closes_at, name = max(ends)
        return Ajar(window=name, closes_at=closes_at)
    starts = [(start, w) for w in windows if (start := next_start(w, zone, now)) is not None]
    if not starts:
        return Shut(window=windows[0].name, opens_at=None, overrun=windows[0].overrun)
    opens_at, first = min(starts, key=lambda pair: (pair[0], pair[1].name))
    return Shut(window=first.name, opens_at=opens_at, overrun=first.overrun)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One occurrence of a window; `end` None: it does not end."""

    start: datetime
    end: datetime | None


def current(window: Window, cluster_zone: str, now: datetime) -> Span | None:
    """Return the occurrence of `window` that `now` is in, the one that ends last; None: none."""
    zone = _zone(window, cluster_zone)
    if window.rrule is None and window.cron is None:
        start = _instant(window.start, zone) or datetime.min.replace(tzinfo=UTC)
        end = _instant(window.end, zone)
        return Span(start=start, end=end) if start <= now and (not end or now < end) else None
    length = timedelta(seconds=window.duration_s or 0.0)
    local = now.astimezone(zone).replace(tzinfo=None)
    starts = _starts(
        window.rrule,
        window.cron,
        _first(window),
        _day(local - length - _DAY),
        _day(local + 2 * _DAY),
    )
    found = None
    for moment in starts:
        begins = moment.replace(tzinfo=zone).astimezone(UTC)
        if begins <= now < begins + length and not _is_past(window, moment):
            found = Span(start=begins, end=begins + length)
    return found


def next_start(window: Window, cluster_zone: str, now: datetime) -> datetime | None:
    """Return when `window` begins next after `now`; None: never again."""
    zone = _zone(window, cluster_zone)
    if window.rrule is None and window.cron is None:
        start = _instant(window.start, zone)
        return start if start is not None and start > now else None
    local = now.astimezone(zone).replace(tzinfo=None)
    soon = _starts(
        window.rrule, window.cron, _first(window), _day(local - _DAY), _day(local + 3 * _DAY)
    )
    for moment in soon:
        begins = moment.replace(tzinfo=zone).astimezone(UTC)
        if begins > now:
            return None if _is_past(window, moment) else begins
    later = _later(window.rrule, window.cron, _first(window), _day(local + 3 * _DAY))
    if later is None or _is_past(window, later):
        return None
    return later.replace(tzinfo=zone).astimezone(UTC)


def _zone(window: Window, cluster_zone: str) -> ZoneInfo:
    return ZoneInfo(cluster_zone if window.timezone == "cluster" else window.timezone)


def _instant(moment: datetime | None, zone: ZoneInfo) -> datetime | None:
    if moment is None:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


def _first(window: Window) -> datetime:
    return window.start.replace(tzinfo=None) if window.start else _EPOCH


def _is_past(window: Window, moment: datetime) -> bool:
    return window.end is not None and moment >= window.end.replace(tzinfo=None)


def _day(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


@lru_cache(maxsize=4096)
def _starts(
    rule: str | None, cron: str | None, first: datetime, low: datetime, high: datetime
) -> tuple[datetime, ...]:
    """List the wall-clock starts of a recurrence from day `low` up to day `high`."""
    if cron is not None:
        days = (high - low).days
        return tuple(moment for moment in parse_cron(cron).times(max(low, first), days))
    return tuple(_rule(rule or "", first).between(low, high, inc=True))


@lru_cache(maxsize=4096)
def _later(rule: str | None, cron: str | None, first: datetime, low: datetime) -> datetime | None:
    """Return the first wall-clock start of a recurrence from day `low` on."""
    before = max(low, first) - timedelta(minutes=1)
    if cron is not None:
        return parse_cron(cron).after(before)
    found: datetime | None = _rule(rule or "", first).after(before)
    return found


@lru_cache(maxsize=256)
def _rule(text: str, first: datetime) -> rruleset:
    """Read a recurrence rule of RFC 5545.

    Raises:
        ValueError: what is wrong with it.
    """
    try:
        return rrulestr(text, dtstart=first, forceset=True)
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"cannot read the recurrence rule {text!r}: {error}") from error


def check_window(window: Window, now: datetime, zone: str = "UTC") -> str:
    """Say why an allow window will never be open from `now` on; empty: it will.

    Raises:
        ValueError: its recurrence cannot be read.
    """
    if window.kind is WindowKind.DENY or current(window, zone, now):
        return ""
    if next_start(window, zone, now) is not None:
        return ""
    return (
        f"{window.place}: the window {window.name} never opens after "
        f"{now.astimezone(UTC):%Y-%m-%d %H:%M} UTC; nothing that waits for it would ever start"
    )
