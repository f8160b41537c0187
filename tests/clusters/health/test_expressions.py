"""CEL about one object: what is refused when read, and what is left unsaid when evaluated."""

from __future__ import annotations

import contextlib
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusters.health.expressions import Subject, Unevaluable, compile_expression

BODY: dict[str, Any] = {
    "kind": "Widget",
    "metadata": {"name": "w", "generation": 2},
    "spec": {"replicas": 2, "password": "s3cret"},
    "status": {
        "phase": "Ready",
        "replicas": 2,
        "conditions": [{"type": "Ready", "status": "True"}, {"type": "Other", "status": "False"}],
    },
}


def holds(text: str, body: dict[str, Any] = BODY) -> bool:
    return compile_expression(text).holds(Subject.of(body))


@pytest.mark.parametrize(
    "text",
    [
        "status.phase == 'Ready'",
        "self.status.phase == 'Ready' && self.kind == 'Widget'",
        "status.conditions.exists(c, c.type == 'Ready' && c.status == 'True')",
        "status.conditions.filter(c, c.status == 'True').size() == 1",
        "status.replicas >= spec.replicas",
        "has(status.phase) && !has(status.nothing)",
        "metadata.name.startsWith('w')",
        "status.phase.matches('^Rea')",
        "status.phase in ['Ready', 'Done'] ? true : false",
        "size(status.conditions) == int('2')",
    ],
)
def test_what_holds(text: str) -> None:
    assert holds(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("status.phase = 'x'", "no valid CEL at column 14"),
        ("", "no valid CEL"),
        ("((", "no valid CEL at column 2"),
        ("state.phase == 'x'", "there is no 'state' here; there is self, metadata, spec, status"),
        ("c.type == 'x'", "there is no 'c' here"),
        ("[1].all(c, c > 0) && c > 0", "there is no 'c' here"),
        ("lookup('x') == 1", "there is no function 'lookup'"),
        ("status.phase.shout() == 'x'", "there is no function 'shout'"),
        ("self.status.phase == '" + "x" * 1000 + "'", "at most 1000 characters"),
        (" && ".join(["status.a == 1"] * 40), "are too many"),
        ("spec.a.all(a, a.all(b, b.all(c, c)))", "would take too long"),
    ],
)
def test_what_is_refused_when_it_is_read(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why.replace("(", r"\(")):
        compile_expression(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("status.nothing == 1", "no such member in mapping: 'nothing'"),
        ("status.phase > 3", "its types do not fit together"),
        ("status.phase", "it gives no true or false, but a StringType"),
        ("status.replicas / 0 == 1", "division by zero"),
        ("status.conditions[7].type == 'x'", "out of range"),
    ],
)
def test_what_says_nothing(text: str, why: str) -> None:
    with pytest.raises(Unevaluable, match=why):
        holds(text)


def test_no_value_is_quoted(caplog: pytest.LogCaptureFixture, capfd: Any) -> None:
    caplog.set_level("INFO")
    for text in ("spec.password > 3", "spec.password.replicas == 1", "int(spec.password) == 1"):
        with pytest.raises(Unevaluable) as caught:
            holds(text)
        assert "s3cret" not in str(caught.value)
    assert "s3cret" not in caplog.text + "".join(capfd.readouterr())


def test_cve_2024_32476_a_long_list_is_not_looped_over_for_ever() -> None:
    """cel-python takes a millisecond a round: 100 x 100 stood still for ten seconds."""
    body = {"status": {"conditions": [{"x": n} for n in range(100)]}}
    nested = "status.conditions.all(a, status.conditions.all(b, a.x == b.x || a.x != b.x))"
    started = time.process_time()
    with pytest.raises(Unevaluable, match="too long for it"):
        holds(nested, body)
    assert holds("status.conditions.all(a, a.x >= 0)", body)
    assert time.process_time() - started < 1.0


def test_an_object_too_large_is_not_looked_at() -> None:
    with pytest.raises(Unevaluable, match="more than 20,000 values"):
        Subject.of({"spec": {"list": list(range(20_001))}})


leaves = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=5)
json = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(status=json, text=st.sampled_from([
    "status.phase == 'Ready'",
    "status.conditions.exists(c, c.type == 'Ready')",
    "size(status) > 0",
    "!has(status.x) || status.x",
    "status[0] == 1",
]))  # fmt: skip
def test_whatever_the_object_it_is_an_answer_or_unevaluable(status: Any, text: str) -> None:
    with contextlib.suppress(Unevaluable):
        assert holds(text, {"status": status}) in (True, False)
