"""`${…}` in texts: what stands for what, and what is no name at all.

`${cluster.name}`, `${cluster.labels.KEY}`, `${cluster.properties.KEY}` and `${values.PATH}`.  A
text that is one placeholder takes the value's type, inside a longer text scalars are written out.
Inserted text is never looked at again.  `$${` is a literal `${`.

Manifests are full of placeholders for others (shell scripts, dashboards): `${HOME}` is left alone.
Whatever starts like a name of ours, misspelt or not, must have a value: a name that is silently
kept, or replaced by nothing, would reach a cluster.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import orjson

from fleet.model import Cluster
from fleet.source.render.files import FieldPath, Json, did_you_mean, kind_of

INSERTED_MAX = 8 * 2**20
"""Characters that all placeholders of one document may insert: far above any real object."""

RENDERING_INSERTED_MAX = 64 * 2**20
"""Characters that all placeholders of one rendering may insert: thousands of small documents that
each name one large value would stand for gigabytes."""

UNRESOLVED_MAX = 20
"""Problems of one document that are worth a person's (and a processor's) time."""

_TOKEN = re.compile(r"\$\$\{|\$\{(?P<name>[^{}$]*)\}|\$\{")
_ROOTS = ("cluster", "values")
_SUGGESTED_MAX = 500


_KEEP = " (write $${ to keep the text as it is)"


class UnknownName(LookupError):
    """A placeholder names nothing; the message says what it could have meant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unresolved:
    """A placeholder that cannot be replaced, and where it stands."""

    path: FieldPath
    name: str
    message: str


@dataclass(slots=True)
class Allowance:
    """How much the placeholders of one rendering may still insert."""

    left: int = RENDERING_INSERTED_MAX

    def spend(self, value: Json) -> None:
        """Count what is inserted.

        Raises:
            UnknownName: it is too much.
        """
        self.left -= _weight(value)
        if self.left < 0:
            raise UnknownName(
                f"the placeholders of this bundle insert more than {RENDERING_INSERTED_MAX:,} "
                "characters together"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Variables:
    """What the names stand for on one cluster.  Without `values`, only `cluster.*` are names."""

    cluster: Cluster
    values: Mapping[str, Json] | None = None
    allowance: Allowance | None = None
    """None: as much as each document may."""

    def resolve(self, name: str) -> Json:
        """Find the value of a name.

        Raises:
            UnknownName: there is none, or too much was inserted already.
        """
        value = self._found(name)
        if self.allowance is not None:
            self.allowance.spend(value)
        return value

    def _found(self, name: str) -> Json:
        if name == "cluster.name":
            return self.cluster.name
        for root, texts in (
            ("cluster.labels.", self.cluster.labels),
            ("cluster.properties.", self.cluster.properties),
        ):
            if name.startswith(root):
                key = name.removeprefix(root)
                if key in texts:
                    return texts[key]
                raise UnknownName(f"cluster {self.cluster.name} has no {name}{self._hint(name)}")
        if name.startswith("values."):
            return self._value(name)
        raise UnknownName(f"there is no {name}{self._hint(name)}{_KEEP}")

    def _value(self, name: str) -> Json:
        if self.values is None:
            raise UnknownName("values cannot be used here, only cluster.*")
        value: Json = self.values
        for part in name.split(".")[1:]:
            match value:
                case Mapping() if part in value:
                    value = value[part]
                case list() if part.isdecimal() and int(part) < len(value):
                    value = value[int(part)]
                case _:
                    raise UnknownName(f"there is no {name}{self._hint(name)}")
        return value

    def _hint(self, name: str) -> str:
        return did_you_mean(name, self._names())

    def _names(self) -> list[str]:
        names = ["cluster.name"]
        names += [f"cluster.labels.{key}" for key in self.cluster.labels]
        names += [f"cluster.properties.{key}" for key in self.cluster.properties]
        pending: list[tuple[str, Json]] = [("values", self.values)]
        while pending and len(names) < _SUGGESTED_MAX:
            at, value = pending.pop()
            if isinstance(value, Mapping):
                pending += [(f"{at}.{key}", item) for key, item in value.items()]
            if at != "values":
                names.append(at)
        return names


def names_in(content: Json) -> frozenset[str]:
    """Collect our names in all placeholders, those that do not exist included."""
    return frozenset(
        name
        for text in _texts(content)
        for token in _TOKEN.finditer(text)
        if (name := _our_name(token)) is not None
    )


def has_placeholders(content: Json) -> bool:
    """Whether substitution would change anything, escapes included."""
    return any("${" in text for text in _texts(content))


def substitute(
    content: Json, resolve: Callable[[str], Json]
) -> tuple[Json, tuple[Unresolved, ...]]:
    """Replace every placeholder; what cannot be replaced is left as it is, and the first listed.

    `resolve` raises `UnknownName`.  `content` is not touched.
    """
    work = _Substitution(resolve)
    return work.value(content, ()), tuple(work.unresolved)


@dataclass(slots=True)
class _Substitution:
    resolve: Callable[[str], Json]
    unresolved: list[Unresolved] = field(default_factory=list)
    inserted: int = 0

    def value(self, value: Json, path: FieldPath) -> Json:
        match value:
            case str():
                return self._text(value, path) if "${" in value else value
            case Mapping():
                return self._mapping(value, path)
            case list():
                return [self.value(item, (*path, index)) for index, item in enumerate(value)]
            case _:
                return value

    def _mapping(self, mapping: Mapping[str, Json], path: FieldPath) -> dict[str, Json]:
        replaced: dict[str, Json] = {}
        for key, item in mapping.items():
            at = (*path, key)
            name = self._written(key, at) if "${" in key else key
            if name in replaced:
                self._refuse(at, key, "two keys of this mapping become the same")
            replaced[name] = self.value(item, at)
        return replaced

    def _text(self, text: str, path: FieldPath) -> Json:
        token = _TOKEN.fullmatch(text)
        name = _our_name(token) if token else None
        if token is None or token["name"] is None or name is None:
            return self._written(text, path)
        return self._resolved(name, path, otherwise=text)

    def _written(self, text: str, path: FieldPath) -> str:
        return _TOKEN.sub(lambda token: self._inserted_text(token, path), text)

    def _inserted_text(self, token: re.Match[str], path: FieldPath) -> str:
        if token[0] == "$${":
            return "${"
        name = _our_name(token)
        if name is None:
            return token[0]
        if token["name"] is None:
            self._refuse(path, name, f"${{{name} has no }}{_KEEP}")
            return token[0]
        value = self._resolved(name, path, otherwise=token[0])
        match value:
            case str():
                return value
            case bool() | int() | float():
                return orjson.dumps(value).decode()
            case _:
                self._refuse(path, name, f"{name} is {kind_of(value)}, which no text can hold")
                return token[0]

    def _resolved(self, name: str, path: FieldPath, *, otherwise: str) -> Json:
        if len(self.unresolved) >= UNRESOLVED_MAX:
            return otherwise
        try:
            value = self.resolve(name)
        except UnknownName as error:
            self._refuse(path, name, str(error))
            return otherwise
        self.inserted += _weight(value)
        if self.inserted > INSERTED_MAX:
            self._refuse(path, name, f"placeholders insert more than {INSERTED_MAX:,} characters")
            return otherwise
        return value

    def _refuse(self, path: FieldPath, name: str, message: str) -> None:
        self.unresolved.append(Unresolved(path=path, name=name, message=message))


def _our_name(token: re.Match[str]) -> str | None:
    """Read the name of a placeholder that is meant for us, also where it is misspelt."""
    if token[0] == "$${":
        return None
    inside = token["name"]
    if inside is None:
        # Not closed, or with another ${ inside: all that can be said is how it begins.
        begin = re.match(r"\s*([\w.]*)", token.string[token.end() :])
        inside = begin[1] if begin else ""
    name = inside.strip()
    root, dot, _ = name.partition(".")
    return name if dot and difflib.get_close_matches(root.lower(), _ROOTS, cutoff=0.8) else None


def _texts(content: Json) -> Iterator[str]:
    pending = [content]
    while pending:
        match pending.pop():
            case str() as text:
                yield text
            case Mapping() as mapping:
                yield from mapping
                pending.extend(mapping.values())
            case list() as items:
                pending.extend(items)


def _weight(value: Json) -> int:
    if isinstance(value, str):
        return len(value)
    return len(orjson.dumps(value)) if isinstance(value, Mapping | list) else 8
