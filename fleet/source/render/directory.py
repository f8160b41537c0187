"""Directories of plain YAML and JSON: which files are manifests, and the objects in them.

Everything below the path counts, folders included, except names that start with a dot, documents
of Flotilla itself and files of values.  `List` objects are taken apart.  What differs between
clusters is left for later: the result are templates.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from clusters.model import GroupKind
from fleet.model import Bundle
from fleet.model.problems import Problem
from fleet.source.render.files import FieldPath, Json, SourceFile, SourceFiles, problem_at
from fleet.source.render.objects import SUBSTITUTE_ANNOTATION, Issue
from fleet.source.render.scope import definition_of
from fleet.source.render.substitution import has_placeholders, names_in
from fleet.source.render.values import ReadFile, values_file_patterns
from fleet.source.yaml import Document, Limits, YamlProblem, read_documents

MANIFEST_SUFFIXES = (".yaml", ".yml", ".json")
DEFAULT_LIMITS = Limits()
LISTS_MAX = 4
"""Lists inside of lists."""

_OTHER_TOOLS = {
    "kustomization.yaml": "kustomize",
    "kustomization.yml": "kustomize",
    "Kustomization": "kustomize",
    "Chart.yaml": "helm",
}
_ADVICE = {
    "kustomize": "kustomizations are not supported yet; commit what `kubectl kustomize` prints, "
    "or point the source to a folder of plain manifests",
    "helm": "Helm charts are not supported yet; commit what `helm template` prints, "
    "or point the source to a folder of plain manifests",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One object before substitution, and where it is written."""

    content: Json
    document: Document
    path: FieldPath
    """Where in the document: more than () for items of a List."""
    names: frozenset[str]
    """Names of its placeholders."""
    substituted: bool
    """Whether it has anything to replace."""

    def problem(self, issue: Issue) -> Problem:
        """Say where in the repository an issue of this object is."""
        return problem_at(
            self.document,
            (*self.path, *issue.path),
            issue.message,
            found=issue.found,
            allowed=issue.allowed,
        )

    @property
    def place(self) -> str:
        """File and line."""
        return f"{self.document.file}:{self.document.line_of(self.path)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """What a folder holds, for any cluster."""

    templates: tuple[Template, ...]
    defined: Mapping[GroupKind, bool]
    """Kinds that its custom resource definitions define, and whether they are namespaced."""
    problems: tuple[Problem, ...]


def read_directory(
    bundle: Bundle, files: SourceFiles, read: Callable[[SourceFile], ReadResult]
) -> Directory:
    """Find the objects of a bundle.  All problems are collected, none is raised."""
    problems = [*files.problems, *_other_tools(files)]
    if problems:
        return Directory(templates=(), defined={}, problems=tuple(problems))
    templates: list[Template] = []
    for file in manifest_files(bundle, files, read):
        documents, found = read(file)
        problems += found
        for document in documents:
            if not _is_fleet_document(document.content):
                templates += _templates(document, bundle.substitute, problems)
    defined = dict(
        definition
        for template in templates
        if isinstance(template.content, Mapping)
        and (definition := definition_of(template.content)) is not None
    )
    return Directory(templates=tuple(templates), defined=defined, problems=tuple(problems))


def is_wanted(bundle: Bundle, name: str) -> bool:
    """Whether a file, by its path below the bundle's, has a part in rendering it."""
    return (
        (name.endswith(MANIFEST_SUFFIXES) and not _is_hidden(name))
        or posixpath.basename(name) in _OTHER_TOOLS
        or any(pattern.fullmatch(name) for pattern, _ in values_file_patterns(bundle))
    )


def manifest_files(bundle: Bundle, files: SourceFiles, read: ReadFile) -> Iterator[SourceFile]:
    """List the files of a bundle that hold manifests, in the order of their paths."""
    patterns = values_file_patterns(bundle)
    for _, file in sorted(files.files.items()):
        name = files.name_of(file)
        if not name.endswith(MANIFEST_SUFFIXES) or _is_hidden(name):
            continue
        exact = [is_exact for pattern, is_exact in patterns if pattern.fullmatch(name)]
        # ${cluster.name}.yaml would match every file: what looks like an object is one.
        if any(exact) or (exact and not _looks_like_object(read(file))):
            continue
        yield file


def read_file(file: SourceFile, limits: Limits = DEFAULT_LIMITS) -> ReadResult:
    """Read the documents of a file, or say why that cannot be done."""
    data = file.data
    if file.path.endswith(".json"):
        # JSON may be indented with tabs, YAML may not; inside of JSON texts there are none.
        data = data.replace(b"\t", b" ")
    try:
        return read_documents(data, file=file.path, limits=limits), ()
    except YamlProblem as problem:
        return (), (Problem(file=problem.file, line=problem.line, message=problem.message),)


ReadResult = tuple[Sequence[Document], Sequence[Problem]]


def _other_tools(files: SourceFiles) -> list[Problem]:
    return [
        Problem(file=file.path, line=1, message=_ADVICE[tool])
        for _, file in sorted(files.files.items())
        if (tool := _OTHER_TOOLS.get(posixpath.basename(file.path)))
        and not _is_hidden(files.name_of(file))
    ]


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") for part in name.split("/"))


def _is_fleet_document(content: Json) -> bool:
    api_version = content.get("apiVersion") if isinstance(content, Mapping) else None
    return isinstance(api_version, str) and api_version.startswith("flotilla.dev/")


def _looks_like_object(result: ReadResult) -> bool:
    documents, problems = result
    return bool(problems) or any(
        isinstance(document.content, Mapping) and {"apiVersion", "kind"} <= document.content.keys()
        for document in documents
    )


def _templates(
    document: Document, substituted: bool, problems: list[Problem]
) -> Iterator[Template]:
    for path, content in _objects(document, document.content, (), problems):
        replace = substituted and not _opts_out(content) and has_placeholders(content)
        yield Template(
            content=content,
            document=document,
            path=path,
            names=names_in(content) if replace else frozenset(),
            substituted=replace,
        )


def _objects(
    document: Document, content: Json, path: FieldPath, problems: list[Problem]
) -> Iterator[tuple[FieldPath, Json]]:
    """Take Lists apart; `items` is what makes a List of a kind that ends so, as for kubectl."""
    if not (
        isinstance(content, Mapping)
        and str(content.get("kind", "")).endswith("List")
        and isinstance(content.get("items"), list)
        and "sops" not in content
    ):
        yield path, content
        return
    if len(path) >= 2 * LISTS_MAX:
        problems.append(problem_at(document, path, "too many Lists inside of each other"))
        return
    for index, item in enumerate(content["items"]):
        yield from _objects(document, item, (*path, "items", index), problems)


def _opts_out(content: Json) -> bool:
    match content:
        case {"metadata": {"annotations": dict() as annotations}}:
            return annotations.get(SUBSTITUTE_ANNOTATION) == "disabled"
        case _:
            return False
