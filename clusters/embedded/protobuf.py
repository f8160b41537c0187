"""The protobuf that kubectl speaks: reading small objects, writing the OpenAPI document.

`kubectl create` and `auth can-i` send typed objects as protobuf, and client-side validation wants
`/openapi/v2` as protobuf; everything else is JSON.  The tables below name the fields of the kinds
that kubectl builds itself, with their numbers in the Kubernetes API; other kinds are refused.
Encoding: https://protobuf.dev/programming-guides/encoding/.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

import orjson

from clusters.embedded.status import bad_request, unsupported_media_type

MAGIC = b"k8s\x00"
"""How every Kubernetes protobuf body begins."""

# message | field:number:type …   Types: s text, i integer, b boolean, B bytes, T time, or a
# message; [x] a list of x, {x} a map from text to x.
_TABLE = """
ObjectMeta|name:1:s generateName:2:s namespace:3:s uid:5:s resourceVersion:6:s labels:11:{s} annotations:12:{s} ownerReferences:13:[OwnerReference] finalizers:14:[s]
OwnerReference|kind:1:s name:3:s uid:4:s apiVersion:5:s controller:6:b blockOwnerDeletion:7:b
Namespace|metadata:1:ObjectMeta spec:2:NamespaceSpec
NamespaceSpec|finalizers:1:[s]
ConfigMap|metadata:1:ObjectMeta data:2:{s} binaryData:3:{B} immutable:4:b
Secret|metadata:1:ObjectMeta data:2:{B} type:3:s stringData:4:{s} immutable:5:b
ServiceAccount|metadata:1:ObjectMeta
Service|metadata:1:ObjectMeta spec:2:ServiceSpec
ServiceSpec|ports:1:[ServicePort] selector:2:{s} clusterIP:3:s type:4:s externalName:10:s
ServicePort|name:1:s protocol:2:s port:3:i targetPort:4:IntOrString nodePort:5:i
IntOrString|type:1:i intVal:2:i strVal:3:s
Deployment|metadata:1:ObjectMeta spec:2:DeploymentSpec
DeploymentSpec|replicas:1:i selector:2:LabelSelector template:3:PodTemplateSpec minReadySeconds:5:i revisionHistoryLimit:6:i paused:7:b progressDeadlineSeconds:9:i
LabelSelector|matchLabels:1:{s} matchExpressions:2:[LabelSelectorRequirement]
LabelSelectorRequirement|key:1:s operator:2:s values:3:[s]
PodTemplateSpec|metadata:1:ObjectMeta spec:2:PodSpec
PodSpec|containers:2:[Container] restartPolicy:3:s serviceAccountName:8:s nodeName:10:s
Container|name:1:s image:2:s command:3:[s] args:4:[s] workingDir:5:s ports:6:[ContainerPort] env:7:[EnvVar]
ContainerPort|name:1:s hostPort:2:i containerPort:3:i protocol:4:s
EnvVar|name:1:s value:2:s
HorizontalPodAutoscaler|metadata:1:ObjectMeta spec:2:HorizontalPodAutoscalerSpec
HorizontalPodAutoscalerSpec|scaleTargetRef:1:CrossVersionObjectReference minReplicas:2:i maxReplicas:3:i targetCPUUtilizationPercentage:4:i
CrossVersionObjectReference|kind:1:s name:2:s apiVersion:3:s
Job|metadata:1:ObjectMeta spec:2:JobSpec
JobSpec|parallelism:1:i completions:2:i activeDeadlineSeconds:3:i template:6:PodTemplateSpec backoffLimit:7:i
CronJob|metadata:1:ObjectMeta spec:2:CronJobSpec
CronJobSpec|schedule:1:s concurrencyPolicy:3:s suspend:4:b jobTemplate:5:JobTemplateSpec
JobTemplateSpec|metadata:1:ObjectMeta spec:2:JobSpec
Role|metadata:1:ObjectMeta rules:2:[PolicyRule]
ClusterRole|metadata:1:ObjectMeta rules:2:[PolicyRule]
PolicyRule|verbs:1:[s] apiGroups:2:[s] resources:3:[s] resourceNames:4:[s] nonResourceURLs:5:[s]
RoleBinding|metadata:1:ObjectMeta subjects:2:[Subject] roleRef:3:RoleRef
ClusterRoleBinding|metadata:1:ObjectMeta subjects:2:[Subject] roleRef:3:RoleRef
Subject|kind:1:s apiGroup:2:s name:3:s namespace:4:s
RoleRef|apiGroup:1:s kind:2:s name:3:s
PriorityClass|metadata:1:ObjectMeta value:2:i globalDefault:3:b description:4:s preemptionPolicy:5:s
PodDisruptionBudget|metadata:1:ObjectMeta spec:2:PodDisruptionBudgetSpec
PodDisruptionBudgetSpec|minAvailable:1:IntOrString selector:2:LabelSelector maxUnavailable:3:IntOrString
ResourceQuota|metadata:1:ObjectMeta spec:2:ResourceQuotaSpec
ResourceQuotaSpec|hard:1:{Quantity} scopes:2:[s]
Quantity|string:1:s
Lease|metadata:1:ObjectMeta spec:2:LeaseSpec
LeaseSpec|holderIdentity:1:s leaseDurationSeconds:2:i acquireTime:3:T renewTime:4:T leaseTransitions:5:i
SelfSubjectAccessReview|metadata:1:ObjectMeta spec:2:SelfSubjectAccessReviewSpec
SelfSubjectAccessReviewSpec|resourceAttributes:1:ResourceAttributes nonResourceAttributes:2:NonResourceAttributes
ResourceAttributes|namespace:1:s verb:2:s group:3:s version:4:s resource:5:s subresource:6:s name:7:s
NonResourceAttributes|path:1:s verb:2:s
SelfSubjectRulesReview|metadata:1:ObjectMeta spec:2:SelfSubjectRulesReviewSpec
SelfSubjectRulesReviewSpec|namespace:1:s
SelfSubjectReview|metadata:1:ObjectMeta
TokenRequest|metadata:1:ObjectMeta spec:2:TokenRequestSpec
TokenRequestSpec|audiences:1:[s] expirationSeconds:4:i
Eviction|metadata:1:ObjectMeta deleteOptions:2:DeleteOptions
DeleteOptions|gracePeriodSeconds:1:i preconditions:2:Preconditions propagationPolicy:4:s dryRun:5:[s]
Preconditions|uid:1:s resourceVersion:2:s
"""  # noqa: E501  one message a line

_NO_OBJECT = "the body is no Kubernetes protobuf object"
Field = tuple[str, str]
"""(name, type) of a field."""


@cache
def _messages() -> Mapping[str, Mapping[int, Field]]:
    out: dict[str, dict[int, Field]] = {}
    for line in _TABLE.strip().splitlines():
        message, _, fields = line.partition("|")
        split = (field.split(":") for field in fields.split())
        out[message] = {int(number): (name, kind) for name, number, kind in split}
    return out


class _Malformed(ValueError):
    """The bytes are no message."""


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 64:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not byte & 0x80:
            return value, at
    raise _Malformed


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Give the fields of a message in order: number, and integer or bytes."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        match tag & 7:
            case 0:
                value, at = _varint(data, at)
                yield tag >> 3, value
            case 1 | 5 as width:
                size = 8 if width == 1 else 4
                yield tag >> 3, int.from_bytes(data[at : at + size], "little")
                at += size
            case 2:
                size, at = _varint(data, at)
                if at + size > len(data):
                    raise _Malformed
                yield tag >> 3, data[at : at + size]
                at += size
            case _:
                raise _Malformed


def _message(name: str, data: bytes) -> Any:
    known = _messages()[name]
    out: dict[str, Any] = {}
    for number, raw in _fields(data):
        field = known.get(number)
        if field is None:
            continue
        label, kind = field
        if kind[0] == "[":
            out.setdefault(label, []).append(_value(kind[1:-1], raw))
        elif kind[0] == "{":
            entry = dict(_fields(_bytes(raw)))
            key = _bytes(entry.get(1, b"")).decode()
            out.setdefault(label, {})[key] = _value(kind[1:-1], entry.get(2, b""))
        else:
            value = _value(kind, raw)
            if value not in ("", None):  # Go writes what is unset as empty
                out[label] = value
    if name == "IntOrString":
        return out.get("strVal", "") if out.get("type") else out.get("intVal", 0)
    return out.get("string", "0") if name == "Quantity" else out


def _bytes(raw: int | bytes) -> bytes:
    if isinstance(raw, int):
        raise _Malformed
    return raw


def _value(kind: str, raw: int | bytes) -> Any:
    match kind:
        case "i":
            if not isinstance(raw, int):
                raise _Malformed
            return raw - (1 << 64) if raw >> 63 else raw
        case "b":
            return bool(raw)
        case "s":
            return _bytes(raw).decode()
        case "B":
            return base64.b64encode(_bytes(raw)).decode()
        case "T":
            moment = dict(_fields(_bytes(raw)))
            seconds, nanos = moment.get(1, 0), moment.get(2, 0)
            if not isinstance(seconds, int) or not isinstance(nanos, int):
                raise _Malformed
            whole = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
            return f"{whole}.{nanos // 1000:06d}Z"
    return _message(kind, _bytes(raw))


def read_object(data: bytes) -> dict[str, Any]:
    """Read an object that came as protobuf.

    Raises:
        ApiStatus: 400 for what is no such object, 415 for a kind that is not in the table.
    """
    if not data.startswith(MAGIC):
        raise bad_request(_NO_OBJECT)
    try:
        envelope = dict(_fields(data[len(MAGIC) :]))
        named = dict(_fields(_bytes(envelope.get(1, b""))))
        api_version, kind = _bytes(named.get(1, b"")).decode(), _bytes(named.get(2, b"")).decode()
        if (api_version, kind) == ("autoscaling/v2", "HorizontalPodAutoscaler"):
            raise unsupported_media_type(("application/json", "application/yaml"))
        content = _known(kind, _bytes(envelope.get(2, b"")))
    except (_Malformed, UnicodeDecodeError, OverflowError, OSError, RecursionError) as error:
        raise bad_request(_NO_OBJECT) from error
    return {"kind": kind, "apiVersion": api_version, **content}


def _known(kind: str, data: bytes) -> dict[str, Any]:
    if kind not in _messages():
        raise unsupported_media_type(("application/json", "application/yaml"))
    content: dict[str, Any] = _message(kind, data)
    return content


def _put_varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _put(number: int, value: bytes | str | bool) -> bytes:
    if isinstance(value, bool):
        return _put_varint(number << 3) + (b"\x01" if value else b"\x00")
    raw = value.encode() if isinstance(value, str) else value
    return _put_varint(number << 3 | 2) + _put_varint(len(raw)) + raw


def _put_schema(schema: Mapping[str, Any]) -> bytes:
    """Write a Schema of gnostic's OpenAPIv2: the parts that validation reads."""
    out = bytearray()
    for number, name in ((1, "$ref"), (2, "format"), (4, "description")):
        if schema.get(name):
            out += _put(number, schema[name])
    for name in schema.get("required") or ():
        out += _put(19, name)
    extra = schema.get("additionalProperties")
    if isinstance(extra, Mapping):
        out += _put(21, _put(1, _put_schema(extra)))
    elif isinstance(extra, bool):
        out += _put(21, _put(2, extra))
    if schema.get("type"):
        out += _put(22, _put(1, schema["type"]))
    if isinstance(schema.get("items"), Mapping):
        out += _put(23, _put(1, _put_schema(schema["items"])))
    if schema.get("properties"):
        out += _put(25, _put_named(schema["properties"]))
    for name, value in schema.items():
        if name.startswith("x-kubernetes-"):
            text = orjson.dumps(value).decode()  # JSON is YAML
            out += _put(31, _put(1, name) + _put(2, _put(2, text)))
    return bytes(out)


def _put_named(schemas: Mapping[str, Mapping[str, Any]]) -> bytes:
    named = (_put(1, name) + _put(2, _put_schema(schema)) for name, schema in schemas.items())
    return b"".join(_put(1, entry) for entry in named)


def openapi_document(title: str, version: str, definitions: Mapping[str, Any]) -> bytes:
    """Write an OpenAPI v2 document of definitions alone (gnostic's openapi.v2.Document)."""
    info = _put(1, title) + _put(2, version)
    return _put(1, "2.0") + _put(2, info) + _put(8, b"") + _put(9, _put_named(definitions))
