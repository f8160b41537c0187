"""What one HTTP request asks of a cluster: verb, resource, object, options.

Pure reading of method, path and query, after apiserver's RequestInfo resolver.  Nothing here
knows whether the resource or the object exists.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from clusters.embedded.status import Cause, bad_request, invalid

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch"}
_TRUE = ("true", "1", "t", "T", "TRUE", "True")
_NAMESPACE_SUBRESOURCES = ("status", "finalize")


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourcePath:
    """The parts of a path below `/api/v1` or `/apis/GROUP/VERSION`."""

    group: str
    version: str
    namespace: str = ""
    plural: str = ""
    name: str = ""
    subresource: str = ""
    below: str = ""
    """What follows the subresource, as in a proxied path."""

    @property
    def key(self) -> str:
        """Under which the object is stored."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


def parse_path(parts: list[str]) -> ResourcePath | None:
    """Read the segments of a path; None if it is no path of a group version."""
    if parts[0] == "api" and len(parts) >= 2:
        group, version, rest = "", parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) >= 3:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    if not rest:
        return ResourcePath(group=group, version=version)
    namespace = ""
    if rest[0] == "namespaces" and len(rest) >= 3 and rest[2] not in _NAMESPACE_SUBRESOURCES:
        namespace, rest = rest[1], rest[2:]
    return ResourcePath(
        group=group,
        version=version,
        namespace=namespace,
        plural=rest[0],
        name=rest[1] if len(rest) > 1 else "",
        subresource=rest[2] if len(rest) > 2 else "",
        below="/".join(rest[3:]),
    )


def parse_query(text: str) -> dict[str, str]:
    """Read a query string; of a repeated parameter the first counts."""
    query: dict[str, str] = {}
    if text and "%" not in text and "+" not in text:  # most queries; a tenth of the time
        for pair in text.split("&"):
            key, _, value = pair.partition("=")
            if key:
                query.setdefault(key, value)
    elif text:
        for key, value in parse_qsl(text, keep_blank_values=True):
            query.setdefault(key, value)
    return query


def is_true(query: Mapping[str, str], name: str) -> bool:
    """Read a boolean parameter; absent and unreadable are false."""
    return query.get(name, "") in _TRUE


def verb_of(method: str, path: ResourcePath, query: Mapping[str, str]) -> str:
    """Name what is asked, in the words of RBAC; empty for a method that asks nothing."""
    if method in ("GET", "HEAD"):
        if is_true(query, "watch"):
            return "watch"
        return "get" if path.name else "list"
    if method == "DELETE":
        return "delete" if path.name else "deletecollection"
    return _VERBS.get(method, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOptions:
    """What a write is told beside the object."""

    manager: str
    dry_run: bool = False
    force: bool = False
    field_validation: str = "Warn"


_VALIDATIONS = ("", "Ignore", "Warn", "Strict")
_OPTION_KINDS = {"create": "CreateOptions", "update": "UpdateOptions", "patch": "PatchOptions"}
_MANAGER_CHARS_MAX = 128


def write_options(query: Mapping[str, str], verb: str, agent: str) -> WriteOptions:
    """Read the options of a create, update or patch.

    Args:
        query: the parameters of the request.
        verb: create, update or patch.
        agent: the User-Agent, whose first word names a manager that does not name itself.

    Raises:
        ApiStatus: 422 for a parameter with a value that it does not take.
    """
    causes = []
    manager = query.get("fieldManager", "")
    if len(manager) > _MANAGER_CHARS_MAX:
        causes.append(
            Cause("FieldValueTooLong", "Too long: may not be more than 128 bytes", "fieldManager")
        )
    elif not manager.isprintable():
        why = f'Invalid value: "{manager}": should only contain printable characters'
        causes.append(Cause("FieldValueInvalid", why, "fieldManager"))
    validation = query.get("fieldValidation", "")
    if validation not in _VALIDATIONS:
        why = f'Unsupported value: "{validation}": supported values: "Ignore", "Strict", "Warn"'
        causes.append(Cause("FieldValueNotSupported", why, "fieldValidation"))
    causes += _dry_run_causes(query)
    if causes:
        raise invalid(_OPTION_KINDS[verb], "", causes, group="meta.k8s.io")
    return WriteOptions(
        manager=manager or agent.partition("/")[0][:_MANAGER_CHARS_MAX] or "unknown",
        dry_run="dryRun" in query,
        force=_force(query),
        field_validation=validation or "Warn",
    )


def _dry_run_causes(query: Mapping[str, str]) -> list[Cause]:
    value = query.get("dryRun", "All")
    if value == "All":
        return []
    why = f'Unsupported value: "{value}": supported values: "All"'
    return [Cause("FieldValueNotSupported", why, "dryRun")]


def _force(query: Mapping[str, str]) -> bool:
    value = query.get("force")
    if value is None or value in _TRUE:
        return value is not None
    if value in ("false", "0", "f", "F", "FALSE", "False"):
        return False
    raise bad_request(f'strconv.ParseBool: parsing "{value}": invalid syntax')
