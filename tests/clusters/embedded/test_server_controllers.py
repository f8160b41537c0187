"""Controllers over HTTP: what becomes of what is applied."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clusters.embedded.client import Client, condition, config_map, workload

APPS = "/apis/apps/v1/namespaces/default"
CORE = "/api/v1/namespaces/default"
BATCH = "/apis/batch/v1/namespaces/default"


def is_rolled_out(body: Any) -> bool:
    status, wanted = body["status"], body["spec"]["replicas"]
    return bool(
        status.get("observedGeneration") == body["metadata"]["generation"]
        and status.get("updatedReplicas", 0) == status.get("availableReplicas", 0) == wanted
        and status.get("replicas", 0) == wanted
    )


async def test_a_deployment_becomes_available_through_its_pods(client: Client) -> None:
    path = f"{APPS}/deployments/web"
    await client.apply(path, workload("Deployment", "web", replicas=2))
    live = await client.until(path, is_rolled_out)
    assert condition(live, "Available")["reason"] == "MinimumReplicasAvailable"
    assert condition(live, "Progressing")["reason"] == "NewReplicaSetAvailable"
    assert live["metadata"]["annotations"] == {"deployment.kubernetes.io/revision": "1"}
    pods = (await client.get(f"{CORE}/pods"))["items"]
    assert [pod["status"]["phase"] for pod in pods] == ["Running", "Running"]
    managers = {
        (entry["manager"], entry.get("subresource")) for entry in live["metadata"]["managedFields"]
    }
    assert managers == {("fleet", None), ("kube-controller-manager", "status")}


async def test_a_changed_template_rolls_over_and_keeps_history(client: Client) -> None:
    path = f"{APPS}/deployments/web"
    await client.apply(path, workload("Deployment", "web", "nginx:1", replicas=3))
    await client.until(path, is_rolled_out)
    await client.apply(path, workload("Deployment", "web", "nginx:2", replicas=3))
    await client.until(path, is_rolled_out)
    await client.until(f"{CORE}/pods", lambda said: len(said["items"]) == 3)
    pods = (await client.get(f"{CORE}/pods"))["items"]
    assert {pod["spec"]["containers"][0]["image"] for pod in pods} == {"nginx:2"}
    sets = (await client.get(f"{APPS}/replicasets"))["items"]
    assert sorted(body["spec"]["replicas"] for body in sets) == [0, 3]
    await client.call("DELETE", path)
    await client.until(f"{CORE}/pods", lambda said: not said["items"])


@pytest.mark.parametrize(
    ("image", "reason"), [("web:fail", "ImagePullBackOff"), ("web:crash", "CrashLoopBackOff")]
)
async def test_bad_images_never_become_ready(client: Client, image: str, reason: str) -> None:
    path = f"{APPS}/deployments/bad"
    spec = {"replicas": 1, "progressDeadlineSeconds": 1}
    await client.apply(path, workload("Deployment", "bad", image, **spec))

    def waits(said: Any) -> bool:
        states = [
            status["state"].get("waiting", {}).get("reason")
            for pod in said["items"]
            for status in pod["status"].get("containerStatuses", ())
        ]
        return reason in states

    await client.until(f"{CORE}/pods", waits)
    late = await client.until(
        path, lambda said: condition(said, "Progressing").get("status") == "False"
    )
    assert condition(late, "Progressing")["reason"] == "ProgressDeadlineExceeded"
    assert condition(late, "Available")["status"] == "False"


async def test_a_stateful_set_makes_its_pods_in_order_with_claims(client: Client) -> None:
    claim = {
        "metadata": {"name": "data"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    path = f"{APPS}/statefulsets/db"
    body = workload("StatefulSet", "db", replicas=2, serviceName="db", volumeClaimTemplates=[claim])
    await client.apply(path, body)
    live = await client.until(path, lambda said: said["status"].get("readyReplicas") == 2)
    assert live["status"]["currentRevision"] == live["status"]["updateRevision"]
    pods = (await client.get(f"{CORE}/pods"))["items"]
    assert [pod["metadata"]["name"] for pod in pods] == ["db-0", "db-1"]
    claims = await client.until(
        f"{CORE}/persistentvolumeclaims",
        lambda said: [item["status"]["phase"] for item in said["items"]] == ["Bound", "Bound"],
    )
    assert [item["metadata"]["name"] for item in claims["items"]] == ["data-db-0", "data-db-1"]


async def test_a_daemon_set_is_on_every_node(client: Client) -> None:
    path = f"{APPS}/daemonsets/agent"
    await client.apply(path, workload("DaemonSet", "agent"))
    live = await client.until(path, lambda said: said["status"].get("numberReady") == 3)
    assert live["status"]["desiredNumberScheduled"] == live["status"]["numberAvailable"] == 3


def job(image: str, **spec: Any) -> dict[str, Any]:
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "run", "image": image}]}}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "work"},
        "spec": {"template": template, **spec},
    }


async def test_jobs_complete(client: Client) -> None:
    path = f"{BATCH}/jobs/work"
    await client.apply(path, job("tool:1", completions=2, parallelism=2))
    done = await client.until(path, lambda said: condition(said, "Complete"))
    assert done["status"]["succeeded"] == 2
    assert "completionTime" in done["status"]


async def test_jobs_that_crash_too_often_fail(client: Client) -> None:
    path = f"{BATCH}/jobs/work"
    await client.apply(path, job("tool:crash", backoffLimit=1))
    failed = await client.until(path, lambda said: condition(said, "Failed"))
    assert condition(failed, "Failed")["reason"] == "BackoffLimitExceeded"


async def test_a_namespace_comes_furnished_and_goes_empty(client: Client) -> None:
    await client.create("/api/v1/namespaces", {"metadata": {"name": "shop"}})
    inside = "/api/v1/namespaces/shop"
    await client.until(
        f"{inside}/serviceaccounts/default", lambda said: said["kind"] == "ServiceAccount"
    )
    held = config_map("held")
    held["metadata"]["finalizers"] = ["example.com/hold"]
    await client.create(f"{inside}/configmaps", held)
    gone = (await client.call("DELETE", inside)).body
    assert gone["status"]["phase"] == "Terminating"
    refused = await client.call("POST", f"{inside}/configmaps", config_map("late"))
    assert refused.status == 403
    assert "because it is being terminated" in refused.body["message"]
    stuck = await client.until(
        inside, lambda said: condition(said, "NamespaceFinalizersRemaining").get("status") == "True"
    )
    assert stuck["status"]["phase"] == "Terminating"
    await client.merge(f"{inside}/configmaps/held", {"metadata": {"finalizers": None}})
    await client.gone(inside)


async def test_load_balancers_and_claims_are_provided(client: Client) -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]},
    }
    path = f"{CORE}/services/web"
    await client.apply(path, service)
    live = await client.until(path, lambda said: said["status"]["loadBalancer"])
    assert live["status"]["loadBalancer"]["ingress"][0]["ip"].startswith("203.0.113.")


async def test_an_autoscaler_holds_its_target_in_bounds(client: Client) -> None:
    await client.apply(f"{APPS}/deployments/web", workload("Deployment", "web"))
    autoscaler = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web"},
        "spec": {
            "minReplicas": 3,
            "maxReplicas": 5,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        },
    }
    path = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers/web"
    await client.apply(path, autoscaler)
    await client.until(f"{APPS}/deployments/web", lambda said: said["spec"]["replicas"] == 3)
    live = await client.until(path, lambda said: said["status"].get("currentReplicas") == 3)
    assert condition(live, "ScalingActive")["status"] == "True"


async def test_an_api_service_is_available_when_its_pods_are(client: Client) -> None:
    spec = {
        "group": "metrics.example.com",
        "version": "v1",
        "groupPriorityMinimum": 100,
        "versionPriority": 100,
        "insecureSkipTLSVerify": True,
        "service": {"namespace": "default", "name": "metrics"},
    }
    body = {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": "v1.metrics.example.com"},
        "spec": spec,
    }
    path = "/apis/apiregistration.k8s.io/v1/apiservices/v1.metrics.example.com"
    await client.apply(path, body)
    await client.until(
        path, lambda said: condition(said, "Available").get("reason") == "ServiceNotFound"
    )
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "metrics"},
        "spec": {"selector": {"app": "metrics"}, "ports": [{"port": 443}]},
    }
    await client.apply(f"{CORE}/services/metrics", service)
    await client.apply(f"{APPS}/deployments/metrics", workload("Deployment", "metrics"))
    await client.until(path, lambda said: condition(said, "Available").get("reason") == "Passed")


CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "boats.example.com"},
    "spec": {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"plural": "boats", "kind": "Boat", "shortNames": ["bt"]},
        "versions": [
            {
                "name": name,
                "served": True,
                "storage": name == "v1",
                "subresources": {
                    "status": {},
                    "scale": {
                        "specReplicasPath": ".spec.masts",
                        "statusReplicasPath": ".status.masts",
                    },
                },
                "additionalPrinterColumns": [
                    {"name": "Masts", "type": "integer", "jsonPath": ".spec.masts"}
                ],
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {
                                "type": "object",
                                "properties": {
                                    "masts": {"type": "integer", "default": 1},
                                    "sail": {"type": "string"},
                                },
                                "x-kubernetes-validations": [
                                    {"rule": "self.masts < 9", "message": "too many masts"}
                                ],
                            },
                            "status": {
                                "type": "object",
                                "x-kubernetes-preserve-unknown-fields": True,
                            },
                        },
                    }
                },
            }
            for name in ("v1", "v1beta1")
        ],
    },
}
DEFINITION = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/boats.example.com"
BOATS = "/apis/example.com/v1/namespaces/default/boats"


async def establish(client: Client) -> None:
    await client.apply(DEFINITION, CRD)
    await client.until(DEFINITION, lambda said: condition(said, "Established"))


async def test_a_custom_kind_is_served_in_all_its_versions(client: Client) -> None:
    await establish(client)
    boat = {"apiVersion": "example.com/v1", "kind": "Boat", "metadata": {"name": "a"}}
    made = await client.create(BOATS, boat | {"spec": {"junk": 1}})
    assert made["spec"] == {"masts": 1}
    older = await client.get(BOATS.replace("v1/", "v1beta1/") + "/a")
    assert (older["apiVersion"], older["spec"]) == ("example.com/v1beta1", {"masts": 1})
    groups = (await client.get("/apis"))["groups"]
    served = next(group for group in groups if group["name"] == "example.com")
    assert [version["version"] for version in served["versions"]] == ["v1", "v1beta1"]


async def test_a_custom_kind_is_judged_scaled_and_shown(client: Client) -> None:
    await establish(client)
    boat = {"apiVersion": "example.com/v1", "kind": "Boat", "metadata": {"name": "a"}}
    refused = await client.call("POST", BOATS, boat | {"spec": {"masts": 9}})
    assert refused.status == 422
    assert "too many masts" in refused.body["message"]
    await client.create(BOATS, boat | {"spec": {"masts": 2}})
    await client.merge(f"{BOATS}/a/scale", {"spec": {"replicas": 4}})
    assert (await client.get(f"{BOATS}/a"))["spec"]["masts"] == 4
    accept = {"Accept": "application/json;as=Table;g=meta.k8s.io;v=v1"}
    table = await client.get(BOATS, headers=accept)
    assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Masts"]
    assert table["rows"][0]["cells"] == ["a", 4]


async def test_a_deleted_definition_takes_its_objects_along(client: Client) -> None:
    await establish(client)
    boat = {"apiVersion": "example.com/v1", "kind": "Boat", "metadata": {"name": "a"}}
    await client.create(BOATS, boat)
    await client.call("DELETE", DEFINITION)
    await client.gone(DEFINITION)
    assert (await client.call("GET", BOATS)).status == 404
    await establish(client)
    assert (await client.get(BOATS))["items"] == []
