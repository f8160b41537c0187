"""Histories of a fleet for laws: any facts, in any order, about a few clusters and bundles."""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from fleet.state import facts
from fleet.state.facts import FleetFact
from fleet.view import ProblemView

CLUSTERS = ("a", "b", "c")
BUNDLES = ("app", "web")
DIGESTS = ("d1", "d2")
AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)

FACT_TYPES: tuple[type[FleetFact], ...] = get_args(FleetFact)
_OF_ROLLOUTS = (facts.ReleaseQueued, facts.ReleaseDropped, facts.RolloutEvent)
"""Their contents have laws of their own (tests/fleet/rollout)."""

_times = st.integers(0, 10_000).map(lambda seconds: AT + timedelta(seconds=seconds))
_words = st.sampled_from(["", "one", "two"])
_problems = st.builds(
    ProblemView, file=_words, line=st.integers(1, 9), field=_words, message=_words
)
_by_name: Mapping[str, st.SearchStrategy[Any]] = {
    "cluster": st.sampled_from(CLUSTERS),
    "clusters": st.lists(st.sampled_from(CLUSTERS), unique=True),
    "bundle": st.sampled_from(BUNDLES),
    "digest": st.sampled_from(DIGESTS),
    "digests": st.lists(st.sampled_from(CLUSTERS), unique=True).map(
        lambda names: {d: [n for n in names if (n > "a") == (d == "d2")] for d in DIGESTS}
    ),
    "good": st.dictionaries(
        st.sampled_from(CLUSTERS), st.tuples(_words, st.sampled_from(DIGESTS)).map(list)
    ),
    "target": st.sampled_from(
        [f"cluster/{name}" for name in CLUSTERS] + [f"bundle/{name}" for name in BUNDLES]
    ),
    "drift": st.sampled_from([f"{c}/{b}/Kind.one/one/two" for c in CLUSTERS for b in BUNDLES]),
    "object_kind": st.just("Kind"),
    "what": st.sampled_from(["adopted", "replaced", "detached"]),
}


def any_fact_of(kind: type[FleetFact]) -> st.SearchStrategy[FleetFact]:
    """Any fact of a type."""
    hints = get_type_hints(kind)
    fields = {
        name: _by_name[name] if name in _by_name else _of_type(hints[name])
        for name in kind.__struct_fields__
    }
    return st.builds(kind, **fields)


def _of_type(declared: Any) -> st.SearchStrategy[Any]:
    origin = get_origin(declared)
    if origin in (Union, types.UnionType):
        return st.one_of([_of_type(one) for one in get_args(declared)])
    if origin is Sequence:
        return st.lists(_of_type(get_args(declared)[0]), max_size=3)
    simple: Mapping[Any, st.SearchStrategy[Any]] = {
        str: _words,
        int: st.integers(0, 9),
        float: st.floats(0, 9),
        bool: st.booleans(),
        datetime: _times,
        type(None): st.none(),
        ProblemView: _problems,
    }
    return simple[declared]


any_fact = st.one_of([any_fact_of(kind) for kind in FACT_TYPES if kind not in _OF_ROLLOUTS])
any_history = st.lists(any_fact, max_size=30)
