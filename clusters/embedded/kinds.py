"""The built-in resources of a Kubernetes API server, as a table.

One row per served version of a resource, as `kubectl api-resources` lists them, in the order in
which a real v1.36 server announces its groups.  Only data and lookups: what a kind *does* is in
`strategies`; custom resources are added per cluster by `crds`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
CUSTOM_VERBS = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")
SUBRESOURCE_VERBS = ("get", "patch", "update")

StorageKey = tuple[str, str]
"""(group, plural): all versions of a resource are stored together under it."""


@dataclass(frozen=True, kw_only=True)
class Subresource:
    """A path below an object: its verbs and, where it answers another kind, that kind."""

    name: str
    verbs: tuple[str, ...] = SUBRESOURCE_VERBS
    group: str = ""
    version: str = ""
    kind: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Resource:
    """One resource in one version, as discovery announces it."""

    group: str
    version: str
    plural: str
    singular: str
    kind: str
    namespaced: bool
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ALL_VERBS
    subresources: Mapping[str, Subresource] = field(default_factory=dict)
    list_kind: str = ""
    columns: tuple[Mapping[str, Any], ...] = ()
    """`additionalPrinterColumns` of a custom resource."""
    custom: bool = False
    """Defined by a CRD: unstructured, with its kind in every list item."""

    @cached_property
    def api_version(self) -> str:
        """`apps/v1`, or `v1` for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @cached_property
    def storage_key(self) -> StorageKey:
        """Where its objects are stored."""
        return (self.group, self.plural)

    @cached_property
    def head(self) -> bytes:
        """How the bytes of every stored object of this kind and version begin."""
        return f'{{"kind":"{self.kind}","apiVersion":"{self.api_version}",'.encode()

    def has(self, subresource: str) -> bool:
        """Tell whether objects have this path below them."""
        return subresource in self.subresources


SCALE = Subresource(name="scale", group="autoscaling", version="v1", kind="Scale")
STATUS = Subresource(name="status")
_CREATE = ("create",)
_CONNECT = ("create", "delete", "get", "patch", "update")
_SPECIAL: Mapping[str, Subresource] = {
    "scale": SCALE,
    "status": STATUS,
    "approval": Subresource(name="approval"),
    "attach": Subresource(name="attach", verbs=("create", "get"), kind="PodAttachOptions"),
    "binding": Subresource(name="binding", verbs=_CREATE, kind="Binding"),
    "ephemeralcontainers": Subresource(name="ephemeralcontainers"),
    "eviction": Subresource(
        name="eviction", verbs=_CREATE, group="policy", version="v1", kind="Eviction"
    ),
    "exec": Subresource(name="exec", verbs=("create", "get"), kind="PodExecOptions"),
    "finalize": Subresource(name="finalize", verbs=("update",)),
    "log": Subresource(name="log", verbs=("get",)),
    "portforward": Subresource(
        name="portforward", verbs=("create", "get"), kind="PodPortForwardOptions"
    ),
    "pod-proxy": Subresource(name="proxy", verbs=_CONNECT, kind="PodProxyOptions"),
    "node-proxy": Subresource(name="proxy", verbs=_CONNECT, kind="NodeProxyOptions"),
    "service-proxy": Subresource(name="proxy", verbs=_CONNECT, kind="ServiceProxyOptions"),
    "resize": Subresource(name="resize"),
    "token": Subresource(
        name="token",
        verbs=_CREATE,
        group="authentication.k8s.io",
        version="v1",
        kind="TokenRequest",
    ),
}

# kind | plural | N(amespaced) or C(luster) | short names | categories | subresources
_TABLE: Mapping[str, str] = {
    "v1": """
        Binding|bindings|N|||create-only
        ComponentStatus|componentstatuses|C|cs||read-only
        ConfigMap|configmaps|N|cm||
        Endpoints|endpoints|N|ep||
        Event|events|N|ev||
        LimitRange|limitranges|N|limits||
        Namespace|namespaces|C|ns||finalize status
        Node|nodes|C|no||node-proxy status
        PersistentVolumeClaim|persistentvolumeclaims|N|pvc||status
        PersistentVolume|persistentvolumes|C|pv||status
        Pod|pods|N|po|all|attach binding ephemeralcontainers eviction exec log portforward pod-proxy resize status
        PodTemplate|podtemplates|N|||
        ReplicationController|replicationcontrollers|N|rc|all|scale status
        ResourceQuota|resourcequotas|N|quota||status
        Secret|secrets|N|||
        ServiceAccount|serviceaccounts|N|sa||token
        Service|services|N|svc|all|service-proxy status
        """,  # noqa: E501  one row a line
    "apiregistration.k8s.io/v1": "APIService|apiservices|C||api-extensions|status",
    "apps/v1": """
        ControllerRevision|controllerrevisions|N|||
        DaemonSet|daemonsets|N|ds|all|status
        Deployment|deployments|N|deploy|all|scale status
        ReplicaSet|replicasets|N|rs|all|scale status
        StatefulSet|statefulsets|N|sts|all|scale status
        """,
    "events.k8s.io/v1": "Event|events|N|ev||",
    "authentication.k8s.io/v1": """
        SelfSubjectReview|selfsubjectreviews|C|||create-only
        TokenReview|tokenreviews|C|||create-only
        """,
    "authorization.k8s.io/v1": """
        LocalSubjectAccessReview|localsubjectaccessreviews|N|||create-only
        SelfSubjectAccessReview|selfsubjectaccessreviews|C|||create-only
        SelfSubjectRulesReview|selfsubjectrulesreviews|C|||create-only
        SubjectAccessReview|subjectaccessreviews|C|||create-only
        """,
    "autoscaling/v2": "HorizontalPodAutoscaler|horizontalpodautoscalers|N|hpa|all|status",
    "autoscaling/v1": "HorizontalPodAutoscaler|horizontalpodautoscalers|N|hpa|all|status",
    "batch/v1": """
        CronJob|cronjobs|N|cj|all|status
        Job|jobs|N||all|status
        """,
    "certificates.k8s.io/v1": (
        "CertificateSigningRequest|certificatesigningrequests|C|csr||approval status"
    ),
    "networking.k8s.io/v1": """
        IngressClass|ingressclasses|C|||
        Ingress|ingresses|N|ing||status
        IPAddress|ipaddresses|C|ip||
        NetworkPolicy|networkpolicies|N|netpol||
        ServiceCIDR|servicecidrs|C|||status
        """,
    "policy/v1": "PodDisruptionBudget|poddisruptionbudgets|N|pdb||status",
    "rbac.authorization.k8s.io/v1": """
        ClusterRoleBinding|clusterrolebindings|C|||
        ClusterRole|clusterroles|C|||
        RoleBinding|rolebindings|N|||
        Role|roles|N|||
        """,
    "storage.k8s.io/v1": """
        CSIDriver|csidrivers|C|||
        CSINode|csinodes|C|||
        CSIStorageCapacity|csistoragecapacities|N|||
        StorageClass|storageclasses|C|sc||
        VolumeAttachment|volumeattachments|C|||status
        VolumeAttributesClass|volumeattributesclasses|C|vac||
        """,
    "admissionregistration.k8s.io/v1": """
        MutatingAdmissionPolicy|mutatingadmissionpolicies|C||api-extensions|
        MutatingAdmissionPolicyBinding|mutatingadmissionpolicybindings|C||api-extensions|
        MutatingWebhookConfiguration|mutatingwebhookconfigurations|C||api-extensions|
        ValidatingAdmissionPolicy|validatingadmissionpolicies|C||api-extensions|status
        ValidatingAdmissionPolicyBinding|validatingadmissionpolicybindings|C||api-extensions|
        ValidatingWebhookConfiguration|validatingwebhookconfigurations|C||api-extensions|
        """,
    "apiextensions.k8s.io/v1": (
        "CustomResourceDefinition|customresourcedefinitions|C|crd crds|api-extensions|status"
    ),
    "scheduling.k8s.io/v1": "PriorityClass|priorityclasses|C|pc||",
    "coordination.k8s.io/v1": "Lease|leases|N|||",
    "node.k8s.io/v1": "RuntimeClass|runtimeclasses|C|||",
    "discovery.k8s.io/v1": "EndpointSlice|endpointslices|N|||",
    "resource.k8s.io/v1": """
        DeviceClass|deviceclasses|C|||
        ResourceClaim|resourceclaims|N|||status
        ResourceClaimTemplate|resourceclaimtemplates|N|||
        ResourceSlice|resourceslices|C|||
        """,
    "flowcontrol.apiserver.k8s.io/v1": """
        FlowSchema|flowschemas|C|||status
        PriorityLevelConfiguration|prioritylevelconfigurations|C|||status
        """,
}

_LIMITED: Mapping[str, tuple[str, ...]] = {"create-only": _CREATE, "read-only": ("get", "list")}
_NO_COLLECTION_DELETE = {"namespaces"}


def _rows() -> Iterator[Resource]:
    for api_version, text in _TABLE.items():
        group, _, version = api_version.rpartition("/")
        for line in text.strip().splitlines():
            kind, plural, scope, short, categories, below = line.strip().split("|")
            verbs = _LIMITED.get(below, ALL_VERBS)
            found = [] if below in _LIMITED else [_SPECIAL[name] for name in below.split()]
            if plural in _NO_COLLECTION_DELETE:
                verbs = tuple(verb for verb in verbs if verb != "deletecollection")
            yield Resource(
                group=group,
                version=version,
                plural=plural,
                singular=kind.lower(),
                kind=kind,
                namespaced=scope == "N",
                short_names=tuple(short.split()),
                categories=tuple(categories.split()),
                verbs=verbs,
                subresources={sub.name: sub for sub in found},
                list_kind=f"{kind}List",
            )


BUILT_IN: Mapping[tuple[str, str, str], Resource] = {
    (row.group, row.version, row.plural): row for row in _rows()
}
"""(group, version, plural) to resource, in the order of announcement."""

GROUP_VERSIONS: Mapping[str, tuple[str, ...]] = {
    group: tuple(dict.fromkeys(version for held, version, _ in BUILT_IN if held == group))
    for group in dict.fromkeys(group for group, _, _ in BUILT_IN)
}
"""Built-in groups with their versions, the preferred one first."""


def built_in(group: str, plural: str) -> Resource:
    """Give the resource in its preferred version.

    Raises:
        KeyError: there is no such built-in resource.
    """
    return BUILT_IN[group, GROUP_VERSIONS[group][0], plural]


DEPRECATED: Mapping[StorageKey, str] = {
    ("", "componentstatuses"): "v1 ComponentStatus is deprecated in v1.19+",
    ("", "endpoints"): (
        "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"
    ),
}
"""What clients are warned of when they use a resource."""

CONFIG_MAPS = built_in("", "configmaps")
ENDPOINTS = built_in("", "endpoints")
EVENTS = built_in("", "events")
NAMESPACES = built_in("", "namespaces")
NODES = built_in("", "nodes")
PERSISTENT_VOLUMES = built_in("", "persistentvolumes")
PERSISTENT_VOLUME_CLAIMS = built_in("", "persistentvolumeclaims")
PODS = built_in("", "pods")
SERVICES = built_in("", "services")
SERVICE_ACCOUNTS = built_in("", "serviceaccounts")
DAEMON_SETS = built_in("apps", "daemonsets")
DEPLOYMENTS = built_in("apps", "deployments")
REPLICA_SETS = built_in("apps", "replicasets")
STATEFUL_SETS = built_in("apps", "statefulsets")
JOBS = built_in("batch", "jobs")
CRON_JOBS = built_in("batch", "cronjobs")
AUTOSCALERS = built_in("autoscaling", "horizontalpodautoscalers")
ROLES = built_in("rbac.authorization.k8s.io", "roles")
ROLE_BINDINGS = built_in("rbac.authorization.k8s.io", "rolebindings")
CLUSTER_ROLES = built_in("rbac.authorization.k8s.io", "clusterroles")
CLUSTER_ROLE_BINDINGS = built_in("rbac.authorization.k8s.io", "clusterrolebindings")
CRDS = built_in("apiextensions.k8s.io", "customresourcedefinitions")
API_SERVICES = built_in("apiregistration.k8s.io", "apiservices")
