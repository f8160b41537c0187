"""What the server fills in in objects that shape a cluster: classes, webhooks, definitions.

After the `SetDefaults_*` functions of k8s.io/kubernetes pkg/apis and apiextensions-apiserver.
"""

from __future__ import annotations

from clusters.embedded.tree import Tree, fill, items, part, spec_of


def storage_class(content: Tree) -> None:
    """Fill in a StorageClass."""
    fill(content, reclaimPolicy="Delete", volumeBindingMode="Immediate")


def csi_driver(content: Tree) -> None:
    """Fill in a CSIDriver."""
    fill(
        spec_of(content),
        attachRequired=True,
        podInfoOnMount=False,
        storageCapacity=False,
        fsGroupPolicy="ReadWriteOnceWithFSType",
        volumeLifecycleModes=["Persistent"],
        requiresRepublish=False,
        seLinuxMount=False,
    )


def priority_class(content: Tree) -> None:
    """Fill in a PriorityClass."""
    fill(content, preemptionPolicy="PreemptLowerPriority")


def webhooks(content: Tree) -> None:
    """Fill in a webhook configuration."""
    mutating = content.get("kind") == "MutatingWebhookConfiguration"
    for webhook in items(content, "webhooks"):
        fill(
            webhook,
            failurePolicy="Fail",
            matchPolicy="Equivalent",
            namespaceSelector={},
            objectSelector={},
            timeoutSeconds=10,
        )
        if mutating:
            fill(webhook, reinvocationPolicy="Never")
        _rules(webhook, "rules")
        _port(webhook.get("clientConfig"))


def _rules(content: Tree, name: str) -> None:
    for rule in items(content, name):
        fill(rule, scope="*")


def _port(config: Tree | None) -> None:
    service = (config or {}).get("service")
    if service is not None:
        fill(service, port=443)


def _match(resources: Tree) -> None:
    fill(resources, matchPolicy="Equivalent", namespaceSelector={}, objectSelector={})
    _rules(resources, "resourceRules")
    _rules(resources, "excludeResourceRules")


def admission_policy(content: Tree) -> None:
    """Fill in a ValidatingAdmissionPolicy."""
    spec = spec_of(content)
    fill(spec, failurePolicy="Fail")
    if spec.get("matchConstraints") is not None:
        _match(spec["matchConstraints"])


def admission_policy_binding(content: Tree) -> None:
    """Fill in a ValidatingAdmissionPolicyBinding."""
    spec = spec_of(content)
    if spec.get("matchResources") is not None:
        _match(spec["matchResources"])
    if spec.get("paramRef") is not None:
        fill(spec["paramRef"], parameterNotFoundAction="Deny")


def api_service(content: Tree) -> None:
    """Fill in an APIService."""
    _port(spec_of(content))


def definition(content: Tree) -> None:
    """Fill in a CustomResourceDefinition."""
    spec = spec_of(content)
    names = part(spec, "names")
    kind = names.get("kind") or ""
    if not names.get("singular") and kind:
        names["singular"] = kind.lower()
    if not names.get("listKind") and kind:
        names["listKind"] = kind + "List"
    conversion = part(spec, "conversion")
    fill(conversion, strategy="None")
    _port((conversion.get("webhook") or {}).get("clientConfig"))


def flow_schema(content: Tree) -> None:
    """Fill in a FlowSchema."""
    fill(spec_of(content), matchingPrecedence=1000)
