"""The words shared by everything that speaks of one cluster.

Frozen values without behaviour beyond their own meaning.  Objects travel as canonical JSON bytes
(`Manifest.body`): parsed once from YAML, and from then on the same bytes are checked, hashed,
stored and applied.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property, lru_cache
from sys import intern
from typing import Any, NewType

import orjson

ClusterName = NewType("ClusterName", str)
BundleName = NewType("BundleName", str)
Revision = NewType("Revision", str)
"""A Git commit, 40 hex digits."""
Digest = NewType("Digest", str)
"""Lower-case hex BLAKE2b-128 of canonical JSON: names content, whoever holds it."""

FIELD_MANAGER = "flotilla"
"""Our name in server-side apply."""
FLEET_LABEL = "flotilla.dev/fleet"
"""Label on every object we apply; its value is the fleet's name.  Watches filter on it."""
BUNDLE_LABEL = "flotilla.dev/bundle"
"""Label on every object we apply; its value is the bundle the object belongs to."""

Body = Mapping[str, Any]
"""A Kubernetes object as parsed JSON."""


def canonical_json(value: object) -> bytes:
    """Serialise to the one form that is hashed: keys sorted, no spaces."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def digest_of(data: bytes, key: bytes = b"") -> Digest:
    """Name `data` by its content; with a key, nobody without it can confirm a guess of it."""
    return Digest(hashlib.blake2b(data, digest_size=16, key=key).hexdigest())


class Health(StrEnum):
    """How one object, bundle or cluster is.  Declared from best to worst."""

    HEALTHY = "Healthy"
    SUSPENDED = "Suspended"
    PROGRESSING = "Progressing"
    MISSING = "Missing"
    DEGRADED = "Degraded"
    UNKNOWN = "Unknown"

    @property
    def badness(self) -> int:
        """Position from best (0) to worst."""
        return _BADNESS[self]


_BADNESS = {health: position for position, health in enumerate(Health)}


def worst(healths: Iterable[Health]) -> Health:
    """Merge to the worst; nothing at all is healthy (an empty bundle has nothing to be ill)."""
    return max(healths, key=_BADNESS.__getitem__, default=Health.HEALTHY)


@dataclass(frozen=True, slots=True, order=True)
class GroupKind:
    """A kind without its version: what an object *is*, whichever version it is written in."""

    group: str
    kind: str

    def __str__(self) -> str:
        return f"{self.kind}.{self.group}" if self.group else self.kind


@lru_cache(maxsize=4096)
def _group_kind(group: str, kind: str) -> GroupKind:
    # Asked for with every event of every watch; one instance of each serves all.
    return GroupKind(group, kind)


@dataclass(frozen=True, slots=True, order=True)
class ObjectRef:
    """Names one object of one cluster.  `namespace` is empty for cluster-scoped objects."""

    group: str
    kind: str
    namespace: str
    name: str

    @property
    def group_kind(self) -> GroupKind:
        """The kind this object is of."""
        return _group_kind(self.group, self.kind)

    @property
    def short(self) -> str:
        """Kind and name, where a person knows the rest from the context."""
        return f"{self.kind}/{self.name}"

    def __str__(self) -> str:
        kind = f"{self.kind}.{self.group}" if self.group else self.kind
        return f"{kind} {self.namespace}/{self.name}" if self.namespace else f"{kind} {self.name}"

    @classmethod
    def parse(cls, text: str) -> ObjectRef:
        """Read what `str` made: no kind has a dot or a space in it, and no name a slash."""
        kind, _, where = text.partition(" ")
        kind, _, group = kind.partition(".")
        namespace, _, name = where.rpartition("/")
        return cls(group, kind, namespace, name)


def kinds_of(refs: Iterable[ObjectRef]) -> set[GroupKind]:
    """The kinds that these objects are of."""
    return {_group_kind(group, kind) for group, kind in {(r.group, r.kind) for r in refs}}


SECRET = GroupKind("", "Secret")


@dataclass(frozen=True)
class Manifest:
    """One desired object, as the bytes that will be applied.

    Identical objects of many clusters are one instance: compare and store by `digest`.
    """

    ref: ObjectRef
    api_version: str
    body: bytes = field(repr=False)
    digest: Digest

    @cached_property
    def content(self) -> Body:
        """The parsed object.  Read only."""
        parsed: Body = orjson.loads(self.body)
        return parsed

    @classmethod
    def of(cls, content: Body, *, secret_key: bytes = b"") -> Manifest:
        """Make a manifest of a parsed object.

        Args:
            content: the object.
            secret_key: what digests of Secrets are keyed with: they are stored in clear.

        Raises:
            ValueError: apiVersion, kind or metadata.name is missing or no string.
        """
        body = canonical_json(content)
        ref = ref_of(content)
        return cls(
            ref=ref,
            api_version=str(content["apiVersion"]),
            body=body,
            # One text for all that speak of this content: apply sets read it from the store.
            digest=Digest(intern(digest_of(body, secret_key if ref.group_kind == SECRET else b""))),
        )


def ref_of(content: Body) -> ObjectRef:
    """Name the object that `content` describes.

    Raises:
        ValueError: apiVersion, kind or metadata.name is missing or no string.
    """
    metadata = content.get("metadata")
    if not isinstance(metadata, Mapping):
        metadata = {}
    namespace = metadata.get("namespace") or ""
    fields = (
        ("apiVersion", content.get("apiVersion")),
        ("kind", content.get("kind")),
        ("metadata.name", metadata.get("name")),
    )
    for path, value in fields:
        if not isinstance(value, str) or not value:
            raise ValueError(f"{path} is required and must be a non-empty string")
    if not isinstance(namespace, str):
        raise ValueError("metadata.namespace must be a string")
    group, _, _version = str(content["apiVersion"]).rpartition("/")
    return ObjectRef(group, str(content["kind"]), namespace, str(metadata["name"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Which objects of a bundle are meant; a field that is not given matches everything."""

    group: str | None = None
    kind: str | None = None
    namespace: str | None = None
    name: str | None = None

    def matches(self, ref: ObjectRef) -> bool:
        """Whether this object is meant."""
        return all(
            wanted is None or wanted == found
            for wanted, found in (
                (self.group, ref.group),
                (self.kind, ref.kind),
                (self.namespace, ref.namespace),
                (self.name, ref.name),
            )
        )


class DriftPolicy(StrEnum):
    """What happens when a live object no longer is what was applied."""

    CORRECT = "correct"
    REPORT = "report"
    IGNORE = "ignore"
    """Whoever changes it may; for what a rule names, never for a whole bundle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftRule:
    """What happens to changes of some objects, or of some of their fields."""

    target: Target
    drift: DriftPolicy
    fields: tuple[str, ...] = ()
    """Dotted paths as drift shows them (see `fieldpaths`); none: the whole object."""


class AdoptPolicy(StrEnum):
    """What happens when the first apply meets an object that is there and that we did not make."""

    ALWAYS = "always"
    IF_UNOWNED = "ifUnowned"
    """Taken over where nothing says that somebody else keeps it."""
    NEVER = "never"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Contest:
    """A field that we want to set and that another field manager holds."""

    ref: ObjectRef
    field: str
    """Dotted path, as drift shows it."""
    manager: str

    def __str__(self) -> str:
        return f"{self.ref} {self.field}, held by {self.manager}"


class ConflictPolicy(StrEnum):
    """What happens when another field manager holds a field that we want to set."""

    FAIL = "fail"
    FORCE = "force"


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthRule:
    """How objects of one kind are judged: CEL expressions (see `expressions`), in this order."""

    kind: str
    group: str | None = None
    """None: whichever group."""
    failed: str = ""
    progressing: str = ""
    healthy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BundlePolicy:
    """How one bundle is kept on a cluster."""

    drift: DriftPolicy = DriftPolicy.CORRECT
    rules: tuple[DriftRule, ...] = ()
    """Exceptions from `drift`; of several that match, the last one counts."""
    conflicts: ConflictPolicy = ConflictPolicy.FAIL
    adopt: AdoptPolicy = AdoptPolicy.IF_UNOWNED
    prune: bool = True
    prune_max: int | None = None
    """Most objects that one pass may delete without a person's word; None: guard default."""
    replace_immutable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredBundle:
    """What one cluster should hold of one bundle: a release that was assigned to it."""

    name: BundleName
    digest: Digest
    """Over the digests of all manifests: equal digest, equal content."""
    revision: Revision
    manifests: Sequence[Manifest]
    policy: BundlePolicy = BundlePolicy()
    health: Sequence[HealthRule] = ()
    depends_on: Sequence[BundleName] = ()
    awaits: str | None = None
    """Why one of these is not far enough, whatever it looks like on the cluster; None: all are."""
    prune_confirmed: frozenset[ObjectRef] = frozenset()
    """Objects that left it and that a person, asked at this digest, said may be deleted."""
    uninstall: bool = False
    """All of it is to go: consented to in Git, for where there is nothing to go back to."""
    prune_later: bool = False
    """What it no longer names stays for now: its rollout prunes at its end."""
    prune_hold: str = ""
    """Why a person has to confirm deletions, however few they are; empty: guards decide."""
    asks: bool = False
    """A field that was changed by hand is not taken back by new content before a person said so."""
    takes: frozenset[Contest] = frozenset()
    """Fields that a person decided to take from who holds them."""
    suspended: str | None = None
    """Why nothing may be changed for this bundle just now, or None."""
    memo: str = ""
    """What the cluster's own record is to keep with it; means nothing here."""


@dataclass(frozen=True, kw_only=True)
class DesiredState:
    """All that one cluster should hold.  `generation` grows with each change."""

    generation: int
    bundles: Mapping[BundleName, DesiredBundle]
    suspended: str | None = None
    """Why nothing may be changed on this cluster just now, or None."""

    @cached_property
    def versions(self) -> frozenset[tuple[str, GroupKind]]:
        """The apiVersions and kinds in it."""
        return frozenset(
            (manifest.api_version, manifest.ref.group_kind)
            for bundle in self.bundles.values()
            for manifest in bundle.manifests
        )


NEVER_APPLIED = Digest("")
"""Of a member of which only others say that it was applied here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """One member of the apply set: an object that we applied, or were about to.

    `confirmed` is False from before the request until its answer was stored: after a crash in
    between, the object may or may not exist, and only such an entry tells that it may be ours.
    """

    ref: ObjectRef
    api_version: str
    bundle: BundleName
    digest: Digest
    uid: str = ""
    entry_hash: str = ""
    """Hash of our entry in managedFields as the server returned it."""
    live_hash: str = ""
    """Hash of the live values at our field set as the server returned them."""
    confirmed: bool = False
