"""Renders bundles for clusters, each thing once: what every server of many clusters spends most on.

A file is parsed once per content; a bundle is rendered once for all clusters that cannot be told
apart by what its files, values and patches use; equal objects of different clusters are one
instance.  Clusters without values of their own cost a look into a dictionary.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakValueDictionary

import orjson

from clusters.model import Digest, GroupKind, Manifest, canonical_json, digest_of
from fleet.model import Bundle, Cluster, Patch
from fleet.model.problems import InvalidFleet, Problem, in_reading_order
from fleet.source.render.assembly import (
    Findings,
    Ready,
    check_duplicates,
    check_rules,
    finish,
    make_ready,
    patched,
)
from fleet.source.render.directory import (
    Directory,
    ReadResult,
    read_directory,
    read_file,
)
from fleet.source.render.files import SourceFile, SourceFiles
from fleet.source.render.patches import choose_patches
from fleet.source.render.recent import RecentCache
from fleet.source.render.substitution import Allowance, UnknownName, Variables, names_in
from fleet.source.render.values import ChosenLayer, choose_layers, merged_values

Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """What one cluster gets of one bundle.  The same content is the same instance."""

    manifests: tuple[Manifest, ...]
    """In the order of files and documents."""
    digest: Digest
    """Over the sorted digests of the manifests: equal digest, equal content."""
    warnings: tuple[Problem, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether there is nothing: allowed, but never a reason to prune without a person."""
        return not self.manifests


def digest_of_manifests(manifests: Sequence[Manifest]) -> Digest:
    """Name a set of manifests, whatever their order."""
    return digest_of(canonical_json(sorted(manifest.digest for manifest in manifests)))


@dataclass(slots=True)
class _Source:
    """A bundle and its files, prepared for all clusters."""

    key: Key
    bundle: Bundle
    directory: Directory
    constant: dict[int, tuple[Ready | None, Findings]] = field(default_factory=dict)
    """Templates without names, by position: the same everywhere."""
    finished: dict[int, tuple[Manifest | None, Findings]] = field(default_factory=dict)
    """The manifests of those, where no patch changes them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Choice:
    """Which layers and patches of a bundle apply to a cluster."""

    key: Key
    layers: tuple[ChosenLayer, ...]
    patches: tuple[Patch, ...]


class Renderer:
    """Renders for one fleet and keeps what was made.  Not for several threads at once."""

    def __init__(
        self,
        *,
        fleet: str,
        defined: Mapping[GroupKind, bool] | None = None,
        secret_key: bytes = b"",
    ) -> None:
        """Make a renderer.

        Args:
            fleet: its name.
            defined: of custom resources defined elsewhere, whether they are namespaced.
            secret_key: what digests of Secrets are keyed with.
        """
        self._fleet = fleet
        self._secret_key = secret_key
        self._defined = dict(defined or {})
        self._documents: RecentCache[Key, ReadResult] = RecentCache()
        self._bundles: RecentCache[int, tuple[Bundle, Digest]] = RecentCache()
        self._sources: RecentCache[Key, _Source] = RecentCache()
        self._rendered: RecentCache[Key, Rendered | tuple[Problem, ...]] = RecentCache()
        self._names: RecentCache[Key, tuple[str, ...]] = RecentCache()
        self._caches = (
            self._documents,
            self._bundles,
            self._sources,
            self._names,
            self._rendered,
        )
        self._manifests: WeakValueDictionary[Digest, Manifest] = WeakValueDictionary()

    def render(self, bundle: Bundle, cluster: Cluster, files: SourceFiles) -> Rendered:
        """Render `bundle` for `cluster`.

        Raises:
            InvalidFleet: all that is wrong with it on this cluster.
        """
        source = self._source(bundle, files)
        layers, missing = choose_layers(bundle, cluster, files)
        if missing:
            raise InvalidFleet((*source.directory.problems, *missing))
        patches = choose_patches(bundle, cluster)
        choice = _Choice(
            key=(source.key, tuple((one.index, one.file) for one in layers), patches),
            layers=layers,
            patches=tuple(bundle.patches[index] for index in patches),
        )
        names = self._names.get(choice.key, lambda: self._names_of(source, choice, files))
        result = self._rendered.get(
            (choice.key, _facts(names, cluster)),
            lambda: self._render(source, choice, cluster, files),
        )
        if not isinstance(result, Rendered):
            raise InvalidFleet(result)
        return result

    def faults(self, bundle: Bundle, files: SourceFiles) -> tuple[Problem, ...]:
        """Say what is wrong with the files of a bundle, whatever cluster it goes to."""
        return self._source(bundle, files).directory.problems

    def end_round(self) -> None:
        """Forget what was not used lately; call it after all bundles of a commit were rendered."""
        for cache in self._caches:
            cache.end_round()

    def _read(self, file: SourceFile) -> ReadResult:
        # The path is part of the key: documents know where they are from.
        return self._documents.get((file.blob_id, file.path), lambda: read_file(file))

    def _source(self, bundle: Bundle, files: SourceFiles) -> _Source:
        _, content = self._bundles.get(id(bundle), lambda: (bundle, _digest_of_bundle(bundle)))
        key = (content, files.digest)
        return self._sources.get(
            key,
            lambda: _Source(key, bundle, read_directory(bundle, files, self._read)),
        )

    def _names_of(self, source: _Source, choice: _Choice, files: SourceFiles) -> tuple[str, ...]:
        """List every name of a cluster's facts that the rendering may ask for."""
        names = set().union(*(template.names for template in source.directory.templates))
        for layer in choice.layers:
            file = files.below(layer.file) if layer.file is not None else None
            documents = self._read(file)[0] if file else ()
            names |= names_in([document.content for document in documents])
            names |= names_in(layer.layer.inline)
        for patch in choice.patches:
            names |= names_in(patch.merge) | names_in(list(patch.json6902 or ()))
        return tuple(sorted(name for name in names if name.startswith("cluster.")))

    def _render(
        self, source: _Source, choice: _Choice, cluster: Cluster, files: SourceFiles
    ) -> Rendered | tuple[Problem, ...]:
        bundle = source.bundle
        values, problems = merged_values(
            choice.layers, cluster, files, place=bundle.place, read=self._read
        )
        findings = Findings(
            problems=[*source.directory.problems, *problems], warnings=list(files.warnings)
        )
        if problems:
            # Without its values, every placeholder would be reported too.
            return in_reading_order(findings.problems)
        variables = Variables(cluster=cluster, values=values, allowance=Allowance())
        ready = self._ready(source, variables, findings)
        before = list(ready.values())
        after = (
            before if findings.problems else patched(before, choice.patches, variables, findings)
        )
        check_duplicates(after, findings)
        check_rules(after, bundle, findings)
        manifests = [
            self._manifest(source, index, old is new, new, findings)
            for index, old, new in zip(ready, before, after, strict=True)
        ]
        if findings.problems:
            return in_reading_order(findings.problems)
        whole = tuple(manifest for manifest in manifests if manifest is not None)
        return Rendered(
            manifests=whole,
            digest=digest_of_manifests(whole),
            warnings=in_reading_order(findings.warnings),
        )

    def _ready(self, source: _Source, variables: Variables, findings: Findings) -> dict[int, Ready]:
        """Make every template ready that can be; those without names only once for all."""
        defined = {**self._defined, **source.directory.defined}
        ready: dict[int, Ready] = {}
        for index, template in enumerate(source.directory.templates):
            if index in source.constant:
                one, own = source.constant[index]
            else:
                own = Findings()
                one = make_ready(template, variables, source.bundle, defined, own)
                if not template.names:
                    source.constant[index] = (one, own)
            findings.problems += own.problems
            findings.warnings += own.warnings
            if one is not None:
                ready[index] = one
        return ready

    def _manifest(
        self, source: _Source, index: int, is_unpatched: bool, ready: Ready, findings: Findings
    ) -> Manifest | None:
        is_constant = is_unpatched and index in source.constant
        if is_constant and index in source.finished:
            manifest, own = source.finished[index]
        else:
            own = Findings()
            manifest = finish(
                ready,
                fleet=self._fleet,
                bundle=source.bundle.name,
                secret_key=self._secret_key,
                findings=own,
            )
            if manifest is not None:
                manifest = self._manifests.setdefault(manifest.digest, manifest)
            if is_constant:
                source.finished[index] = (manifest, own)
        findings.problems += own.problems
        return manifest


def render(bundle: Bundle, cluster: Cluster, files: SourceFiles, *, fleet: str) -> Rendered:
    """Render once, without keeping anything.

    Raises:
        InvalidFleet: all that is wrong with the bundle on this cluster.
    """
    return Renderer(fleet=fleet).render(bundle, cluster, files)


def _facts(names: Sequence[str], cluster: Cluster) -> Key:
    """What these names say of the cluster; one that it lacks makes an error that names it."""
    resolve = Variables(cluster=cluster).resolve
    facts: list[Key] = []
    for name in names:
        try:
            facts.append((name, resolve(name)))
        except UnknownName:
            facts.append((name, None, cluster.name))
    return tuple(facts)


def _digest_of_bundle(bundle: Bundle) -> Digest:
    return digest_of(orjson.dumps(bundle, default=_plain, option=orjson.OPT_SORT_KEYS))


def _plain(value: object) -> object:
    match value:
        case Mapping():
            return dict(value)
        case frozenset():
            return sorted(value)
        case _:
            raise TypeError(f"a bundle holds no {type(value).__name__}")
