"""What one object must be, what is taken out of it, and what makes it ours.

Nothing here knows about files: places are paths inside the object (`directory` knows the lines).
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass

from clusters.model import BUNDLE_LABEL, FLEET_LABEL, GroupKind, ref_of
from fleet.source.render.files import FieldPath, Json, kind_of
from fleet.source.render.scope import DEFAULT_NAMESPACE, is_namespaced

SUBSTITUTE_ANNOTATION = "flotilla.dev/substitute"
"""With the value `disabled`, the texts of an object are kept as they are."""
LAST_APPLIED_ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration"

_SET_BY_SERVER = (
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
    "selfLink",
)
_TELLING = ("uid", "resourceVersion", "managedFields")
"""Who has one of these exported the object from a cluster; the others are often left by tools."""

_API_VERSION = re.compile(r"(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?/)?[a-z0-9]{1,63}")
_KIND = re.compile(r"[A-Za-z][A-Za-z0-9]{0,62}")
_NAMESPACE = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")
_NOT_IN_NAME = re.compile(r"[/%\s\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """Something about one object, and where in it."""

    path: FieldPath
    message: str
    found: str | None = None
    allowed: str | None = None


def check_object(content: Json) -> list[Issue]:
    """List why `content` cannot be an object that we apply; empty: it can."""
    if not isinstance(content, Mapping):
        return [Issue(path=(), message="is no Kubernetes object", found=kind_of(content))]
    if "sops" in content:
        return [
            Issue(
                path=("sops",),
                message="the object is encrypted with SOPS, which is not supported yet; applying "
                "it would put the encrypted text into the cluster",
            )
        ]
    issues = [
        *_check_text(content, ("apiVersion",), _API_VERSION, "like v1 or apps/v1"),
        *_check_text(content, ("kind",), _KIND, "letters and digits, like Deployment"),
    ]
    metadata = content.get("metadata")
    if not isinstance(metadata, Mapping):
        return [*issues, Issue(path=("metadata",), message="is required", found=kind_of(metadata))]
    return issues + _check_metadata(metadata)


def cleaned(content: Mapping[str, Json]) -> tuple[dict[str, Json], list[Issue]]:
    """Leave out what only a server sets; the issues are warnings."""
    warnings = []
    metadata = {k: v for k, v in content["metadata"].items() if k not in _SET_BY_SERVER}
    telling = [name for name in _TELLING if content["metadata"].get(name)]
    if telling:
        warnings.append(
            Issue(
                path=("metadata", telling[0]),
                message="the object was exported from a cluster; what the server sets "
                "(status, uid, resourceVersion, managedFields) is left out",
            )
        )
    annotations = metadata.get("annotations")
    if isinstance(annotations, Mapping) and LAST_APPLIED_ANNOTATION in annotations:
        metadata["annotations"] = {
            name: text for name, text in annotations.items() if name != LAST_APPLIED_ANNOTATION
        }
    kept = {name: value for name, value in content.items() if name != "status"}
    return {**kept, "metadata": metadata}, warnings


def encoded(content: Mapping[str, Json]) -> Mapping[str, Json]:
    """Write the texts of a Secret as the data that the server makes of them.

    Server-side apply owns `stringData`, a field that no object ever has, and not the `data` that
    comes of it: what is changed there by hand would be nobody's drift, and a key that leaves Git
    would stay on the cluster (kubernetes/kubernetes#110254).
    """
    texts, data = content.get("stringData"), content.get("data")
    secret = content.get("apiVersion") == "v1" and content.get("kind") == "Secret"
    if not secret or not isinstance(texts, Mapping) or not isinstance(data, Mapping | None):
        return content
    if not all(isinstance(text, str) for text in texts.values()):
        return content  # the server says what is wrong with it
    made = {name: b64encode(text.encode()).decode() for name, text in texts.items()}
    rest = {name: value for name, value in content.items() if name != "stringData"}
    return {**rest, "data": {**(data or {}), **made}}


def placed(
    content: Mapping[str, Json], namespace: str | None, defined: Mapping[GroupKind, bool]
) -> tuple[dict[str, Json], list[Issue]]:
    """Give the object its namespace: its own, else the bundle's, else `default`.

    An object of a kind that only the cluster knows gets the bundle's, or none; the issues are
    warnings.
    """
    metadata = dict(content["metadata"])
    own = metadata.pop("namespace", None)
    warnings = []
    match is_namespaced(ref_of(content).group_kind, defined):
        case False if own:
            warnings.append(
                Issue(
                    path=("metadata", "namespace"),
                    message="is left out: objects of this kind are not in a namespace",
                )
            )
        case False:
            pass
        case True:
            metadata["namespace"] = own or namespace or DEFAULT_NAMESPACE
        case None if own or namespace:
            metadata["namespace"] = own or namespace
    return {**content, "metadata": metadata}, warnings


def owned(
    content: Mapping[str, Json], *, fleet: str, bundle: str
) -> tuple[dict[str, Json], list[Issue]]:
    """Put our labels on the object; the issues say that it already carries somebody else's."""
    metadata = content["metadata"]
    labels = metadata.get("labels") or {}
    issues = [
        Issue(
            path=("metadata", "labels", label),
            message="is set by Flotilla, to the name of the fleet or bundle; remove it",
            found=repr(labels[label])[:80],
            allowed=value,
        )
        for label, value in ((FLEET_LABEL, fleet), (BUNDLE_LABEL, bundle))
        if labels.get(label, value) != value
    ]
    labels = {**labels, FLEET_LABEL: fleet, BUNDLE_LABEL: bundle}
    return {**content, "metadata": {**metadata, "labels": labels}}, issues


def _check_metadata(metadata: Mapping[str, Json]) -> list[Issue]:
    issues = []
    at = ("metadata", "name")
    name = metadata.get("name")
    if name is None and metadata.get("generateName"):
        issues.append(
            Issue(
                path=("metadata", "generateName"),
                message="objects need a fixed name: with a generated one, each apply makes another",
            )
        )
    elif not isinstance(name, str) or not name:
        issues.append(_required(at, name))
    elif len(name) > 253 or name in (".", "..") or _NOT_IN_NAME.search(name):
        issues.append(Issue(path=at, message="is no name of an object", found=ascii(name)[:80]))
    namespace = metadata.get("namespace")
    if namespace is not None and not (
        isinstance(namespace, str) and (not namespace or _NAMESPACE.fullmatch(namespace))
    ):
        issues.append(
            Issue(
                path=("metadata", "namespace"),
                message="is no name of a namespace",
                found=ascii(namespace)[:80],
                allowed="lower-case letters, digits and '-'",
            )
        )
    if metadata.get("ownerReferences"):
        issues.append(
            Issue(
                path=("metadata", "ownerReferences"),
                message="must not be in Git: it names an object of one cluster by its uid, and "
                "any other cluster would delete this one; remove it",
            )
        )
    for field in ("labels", "annotations"):
        issues += _check_texts(metadata.get(field), ("metadata", field))
    return issues


def _check_text(
    content: Mapping[str, Json], path: tuple[str], pattern: re.Pattern[str], allowed: str
) -> list[Issue]:
    value = content.get(path[0])
    if not isinstance(value, str) or not value:
        return [_required(path, value)]
    if not pattern.fullmatch(value):
        return [Issue(path=path, message="is malformed", found=ascii(value)[:80], allowed=allowed)]
    return []


def _check_texts(value: Json, path: FieldPath) -> list[Issue]:
    if value is None:
        return []
    if not isinstance(value, Mapping):
        return [Issue(path=path, message="must be a mapping", found=kind_of(value))]
    return [
        Issue(
            path=(*path, key),
            message="must be a text; put it in quotes",
            found=kind_of(text),
        )
        for key, text in value.items()
        if not isinstance(text, str)
    ]


def _required(path: FieldPath, value: Json) -> Issue:
    message = "is required" if value in (None, "") else "must be a text"
    return Issue(path=path, message=message, found=None if value is None else kind_of(value))
