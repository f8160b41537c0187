"""Plays a scenario script against the real planner, and writes down what it does.

It stands where the coordinator stands, for one bundle called `payments`: it keeps the rollouts,
the releases that wait, the holds, and what is assigned and known good on each cluster; it hands
facts in and carries decisions out.  Time stands still until the script says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from clusters.model import BundleName, ClusterName, Digest, Health, Revision
from fleet.model import (
    Amount,
    Cluster,
    Connection,
    FleetSettings,
    Gate,
    GateName,
    Guards,
    Identities,
    Inventory,
    OnNewRelease,
    Place,
    PruneGuard,
    RollbackMode,
    RollbackPolicy,
    Stage,
    StageName,
    Strategy,
    StrategyName,
    Window,
    WindowName,
    WithoutLastGood,
    WriteBack,
)
from fleet.rollout import commands, report
from fleet.rollout.advance import advance
from fleet.rollout.decisions import AssignRelease, Effect, PlaceHold
from fleet.rollout.events import (
    BecameHealthy,
    ClusterApplied,
    ClusterContested,
    ClusterFailed,
    Degraded,
    DriftSeen,
    Event,
    GateMeasured,
    HoldPlaced,
    Measurement,
    RevertProposed,
    RolloutStarted,
    SoakElapsed,
    StageCompleted,
    Superseded,
)
from fleet.rollout.facts import Facts
from fleet.rollout.guards import Changing, FleetLimits, Leases
from fleet.rollout.joining import joining
from fleet.rollout.member_events import (
    ClusterLeft,
    ClusterObserved,
    ClusterReturned,
    ClusterUnreachable,
    CoordinatorStarted,
)
from fleet.rollout.model import Release, RolloutId
from fleet.rollout.narrative import narrate
from fleet.rollout.planner import begin, evolve
from fleet.rollout.planning import Baseline, PlanRefused, make_plan
from fleet.rollout.progress import ClusterState
from fleet.rollout.record import read_rollout, rollout_record
from fleet.rollout.requests import (
    Aborted,
    Approved,
    GatePassed,
    HoldReleased,
    Paused,
    PromotedNow,
    Rejected,
    Request,
    Resumed,
    Retried,
    RollbackRequested,
    Skipped,
    TakeoverDecided,
    UndoScope,
    WindowBypassed,
)
from fleet.rollout.rollback import held_digests
from fleet.rollout.state import HoldState, Phase, Position, Rollout
from fleet.rollout.supersede import ahead_of, arrange
from fleet.rollout.surroundings import changing, expected
from fleet.rollout.turn import Outcome
from fleet.rollout.windows import Calendar
from tests.scenarios import script
from tests.scenarios.script import Line

MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
BUNDLE = BundleName("payments")
_GOING_BACK = (ClusterState.ROLLING_BACK, ClusterState.ROLLED_BACK)


@dataclass
class Player:
    """The world of one script."""

    now: datetime = MONDAY
    out: list[str] = field(default_factory=list)
    clusters: dict[ClusterName, Cluster] = field(default_factory=dict)
    gates: dict[GateName, Gate] = field(default_factory=dict)
    windows: dict[WindowName, Window] = field(default_factory=dict)
    stages: list[Stage] = field(default_factory=list)
    strategy_fields: dict[str, Any] = field(default_factory=dict)
    rollback: RollbackPolicy = RollbackPolicy()
    settings: FleetSettings = FleetSettings()
    releases: dict[str, Release] = field(default_factory=dict)
    waiting: list[Release] = field(default_factory=list)
    rollouts: list[Rollout] = field(default_factory=list)
    answers: dict[RolloutId, Outcome] = field(default_factory=dict)
    assigned: dict[ClusterName, Digest] = field(default_factory=dict)
    last_good: dict[ClusterName, Digest] = field(default_factory=dict)
    completed: dict[tuple[StageName, ClusterName], Digest] = field(default_factory=dict)
    held: frozenset[Digest] = frozenset()
    leftovers: dict[ClusterName, int] = field(default_factory=dict)
    blocked: dict[ClusterName, str] = field(default_factory=dict)
    drifting: dict[ClusterName, str] = field(default_factory=dict)
    busy: Changing = Changing()
    sick: set[ClusterName] = field(default_factory=set)
    people: dict[str, tuple[str, ...]] = field(
        default_factory=lambda: {"ada": (), "ben": (), "cleo": (), "dan": ()}
    )
    hotfixers: frozenset[str] = frozenset()
    frozen: str = ""
    effects: list[Effect] = field(default_factory=list)
    away: dict[ClusterName, datetime] = field(default_factory=dict)
    logs: dict[RolloutId, list[Event]] = field(default_factory=dict)
    """Every event that was folded into each rollout, as the store would keep them."""

    def play(self, text: str, name: str) -> str:
        for number, raw in enumerate(text.splitlines(), start=1):
            if not raw.strip() or raw.startswith("#"):
                self.out.append(raw)
                continue
            self.out.append(f"> {raw.strip()}")
            line = Line(Place(file=name, line=number), raw.strip())
            doing: Callable[[Line], None] = getattr(self, f"do_{line.verb.replace('-', '_')}")
            doing(line)
        return "\n".join(self.out).rstrip() + "\n"

    def say(self, text: str, rollout: Rollout | None = None) -> None:
        several = sum(not each.ended for each in self.rollouts) > 1 or len(self.rollouts) > 1
        which = f"{rollout.id} " if rollout is not None and several else ""
        self.out.append(f"  {self.now:%H:%M:%S} {which}{text}")

    # --- documents ------------------------------------------------------------------------------

    def do_clusters(self, line: Line) -> None:
        labels = line.pairs
        timezone = labels.pop("timezone", "UTC")
        for name in script.names(" ".join(line.head)):
            self.clusters[ClusterName(name)] = Cluster(
                name=ClusterName(name),
                place=line.place,
                connection=Connection(context=name),
                labels=labels,
                timezone=timezone,
            )

    def do_gate(self, line: Line) -> None:
        gate = script.gate(line)
        self.gates[gate.name] = gate

    def do_window(self, line: Line) -> None:
        window = script.window(line)
        self.windows[window.name] = window
        if self.rollouts:
            self.drive()

    def do_stage(self, line: Line) -> None:
        self.stages.append(script.stage(line))

    def do_strategy(self, line: Line) -> None:
        pairs = line.pairs
        if "onNewRelease" in pairs:
            self.strategy_fields["on_new_release"] = OnNewRelease(pairs["onNewRelease"])
        if "maxTrains" in pairs:
            self.strategy_fields["max_trains"] = int(pairs["maxTrains"])
        if "maxFailures" in pairs:
            self.strategy_fields["max_failures"] = script.amount(pairs["maxFailures"])

    def do_rollback_policy(self, line: Line) -> None:
        pairs = line.pairs
        self.rollback = RollbackPolicy(
            mode=RollbackMode(pairs.get("mode", "auto")),
            without_last_good=WithoutLastGood(pairs.get("withoutLastGood", "leave")),
            max_concurrency=script.amount(pairs.get("concurrency", "100%")),
            respects_windows=pairs.get("windows") == "respect",
            write_back=WriteBack(pairs.get("writeBack", "none")),
        )

    def do_limits(self, line: Line) -> None:
        pairs = line.pairs
        most: Amount | None = script.amount(pairs["clusters"]) if "clusters" in pairs else None
        bundles = int(pairs["bundles"]) if "bundles" in pairs else None
        prune = PruneGuard(
            max_clusters=int(pairs["pruneClusters"]) if "pruneClusters" in pairs else None,
            max_objects=int(pairs.get("pruneObjects", "50")),
        )
        guards = Guards(
            max_clusters_changing=most, max_bundles_changing_per_cluster=bundles, prune=prune
        )
        self.settings = FleetSettings(guards=guards)

    def do_baseline(self, line: Line) -> None:
        for name in script.names(line.rest) or list(self.clusters):
            self.assigned[ClusterName(name)] = Digest(line.head[0])
            self.last_good[ClusterName(name)] = Digest(line.head[0])

    def do_person(self, line: Line) -> None:
        """`person ACTOR: NAME-OR-ADDRESS…`: how somebody appears in Git."""
        self.people[line.head[0]] = tuple(line.words)

    def do_hotfixers(self, line: Line) -> None:
        self.hotfixers = frozenset(line.words)

    def inventory(self) -> Inventory:
        return Inventory(
            settings=self.settings,
            clusters=self.clusters,
            gates=self.gates,
            windows=self.windows,
        )

    # --- releases -------------------------------------------------------------------------------

    def do_release(self, line: Line) -> None:
        name, pairs = line.head[0], line.pairs
        same = {ClusterName(each) for each in script.names(pairs.get("same", ""))}
        base = Digest(pairs.get("like", name))
        own = {ClusterName(each) for each in script.names(pairs.get("own", ""))}
        others = {ClusterName(each) for each in script.names(pairs.get("on", ""))}
        digests = {
            each: self.assigned[each] if each in same else Digest(name if each in own else base)
            for each in self.clusters
            if not others or each in others
        }
        release = Release(
            bundle=BUNDLE,
            revision=Revision(name.ljust(8, "0")),
            strategy=Strategy(
                name=StrategyName("ring"),
                place=line.place,
                stages=tuple(self.stages),
                **self.strategy_fields,
            ),
            digests=digests,
            author=pairs.get("author", "ada"),
            committed_at=self.now,
            rollback=self.rollback,
            hotfix="hotfix" in line.words,
            sequential="sequential" in line.words,
            authors=tuple(map(script.person, filter(None, pairs.get("authors", "").split(",")))),
        )
        self.releases[name] = release
        self.waiting.append(release)
        self.drive()

    def do_plan(self, line: Line) -> None:
        """Print the plan of the newest rollout."""
        plan = self.rollouts[-1].plan
        for stage in plan.stages:
            order = ", ".join(seat.cluster for seat in stage.seats if not seat.unchanged)
            self.say(
                f"stage {stage.name}: {stage.size} change, {report.at_once_sentence(stage)}, "
                f"{stage.failures} may fail, batches {'/'.join(map(str, stage.ramp))}; "
                f"{report.bound_sentence(stage)}; order {order or 'none'}"
            )

    def _start(self, release: Release) -> None:
        rollout_id = RolloutId(f"r{len(self.rollouts) + 1}")
        held = expected(self.assigned, self.rollouts)
        baseline = Baseline(assigned=held, completed=dict(self.completed))
        try:
            plan = make_plan(
                release, self.inventory(), rollout=rollout_id, now=self.now, baseline=baseline
            )
        except PlanRefused as error:
            for problem in error.problems:
                self.say(f"refused: {problem}")
            return
        live = [each.id for each in self.rollouts if not each.ended]
        started = RolloutStarted(
            at=self.now, id=rollout_id, plan=plan, follows=live[-1] if live else None
        )
        self.rollouts.append(begin(started))
        self.logs[rollout_id] = [started]
        for name, since in self.away.items():
            lost = ClusterUnreachable(at=since, cluster=name)
            self.tell(lost, only=rollout_id, drive=False)
        self.say(f"rollout {rollout_id} of {release.revision.rstrip('0')} starts")

    # --- the loop -------------------------------------------------------------------------------

    def facts(self, rollout: Rollout) -> Facts:
        total = changing(self.rollouts)
        merged = dict(total.bundles)
        for name, bundles in self.busy.bundles.items():
            merged[name] = merged.get(name, frozenset()) | bundles
        health = {
            name: {BUNDLE: Health.DEGRADED if name in self.sick else Health.HEALTHY}
            for name in self.clusters
        }
        return Facts(
            calendar=Calendar.of(
                self.windows.values(), self.clusters.values(), self.gates.values()
            ),
            limits=FleetLimits.of(self.settings.guards, clusters=len(self.clusters)),
            changing=Changing(bundles=merged),
            leases=Leases(rollouts=tuple(self.rollouts)),
            held=self.held,
            last_good=self.last_good,
            blocked=self.blocked | self._drift_that_blocks(rollout),
            health=health,
            ahead=ahead_of(rollout, self.rollouts),
            leftovers=self.leftovers,
            prune_guard=self.settings.guards.prune,
            people=Identities.of({}, self.people),
            frozen=self.frozen,
        )

    def _drift_that_blocks(self, rollout: Rollout) -> dict[ClusterName, str]:
        stages = {run.name: run.plan.stage for run in rollout.stages}
        return {
            name: f"{what} and drift blocks a start"
            for name, what in self.drifting.items()
            if stages[rollout.clusters[name].seat.stage].drift_blocks
        }

    def drive(self) -> None:
        """Advance every rollout until nothing more happens at this moment."""
        restless = True
        while restless:
            restless = self._arrange()
            for index in range(len(self.rollouts)):
                rollout = self.rollouts[index]
                step = advance(rollout, self.facts(rollout), self.now)
                self.rollouts[index] = step.rollout
                self.answers[rollout.id] = step.outcome
                self.logs[rollout.id] += step.events
                for event in step.events:
                    self._note(step.rollout, event)
                for effect in step.effects:
                    restless = self._carry_out(index, effect) or restless
                restless = restless or bool(step.events)

    def _arrange(self) -> bool:
        live = [each for each in self.rollouts if not each.ended]
        found = arrange(live, self.waiting, held=self.held, hotfix_authors=self.hotfixers)
        for dropped in found.dropped:
            self.say(f"{dropped.release.revision.rstrip('0')} is dropped: {dropped.reason}")
        for ending in found.supersede:
            by = self.waiting[-1].revision.rstrip("0")
            event = Superseded(at=self.now, by=by, hurry=found.hurry)
            self.tell(event, only=ending, drive=False)
        self.waiting = list(found.waiting)
        if found.start is not None:
            self._start(found.start)
        return bool(found.supersede or found.start)

    def _note(self, rollout: Rollout, event: Event) -> None:
        self.say(narrate(event), rollout)
        if isinstance(event, SoakElapsed):
            entry = rollout.clusters[event.cluster]
            self.last_good[event.cluster] = entry.seat.digest
        elif isinstance(event, BecameHealthy) and event.digest is not None:
            # As the fleet's state does: what it went back to is the newest that is good there.
            going = rollout.clusters[event.cluster].state in _GOING_BACK
            self.last_good |= {event.cluster: event.digest} if going else {}
        if isinstance(event, StageCompleted):
            for seat in next(s for s in rollout.plan.stages if s.name == event.stage).seats:
                self.completed[event.stage, seat.cluster] = seat.digest

    def _carry_out(self, index: int, effect: Effect) -> bool:
        self.effects.append(effect)
        match effect:
            case AssignRelease():
                if effect.digest is None:
                    self.assigned.pop(effect.cluster, None)
                else:
                    self.assigned[effect.cluster] = effect.digest
            case PlaceHold():
                self.held |= effect.digests
                event = HoldPlaced(at=self.now, reason=effect.reason)
                self.rollouts[index] = evolve(self.rollouts[index], event)
                self.logs[self.rollouts[index].id].append(event)
                self._note(self.rollouts[index], event)
                return True
            case _:
                pass
        return False

    def tell(self, *events: Event, only: str = "", drive: bool = True) -> None:
        """Hand facts to the rollouts they concern (those that know the cluster)."""
        for event in events:
            told = False
            if isinstance(event, ClusterUnreachable):
                self.away.setdefault(event.cluster, event.at)
            if isinstance(event, ClusterReturned):
                self.away.pop(event.cluster, None)
            for index, rollout in enumerate(self.rollouts):
                if only and rollout.id != only:
                    continue
                after = evolve(rollout, event)
                if after is not rollout and after != rollout:
                    self.rollouts[index] = after
                    self.logs[rollout.id].append(event)
                    if not told:
                        self._note(after, event)
                    told = True
        if drive:
            self.drive()

    # --- what happens on clusters ---------------------------------------------------------------

    def _each(self, line: Line) -> Iterable[ClusterName]:
        if line.head != ["all"]:
            return [ClusterName(name) for name in script.names(" ".join(line.head))]
        return [
            name
            for rollout in self.rollouts
            for run in rollout.stages
            for name in (*run.tally.in_flight, *run.tally.rolling_back, *run.tally.direct)
        ]

    def _about(self, line: Line, make: Callable[[ClusterName, Digest | None], Event]) -> None:
        events = [make(name, self.assigned.get(name)) for name in self._each(line)]
        self.tell(*events)

    def do_applied(self, line: Line) -> None:
        self._about(line, lambda c, d: ClusterApplied(at=self.now, cluster=c, digest=d))

    def do_healthy(self, line: Line) -> None:
        self._about(line, lambda c, d: BecameHealthy(at=self.now, cluster=c, digest=d))

    def do_degraded(self, line: Line) -> None:
        self._about(line, lambda c, d: Degraded(at=self.now, cluster=c, digest=d, reason=line.rest))

    def do_fails(self, line: Line) -> None:
        self._about(
            line, lambda c, d: ClusterFailed(at=self.now, cluster=c, digest=d, reason=line.rest)
        )

    def do_contested(self, line: Line) -> None:
        """`contested CLUSTERS: KIND/NAME FIELD MANAGER`; nothing after the colon: no more."""
        found = (script.contest(line.rest),) if line.rest else ()
        self._about(
            line,
            lambda c, d: ClusterContested(at=self.now, cluster=c, digest=d, contests=found),
        )

    def do_removed(self, line: Line) -> None:
        self._about(line, lambda c, d: ClusterApplied(at=self.now, cluster=c, digest=None))

    def do_drift(self, line: Line) -> None:
        self._about(line, lambda c, d: DriftSeen(at=self.now, cluster=c, detail=line.rest))

    def do_lost(self, line: Line) -> None:
        self._about(line, lambda c, d: ClusterUnreachable(at=self.now, cluster=c))

    def do_back(self, line: Line) -> None:
        self._about(line, lambda c, d: ClusterReturned(at=self.now, cluster=c))

    def do_holds(self, line: Line) -> None:
        """`holds CLUSTER: DIGEST`: what the cluster's own record says."""
        found = Digest(line.rest)
        self._about(line, lambda c, d: ClusterObserved(at=self.now, cluster=c, digest=found))

    def do_leaves(self, line: Line) -> None:
        for name in self._each(line):
            self.clusters.pop(name)
            self.tell(ClusterLeft(at=self.now, cluster=name))

    def do_relabel(self, line: Line) -> None:
        for name in self._each(line):
            self.clusters[name] = replace(self.clusters[name], labels=line.pairs)
        self.drive()

    def do_joins(self, line: Line) -> None:
        self.do_clusters(line)
        rollout = self.rollouts[-1]
        release = rollout.plan.release
        for name in self._each(line):
            digests = {**release.digests, name: Digest(release.revision.rstrip("0"))}
            event = joining(
                rollout,
                replace(release, digests=digests),
                self.clusters[name],
                self.inventory(),
                at=self.now,
                baseline=Baseline(assigned=self.assigned, completed=dict(self._before(rollout))),
            )
            self.tell(event, only=rollout.id)

    def _before(self, rollout: Rollout) -> dict[tuple[StageName, ClusterName], Digest]:
        """The last completed release of each stage, for clusters it never saw."""
        older = [each for each in self.rollouts[:-1] if each.phase is Phase.COMPLETED]
        text = older[-1].plan.release.revision.rstrip("0") if older else ""
        known = dict(self.completed)
        for stage in self.stages:
            for name in self.clusters:
                if text:
                    known.setdefault((stage.name, name), Digest(text))
        return known

    def do_leftover(self, line: Line) -> None:
        """`leftover CLUSTERS: COUNT`: objects that they have and the release no longer names."""
        for name in self._each(line):
            self.leftovers[name] = int(line.rest)
            if not self.leftovers[name]:
                del self.leftovers[name]
        if self.rollouts:
            self.drive()

    def do_drifts(self, line: Line) -> None:
        """Drift before a start: `deciding.rollout_facts` makes a blocker of it."""
        self.drifting |= dict.fromkeys(self._each(line), line.rest)
        if self.rollouts:
            self.drive()

    def do_resolved(self, line: Line) -> None:
        for name in self._each(line):
            self.drifting.pop(name)
        self.drive()

    def do_block(self, line: Line) -> None:
        for name in self._each(line):
            self.blocked[name] = line.rest
        self.drive()

    def do_unblock(self, line: Line) -> None:
        for name in self._each(line):
            self.blocked.pop(name)
        self.drive()

    def do_freeze(self, line: Line) -> None:
        self.frozen = line.rest
        self.drive()

    def do_busy(self, line: Line) -> None:
        """`busy CLUSTERS: BUNDLES`: other bundles change there."""
        pairs = [(name, BundleName(bundle)) for name in self._each(line) for bundle in line.words]
        self.busy = Changing.of(pairs)
        self.drive()

    def do_idle(self, _line: Line) -> None:
        self.busy = Changing()
        self.drive()

    def do_ill(self, line: Line) -> None:
        self.sick |= set(self._each(line))
        self.drive()

    def do_well(self, line: Line) -> None:
        self.sick -= set(self._each(line))
        self.drive()

    # --- time -----------------------------------------------------------------------------------

    def do_wait(self, line: Line) -> None:
        """Let time pass, waking at every moment the planner asked for."""
        self._pass_time(self.now + timedelta(seconds=script.seconds(line.head[0])))

    def _pass_time(self, end: datetime) -> None:
        while True:
            recheck = [
                answer.recheck_after
                for answer in self.answers.values()
                if answer.recheck_after is not None
            ]
            wake = self.now + timedelta(seconds=max(min(recheck, default=1e9), 0.001))
            if wake > end:
                break
            self.now = wake
            self.drive()
        self.now = end
        self.drive()

    def do_clock(self, line: Line) -> None:
        """Let time pass until a moment."""
        self._pass_time(script.moment(line.rest).astimezone(UTC))

    def do_restart(self, line: Line) -> None:
        """The coordinator was away for so long: everything goes through its stored form."""
        gone = timedelta(seconds=script.seconds(line.head[0]))
        alive = self.now
        self.now += gone
        self.rollouts = [read_rollout(rollout_record(each)) for each in self.rollouts]
        self.tell(CoordinatorStarted(at=self.now, alive_until=alive))

    # --- gates and people -----------------------------------------------------------------------

    def _position(self, line: Line) -> tuple[StageName, GateName, Position]:
        gate = GateName(line.head[0])
        chosen = line.after("at")
        for run in self._rollout(line).stages:
            for position in [Position(chosen)] if chosen else Position:
                if run.phase.value != "completed" and gate in getattr(
                    run.plan.stage.gates, position.value
                ):
                    return run.name, gate, position
        raise ValueError(f"{line.place}: no stage has the gate {gate}")

    def _rollout(self, line: Line) -> Rollout:
        wanted = line.after("of")
        for rollout in reversed(self.rollouts):
            if rollout.id == wanted or not wanted:
                return rollout
        raise ValueError(f"{line.place}: there is no rollout {wanted}")

    def do_proposed(self, line: Line) -> None:
        """`proposed: url=… branch=… problem=…`: what came of proposing a revert."""
        pairs = line.pairs
        self.tell(
            RevertProposed(
                at=self.now,
                branch=pairs.get("branch", ""),
                url=pairs.get("url", ""),
                problem=pairs.get("problem", ""),
            ),
            only=self.rollouts[-1].id,
        )

    def do_measure(self, line: Line) -> None:
        """`measure GATE OUTCOME [on CLUSTER]: what it said`."""
        stage, gate, position = self._position(line)
        self.tell(
            GateMeasured(
                at=self.now,
                stage=stage,
                gate=gate,
                position=position,
                outcome=Measurement(line.head[1]),
                detail=line.rest,
                cluster=ClusterName(line.after("on")) if line.after("on") else None,
            )
        )

    def _ask(self, line: Line, request: Request) -> None:
        rollout = self._rollout(line)
        roles = frozenset(filter(None, line.after("as").split(",")))
        authority = commands.Authority(
            roles=roles,
            windows=tuple(self.windows.values()),
            people=Identities.of({}, self.people),
        )
        match commands.check(rollout, request, authority):
            case commands.Granted(event=event):
                self.tell(event, only=rollout.id)
            case commands.Already(message=message):
                self.say(f"already so: {message}")
            case commands.Refused(message=message):
                self.say(f"refused: {message}")

    def _who(self, line: Line) -> dict[str, Any]:
        return {"at": self.now, "actor": line.after("by") or "ben", "reason": line.rest}

    def do_approve(self, line: Line) -> None:
        stage, gate, position = self._position(line)
        plan = line.after("plan") or self._rollout(line).plan.plan_hash
        request = Approved(
            **self._who(line),
            stage=stage,
            gate=gate,
            position=position,
            roles=tuple(filter(None, line.after("as").split(","))),
            plan_hash=Digest(plan),
        )
        self._ask(line, request)

    def do_reject(self, line: Line) -> None:
        stage, gate, position = self._position(line)
        self._ask(line, Rejected(**self._who(line), stage=stage, gate=gate, position=position))

    def do_pass(self, line: Line) -> None:
        stage, gate, position = self._position(line)
        cluster = ClusterName(line.after("on")) if line.after("on") else None
        request = GatePassed(
            **self._who(line), stage=stage, gate=gate, position=position, cluster=cluster
        )
        self._ask(line, request)

    def do_pause(self, line: Line) -> None:
        self._ask(line, Paused(**self._who(line)))

    def do_resume(self, line: Line) -> None:
        self._ask(line, Resumed(**self._who(line)))

    def do_abort(self, line: Line) -> None:
        self._ask(line, Aborted(**self._who(line)))

    def do_promote(self, line: Line) -> None:
        self._ask(line, PromotedNow(**self._who(line), stage=StageName(line.head[0])))

    def do_retry(self, line: Line) -> None:
        chosen = tuple(ClusterName(name) for name in script.names(line.head[0]))
        self._ask(line, Retried(**self._who(line), clusters=chosen))

    def do_skip(self, line: Line) -> None:
        request = Skipped(
            **self._who(line), cluster=ClusterName(line.head[0]), excuse="excused" in line.head
        )
        self._ask(line, request)

    def _decide(self, line: Line, *, take: bool) -> None:
        clusters = self._rollout(line).clusters
        chosen = [ClusterName(name) for name in script.names(line.head[0])]
        found = {name: clusters[name].contested for name in chosen}
        self._ask(line, TakeoverDecided(**self._who(line), take=take, contests=found))

    def do_take_over(self, line: Line) -> None:
        self._decide(line, take=True)

    def do_leave_field(self, line: Line) -> None:
        self._decide(line, take=False)

    def do_roll_back(self, line: Line) -> None:
        to = line.after("to")
        targets = dict(self.releases[to].digests) if to in self.releases else {}
        if to and not targets:
            targets = {name: Digest(to) for name in self.clusters}
        request = RollbackRequested(**self._who(line), scope=UndoScope.ROLLOUT, targets=targets)
        self._ask(line, request)

    def do_release_hold(self, line: Line) -> None:
        self._ask(line, HoldReleased(**self._who(line)))
        self.held = frozenset(
            digest
            for rollout in self.rollouts
            if rollout.hold is HoldState.PLACED
            for digest in held_digests(rollout)
        )
        self.drive()

    def do_bypass(self, line: Line) -> None:
        until = self.now + timedelta(seconds=script.seconds(line.after("for") or "0s"))
        window = WindowName(line.head[0])
        self._ask(line, WindowBypassed(**self._who(line), window=window, until=until))

    # --- looking --------------------------------------------------------------------------------

    def do_why(self, _line: Line) -> None:
        for rollout in self.rollouts:
            over = rollout.phase in (Phase.COMPLETED, Phase.SUPERSEDED, Phase.ABORTED)
            if over and not self.answers[rollout.id].waiting_on:
                continue
            texts = report.sentences(self.answers[rollout.id], self.now)
            for text in texts or ("It waits for nothing.",):
                self.say(text, rollout)
        found = arrange(
            [each for each in self.rollouts if not each.ended], self.waiting, held=self.held
        )
        if found.reason:
            queued = ", ".join(each.revision.rstrip("0") for each in self.waiting)
            self.say(f"{queued} waits: {found.reason}")

    def do_show(self, _line: Line) -> None:
        for rollout in self.rollouts:
            self.say(report.phase_sentence(rollout), rollout)
            by_state: dict[ClusterState, list[str]] = {}
            for name in sorted(rollout.clusters):
                state = report.shown_state(rollout, name, self.answers[rollout.id])
                by_state.setdefault(state, []).append(name)
            for state in ClusterState:
                if state in by_state:
                    self.out.append(f"    {state.value:<12} {', '.join(by_state[state])}")
            for alert in rollout.alerts:
                self.out.append(f"    alert        {alert}")

    def do_assigned(self, _line: Line) -> None:
        by_digest: dict[str, list[str]] = {}
        for name, digest in sorted(self.assigned.items()):
            by_digest.setdefault(digest, []).append(name)
        for digest, names in sorted(by_digest.items()):
            self.out.append(f"    {digest:<12} {', '.join(names)}")


def play(text: str, name: str) -> str:
    return Player().play(text, name)
