"""From templates, values and patches to the manifests of one cluster.  Pure, and not cached.

Every problem of a bundle is collected before it is refused, each at its file and line.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from clusters.model import GroupKind, Manifest, ObjectRef, Target, ref_of
from fleet.model import Bundle, Patch
from fleet.model.problems import Problem
from fleet.source.render.directory import Template
from fleet.source.render.files import FieldPath, Json
from fleet.source.render.objects import Issue, check_object, cleaned, encoded, owned, placed
from fleet.source.render.patches import PatchFailed, apply_patch
from fleet.source.render.substitution import Unresolved, Variables, substitute

OBJECT_MAX_BYTES = 3 * 2**20
"""What an API server takes in one request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """An object with nothing left to replace; patches and labels are still to come."""

    template: Template
    ref: ObjectRef
    content: Mapping[str, Json]


@dataclass(slots=True)
class Findings:
    """Problems and warnings of one rendering."""

    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    def note(
        self, template: Template, problems: Sequence[Issue], warnings: Sequence[Issue]
    ) -> None:
        """Take in the issues of one object."""
        self.problems += [template.problem(issue) for issue in problems]
        self.warnings += [template.problem(issue) for issue in warnings]


def make_ready(
    template: Template,
    variables: Variables,
    bundle: Bundle,
    defined: Mapping[GroupKind, bool],
    findings: Findings,
) -> Ready | None:
    """Replace placeholders, check the object and give it its namespace; None: it has problems."""
    content = template.content
    if template.substituted:
        content, unresolved = substitute(content, variables.resolve)
        if unresolved:
            findings.note(template, _grouped(unresolved), ())
            return None
    if issues := check_object(content):
        findings.note(template, issues, ())
        return None
    content, exported = cleaned(content)
    content, misplaced = placed(content, bundle.namespace, defined)
    findings.note(template, (), (*exported, *misplaced))
    return Ready(template=template, ref=ref_of(content), content=content)


def patched(
    objects: Sequence[Ready], patches: Sequence[Patch], variables: Variables, findings: Findings
) -> list[Ready]:
    """Apply the patches in order; those that match nothing or fail are problems."""
    result = list(objects)
    for patch in patches:
        whole = _with_variables(patch, variables, findings)
        matching = [i for i, one in enumerate(result) if patch.target.matches(one.ref)]
        if not matching:
            findings.problems.append(
                _patch_problem(
                    patch,
                    "the patch changes nothing: the bundle has no object that matches its target "
                    f"({_shown_target(patch.target)})",
                )
            )
        for index in matching:
            result[index] = _patched(result[index], whole, findings)
    return result


def finish(
    ready: Ready, *, fleet: str, bundle: str, secret_key: bytes, findings: Findings
) -> Manifest | None:
    """Label the object as ours and serialise it; None: it has problems."""
    content, issues = owned(encoded(ready.content), fleet=fleet, bundle=bundle)
    if issues:
        findings.note(ready.template, issues, ())
        return None
    manifest = Manifest.of(content, secret_key=secret_key)
    if len(manifest.body) > OBJECT_MAX_BYTES:
        size = Issue(
            path=(),
            message="the object is larger than an API server takes",
            found=f"{len(manifest.body):,} bytes",
            allowed=f"{OBJECT_MAX_BYTES:,}",
        )
        findings.note(ready.template, [size], ())
        return None
    return manifest


def check_duplicates(objects: Sequence[Ready], findings: Findings) -> None:
    """An object that is written twice is a problem that names both places."""
    first: dict[ObjectRef, Template] = {}
    for ready in objects:
        other = first.setdefault(ready.ref, ready.template)
        if other is not ready.template:
            again = Issue(
                path=(),
                message=f"{ready.ref} is in this bundle twice, first in {other.place}; keep one",
            )
            findings.note(ready.template, [again], ())


def check_rules(objects: Sequence[Ready], bundle: Bundle, findings: Findings) -> None:
    """A rule that is about no object of the bundle is probably written wrong."""
    refs = [ready.ref for ready in objects]
    targets = [
        ("policy.rules", index, rule.target) for index, rule in enumerate(bundle.policy.rules)
    ]
    targets += [
        ("health", index, Target(kind=rule.kind, group=rule.group))
        for index, rule in enumerate(bundle.health)
    ]
    for field_name, index, target in targets:
        if refs and not any(target.matches(ref) for ref in refs):
            findings.warnings.append(
                Problem(
                    file=bundle.place.file,
                    line=bundle.place.line,
                    field=f"spec.{field_name}[{index}].target",
                    message="the rule is about nothing: the bundle has no object that matches its "
                    f"target ({_shown_target(target)})",
                )
            )


def _patched(ready: Ready, patch: Patch, findings: Findings) -> Ready:
    try:
        content = apply_patch(patch, ready.content)
    except PatchFailed as error:
        findings.problems.append(_patch_problem(patch, f"{ready.ref}: {error}"))
        return ready
    issues = check_object(content)
    if issues:
        findings.problems += [
            _patch_problem(
                patch, f"{ready.ref}: leaves an object whose {_at(issue.path)} {issue.message}"
            )
            for issue in issues
        ]
        return ready
    if ref_of(content) != ready.ref:
        findings.problems.append(
            _patch_problem(patch, f"{ready.ref}: a patch cannot rename or move an object")
        )
        return ready
    return replace(ready, content=content)


def _with_variables(patch: Patch, variables: Variables, findings: Findings) -> Patch:
    resolve: Callable[[str], Json] = variables.resolve
    merge, in_merge = substitute(patch.merge, resolve)
    operations = [dict(one) for one in patch.json6902] if patch.json6902 is not None else None
    json6902, in_operations = substitute(operations, resolve)
    for miss in _grouped((*in_merge, *in_operations)):
        findings.problems.append(_patch_problem(patch, miss.message))
    return replace(patch, merge=merge, json6902=json6902)


def _grouped(unresolved: Sequence[Unresolved]) -> list[Issue]:
    """Make one issue of all places with the same trouble: dashboards have hundreds."""
    first: dict[str, Unresolved] = {}
    for miss in unresolved:
        first.setdefault(miss.message, miss)
    counts = Counter(miss.message for miss in unresolved)
    return [
        Issue(
            path=miss.path,
            message=message
            + (f" ({counts[message]} times in this object)" if counts[message] > 1 else ""),
        )
        for message, miss in first.items()
    ]


def _patch_problem(patch: Patch, message: str) -> Problem:
    return Problem(
        file=patch.place.file, line=patch.place.line, field="spec.patches", message=message
    )


def _shown_target(target: Target) -> str:
    fields = {
        "group": target.group,
        "kind": target.kind,
        "namespace": target.namespace,
        "name": target.name,
    }
    return ", ".join(f"{name} {value!r}" for name, value in fields.items() if value is not None)


def _at(path: FieldPath) -> str:
    return ".".join(str(part) for part in path) or "content"
