"""Selectors: what they select, and how they are refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusters.embedded.kinds import CONFIG_MAPS, EVENTS, PODS, Resource
from clusters.embedded.selectors import parse_fields, parse_labels, selection_of
from clusters.embedded.status import ApiStatus
from clusters.embedded.storage import Stored

LABELS = {"app": "web", "tier": "front", "size": "7", "empty": ""}


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("", True),
        ("app", True),
        ("!app", False),
        ("!other", True),
        ("app=web", True),
        ("app==web", True),
        ("app!=web", False),
        ("other!=web", True),
        ("app in (web, api)", True),
        ("app in (api)", False),
        ("app notin (api),tier", True),
        ("other notin (api)", True),
        ("empty=", True),
        ("empty in ()", True),
        ("empty", True),
        ("app in (,web)", True),
        ("size>6", True),
        ("size > 7", False),
        ("size<8,app=web", True),
        ("app>1", False),
        ("in=x", False),
        ("notin", False),
        (" app = web , tier = front ", True),
    ],
)
def test_labels(text: str, matches: bool) -> None:
    assert all(test(LABELS) for test in parse_labels(text)) is matches


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a in b", "unable to parse requirement: found 'b' expected: '('"),
        ("a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"),
        ("a,", "found '', expected: identifier after ','"),
        (",a", "found ',', expected: !, identifier, or 'end of string'"),
        ("a=b c", "found 'c', expected: ',' or 'end of string'"),
        ("a=(", "unable to parse requirement: found '(', expected: identifier"),
        ("a in (b", "unable to parse requirement: found '', expected: ',' or ')'"),
        ("!", "unable to parse requirement: found '', expected: identifier"),
    ],
)
def test_refused_labels(text: str, message: str) -> None:
    with pytest.raises(ApiStatus) as caught:
        parse_labels(text)
    assert (caught.value.code, caught.value.message) == (400, message)


@given(st.text(alphabet="ab=!(),<> in/._-", max_size=24))
def test_any_text_is_read_or_refused(text: str) -> None:
    code, tests = 200, parse_labels("")
    try:
        tests = parse_labels(text)
    except ApiStatus as refused:
        code = refused.code
    assert code in (200, 400)
    assert all(isinstance(test(LABELS), bool) for test in tests)


def pod(name: str, **status: str) -> Stored:
    body = {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {"name": name, "namespace": "ns"},
        "spec": {"nodeName": "n1"},
        "status": status,
    }
    return Stored.of(f"ns/{name}", 1, body)


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("metadata.name=a", True),
        ("metadata.name!=a", False),
        ("metadata.namespace=ns,status.phase=Running", True),
        ("status.phase!=Running", False),
        ("spec.nodeName=n2", False),
        ("spec.hostNetwork=false", True),
    ],
)
def test_fields(text: str, matches: bool) -> None:
    selection = selection_of(PODS, "ns", {"fieldSelector": text})
    assert selection.matches(pod("a", phase="Running")) is matches


@pytest.mark.parametrize(
    ("resource", "text", "message"),
    [
        (PODS, "spec.x=1", "field label not supported: spec.x"),
        (EVENTS, "a=1", "field label not supported: a"),
        (
            CONFIG_MAPS,
            "data.a=1",
            '"data.a" is not a known field selector: only "metadata.name", "metadata.namespace"',
        ),
        (CONFIG_MAPS, "bare", "invalid selector: 'bare'; can't understand 'bare'"),
    ],
)
def test_refused_fields(resource: Resource, text: str, message: str) -> None:
    with pytest.raises(ApiStatus) as caught:
        parse_fields(text, resource)
    assert caught.value.message == message


def test_a_selection_stays_in_its_namespace() -> None:
    assert not selection_of(PODS, "n", {}).matches(pod("a"))
    assert selection_of(PODS, "", {}).matches(pod("a"))
