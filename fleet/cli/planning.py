"""Prints what a revision would change, grouped by equal change: forty equal clusters are one."""

from __future__ import annotations

from fleet.cli.output import EXIT_USAGE, count, printable, say
from fleet.rollout.report import span
from fleet.view import ClusterPlan, FieldChange, PlanView, RolloutPlanView

_SIGNS = {"create": "+", "change": "~", "delete": "-", "detach": ">", "keep": "=", "refuse": "!"}


def print_plan(plan: PlanView, *, brief: bool) -> int:
    """Print a plan; return the exit code: 0 nothing changes, 1 something does, 2 error."""
    say(printable(f"{plan.revision[:12]} «{plan.subject}» by {plan.author}"))
    if plan.problems:
        for problem in plan.problems:
            print(printable(f"{problem.file}:{problem.line}: {problem.field}: {problem.message}"))
        say(f"{count(len(plan.problems), 'problem')}: this revision would be refused")
        return EXIT_USAGE
    for word, names in (("joins", plan.joined), ("leaves, nothing deleted", plan.left)):
        for name in names:
            print(f"cluster {name} {word}")
    groups: dict[tuple[str, str], list[ClusterPlan]] = {}
    for cluster in plan.clusters:
        groups.setdefault((cluster.bundle, _text(cluster, brief=brief)), []).append(cluster)
    for (bundle, text), members in groups.items():
        names = ", ".join(member.cluster for member in members)
        print(printable(f"{bundle} on {count(len(members), 'cluster')}: {names}"))
        print(text or "  only bookkeeping changes")
    for rollout in plan.rollouts:
        for line in _travels(rollout):
            print(printable(line))
    for reason in plan.held_back:
        print(printable(f"waits for `flotilla confirm-shrink`: {reason}"))
    errors = [cluster for cluster in plan.clusters if cluster.error]
    counts = {
        action: sum(o.action == action for c in plan.clusters for o in c.objects)
        for action in _SIGNS
    }
    said = ", ".join(f"{number} to {action}" for action, number in counts.items() if number)
    say(f"{count(len(plan.clusters), 'placement')} affected: {said or 'no object changes'}")
    if errors or any(rollout.problems for rollout in plan.rollouts):
        return EXIT_USAGE
    return 1 if plan.clusters or plan.joined or plan.left else 0


def _travels(rollout: RolloutPlanView) -> list[str]:
    """How one bundle would cross the fleet, a line for each stage."""
    if rollout.problems:
        return [f"{rollout.bundle} could not travel:", *map("  ! {}".format, rollout.problems)]
    if not rollout.strategy:
        return [
            f"{rollout.bundle} has no strategy: all {count(rollout.clusters, 'cluster')} at once"
        ]
    lines = [f"{rollout.bundle} travels by {rollout.strategy}:"]
    for stage in rollout.stages:
        if not stage.changing:
            lines.append(f"  {stage.name}: nothing changes")
            continue
        soak = f", soak {span(stage.soak_s)}" if stage.soak_s else ""
        batches = "/".join(map(str, stage.ramp))
        ramp = f", batches up to {batches}" if len(stage.ramp) > 1 else ""
        lines.append(
            f"  {stage.name}: {stage.changing} of {len(stage.clusters)} clusters change, "
            f"{stage.at_once}{ramp}{soak}; {stage.max_failures} may fail, "
            f"then {stage.on_breach}"
        )
        lines.append(f"    {stage.bound}")
        lines += [f"    gate {gate}" for gate in stage.gates]
    return lines


def _text(cluster: ClusterPlan, *, brief: bool) -> str:
    if cluster.error:
        return f"  ! {printable(cluster.error)}"
    lines = []
    for one in cluster.objects:
        note = f" ({one.note})" if one.note else ""
        lines.append(printable(f"  {_SIGNS.get(one.action, '?')} {one.object}{note}"))
        lines += [] if brief else [_field(change) for change in one.changes]
    return "\n".join(lines)


def _field(change: FieldChange) -> str:
    before = "(not set)" if change.live is None else change.live
    after = "(removed)" if change.desired is None else change.desired
    return printable(f"      {change.path}: {before} → {after}")
