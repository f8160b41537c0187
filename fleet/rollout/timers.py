"""What time does to clusters under way: deadlines, soaks, retries, absences, departures."""

from __future__ import annotations

from datetime import datetime, timedelta

from clusters.model import ClusterName, Contest
from fleet.model import Overrun, WindowName
from fleet.rollout import gates
from fleet.rollout.decisions import ObserveCluster
from fleet.rollout.events import ClusterGaveUp, DeadlinePassed, Purpose, SoakElapsed
from fleet.rollout.folding import stage_of
from fleet.rollout.member_events import (
    ClusterDeferred,
    ClusterWithdrawn,
    WindowClosed,
    WindowOpened,
)
from fleet.rollout.model import Membership
from fleet.rollout.progress import ClusterRollout, ClusterState
from fleet.rollout.state import StageRun
from fleet.rollout.turn import Turn
from fleet.rollout.waiting import (
    ForClosing,
    ForClusters,
    ForContact,
    ForObservation,
    ForSoak,
    ForTakeover,
)
from fleet.rollout.windows import Ajar, Shut

State = ClusterState
DRIFTS_MAX = 3
"""Drifts in one soak that make a cluster fail: somebody or something fights the release."""
WARNING_S = 900.0
"""How long before its closing a window with clusters in flight is spoken of."""


def tend(turn: Turn) -> None:
    """Look after every cluster under way, and after those that are away or leaving."""
    for run in turn.rollout.stages:
        if run.tally.in_flight or run.tally.direct:
            _Stage(turn, run).tend()
    for name in turn.rollout.away:
        _absent(turn, turn.rollout.clusters[name])
    for name in turn.rollout.leaving:
        entry = turn.rollout.clusters[name]
        if not entry.in_flight and entry.state in (State.PENDING, State.DEFERRED):
            turn.conclude(ClusterWithdrawn(at=turn.now, cluster=name))


def _absent(turn: Turn, entry: ClusterRollout) -> None:
    """Put off a pending cluster that is away for longer than the grace."""
    if entry.state is not State.PENDING or entry.unreachable_since is None:
        return
    stage = stage_of(turn.rollout, entry.seat.stage)
    if turn.rollout.ended or entry.leaving:
        return
    grace = timedelta(seconds=stage.plan.stage.unreachable.grace_s)
    if entry.unreachable_since + grace <= turn.now:
        turn.conclude(ClusterDeferred(at=turn.now, cluster=entry.name))
    else:
        turn.look_again(entry.unreachable_since + grace)


class _Stage:
    """One pass over the clusters of one stage that are under way."""

    def __init__(self, turn: Turn, run: StageRun) -> None:
        self.turn = turn
        self.run = run
        self.stage = run.plan.stage
        self.groups = gates.window_groups(turn.rollout, run)
        self.closing: dict[str, tuple[datetime, list[ClusterName]]] = {}
        self.unready: list[ClusterName] = []
        self.soaking: list[ClusterName] = []
        self.unseen: list[ClusterName] = []
        self.contested: dict[tuple[Contest, ...], list[ClusterName]] = {}
        self.away: list[ClusterName] = []
        self.first_deadline: datetime | None = None
        self.first_soak: datetime | None = None
        self.first_return: datetime | None = None
        self.trouble = ""

    def tend(self) -> None:
        tally = self.run.tally
        clusters = self.turn.rollout.clusters
        entries = [clusters[name] for name in (*tally.in_flight, *tally.direct)]
        self._windows(entries)
        for entry in entries:
            if entry.in_flight:
                self._tend_one(entry)
        self._say()

    def _windows(self, entries: list[ClusterRollout]) -> None:
        """Let deadlines rest while a cluster is outside its window; warn before it closes."""
        if not self.turn.facts.calendar.windows:
            return
        closed, opened = [], []
        for entry in entries:
            verdict = self.turn.window(entry.name, self.groups)
            shut = isinstance(verdict, Shut)
            if shut and not entry.outside_window and entry.in_flight:
                closed.append(entry.name)
            elif not shut and entry.outside_window:
                opened.append(entry.name)
            if isinstance(verdict, Shut):
                self.turn.look_again(verdict.opens_at)
            else:
                self._warn(entry.name, verdict)
        if closed:
            self.turn.conclude(WindowClosed(at=self.turn.now, clusters=tuple(closed)))
        if opened:
            self.turn.conclude(WindowOpened(at=self.turn.now, clusters=tuple(opened)))

    def _warn(self, name: ClusterName, verdict: Ajar) -> None:
        if verdict.closes_at is None or verdict.window is None:
            return
        warn_at = verdict.closes_at - timedelta(seconds=WARNING_S)
        if warn_at > self.turn.now:
            self.turn.look_again(warn_at)
            return
        self.turn.look_again(verdict.closes_at)
        self.closing.setdefault(verdict.window, (verdict.closes_at, []))[1].append(name)

    def _tend_one(self, entry: ClusterRollout) -> None:
        if entry.reobserve:
            self.unseen.append(entry.name)
            if not entry.observing and entry.unreachable_since is None:
                self.turn.act(ObserveCluster(cluster=entry.name))
        if entry.unreachable_since is not None:
            self._unreachable(entry, entry.unreachable_since)
        elif entry.attempt_over:
            self._after_attempt(entry)
        elif entry.contested:
            self._ask_about(entry)
        elif entry.state is State.SOAKING:
            self._soak(entry)
        elif entry.progress.reached(self.stage.progress_deadline_s, self.turn.now):
            said = self.turn.facts.said.get(entry.name, "")
            self.turn.conclude(DeadlinePassed(at=self.turn.now, cluster=entry.name, reason=said))
        else:
            self.unready.append(entry.name)
            self.trouble = self.trouble or (entry.trouble and f"{entry.name}: {entry.trouble}")
            due = entry.progress.due(self.stage.progress_deadline_s)
            self.first_deadline = _earlier(self.first_deadline, due)

    def _unreachable(self, entry: ClusterRollout, since: datetime) -> None:
        slot_s = self.stage.unreachable.slot_timeout_s or self.stage.progress_deadline_s
        until = since + timedelta(seconds=slot_s)
        if until > self.turn.now:
            self.away.append(entry.name)
            self.first_return = _earlier(self.first_return, until)
        elif entry.leaving:
            self.turn.conclude(ClusterWithdrawn(at=self.turn.now, cluster=entry.name))
        else:
            self.turn.conclude(ClusterDeferred(at=self.turn.now, cluster=entry.name))

    def _ask_about(self, entry: ClusterRollout) -> None:
        """Wait for a person's word about contested fields, unless it all ends anyway."""
        turn = self.turn
        if entry.leaving:
            turn.conclude(ClusterWithdrawn(at=turn.now, cluster=entry.name))
        elif turn.rollout.stop is not None:
            reason = f"nobody decided about {entry.contested[0]}"
            turn.conclude(ClusterGaveUp(at=turn.now, cluster=entry.name, reason=reason))
        else:
            self.contested.setdefault(entry.contested, []).append(entry.name)

    def _after_attempt(self, entry: ClusterRollout) -> None:
        """Try again while retries are left, else give up."""
        turn = self.turn
        if entry.leaving:
            turn.conclude(ClusterWithdrawn(at=turn.now, cluster=entry.name))
            return
        held = entry.seat.digest in turn.facts.held
        if entry.attempts > self.stage.retries or turn.rollout.stop is not None or held:
            turn.conclude(
                ClusterGaveUp(
                    at=turn.now,
                    cluster=entry.name,
                    reason=entry.trouble,
                    timed_out=entry.timed_out,
                )
            )
            return
        self.unready.append(entry.name)
        self.trouble = self.trouble or f"{entry.name}: {entry.trouble}"
        if turn.standstill:
            return
        verdict = turn.window(entry.name, self.groups)
        shut = isinstance(verdict, Shut)
        if isinstance(verdict, Shut) and verdict.overrun is Overrun.STOP_BETWEEN_RETRIES:
            return
        turn.assign(entry, entry.seat.digest, Purpose.RELEASE, outside_window=shut)

    def _soak(self, entry: ClusterRollout) -> None:
        turn = self.turn
        if turn.rollout.stop is not None and turn.rollout.stop.hurry:
            turn.conclude(ClusterWithdrawn(at=turn.now, cluster=entry.name))
            return
        if entry.drifts >= DRIFTS_MAX:
            reason = f"it was changed by hand {entry.drifts} times while it soaked"
            turn.conclude(ClusterGaveUp(at=turn.now, cluster=entry.name, reason=reason))
            return
        satisfied = True
        alone = entry.membership is Membership.DIRECT
        for found in () if alone else gates.watch(turn, self.run, entry.name):
            match found:
                case gates.Failed():
                    turn.conclude(
                        ClusterGaveUp(at=turn.now, cluster=entry.name, reason=found.reason)
                    )
                    return
                case gates.Closed():
                    satisfied = False
                    turn.wait(found.reason)
                case gates.Open():
                    pass
            if found.effect is not None and turn.rollout.pause is None:
                turn.act(found.effect)
            turn.look_again(found.recheck_at)
        wanted = 0.0 if gates.waived(turn.rollout, self.run) else self.stage.soak_s
        if not entry.soak.reached(wanted, turn.now):
            self.soaking.append(entry.name)
            self.first_soak = _earlier(self.first_soak, entry.soak.due(wanted))
        elif satisfied and not entry.reobserve and not self._measuring(entry):
            over = ClusterWithdrawn if entry.leaving else SoakElapsed
            turn.conclude(over(at=turn.now, cluster=entry.name))

    def _measuring(self, entry: ClusterRollout) -> bool:
        asked = gates.being_measured(self.run, entry.name)
        if asked is not None:
            self.turn.wait(asked)
        return asked is not None

    def _say(self) -> None:
        turn, name = self.turn, self.run.name
        if self.unseen:
            turn.wait(ForObservation(clusters=tuple(self.unseen)))
        for contests, clusters in self.contested.items():
            turn.wait(ForTakeover(stage=name, clusters=tuple(clusters), contests=contests))
        if self.unready:
            turn.wait(
                ForClusters(
                    stage=name,
                    clusters=tuple(self.unready),
                    deadline=self.first_deadline,
                    trouble=self.trouble,
                ),
                self.first_deadline,
            )
        if self.soaking:
            reason = ForSoak(stage=name, clusters=tuple(self.soaking), until=self.first_soak)
            turn.wait(reason, self.first_soak)
        if self.away:
            turn.wait(
                ForContact(stage=name, clusters=tuple(self.away), until=self.first_return),
                self.first_return,
            )
        for window, (closes_at, clusters) in self.closing.items():
            turn.wait(
                ForClosing(
                    stage=name, clusters=tuple(clusters), window=WindowName(window), at=closes_at
                )
            )


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    if one is None or (other is not None and other < one):
        return other
    return one
