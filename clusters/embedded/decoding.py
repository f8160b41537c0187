"""Reading request bodies: bytes to objects, and the refusals that come before any meaning.

JSON and YAML in, a mapping out; the wording follows apimachinery's serializers.  Types and
unknown fields of an object's content are judged in `validation`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import orjson
import yaml

from clusters.embedded import protobuf
from clusters.embedded.conversion import duplicate_fields
from clusters.embedded.kinds import BUILT_IN, Resource
from clusters.embedded.status import bad_request, request_too_large, unsupported_media_type

BODY_BYTES_MAX = 3 * 1024 * 1024
"""Largest body that is read, as the real server's limit."""

JSON = "application/json"
YAML = "application/yaml"
PROTOBUF = "application/vnd.kubernetes.protobuf"
JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"

_BODY_TYPES = (JSON, YAML)


def patch_types(resource: Resource) -> Sequence[str]:
    """Give the media types in which a patch to this resource may come."""
    if resource.custom:
        return (JSON_PATCH, MERGE_PATCH, APPLY_PATCH)
    return (JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, APPLY_PATCH)


def media_type(header: str) -> str:
    """Give the media type of a Content-Type header without its parameters; empty means JSON."""
    return header.partition(";")[0].strip().lower() or JSON


class _Loader(yaml.CSafeLoader):
    """Reads YAML to what JSON can say: a date or a lone `=` is the text that it is written as."""


def _as_written(loader: _Loader, node: yaml.Node) -> str:
    return str(node.value)


for _tag in ("timestamp", "value"):
    yaml.add_constructor(f"tag:yaml.org,2002:{_tag}", _as_written, Loader=_Loader)


def _read_yaml(data: bytes) -> Any:
    try:
        return yaml.load(data, Loader=_Loader)  # noqa: S506  a SafeLoader
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise bad_request(f"error converting YAML to JSON: {error}") from error


def _read_json(data: bytes) -> Any:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise bad_request(f"couldn't get version/kind; json parse error: {error}") from error


def read_value(data: bytes, content_type: str) -> Any:
    """Parse a body by its media type.

    Raises:
        ApiStatus: 400 for what cannot be parsed, 413 too large, 415 an unknown type.
    """
    if len(data) > BODY_BYTES_MAX:
        raise request_too_large(f"limit is {BODY_BYTES_MAX}")
    kind = media_type(content_type)
    if kind in (APPLY_PATCH, YAML):
        try:
            return orjson.loads(data)
        except orjson.JSONDecodeError:
            return _json_values(_read_yaml(data))
    if kind.endswith("json"):
        return _read_json(data)
    raise unsupported_media_type((*_BODY_TYPES, PROTOBUF))


def repeated_fields(data: bytes, body: dict[str, Any], content_type: str) -> Sequence[str]:
    """Find fields that a JSON body sets twice, in the words of strict decoding.

    A body of the very length that its content has without blanks repeats nothing; only others
    are read a second time.
    """
    if not media_type(content_type).endswith("json") or len(orjson.dumps(body)) == len(data):
        return ()
    return duplicate_fields(data)


def _json_values(value: Any) -> Any:
    """Bring YAML values to what JSON can say (dates become text, keys strings)."""
    return json.loads(json.dumps(value, default=str))


def read_object(data: bytes, content_type: str) -> dict[str, Any]:
    """Parse a body that has to be an object.

    Raises:
        ApiStatus: as `read_value`, and 400 for a body that is no object.
    """
    if media_type(content_type) == PROTOBUF:
        value: Any = protobuf.read_object(data)
    else:
        value = read_value(data, content_type)
    if not isinstance(value, dict):
        raise bad_request(
            "couldn't get version/kind; json parse error: json: cannot unmarshal "
            f"{_go_type(value)} into Go value of type struct {{ APIVersion string "
            '"json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'
        )
    metadata = value.get("metadata")
    if metadata is None:
        value["metadata"] = {}
    elif not isinstance(metadata, dict):
        raise bad_request(
            f"json: cannot unmarshal {_go_type(metadata)} into Go struct field "
            ".metadata of type v1.ObjectMeta"
        )
    return value


def _go_type(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "bool"
        case str():
            return "string"
        case int() | float():
            return "number"
        case list():
            return "array"
        case _:
            return "object"


def check_kind(resource: Resource, body: dict[str, Any]) -> None:
    """Hold a body against the kind and version of its URL; what it leaves out is filled in.

    Raises:
        ApiStatus: 400 when it is of another kind or version.
    """
    for name in ("kind", "apiVersion"):
        if not isinstance(body.get(name, ""), str):
            raise bad_request(
                "couldn't get version/kind; json parse error: json: cannot unmarshal "
                f"{_go_type(body[name])} into Go struct field .{name} of type string"
            )
    kind, api_version = body.get("kind", ""), body.get("apiVersion", "")
    if resource.custom and not (kind and api_version):
        missing = "Kind" if not kind else "apiVersion"
        raise bad_request(f"Object '{missing}' is missing in '{_shown(body)}'")
    if (kind or resource.kind, api_version or resource.api_version) != (
        resource.kind,
        resource.api_version,
    ):
        raise bad_request(_other_kind(resource, kind or resource.kind, api_version))
    body["kind"], body["apiVersion"] = resource.kind, resource.api_version


def _other_kind(resource: Resource, kind: str, api_version: str) -> str:
    version = api_version or resource.api_version
    if not any((row.kind, row.api_version) == (kind, version) for row in BUILT_IN.values()):
        return (
            f'{kind} in version "{version}" cannot be handled as a {resource.kind}: no kind '
            f'"{kind}" is registered for version "{version}" in scheme '
            '"pkg/api/legacyscheme/scheme.go:30"'
        )
    if kind == resource.kind:
        return (
            f"the API version in the data ({version}) does not match the expected API version "
            f"({resource.api_version})"
        )
    short = version.rpartition("/")[2]
    target = resource.group.partition(".")[0] or "core"
    return (
        f'{kind} in version "{short}" cannot be handled as a {resource.kind}: converting '
        f"({short}.{kind}) to ({target}.{resource.kind}): unknown conversion"
    )


def _shown(body: dict[str, Any]) -> str:
    shown = {key: value for key, value in body.items() if not (key == "metadata" and not value)}
    return orjson.dumps(shown).decode()


def ordered(body: dict[str, Any]) -> dict[str, Any]:
    """Put kind and apiVersion first: stored bytes begin with them (`Resource.head`)."""
    rest = {key: value for key, value in body.items() if key not in ("kind", "apiVersion")}
    return {"kind": body["kind"], "apiVersion": body["apiVersion"], **rest}
