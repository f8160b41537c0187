"""What holds of rollouts whatever happens: random strategies, fleets, faults, commands, crashes.

The scenario player stands for the coordinator.  A script of random steps is played; after every
event and every step the laws are checked.  Each law is one method, named for what it promises.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clusters.model import ClusterName
from fleet.model import Admission, WindowCheck
from fleet.rollout import commands
from fleet.rollout.events import (
    BecameHealthy,
    ClusterApplied,
    ClusterAssigned,
    ClusterContested,
    ClusterFailed,
    Degraded,
    DriftSeen,
    Event,
    GateMeasured,
    Measurement,
    PruneDecided,
    Purpose,
    RolloutStarted,
    SoakElapsed,
)
from fleet.rollout.guards import writes
from fleet.rollout.member_events import (
    ClusterObserved,
    ClusterReturned,
    ClusterUnreachable,
    CoordinatorStarted,
)
from fleet.rollout.model import Membership, RolloutId
from fleet.rollout.planner import begin, decide, evolve
from fleet.rollout.progress import ClusterRollout, ClusterState
from fleet.rollout.record import event_record, read_event, read_rollout, rollout_record
from fleet.rollout.requests import PromotedNow, RollbackRequested
from fleet.rollout.state import GateVerdict, HoldState, Phase, Position, Rollout, StagePhase
from fleet.rollout.tally import Tally, moved
from fleet.rollout.windows import Calendar, Shut
from tests.scenarios.player import Player
from tests.scenarios.script import Line, Place, contest

EXAMPLES = int(os.environ.get("FLOTILLA_EXAMPLES", "60"))
"""Random worlds that are tried; a long search sets it higher."""
LIMIT = 4
"""Clusters changing at once in fleets that have a limit."""
UNSETTLED = (ClusterState.APPLYING, ClusterState.VERIFYING, ClusterState.PENDING)


@dataclass
class Watched(Player):
    """A player that checks the laws as it goes."""

    generations: dict[ClusterName, int] = field(default_factory=dict)
    order: dict[ClusterName, int] = field(default_factory=dict)
    healthy_since: dict[tuple[RolloutId, ClusterName], datetime] = field(default_factory=dict)
    soaked_s: dict[tuple[RolloutId, ClusterName], float] = field(default_factory=dict)
    limited: bool = False

    def say(self, text: str, rollout: Rollout | None = None) -> None:
        """Keep the story for a failing example."""
        super().say(text, rollout)

    # --- laws about single events ---------------------------------------------------------------

    def _note(self, rollout: Rollout, event: Event) -> None:
        super()._note(rollout, event)
        if isinstance(event, ClusterAssigned):
            self.generations_grow(event)
            self.no_held_digest_is_applied(rollout, event)
            if event.purpose is not Purpose.ROLLBACK:
                self.nothing_starts_at_a_standstill(rollout)
            if event.purpose is Purpose.ROLLBACK:
                self.order.pop(event.cluster, None)  # what was taken back was not overtaken
            if event.purpose is Purpose.RELEASE:
                self.stages_keep_their_order(rollout, event)
                self.no_change_outside_a_window(rollout, event)
                self.no_release_overtakes(rollout, event)
                self.unchanged_clusters_are_left_alone(rollout, event)
                self.reset_soak(rollout, event.cluster)
        if isinstance(event, SoakElapsed):
            self.good_means_soaked(rollout, event)
        if isinstance(event, PruneDecided):
            self.nothing_starts_at_a_standstill(rollout)
            self.nothing_is_deleted_outside_a_window(rollout, event)

    def generations_grow(self, event: ClusterAssigned) -> None:
        assert event.generation > self.generations.get(event.cluster, 0)
        self.generations[event.cluster] = event.generation

    def no_held_digest_is_applied(self, rollout: Rollout, event: ClusterAssigned) -> None:
        if event.purpose is not Purpose.ROLLBACK or not rollout.undo or not rollout.undo.targets:
            assert event.digest not in self.held

    def nothing_starts_at_a_standstill(self, rollout: Rollout) -> None:
        assert rollout.pause is None
        assert not self.frozen

    def stages_keep_their_order(self, rollout: Rollout, event: ClusterAssigned) -> None:
        names = [run.name for run in rollout.stages]
        own = names.index(rollout.clusters[event.cluster].seat.stage)
        for run in rollout.stages[:own]:
            assert run.phase is StagePhase.COMPLETED

    def no_change_outside_a_window(self, rollout: Rollout, event: ClusterAssigned) -> None:
        entry = rollout.clusters[event.cluster]
        if entry.attempts > 1 or not self.windows:
            return  # a retry is not a start: overrun lets it finish
        calendar = Calendar.of(self.windows.values(), self.clusters.values(), self.gates.values())
        groups: tuple[Any, ...] = ()
        if entry.membership is not Membership.DIRECT:
            stage = next(s.stage for s in rollout.plan.stages if s.name == entry.seat.stage)
            checks = [self.gates[name].check for name in (*stage.gates.before, *stage.gates.during)]
            groups = tuple(tuple(c.windows) for c in checks if isinstance(c, WindowCheck))
        verdict = calendar.verdict(calendar.profile(event.cluster), self.now, groups=groups)
        bypassed = any(each.until > self.now for each in rollout.bypasses)
        assert bypassed or not isinstance(verdict, Shut)

    def nothing_is_deleted_outside_a_window(self, rollout: Rollout, event: PruneDecided) -> None:
        calendar = Calendar.of(self.windows.values(), self.clusters.values(), self.gates.values())
        bypassed = any(each.until > self.now for each in rollout.bypasses)
        for name in event.clusters:
            verdict = calendar.verdict(calendar.profile(name), self.now)
            assert bypassed or not isinstance(verdict, Shut)

    def no_release_overtakes(self, rollout: Rollout, event: ClusterAssigned) -> None:
        place = [each.id for each in self.rollouts].index(rollout.id)
        assert place >= self.order.get(event.cluster, 0)
        self.order[event.cluster] = place

    def unchanged_clusters_are_left_alone(self, rollout: Rollout, event: ClusterAssigned) -> None:
        assert not rollout.clusters[event.cluster].seat.unchanged

    def good_means_soaked(self, rollout: Rollout, event: SoakElapsed) -> None:
        entry = rollout.clusters[event.cluster]
        run = next(run for run in rollout.stages if run.name == entry.seat.stage)
        if run.promoted_by or rollout.plan.release.hotfix:
            return
        key = (rollout.id, event.cluster)
        soaked = self.soaked_s.get(key, 0.0)
        if key in self.healthy_since:
            soaked += (self.now - self.healthy_since[key]).total_seconds()
        assert soaked >= run.plan.stage.soak_s

    def reset_soak(self, rollout: Rollout, cluster: ClusterName) -> None:
        self.healthy_since.pop((rollout.id, cluster), None)
        self.soaked_s.pop((rollout.id, cluster), None)

    # --- an independent stopwatch of observed health --------------------------------------------

    def observe(self, event: Event) -> None:
        for rollout in self.rollouts:
            for name, entry in rollout.clusters.items():
                self._watch(rollout, name, entry, event)

    def _watch(
        self, rollout: Rollout, name: ClusterName, entry: ClusterRollout, event: Event
    ) -> None:
        key = (rollout.id, name)
        if isinstance(event, CoordinatorStarted):
            since = self.healthy_since.pop(key, None)
            if since is not None and event.alive_until is not None:
                counted = (event.alive_until - since).total_seconds()
                self.soaked_s[key] = self.soaked_s.get(key, 0.0) + max(0.0, counted)
            return
        if getattr(event, "cluster", None) != name:
            return
        match event:
            case BecameHealthy(digest=digest) if digest == entry.target:
                if entry.unreachable_since is not None:
                    return
                self.healthy_since.setdefault(key, event.at)
            case ClusterUnreachable():
                since = self.healthy_since.pop(key, None)
                if since is not None:
                    counted = (event.at - since).total_seconds()
                    self.soaked_s[key] = self.soaked_s.get(key, 0.0) + counted
            case Degraded() | ClusterFailed():
                self.reset_soak(rollout, name)
            case DriftSeen():
                running = key in self.healthy_since
                self.reset_soak(rollout, name)
                if running:
                    self.healthy_since[key] = event.at
            case _:
                pass

    def tell(self, *events: Event, only: str = "", drive: bool = True) -> None:
        for event in events:
            self.observe(event)
        super().tell(*events, only=only, drive=drive)

    # --- laws about the whole -------------------------------------------------------------------

    def check(self) -> None:
        for rollout in self.rollouts:
            self.no_more_broken_than_promised(rollout)
            self.slots_and_spread_hold(rollout)
            self.tallies_are_right(rollout)
            self.nothing_stalls_silently(rollout)
            self.records_round_trip(rollout)
        self.one_writer_per_cluster()
        self.the_fleet_limit_holds()

    def no_more_broken_than_promised(self, rollout: Rollout) -> None:
        for run in rollout.stages:
            if run.plan.bound is None:
                continue
            broken = sum(
                is_broken(entry)
                for entry in rollout.clusters.values()
                if entry.seat.stage == run.name and entry.membership is Membership.MEMBER
            )
            assert broken <= run.plan.bound

    def slots_and_spread_hold(self, rollout: Rollout) -> None:
        for run in rollout.stages:
            stage = run.plan.stage
            flying = [rollout.clusters[name] for name in run.tally.in_flight]
            if not stage.soak_holds_slot:
                continue  # a soaking cluster that fails takes its slot back, whoever has it now
            assert len(flying) <= run.plan.concurrency
            if stage.spread:
                domains = [entry.seat.domain for entry in flying if entry.seat.domain]
                assert all(domains.count(d) <= stage.spread.max_per_domain for d in domains)

    def tallies_are_right(self, rollout: Rollout) -> None:
        for run in rollout.stages:
            counted = Tally()
            for entry in rollout.clusters.values():
                if entry.seat.stage == run.name:
                    counted = moved(counted, None, entry)
            assert sorted(counted.in_flight) == sorted(run.tally.in_flight)
            assert sorted(counted.direct) == sorted(run.tally.direct)
            assert sorted(counted.rolling_back) == sorted(run.tally.rolling_back)
            for name in ("queue", "soaking", "exposed", "retrying", "failures", "good"):
                assert getattr(counted, name) == getattr(run.tally, name), name
            assert (counted.deferred, counted.domains) == (run.tally.deferred, run.tally.domains)

    def nothing_stalls_silently(self, rollout: Rollout) -> None:
        facts = self.facts(rollout)
        first = decide(rollout, facts, self.now)
        assert first == decide(rollout, facts, self.now)
        assert first.decisions == ()
        if not rollout.ended:
            assert first.waiting_on
        assert first.recheck_after is None or first.recheck_after > 0

    def records_round_trip(self, rollout: Rollout) -> None:
        assert read_rollout(orjson.loads(orjson.dumps(rollout_record(rollout)))) == rollout

    def one_writer_per_cluster(self) -> None:
        writers = [
            name for each in self.rollouts for name, entry in each.clusters.items() if writes(entry)
        ]
        assert len(writers) == len(set(writers))

    def the_fleet_limit_holds(self) -> None:
        if self.limited:
            changing = {
                name
                for each in self.rollouts
                for name, entry in each.clusters.items()
                if writes(entry)
            }
            assert len(changing) <= LIMIT

    def the_log_tells_everything(self, cut: int) -> None:
        """Folding the stored events gives the state, however far it was stored as a snapshot."""
        for rollout in self.rollouts:
            log = [
                read_event(orjson.loads(orjson.dumps(event_record(e))))
                for e in self.logs[rollout.id]
            ]
            started = log[0]
            assert isinstance(started, RolloutStarted)
            folded = begin(started)
            for number, event in enumerate(log[1:]):
                if number == cut:
                    folded = read_rollout(rollout_record(folded))
                folded = evolve(folded, event)
            assert folded == rollout


def is_broken(entry: ClusterRollout) -> bool:
    """Whether the release is known to have broken the cluster, in a way the bound speaks of."""
    if entry.trouble.startswith(("it was good", "skipped by")):
        return False
    if entry.state in (ClusterState.FAILED, ClusterState.TIMED_OUT):
        return entry.counted
    in_flight = entry.in_flight and (entry.attempt_over or entry.degraded)
    return in_flight or entry.broken


# --- random worlds ------------------------------------------------------------------------------


@st.composite
def stages(draw: st.DrawFn, name: str) -> str:
    amount = st.sampled_from(["1", "2", "3", "50%", "100%"])
    words = [f"stage {name}: select=env={name}"]
    words.append(f"concurrency={draw(amount)}")
    words.append(f"failures={draw(st.sampled_from(['0', '1', '2', '34%', '100%']))}")
    words.append(f"admission={draw(st.sampled_from(list(Admission)))}")
    words.append(f"soak={draw(st.sampled_from(['0s', '0s', '5m']))}")
    words.append(f"deadline={draw(st.sampled_from(['5m', '10m']))}")
    words.append(f"retries={draw(st.integers(0, 2))}")
    words.append(f"unreachable={draw(st.sampled_from(['defer', 'ignore', 'fail']))}/1m/50%")
    breach = ["halt", "rollbackCluster", "rollbackStage", "rollbackRun"]
    words.append(f"onBreach={draw(st.sampled_from(breach))}")
    if draw(st.booleans()):
        words.append("ramp=1,50%")
    if draw(st.booleans()):
        words.append("spread=region/1")
    if draw(st.integers(0, 5)) == 0:
        words.append("soakHoldsSlot=false")
    for position in ("before", "during", "after"):
        gates = draw(
            st.lists(st.sampled_from(["sre", "errors", "each", "hours", "calm"]), max_size=1)
        )
        gates = [gate for gate in gates if not (gate == "calm" and position == "during")]
        if gates and draw(st.booleans()):
            words.append(f"{position}={','.join(gates)}")
    return " ".join(words)


@st.composite
def worlds(draw: st.DrawFn) -> list[str]:
    lines = []
    names = ["dev", "prod"][: draw(st.integers(1, 2))]
    for name in names:
        for number in range(1, draw(st.integers(1, 4)) + 1):
            region = draw(st.sampled_from(["eu", "us"]))
            zone = draw(st.sampled_from(["UTC", "Europe/Paris", "Asia/Tokyo"]))
            lines.append(f"clusters {name}-{number}: env={name} region={region} timezone={zone}")
    lines += [
        "gate sre: approval count=1 expires=30m",
        'gate errors: prometheus interval=1m success="value < 1" maxInconclusive=1',
        'gate each: prometheus scope=cluster interval=2m success="value < 1" maxFailures=1',
        "gate hours: window office",
        "gate calm: soak 3m",
        'window office: allow cron="0 9 * * *" for=40m',
    ]
    if draw(st.integers(0, 3)) == 0:
        lines.append('window lunch: deny cron="10 9 * * *" for=20m overrun=stop-between-retries')
    mode = draw(st.sampled_from(["coalesce", "queue", "supersede", "train"]))
    lines.append(f"strategy ring: onNewRelease={mode} maxTrains=2")
    if draw(st.booleans()):
        mode = draw(st.sampled_from(["auto", "manual", "never"]))
        without = draw(st.sampled_from(["leave", "uninstall"]))
        lines.append(f"rollback_policy payments: mode={mode} withoutLastGood={without}")
    lines += [draw(stages(name)) for name in names]
    if draw(st.booleans()):
        lines.append("baseline v0")
    return lines


Step = tuple[int, int, int]


@st.composite
def scripts(draw: st.DrawFn) -> list[Step]:
    """Long scripts from a seed: a list drawn step by step would mostly be short."""
    chance = random.Random(draw(st.integers(0, 2**32)))
    length = draw(st.integers(1, 80))
    return [
        (chance.randrange(100), chance.randrange(12), chance.randrange(4)) for _ in range(length)
    ]


def play_step(world: Watched, step: Step) -> None:
    """Do one thing: mostly what clusters do, sometimes what people or fate do."""
    kind, which, how = step
    flying = sorted(
        name for each in world.rollouts for name, entry in each.clusters.items() if writes(entry)
    )
    names = sorted(world.clusters)
    if kind < 40 and flying:
        on_cluster(world, ClusterName(flying[which % len(flying)]), how)
    elif kind < 55:
        world.do_wait(line(f"wait {[20, 61, 181, 301][how]}s"))
    elif kind < 65:
        answer_gate(world, which, how)
    elif kind < 72 and names:
        contact(world, ClusterName(names[which % len(names)]), how)
    elif kind < 77:
        release(world, which, how)
    elif kind < 81:
        restart(world)
    elif kind < 83:
        member(world, which, how)
    elif kind < 84 and names:
        world.do_leftover(line(f"leftover {names[which % len(names)]}: {how % 2}"))
    elif kind < 85:
        world.do_freeze(line("freeze fleet:" if world.frozen else "freeze fleet: one crashed"))
    elif names:
        person(world, ClusterName(names[which % len(names)]), kind, how)


def line(text: str) -> Line:
    return Line(Place(file="random", line=1), text)


def on_cluster(world: Watched, name: ClusterName, how: int) -> None:
    digest = world.assigned.get(name)
    fact = {"at": world.now, "cluster": name, "digest": digest}
    match how:
        case 0:
            world.tell(ClusterApplied(**fact))
        case 1 | 2:
            world.tell(BecameHealthy(**fact))
        case _ if world.now.minute % 4 == 1:
            held = (contest("ConfigMap/web data.color somebody"),) * (world.now.second % 3 > 0)
            world.tell(ClusterContested(**fact, contests=held))
        case _ if world.now.second % 3:
            world.tell(ClusterFailed(**fact, reason="random failure"))
        case _:
            drift = DriftSeen(at=world.now, cluster=name, detail="random drift")
            world.tell(drift if world.now.second % 2 else Degraded(**fact, reason="random"))


def answer_gate(world: Watched, which: int, how: int) -> None:
    asked = [
        (rollout, run, gate)
        for rollout in world.rollouts
        for run in rollout.stages
        for gate in run.gates.values()
        if gate.asked_at is not None and not rollout.ended
    ]
    if not asked:
        return
    rollout, run, gate = asked[which % len(asked)]
    if gate.gate == "sre":
        verb = "reject" if how == 3 else "approve"
        position = gate.position.value
        world_line = line(
            f"{verb} sre of {rollout.id} at {position} by {['ada', 'ben', 'cleo'][which // 4]}: r"
        )
        if position in [p.value for p in Position] and run.phase is not StagePhase.COMPLETED:
            getattr(world, f"do_{verb}")(world_line)
        return
    outcomes = [
        Measurement.SUCCESS,
        Measurement.SUCCESS,
        Measurement.INCONCLUSIVE,
        Measurement.FAILURE,
    ]
    measured = GateMeasured(
        at=world.now,
        stage=run.name,
        gate=gate.gate,
        position=gate.position,
        cluster=gate.cluster,
        outcome=outcomes[how],
    )
    world.tell(measured, only=rollout.id)


def contact(world: Watched, name: ClusterName, how: int) -> None:
    if how % 2:
        world.tell(ClusterUnreachable(at=world.now, cluster=name))
        return
    world.tell(ClusterReturned(at=world.now, cluster=name))
    look(world, [name])


def look(world: Watched, names: list[ClusterName]) -> None:
    for name in names:
        digest = world.assigned.get(name)
        world.tell(ClusterObserved(at=world.now, cluster=name, digest=digest))


def release(world: Watched, which: int, how: int) -> None:
    number = len(world.releases) + 2
    same = [name for name in world.clusters if name in world.assigned and name.endswith(f"-{how}")]
    words = f"same={','.join(same)}" if same and which % 2 else ""
    world.do_release(line(f"release v{number}: {words} author=ada"))


def restart(world: Watched) -> None:
    world.do_restart(line("restart 7m"))
    look(world, sorted(world.clusters))


def member(world: Watched, which: int, how: int) -> None:
    if how < 2 and len(world.clusters) > 1:
        names = sorted(world.clusters)
        world.do_leaves(line(f"leaves {names[which % len(names)]}"))
    elif world.rollouts and not world.rollouts[-1].ended:
        env = world.rollouts[-1].stages[which % len(world.rollouts[-1].stages)].name
        world.do_joins(line(f"joins {env}-new{len(world.logs)}{which}: env={env} region=eu"))


def person(world: Watched, name: ClusterName, kind: int, how: int) -> None:
    if not world.rollouts:
        return
    rollout = world.rollouts[-1 - how % min(2, len(world.rollouts))]
    who = f"of {rollout.id} by ben"
    asks: list[Callable[[], None]] = [
        lambda: world.do_pause(line(f"pause {who}: random")),
        lambda: world.do_resume(line(f"resume {who}: random")),
        lambda: world.do_retry(line(f"retry {name} {who}: random")),
        lambda: world.do_skip(line(f"skip {name} {'excused' * (how % 2)} {who}: random")),
        lambda: promote(world, rollout),
        lambda: world.do_abort(line(f"abort {who}: random")),
        lambda: roll_back(world, rollout),
        lambda: world.do_release_hold(line(f"release_hold {who}: random")),
        lambda: world.do_resume(line(f"resume {who}: random")),
        lambda: decide_takeover(world, rollout, name, take=bool(how % 2)),
    ]
    asks[kind % len(asks)]()


def decide_takeover(world: Watched, rollout: Rollout, name: ClusterName, *, take: bool) -> None:
    entry = rollout.clusters.get(name)
    if entry is not None and entry.contested:
        verb = "take_over" if take else "leave_field"
        getattr(world, f"do_{verb}")(line(f"{verb} {name} of {rollout.id} by ben: random"))


def promote(world: Watched, rollout: Rollout) -> None:
    if rollout.current < len(rollout.stages):
        stage = rollout.stages[rollout.current].name
        request = PromotedNow(at=world.now, actor="ben", reason="random", stage=stage)
        ask(world, rollout, request)


def roll_back(world: Watched, rollout: Rollout) -> None:
    ask(world, rollout, RollbackRequested(at=world.now, actor="ben", reason="random"))


def ask(world: Watched, rollout: Rollout, request: PromotedNow | RollbackRequested) -> None:
    found = commands.check(rollout, request)
    if isinstance(found, commands.Granted):
        world.tell(found.event, only=rollout.id)


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(worlds(), st.booleans(), scripts(), st.integers(0, 200))
def test_laws(lines: list[str], limited: bool, steps: list[Step], cut: int) -> None:
    world = Watched(limited=limited)
    for text in [*lines, *([f"limits: clusters={LIMIT}"] if limited else []), "release v1"]:
        read = line(text)
        getattr(world, f"do_{read.verb}")(read)
    world.check()
    for step in steps:
        play_step(world, step)
        world.check()
    world.the_log_tells_everything(cut)


@settings(max_examples=EXAMPLES // 2, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(worlds(), scripts())
def test_everything_ends_when_the_world_is_kind(lines: list[str], steps: list[Step]) -> None:
    """After any past, healthy clusters, open gates and patient people end every rollout."""
    world = Watched()
    for text in [*lines, "release v1"]:
        read = line(text)
        getattr(world, f"do_{read.verb}")(read)
    for step in steps:
        play_step(world, step)
    world.windows.clear()
    world.frozen = ""
    for _ in range(60):
        be_kind(world)
        if all(each.ended for each in world.rollouts):
            break
    assert all(each.ended for each in world.rollouts), "\n".join(world.out[-60:])


def be_kind(world: Watched) -> None:
    """Whatever is asked is answered well, whatever is halted is rolled back or ended."""
    for name in sorted(world.clusters):
        world.tell(ClusterReturned(at=world.now, cluster=name))
    for rollout in list(world.rollouts):
        if rollout.hold is HoldState.PLACED:
            world.do_release_hold(line(f"release_hold of {rollout.id} by cleo: kind"))
    for rollout in list(world.rollouts):
        if rollout.ended:
            continue
        if rollout.pause is not None or rollout.phase is Phase.HALTED:
            world.do_resume(line(f"resume of {rollout.id} by cleo: kind"))
        if rollout.phase is Phase.HALTED or waits_for_train(world, rollout):
            world.do_abort(line(f"abort of {rollout.id} by cleo: it cannot go on"))
    flying = [n for each in world.rollouts for n, e in each.clusters.items() if writes(e)]
    for name in flying:
        digest = world.assigned.get(name)
        fact = {"at": world.now, "cluster": name, "digest": digest}
        world.tell(ClusterObserved(**fact), ClusterApplied(**fact), BecameHealthy(**fact))
    for number in range(12):
        answer_gate(world, number, 0)
    pass_gates(world)
    world.do_wait(line("wait 6m"))


def waits_for_train(world: Watched, rollout: Rollout) -> bool:
    reasons = [getattr(r, "reason", "") for r in world.answers[rollout.id].waiting_on]
    return any("ahead stopped" in text or "abort this one" in text for text in reasons)


def pass_gates(world: Watched) -> None:
    """Answer gates that cannot tell."""
    for rollout in world.rollouts:
        for run in rollout.stages:
            for gate in run.gates.values():
                over = rollout.ended or run.phase is StagePhase.COMPLETED
                if gate.verdict is GateVerdict.NEEDS_PERSON and not over:
                    on = f"on {gate.cluster}" if gate.cluster else ""
                    world.do_pass(line(f"pass {gate.gate} of {rollout.id} {on} by cleo: kind"))
