"""Why a cluster, a bundle or the fleet is as it is: one sentence for each reason.  Pure."""

from __future__ import annotations

from clusters.events import Silence
from clusters.model import ClusterName
from fleet.presenting.holds import hold_sentence, on_hold
from fleet.presenting.rollouts import rollout_view
from fleet.presenting.views import Picture, cluster_view, placement_view
from fleet.rollout.progress import BROKEN
from fleet.rollout.progress import ClusterState as Progress
from fleet.rollout.report import names, phase_sentence
from fleet.rollout.rollback import held_digests
from fleet.rollout.state import HoldState, Phase, Rollout
from fleet.rollout.supersede import is_held
from fleet.view import ClusterState, ProblemView

_BROKEN = BROKEN | {Progress.NEEDS_HUMAN}
_BROKEN_SHOWN = 3
_SILENT = {
    Silence.NO_ANSWER: "{name} does not answer: {reason}{retry}",
    Silence.ASKED_RARELY: (
        "{name} failed so often that it is asked rarely: {reason}{retry}, or at once with "
        "`flotilla reconcile cluster/{name}`"
    ),
    Silence.FENCED: "another server writes to {name}: {reason}{retry}",
}


def why(picture: Picture, target: str) -> list[str]:
    """The reasons, most telling first; a single calm sentence when all is well.

    Raises:
        LookupError: there is no such target.
    """
    kind, _, name = target.partition("/")
    match kind:
        case "fleet":
            return _fleet(picture)
        case "cluster" if name in picture.state.clusters:
            return _cluster(picture, name)
        case "bundle" if name in picture.state.assignments or name in picture.state.newest:
            return _bundle(picture, name)
        case "rollout" if name in picture.state.travel.rollouts:
            return _rollout(picture, name)
    raise LookupError(
        f"there is no {target!r}; it takes fleet, cluster/NAME, bundle/NAME or rollout/ID"
    )


def _fleet(picture: Picture) -> list[str]:
    reasons = [f"Git: {error}" for error in picture.state.source_errors.values()]
    if held := picture.state.shrink:
        reasons.append(
            f"commit {held.revision[:8]} by {held.author} waits for a confirmation: "
            f"{'; '.join(held.reasons)}"
        )
    if refused := picture.state.refused:
        in_force = picture.state.commit.revision[:8] if picture.state.commit else "nothing"
        reasons.append(
            f"commit {refused.revision[:8]} by {refused.author} is refused, "
            f"{in_force} stays in force:"
        )
        reasons += [f"  {_line(problem)}" for problem in refused.problems]
    elif picture.state.commit:
        reasons += [f"warning: {_line(problem)}" for problem in picture.state.commit.warnings]
    for rollout in picture.state.travel.rollouts.values():
        if not rollout.ended:
            reasons.append("; ".join(_rollout(picture, rollout.id)[:2]))
    reasons += _held(picture)
    reasons += _alike(picture)
    return reasons or ["Everything is as Git says, and healthy."]


def _alike(picture: Picture) -> list[str]:
    """What is the matter with clusters; those that say the same are named together."""
    same: dict[tuple[ClusterState, str], list[ClusterName]] = {}
    for name in sorted(picture.state.clusters):
        view = cluster_view(picture, name)
        if view.state is not ClusterState.READY:
            same.setdefault((view.state, view.why), []).append(ClusterName(name))
    return [
        _stands(names(them), state, why, many=len(them) > 1) for (state, why), them in same.items()
    ]


def _stands(name: str, state: ClusterState, why: str, *, many: bool = False) -> str:
    """How something stands, in a sentence that says a word once: `x is suspended by ada: …`."""
    verb = "are" if many else "is"
    if why.startswith(f"{state.value.lower()} "):
        return f"{name} {verb} {why}"
    return f"{name} {verb} {state}: {why or 'no reason given'}"


def _held(picture: Picture) -> list[str]:
    found = [on_hold(picture.state.travel, bundle) for bundle in sorted(picture.state.newest)]
    return [
        f"{held.plan.release.bundle} is not as Git says: {hold_sentence(held)}"
        for held in found
        if held is not None
    ]


def _line(problem: ProblemView) -> str:
    field = f"{problem.field}: " if problem.field else ""
    return f"{problem.file}:{problem.line}: {field}{problem.message}"


def _cluster(picture: Picture, name: str) -> list[str]:
    view = cluster_view(picture, name)
    contact = picture.observed.contact(name)
    if contact.known and not contact.connected:
        retry = f"; next attempt {contact.retry_at:%H:%M:%S} UTC" if contact.retry_at else ""
        silent = _SILENT[Silence(contact.silence or Silence.NO_ANSWER)]
        return [silent.format(name=name, reason=contact.reason, retry=retry)]
    reasons = [_stands(name, view.state, view.why)] if view.suspended else []
    entry = picture.state.clusters[name]
    if entry.replaced_at is not None:
        reasons.append(f"{name} was replaced at {entry.replaced_at:%H:%M:%S}; it is being rebuilt")
    if entry.mirror_trouble:
        reasons.append(f"{name} does not keep the record of its apply set: {entry.mirror_trouble}")
    for bundle, placed in sorted(picture.state.assignments.items()):
        assigned = placed.get(name)
        stands = placement_view(picture, name, bundle, assigned) if assigned else None
        told = view.suspended and stands is not None and stands.message == view.why
        if stands and not told and (stands.state is not ClusterState.READY or stands.message):
            reasons.append(_stands(bundle, stands.state, stands.message or "on its way"))
        newest = picture.state.newest.get(bundle, {}).get(name)
        behind = assigned is not None and newest not in (None, assigned.digest)
        if assigned and behind and (held := on_hold(picture.state.travel, bundle)):
            reasons.append(f"{bundle} stays at {assigned.revision[:8]}: {hold_sentence(held)}")
    return [*(reasons or [f"{name} is as Git says, and healthy."]), *_rebuilt(picture, name)]


def _rebuilt(picture: Picture, name: str) -> list[str]:
    rebuilt = picture.state.clusters[name].rebuilt
    if rebuilt is None:
        return []
    return [f"{name} was rebuilt on {rebuilt.at:%Y-%m-%d %H:%M} in {rebuilt.seconds:.1f} s."]


def _bundle(picture: Picture, name: str) -> list[str]:
    reasons = _travelling(picture, name)
    for cluster, entry in sorted(picture.state.assignments.get(name, {}).items()):
        stands = placement_view(picture, cluster, name, entry)
        if stands.state is not ClusterState.READY or stands.message:
            reasons.append(_stands(cluster, stands.state, stands.message or "on its way"))
    return reasons or [f"{name} is healthy on every cluster it is placed on."]


def _travelling(picture: Picture, name: str) -> list[str]:
    """Why its newest release is not everywhere yet, or will not be."""
    travel = picture.state.travel
    reasons = []
    if stranded := travel.stranded.get(name):
        reasons.append(f"release {stranded.revision[:8]} cannot travel: {stranded.reason}")
    for rollout in travel.of(name):
        if not rollout.ended:
            reasons += _rollout(picture, rollout.id)
    for release in travel.waiting.get(name, ()):
        held = is_held(release, frozenset(travel.held.get(name, ())))
        why_not = "it is on hold" if held else "another is under way"
        reasons.append(f"release {release.revision[:8]} waits: {why_not}")
    others = {**travel.held.get(name, {})}
    for rollout in travel.of(name):
        if rollout.hold is HoldState.PLACED and rollout.undo is not None:
            reasons.append(hold_sentence(rollout))
            ours = held_digests(rollout)
            others = {digest: why for digest, why in others.items() if digest not in ours}
    return reasons + [f"content {digest[:8]} is on hold: {why}" for digest, why in others.items()]


def _rollout(picture: Picture, name: str) -> list[str]:
    rollout = picture.state.travel.rollouts[name]
    view = rollout_view(picture, rollout)
    head = f"{name} carries {view.bundle} {view.to_revision[:8]}: {phase_sentence(rollout)}"
    told = (*_ended_by(rollout), *view.waiting_on, *view.notes)
    return [head, *told, *_broken(rollout), *rollout.alerts]


def _broken(rollout: Rollout) -> list[str]:
    """What is wrong with the clusters that failed, but for what is said of the first already."""
    told = rollout.stop.reason if rollout.stop else ""
    failed = [
        entry
        for entry in rollout.clusters.values()
        if entry.state in _BROKEN and entry.trouble and entry.trouble not in told
    ]
    more = len(failed) - _BROKEN_SHOWN
    rest = [f"{more} more failed"] if more > 0 else []
    return [*(f"{entry.name} failed: {entry.trouble}" for entry in failed[:_BROKEN_SHOWN]), *rest]


def _ended_by(rollout: Rollout) -> list[str]:
    """Why it stopped short, and what is left to do: nobody should have to search the log."""
    reason = rollout.stop.reason if rollout.stop else rollout.undo.reason if rollout.undo else ""
    if not reason or rollout.phase in (Phase.RUNNING, Phase.HALTED, Phase.COMPLETED):
        return []
    held = rollout.hold is HoldState.PLACED and rollout.phase is Phase.ROLLED_BACK
    return [f"It stopped: {reason}", *([hold_sentence(rollout)] if held else [])]
