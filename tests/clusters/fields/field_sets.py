"""A live object, our field set on it, and generated ones."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

FIELDS: dict[str, Any] = {
    "f:metadata": {"f:labels": {"f:app": {}}},
    "f:spec": {
        "f:replicas": {},
        "f:containers": {
            'k:{"name":"web"}': {
                ".": {},
                "f:name": {},
                "f:image": {},
                "f:ports": {
                    'k:{"containerPort":80,"protocol":"TCP"}': {".": {}, "f:containerPort": {}}
                },
            }
        },
        "f:finalizers": {'v:"example.com/hold"': {}},
    },
}


def live(**changes: Any) -> dict[str, Any]:
    web = {"name": "web", "image": "nginx:1", "ports": [{"containerPort": 80}], "tty": False}
    spec = {
        "replicas": 2,
        "containers": [{"name": "side", "image": "busybox"}, web | changes.pop("web", {})],
        "finalizers": ["other", "example.com/hold"],
        "paused": False,
    }
    return {"metadata": {"labels": {"app": "x", "b": "y"}, "uid": "1"}, "spec": spec | changes}


names = st.sampled_from(["f:a", "f:b", 'k:{"name":"x"}', 'v:"m"', "i:0"])
field_sets: st.SearchStrategy[dict[str, Any]] = st.recursive(
    st.just({}), lambda inner: st.dictionaries(names | st.just("."), inner, max_size=3)
)

values = st.recursive(
    st.none() | st.integers(0, 2) | st.sampled_from(["m", "x"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["a", "b", "name"]), inner, max_size=3)
    ),
    max_leaves=6,
)
