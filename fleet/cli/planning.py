"""Prints what a revision would change, grouped by equal change: forty equal clusters are one."""

from __future__ import annotations

from fleet.cli.output import EXIT_USAGE, printable, say
from fleet.view import ClusterPlan, FieldChange, PlanView

_SIGNS = {"create": "+", "change": "~", "delete": "-", "keep": "="}


def print_plan(plan: PlanView, *, brief: bool) -> int:
    """Print a plan; return the exit code: 0 nothing changes, 1 something does, 2 error."""
    say(printable(f"{plan.revision[:12]} «{plan.subject}» by {plan.author}"))
    if plan.problems:
        for problem in plan.problems:
            print(printable(f"{problem.file}:{problem.line}: {problem.field}: {problem.message}"))
        say(f"{len(plan.problems)} problems: this revision would be refused")
        return EXIT_USAGE
    for word, names in (("joins", plan.joined), ("leaves, nothing deleted", plan.left)):
        for name in names:
            print(f"cluster {name} {word}")
    groups: dict[tuple[str, str], list[ClusterPlan]] = {}
    for cluster in plan.clusters:
        groups.setdefault((cluster.bundle, _text(cluster, brief=brief)), []).append(cluster)
    for (bundle, text), members in groups.items():
        names = ", ".join(member.cluster for member in members)
        print(printable(f"{bundle} on {len(members)} clusters: {names}"))
        print(text or "  only bookkeeping changes")
    errors = [cluster for cluster in plan.clusters if cluster.error]
    counts = {
        action: sum(o.action == action for c in plan.clusters for o in c.objects)
        for action in _SIGNS
    }
    said = ", ".join(f"{count} to {action}" for action, count in counts.items() if count)
    say(f"{len(plan.clusters)} placements change: {said or 'no object changes'}")
    if errors:
        return EXIT_USAGE
    return 1 if plan.clusters or plan.joined or plan.left else 0


def _text(cluster: ClusterPlan, *, brief: bool) -> str:
    if cluster.error:
        return f"  ! {printable(cluster.error)}"
    lines = []
    for one in cluster.objects:
        note = " (left Git; deleting needs confirmation)" if one.action == "keep" else ""
        lines.append(printable(f"  {_SIGNS.get(one.action, '?')} {one.object}{note}"))
        lines += [] if brief else [_field(change) for change in one.changes]
    return "\n".join(lines)


def _field(change: FieldChange) -> str:
    before = "(not set)" if change.live is None else change.live
    after = "(removed)" if change.desired is None else change.desired
    return printable(f"      {change.path}: {before} → {after}")
