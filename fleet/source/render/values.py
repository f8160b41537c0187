"""Which layers of values a cluster gets, and what they merge to.

Layers are merged in the order of the bundle, the later wins, null removes.  `cluster.*` may be used
in the names of files and inside of layers; `values.*` may not: layers do not see each other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from fleet.model import Bundle, Cluster, Place, ValuesLayer
from fleet.model.problems import Problem
from fleet.source.render.files import (
    Json,
    SourceFile,
    SourceFiles,
    did_you_mean,
    kind_of,
    problem_at,
)
from fleet.source.render.merge import merge_layers
from fleet.source.render.substitution import Unresolved, Variables, substitute
from fleet.source.tree import normal_path
from fleet.source.yaml import Document

ReadFile = Callable[[SourceFile], "tuple[Sequence[Document], Sequence[Problem]]"]

_PLACEHOLDER = re.compile(r"\$\{[^{}]*\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenLayer:
    """A layer that applies to a cluster: the file it is in, or None for an inline one."""

    index: int
    layer: ValuesLayer
    file: str | None


def choose_layers(
    bundle: Bundle, cluster: Cluster, files: SourceFiles
) -> tuple[tuple[ChosenLayer, ...], tuple[Problem, ...]]:
    """Decide which layers of `bundle` apply to `cluster`; files that are missing are problems."""
    chosen: list[ChosenLayer] = []
    problems: list[Problem] = []
    for index, layer in enumerate(bundle.values):
        if layer.when is not None and not layer.when.matches(cluster.labels):
            continue
        if layer.file is None:
            chosen.append(ChosenLayer(index=index, layer=layer, file=None))
            continue
        at = f"spec.values[{index}].file"
        name, unresolved = substitute(layer.file, Variables(cluster=cluster).resolve)
        if unresolved:
            if not layer.optional:
                problems += [_at(bundle.place, at, one.message) for one in unresolved]
            continue
        try:
            name = normal_path(str(name))
        except ValueError as error:
            problems.append(_at(bundle.place, at, str(error)))
            continue
        if files.below(name) is not None:
            chosen.append(ChosenLayer(index=index, layer=layer, file=name))
        elif not layer.optional:
            known = [files.name_of(file) for file in files.files.values()]
            problems.append(
                _at(
                    bundle.place,
                    at,
                    f"cluster {cluster.name} needs the file {name} below {files.root or '/'}, "
                    f"which does not exist{did_you_mean(name, known)} "
                    "(optional: true allows it to be missing)",
                )
            )
    return tuple(chosen), tuple(problems)


def merged_values(
    chosen: Sequence[ChosenLayer],
    cluster: Cluster,
    files: SourceFiles,
    *,
    place: Place,
    read: ReadFile,
) -> tuple[dict[str, Json], tuple[Problem, ...]]:
    """Read and merge the chosen layers; `place` is the bundle's, for its inline layers."""
    layers: list[Mapping[str, Json]] = []
    problems: list[Problem] = []
    resolve = Variables(cluster=cluster).resolve
    for one in chosen:
        if one.file is None:
            content, unresolved = substitute(one.layer.inline or {}, resolve)
            at = f"spec.values[{one.index}].inline"
            problems += [_at(place, at, miss.message) for miss in unresolved]
        else:
            document, found = _single_document(files.below(one.file), read)
            problems += found
            if document is None:
                continue
            content, unresolved = substitute(document.content, resolve)
            problems += [_miss(document, miss) for miss in unresolved]
        layers.append(content)
    return merge_layers(layers), tuple(problems)


def values_file_patterns(bundle: Bundle) -> tuple[tuple[re.Pattern[str], bool], ...]:
    """Match the names of all files that hold values for some cluster.

    The flag says that the name is exact: such a file is no manifest whatever it holds.
    """
    patterns = []
    for layer in bundle.values:
        if layer.file is not None:
            first, *literal = _PLACEHOLDER.split(layer.file.removeprefix("./"))
            patterns.append((_pattern(first, literal), not literal))
    return tuple(patterns)


def _pattern(first: str, rest: Sequence[str]) -> re.Pattern[str]:
    """Match `first` and the `rest` with anything but a slash before each of them.

    The first place that fits is as good as any later one, so the groups are atomic: a name with
    many placeholders would take for ever otherwise.
    """
    if not rest:
        return re.compile(re.escape(first))
    middle = "".join(f"(?>[^/]*?{re.escape(part)})" for part in rest[:-1])
    return re.compile(f"{re.escape(first)}{middle}[^/]*{re.escape(rest[-1])}")


def _single_document(
    file: SourceFile | None, read: ReadFile
) -> tuple[Document | None, Sequence[Problem]]:
    assert file is not None, "chosen layers have files"
    documents, problems = read(file)
    if problems or not documents:
        return None, problems
    first, *others = documents
    if others:
        return None, [problem_at(others[0], (), "a file of values is one document")]
    if not isinstance(first.content, Mapping):
        return None, [
            problem_at(first, (), "values must be a mapping", found=kind_of(first.content))
        ]
    if "sops" in first.content:
        return None, [
            problem_at(
                first, ("sops",), "the file is encrypted with SOPS, which is not supported yet"
            )
        ]
    return first, ()


def _miss(document: Document, miss: Unresolved) -> Problem:
    return problem_at(document, miss.path, miss.message)


def _at(place: Place, field: str, message: str) -> Problem:
    return Problem(file=place.file, line=place.line, field=field, message=message)
