"""The objects of a cluster as a tree: bundles, and below each its apply set.

Pure.  A bundle in which something is wrong is open at first, the others are closed: what one came
for is seen without a key.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fleet.view import BundleOnCluster, ClusterState, DriftView, ObjectView
from tui.text import format as fmt
from tui.text.format import Line, Tone

OPEN_UP_TO = 12
"""A tree of no more objects than these is open as a whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeRow:
    """A bundle (`object` is None) or one of its objects."""

    placement: BundleOnCluster
    object: ObjectView | None = None
    is_open: bool = False
    is_last: bool = False

    @property
    def key(self) -> str:
        """Names the row among those of one cluster."""
        return self.placement.bundle if self.object is None else object_key(self.object)


def object_key(obj: ObjectView | DriftView) -> str:
    """Names an object among those of one cluster."""
    return f"{obj.bundle}|{obj.group}|{obj.kind}|{obj.namespace}|{obj.name}"


def is_ill(obj: ObjectView) -> bool:
    """Whether an object deserves a look."""
    return obj.drifted or obj.state != "applied" or obj.health not in {"Healthy", "Suspended"}


def tree_rows(
    placements: Iterable[BundleOnCluster],
    objects: Sequence[ObjectView],
    *,
    folded: dict[str, bool],
) -> list[TreeRow]:
    """Rows from top to bottom; `folded` is what the person closed or opened by hand."""
    of_bundle: dict[str, list[ObjectView]] = {}
    for obj in objects:
        of_bundle.setdefault(obj.bundle, []).append(obj)
    rows: list[TreeRow] = []
    for placement in placements:
        members = of_bundle.get(placement.bundle, [])
        ill = placement.state is not ClusterState.READY or any(map(is_ill, members))
        is_open = not folded.get(placement.bundle, not (ill or len(objects) <= OPEN_UP_TO))
        rows.append(TreeRow(placement=placement, is_open=is_open))
        if is_open:
            rows += [
                TreeRow(placement=placement, object=obj, is_last=position == len(members) - 1)
                for position, obj in enumerate(members)
            ]
    return rows


def tree_cell(row: TreeRow) -> Line:
    """The row's name with the lines of the tree."""
    if row.object is None:
        glyph, tone = fmt.glyph_of(fmt.STATE_GLYPHS, row.placement.state)
        fold = "▾ " if row.is_open else "▸ "
        return (
            (fold, Tone.MUTED),
            (f"{glyph} ", tone),
            *fmt.text(row.placement.bundle, Tone.STRONG),
        )
    branch = "  └ " if row.is_last else "  ├ "
    glyph, tone = object_glyph(row.object)
    obj = row.object
    return (
        (branch, Tone.MUTED),
        (f"{glyph} ", tone),
        *fmt.text(f"{obj.kind}/", Tone.MUTED),
        *fmt.text(obj.name),
    )


def object_glyph(obj: ObjectView) -> tuple[str, Tone]:
    """Drift before health before state: the thing a person can act on first."""
    if obj.drifted:
        return "▲", Tone.WARN
    if obj.state != "applied":
        return fmt.OBJECT_STATE_TONES.get(obj.state, fmt.UNKNOWN_GLYPH)
    return fmt.HEALTH_GLYPHS.get(obj.health, fmt.UNKNOWN_GLYPH)


def status_cell(row: TreeRow) -> Line:
    """The word beside the name."""
    if row.object is None:
        placement = row.placement
        tail = f"  {placement.applied}/{placement.objects}"
        words = fmt.text(placement.message) if placement.message else ()
        runs = fmt.text(fmt.short_revision(placement.revision) + tail, Tone.MUTED)
        return (*runs, ("  ", Tone.PLAIN), *words)
    obj = row.object
    _, tone = object_glyph(obj)
    word = "drifted" if obj.drifted else obj.health if obj.state == "applied" else obj.state
    message = f": {obj.message}" if obj.message else ""
    return fmt.text(word + message, tone if is_ill(obj) else Tone.MUTED)
