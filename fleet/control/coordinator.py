"""The one loop that owns the state of the fleet.

Takes messages from the inbox, lets pure functions say which facts follow, stores the facts, folds
them, and only then acts: desired states to the reconcilers, changes to the feed, answers to people.
Whatever is not stored has not happened; whatever is stored is acted upon again after a crash.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from clusters.events import ClusterEvent
from clusters.model import ClusterName, DesiredState, Digest, Manifest
from fleet.control.dispatcher import Dispatcher
from fleet.control.inbox import (
    CommandAsked,
    CommitFaulty,
    CommitProposed,
    CommitsRecalled,
    Inbox,
    Message,
    RolloutNews,
    SourceLooked,
    SourceUnreadable,
)
from fleet.control.ledger import Ledger
from fleet.control.server_log import ServerLog
from fleet.control.settling import is_settled
from fleet.control.supervisor import Supervisor
from fleet.deciding import commands, commits, observations, travelling
from fleet.deciding.conductor import Conductor, Do, Scene
from fleet.deciding.rebuilding import NOTHING, Recalled, Survey, joining, recall
from fleet.deciding.refusal import CommandMoot, CommandRefused
from fleet.deciding.travelling import fact_of, restart, rollout_id
from fleet.model import Inventory
from fleet.model.release import Proposal
from fleet.presenting.publisher import Publisher
from fleet.presenting.views import Picture
from fleet.rollout.decisions import AssignRelease, ObserveCluster
from fleet.rollout.state import Rollout
from fleet.state.facts import FleetFact, ShrinkConfirmed
from fleet.state.fleet import FleetState
from fleet.state.observed import Observed
from fleet.view import CommandResult

BATCH_MAX = 500
IDLE_S = 5.0
_FROM_GIT = CommitProposed | CommitFaulty | SourceUnreadable | SourceLooked
SURVEY_S = 0.5


@dataclass(slots=True)
class _Work:
    """What one batch of messages comes to."""

    facts: list[FleetFact] = field(default_factory=list)
    proposal: Proposal | None = None
    rendered: dict[Digest, tuple[Manifest, ...]] = field(default_factory=dict)
    """Contents of all commits of the batch: facts of an older one name them as well."""
    answers: list[tuple[CommandAsked, CommandResult]] = field(default_factory=list)
    touched: set[str] = field(default_factory=set)
    """Clusters whose observations changed."""
    effects: list[Do] = field(default_factory=list)
    """What rollouts want done once the facts are durable."""
    recalled: Recalled = NOTHING
    """What clusters hold by their own word, after the loss of the database."""
    survey: bool = False
    """Whether the clusters of a commit that waits have to be asked what they hold."""

    def answered(self, key: str) -> CommandResult | None:
        """What a command of this batch with this idempotency key was answered."""
        found = (result for asked, result in self.answers if key and asked.key == key)
        return next(found, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where the fleet is declared."""

    repository: str
    """URL without credentials."""
    ref: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Errands:
    """What the coordinator has others do.  Each returns at once; results come through the inbox."""

    look: Callable[[], None]
    """Asks the source to look now."""
    carry_out: Callable[[Do, Rollout], None]
    """Starts a side effect of a rollout."""
    log: ServerLog = field(default_factory=ServerLog)
    """Tells an operator what happens."""
    recall: Callable[[Survey], None] | None = None
    """Starts reading the commits that clusters remember; None: clusters are not asked."""


class Coordinator:
    """Owns `FleetState`.

    Args:
        ledger: where facts become durable.
        supervisor: the running reconcilers.
        publisher: makes the read model.
        origin: the fleet repository.
        errands: what others do for it.
        clock: gives the time in UTC.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        supervisor: Supervisor,
        publisher: Publisher,
        origin: Origin,
        errands: Errands,
        clock: Callable[[], datetime],
    ) -> None:
        self.inbox = Inbox()
        self.state = FleetState()
        self.observed = Observed()
        self.inventory = Inventory()
        self._ledger = ledger
        self._dispatcher = Dispatcher(supervisor, lookup=self._ledger.lookup, look=errands.look)
        self._publisher = publisher
        self._repository = origin.repository
        self._ref = origin.ref
        self._errands = errands
        self._survey: Survey | None = None
        """Set while the first commit of an empty store waits for what clusters remember."""
        self._clock = clock
        self.conductor = Conductor(lambda bundle: rollout_id(self.state, bundle))
        self._fetched_at: datetime | None = None
        self._looked = False
        """Whether the fleet repository was looked at since the start, with whatever result."""
        self._inventory_known = False
        self._kept_back: Proposal | None = None
        """A commit that waits for a person's confirmation."""
        self._look_again: set[str] = set()
        """Clusters whose newest word a rollout wants to hear once more."""
        self.settled = asyncio.Event()
        """Set while nothing is left to do without a person (see `settling`)."""

    @property
    def picture(self) -> Picture:
        """What views are made of."""
        return Picture(
            state=self.state,
            observed=self.observed,
            inventory=self.inventory,
            repository=self._repository,
            ref=self._ref,
            fetched_at=self._fetched_at,
            outcomes=self.conductor.outcomes,
            lookup=self._ledger.lookup,
            at=self._clock(),
        )

    @property
    def sent(self) -> Mapping[ClusterName, DesiredState]:
        """What each cluster was told to hold."""
        return self._dispatcher.sent

    async def recover(self) -> None:
        """Bring back the state of the last run."""
        self.state = await self._ledger.recover()

    async def run(self, first: Inventory | None = None) -> None:
        """Work until cancelled.

        Args:
            first: what the commit in force declares; None when that is not known yet.
        """
        if first is not None:
            self.inventory, self._inventory_known = first, True
            await self._dispatcher.take_inventory(self.state, first)
        await self._handle([], restarted=True)
        self._publisher.publish_all(self.picture)
        while True:
            idle_s = 0.0 if self._look_again else IDLE_S
            if self._survey:
                idle_s = min(idle_s, SURVEY_S)
            patience_s = self.conductor.next_due_s(self._clock(), idle_s)
            await self._handle(await self.inbox.take(BATCH_MAX, patience_s))

    async def _handle(self, messages: Sequence[Message], *, restarted: bool = False) -> None:
        work = _Work()

        def emit(fact: FleetFact) -> None:
            self.state.fold(fact)
            work.facts.append(fact)

        if restarted:
            for fact in restart(self.state, self._clock()):
                emit(fact)
        for message in messages:
            for fact in await self._decide(message, work):
                emit(fact)
        for fact in self._end_survey(work):
            emit(fact)
        self._conduct(work, emit)
        rows = await self._make_durable(work)
        self._errands.log.facts(work.facts)
        await self._act(work)
        busy = bool(self._look_again) or not self.inbox.empty
        self._publisher.publish(self.picture, work.facts, rows, work.touched, busy=busy)
        self._settle()
        for asked, result in work.answers:
            self._errands.log.command(asked.request, asked.actor, result)
            if not asked.answer.done():
                asked.answer.set_result(result)

    def _conduct(self, work: _Work, emit: Callable[[FleetFact], None]) -> None:
        """Let rollouts take in what is new, and decide."""
        now = self._clock()
        work.touched |= self._look_again
        self._look_again.clear()
        scene = Scene(
            state=self.state,
            observed=self.observed,
            inventory=work.proposal.inventory if work.proposal else self.inventory,
            known=self._inventory_known or work.proposal is not None,
            now=now,
        )
        work.effects = self.conductor.conduct(scene, tuple(work.facts), work.touched, emit)
        if not work.facts and (watched := travelling.watched(self.state, now)):
            emit(watched)

    async def _decide(self, message: Message, work: _Work) -> list[FleetFact]:
        now = self._clock()
        self._looked |= isinstance(message, _FROM_GIT)
        match message:
            case CommitProposed():
                self._fetched_at = now
                return self._propose(message.proposal, work, now)
            case CommitsRecalled():
                return self._take_recalled(message, work, now)
            case CommitFaulty():
                self._fetched_at = now
                return commits.refuse(
                    self.state,
                    message.head,
                    message.problems,
                    repository=self._repository,
                    at=now,
                )
            case SourceUnreadable():
                return commits.source_failed(self.state, message.repository, message.error, at=now)
            case SourceLooked():
                self._fetched_at = message.at
                return commits.source_recovered(self.state, self._repository, at=now)
            case CommandAsked():
                return await self._decide_command(message, work, now)
            case RolloutNews():
                return self._hear(message)
            case _:
                return self._observe(message, work)

    def _propose(
        self, proposal: Proposal, work: _Work, now: datetime, *, confirmed: bool = False
    ) -> list[FleetFact]:
        """Put a commit in force, unless it takes away so much that a person has to confirm."""
        if self.state.commit is None and self._errands.recall:
            # The store is empty, the clusters may not be: let them say what they hold, first.
            self._survey, work.survey = Survey.begin(proposal, now, before=self._survey), True
            return joining(self.state, proposal, now)
        guard = self.inventory.settings.guards.inventory_shrink
        reasons = [] if confirmed else commits.shrinking(self.state, proposal, guard)
        if reasons:
            self._kept_back = proposal
            return commits.keep_back(
                self.state, proposal, reasons, repository=self._repository, at=now
            )
        self._kept_back = None
        return self._accept(proposal, work, now)

    def _accept(
        self, proposal: Proposal, work: _Work, now: datetime, recalled: Recalled = NOTHING
    ) -> list[FleetFact]:
        work.proposal, work.recalled = proposal, recalled
        work.rendered |= {**proposal.contents, **recalled.contents}
        return commits.accept(
            self.state,
            proposal,
            repository=self._repository,
            ref=self._ref,
            at=now,
            recalled=recalled,
        )

    def _end_survey(self, work: _Work) -> list[FleetFact]:
        """Go on with the first commit, once all clusters were heard or their time is up."""
        survey, recall = self._survey, self._errands.recall
        if survey is None or recall is None or not survey.ends(self._clock()):
            return []
        if survey.found:
            recall(survey)
            return []
        self._survey, work.survey = None, False
        return self._accept(survey.proposal, work, self._clock())

    def _take_recalled(
        self, message: CommitsRecalled, work: _Work, now: datetime
    ) -> list[FleetFact]:
        survey = self._survey
        if survey is None or message.newest.head.revision != survey.proposal.head.revision:
            return []  # a newer commit came meanwhile: its own reading follows
        self._survey = None
        held = recall(survey.found, message.newest, message.older)
        return self._accept(message.newest, work, now, held)

    def _observe(self, event: ClusterEvent, work: _Work) -> list[FleetFact]:
        if event.cluster not in self.state.clusters:
            return []
        found = observations.facts_of(self.state, event)
        self.observed.take(event)
        if self._survey:
            self._survey.hear(event)
        work.touched.add(event.cluster)
        return found

    def _hear(self, news: RolloutNews) -> list[FleetFact]:
        rollout = self.state.travel.rollouts.get(news.rollout)
        if rollout is None:
            return []
        return [fact_of(rollout.id, rollout.plan.release.bundle, news.event)]

    async def _decide_command(
        self, asked: CommandAsked, work: _Work, now: datetime
    ) -> list[FleetFact]:
        known = work.answered(asked.key) or await self._ledger.answered(asked.key)
        if known is not None:
            work.answers.append((asked, known))
            return []
        try:
            found = commands.facts_of(
                self.state, self.inventory, asked.request, actor=asked.actor, at=now
            )
        except CommandRefused as refusal:
            work.answers.append((asked, CommandResult(accepted=False, message=str(refusal))))
            return []
        except CommandMoot as moot:
            work.answers.append((asked, CommandResult(accepted=True, message=str(moot))))
            return []
        done = f"{asked.request.command} {asked.request.target}: accepted"
        work.answers.append((asked, CommandResult(accepted=True, message=done)))
        if self._kept_back and any(isinstance(fact, ShrinkConfirmed) for fact in found):
            found += self._propose(self._kept_back, work, now, confirmed=True)
        return found

    async def _make_durable(self, work: _Work) -> tuple[int, ...]:
        answers = {
            asked.key: result for asked, result in work.answers if asked.key and result.accepted
        }
        return await self._ledger.record(
            work.facts, self.state, rendered=work.rendered, answers=answers
        )

    async def _act(self, work: _Work) -> None:
        """Bring the world in line with the state."""
        if work.survey and self._survey:
            self.inventory = self._survey.proposal.inventory
            await self._dispatcher.take_inventory(self.state, self.inventory)
        if work.proposal:
            self.inventory, self._inventory_known = work.proposal.inventory, True
            for name in await self._dispatcher.take_inventory(self.state, self.inventory):
                self.observed.forget(name)
        await self._dispatcher.follow(work.facts, self.state, self.inventory)
        for do in work.effects:
            self._carry_out(do)

    def _carry_out(self, do: Do) -> None:
        if isinstance(do.effect, ObserveCluster | AssignRelease):
            # The cluster may hold it already, and then says nothing new of its own accord.
            self._look_again.add(do.effect.cluster)
        rollout = self.state.travel.rollouts.get(do.rollout)
        if rollout is not None:
            self._errands.carry_out(do, rollout)

    def _settle(self) -> None:
        if not self._look_again and is_settled(
            self.picture, looked=self._looked and self._survey is None
        ):
            self.settled.set()
        else:
            self.settled.clear()
