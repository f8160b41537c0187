"""Label and field selectors as the server reads them from a query.

The grammar and the wording of its errors follow k8s.io/apimachinery `pkg/labels` and
`pkg/fields`; which fields a kind can be selected by follows each kind's own conversion functions.
A parsed `Selection` is a pure predicate over stored objects; lists and watches share it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from clusters.embedded.kinds import Resource, StorageKey
from clusters.embedded.status import bad_request
from clusters.embedded.storage import Stored

LabelTest = Callable[[Mapping[str, str]], bool]

_TOKEN = re.compile(r"\s*(==|!=|=|!|\(|\)|,|>|<|[^\s=!(),><]+)")
_SYMBOLS = frozenset(("==", "!=", "=", "!", "(", ")", ",", ">", "<"))
_BINARY = "in, notin, =, ==, !=, gt, lt"
_NAME = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_PREFIX = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_NAME_RULE = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end "
    "with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "
    "validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
_VALUE_RULE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  "
    "or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)


class _Unreadable(ValueError):
    """The selector breaks its grammar."""


class _Tokens:
    """What a selector is made of, read from the front.  The end reads as the empty string."""

    def __init__(self, text: str) -> None:
        self._items = _TOKEN.findall(text)
        self._at = 0

    def peek(self) -> str:
        return self._items[self._at] if self._at < len(self._items) else ""

    def take(self) -> str:
        item = self.peek()
        self._at += 1
        return item


def _is_word(token: str) -> bool:
    return bool(token) and token not in _SYMBOLS


def _check_key(key: str) -> None:
    prefix, slash, name = key.rpartition("/")
    wrong = (slash and not _PREFIX.fullmatch(prefix)) or len(name) > 63 or not _NAME.fullmatch(name)
    if wrong:
        raise _Unreadable(f'<nil>: Invalid value: "{key}": {_NAME_RULE}')


def _check_value(key: str, value: str) -> None:
    if len(value) > 63:
        why = "must be no more than 63 bytes"
    elif value and not _NAME.fullmatch(value):
        why = _VALUE_RULE
    else:
        return
    raise _Unreadable(f'values[0][{key}]: Invalid value: "{value}": {why}')


def _values(tokens: _Tokens) -> frozenset[str]:
    opened = tokens.take()
    if opened != "(":
        raise _Unreadable(f"found '{opened}' expected: '('")
    values: set[str] = set()
    word = ""
    while True:
        item = tokens.take()
        if item in (",", ")"):
            values.add(word)
            word = ""
            if item == ")":
                return frozenset(values)
        elif _is_word(item) and not word:
            word = item
        else:
            expected = "',' or ')'" if word else "',', ')' or identifier"
            raise _Unreadable(f"found '{item}', expected: {expected}")


def _exact(tokens: _Tokens) -> str:
    if tokens.peek() in ("", ","):
        return ""
    token = tokens.take()
    if not _is_word(token):
        raise _Unreadable(f"found '{token}', expected: identifier")
    return token


def _integer(key: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise _Unreadable(
            f"values[0]: Invalid value: \"{text}\": for 'Gt', 'Lt' operators, the value must be "
            "an integer"
        ) from None


def _compared(key: str, operator: str, bound: int) -> LabelTest:
    def test(labels: Mapping[str, str]) -> bool:
        held = labels.get(key, "")
        if not re.fullmatch(r"[+-]?\d+", held):
            return False
        return int(held) > bound if operator == ">" else int(held) < bound

    return test


def _requirement(tokens: _Tokens) -> LabelTest:
    negated = tokens.peek() == "!"
    if negated:
        tokens.take()
    key = tokens.take()
    if not _is_word(key):
        raise _Unreadable(f"found '{key}', expected: identifier")
    _check_key(key)
    if tokens.peek() in ("", ","):
        return (lambda labels: key not in labels) if negated else (lambda labels: key in labels)
    operator = tokens.take()
    if negated:
        raise _Unreadable(f"found '{operator}', expected: {_BINARY}")
    if operator in ("in", "notin"):
        wanted = _values(tokens)
        for value in wanted:
            _check_value(key, value)
        if operator == "in":
            return lambda labels: labels.get(key) in wanted
        return lambda labels: labels.get(key) not in wanted
    if operator in ("=", "==", "!=", ">", "<"):
        value = _exact(tokens)
        if operator in (">", "<"):
            return _compared(key, operator, _integer(key, value))
        _check_value(key, value)
        if operator == "!=":
            return lambda labels: labels.get(key) != value
        return lambda labels: labels.get(key) == value
    raise _Unreadable(f"found '{operator}', expected: {_BINARY}")


@lru_cache(maxsize=1024)
def parse_labels(text: str) -> tuple[LabelTest, ...]:
    """Read a label selector; all tests must hold.

    Raises:
        ApiStatus: 400, with the words of the real parser.
    """
    tokens, tests = _Tokens(text), []
    try:
        while tokens.peek():
            if not _is_word(tokens.peek()) and tokens.peek() != "!":
                raise bad_request(
                    f"found '{tokens.peek()}', expected: !, identifier, or 'end of string'"
                )
            tests.append(_requirement(tokens))
            after = tokens.take()
            if after == "," and not (_is_word(tokens.peek()) or tokens.peek() == "!"):
                raise bad_request(f"found '{tokens.peek()}', expected: identifier after ','")
            if after not in ("", ","):
                raise bad_request(f"found '{after}', expected: ',' or 'end of string'")
    except _Unreadable as error:
        raise bad_request(f"unable to parse requirement: {error}") from error
    return tuple(tests)


_ALWAYS = ("metadata.name", "metadata.namespace")
_FIELDS: Mapping[StorageKey, tuple[str, ...]] = {
    ("", "pods"): (
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.podIPs",
        "status.nominatedNodeName",
    ),
    ("", "events"): (
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "involvedObject.resourceVersion",
        "involvedObject.fieldPath",
        "reason",
        "reportingComponent",
        "source",
        "type",
    ),
    ("", "namespaces"): ("status.phase",),
    ("", "nodes"): ("spec.unschedulable",),
    ("", "replicationcontrollers"): ("status.replicas",),
    ("", "secrets"): ("type",),
    ("", "services"): ("spec.clusterIP", "spec.type"),
    ("apps", "replicasets"): ("status.replicas",),
    ("batch", "jobs"): ("status.successful",),
    ("certificates.k8s.io", "certificatesigningrequests"): ("spec.signerName",),
}


@dataclass(frozen=True, slots=True)
class FieldTest:
    """One term of a field selector."""

    path: str
    value: str
    negated: bool

    def holds(self, stored: Stored, body: Mapping[str, Any] | None) -> bool:
        """Tell whether an object passes; `body` is needed for all but its name."""
        if self.path == "metadata.name":
            found = stored.name
        elif self.path == "metadata.namespace":
            found = stored.namespace
        else:
            found = _text_at(body or {}, self.path)
        return (found == self.value) is not self.negated


def _text_at(body: Mapping[str, Any], path: str) -> str:
    value: Any = body
    for step in path.split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    if path == "status.successful":
        value = value or body.get("status", {}).get("succeeded", 0)
    if isinstance(value, Mapping):  # `source` of an event selects by its component
        value = value.get("component")
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "false" if path in ("spec.unschedulable", "spec.hostNetwork") else ""
    return str(value)


def _unescaped(value: str) -> str:
    return re.sub(r"\\([\\,=])", r"\1", value)


def _terms(text: str) -> Iterator[tuple[str, str, bool]]:
    for term in re.split(r"(?<!\\),", text):
        if not term:
            continue
        found = re.match(r"((?:\\.|[^\\=!])*?)(==|!=|=)(.*)", term)
        if found is None:
            raise bad_request(f"invalid selector: '{text}'; can't understand '{term}'")
        yield found[1], _unescaped(found[3]), found[2] == "!="


def parse_fields(
    text: str, resource: Resource, selectable: Sequence[str] = ()
) -> Sequence[FieldTest]:
    """Read a field selector; `selectable` are the fields that a CRD adds.

    Raises:
        ApiStatus: 400 for a term without an operator, or a field that this kind is not selected by.
    """
    own = (*_FIELDS.get(resource.storage_key, ()), *selectable)
    tests = []
    for path, value, negated in _terms(text):
        if path not in _ALWAYS and path not in own:
            if own or resource.custom:
                raise bad_request(f"field label not supported: {path}")
            raise bad_request(
                f'"{path}" is not a known field selector: only "metadata.name", '
                '"metadata.namespace"'
            )
        tests.append(FieldTest(path, value, negated))
    return tests


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which objects of a resource a request is about.  `namespace` empty: all of them."""

    namespace: str = ""
    labels: tuple[LabelTest, ...] = ()
    fields: tuple[FieldTest, ...] = ()

    @property
    def narrows(self) -> bool:
        """Whether anything beside the namespace selects."""
        return bool(self.labels or self.fields)

    def matches(self, stored: Stored) -> bool:
        """Tell whether an object belongs to the selection."""
        if self.namespace and not stored.key.startswith(self.namespace + "/"):
            return False
        for test in self.labels:
            if not test(stored.labels):
                return False
        if not self.fields:
            return True
        deep = any(field.path not in _ALWAYS for field in self.fields)
        body = stored.load() if deep else None
        return all(field.holds(stored, body) for field in self.fields)


def selection_of(
    resource: Resource,
    namespace: str,
    query: Mapping[str, str],
    *,
    name: str = "",
    selectable: Sequence[str] = (),
) -> Selection:
    """Read the selectors of a query; `name` narrows to one object (a watch of one path).

    Raises:
        ApiStatus: 400, when a selector cannot be read.
    """
    fields = list(parse_fields(query.get("fieldSelector", ""), resource, selectable))
    if name:
        fields.append(FieldTest("metadata.name", name, False))
    return Selection(
        namespace=namespace,
        labels=parse_labels(query.get("labelSelector", "")),
        fields=tuple(fields),
    )
