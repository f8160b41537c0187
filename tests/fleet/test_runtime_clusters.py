"""Clusters in trouble: each says what is wrong with it, and none holds up another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from clusters.embedded.access import AUTHENTICATED, User
from clusters.model import Applied, ClusterName
from fleet.api.errors import Refused
from fleet.control.journal import StoreJournal
from fleet.control.runtime import Runtime
from tests.fakes.fleet import (
    FleetWorld,
    bundle_document,
    cluster_document,
    config_map,
    deployment,
    fleet_world,
    simple_fleet,
)

OTHERS = ("a", "c")


@pytest.mark.parametrize(
    ("faults", "said"),
    [
        ({"stopped": True}, "closed the connection"),
        ({"html": True}, "not a Kubernetes API (a proxy or login page in between?)"),
        ({"expired_token": True}, "401"),
        ({"throttle_rate": 1.0}, "too busy"),
        ({"error_rate": 1.0}, "Internal error"),
    ],
    ids=["stopped", "html", "401", "429", "500"],
)
async def test_a_cluster_in_trouble_says_so_and_the_others_converge(
    faults: Mapping[str, Any], said: str
) -> None:
    async with fleet_world(started=False) as world:
        world.clusters.set_faults("b", **faults)
        await world.start()
        await world.converged(*OTHERS)
        await world.until(lambda: world.cluster("b").state == "Offline")
        assert said in world.cluster("b").why
        assert world.cluster("b").health == "Unknown"
        await world.until(lambda: world.need("offline") == world.cluster("b").why)

        world.clusters.set_faults("b")
        await world.command("reconcile", "cluster/b")
        await world.converged()
        assert not world.need("offline")


async def test_a_cluster_that_hangs_is_pending_and_the_others_converge() -> None:
    async with fleet_world(started=False) as world:
        world.clusters.set_faults("b", hang=True)
        await world.start()
        await world.converged(*OTHERS)
        assert world.cluster("b").state == "Pending"
        assert world.cluster("b").health == "Unknown"
        world.clusters.set_faults("b")
        await world.converged()


async def test_a_cluster_that_forbids_says_who_may_not_do_what() -> None:
    async with fleet_world(started=False) as world:
        nobody = User(name="robot", groups=(AUTHENTICATED,))
        world.clusters.cluster("b").tokens[world.clusters.token] = nobody
        await world.start()
        await world.converged(*OTHERS)
        await world.until(lambda: world.cluster("b").state not in ("Ready", "Pending"))
        assert 'User "robot" cannot' in world.cluster("b").why
        assert world.cluster("b").health != "Healthy"


async def test_a_cluster_where_nobody_listens_is_refused() -> None:
    nowhere = "kubeconfig: /nowhere/config"
    files = simple_fleet(("a", "c")) | {
        "clusters/b.yaml": cluster_document("b", connection=nowhere)
    }
    async with fleet_world(files=files) as world:
        await world.converged(*OTHERS)
        await world.until(lambda: world.cluster("b").state == "Offline")
        assert "/nowhere/config" in world.cluster("b").why


async def test_a_context_that_is_not_there_is_named() -> None:
    files = simple_fleet(("a", "c")) | {
        "clusters/b.yaml": cluster_document("b", connection="context: elsewhere")
    }
    async with fleet_world(files=files) as world:
        await world.converged(*OTHERS)
        await world.until(lambda: world.cluster("b").state == "Offline")
        assert "elsewhere" in world.cluster("b").why


async def test_a_secret_needs_its_directory() -> None:
    files = simple_fleet(("a", "c")) | {
        "clusters/b.yaml": cluster_document("b", connection="secretRef: b")
    }
    async with fleet_world(files=files) as world:
        await world.until(lambda: world.cluster("b").state == "Offline")
        assert "--secrets-dir" in world.cluster("b").why
        secrets = world.settings.state_dir.parent / "secrets"
        secrets.mkdir()
        (secrets / "b").write_text(
            world.clusters.kubeconfig.replace("current-context: a", "current-context: b")
        )
        await world.restart(secrets_dir=secrets)
        await world.converged()


async def test_a_credential_plugin_that_nobody_allowed_is_not_run() -> None:
    files = simple_fleet(("a", "c")) | {
        "clusters/b.yaml": cluster_document("b", connection="kubeconfig: KUBECONFIG")
    }
    async with fleet_world(started=False) as world:
        ran = world.settings.state_dir.parent / "ran"
        plugin = world.settings.state_dir.parent / "plugin"
        plugin.write_text(f"#!/bin/sh\ntouch {ran}\n")
        plugin.chmod(0o755)
        other = world.settings.state_dir.parent / "other"
        other.write_text(_with_plugin(world, str(plugin)))
        files["clusters/b.yaml"] = files["clusters/b.yaml"].replace("KUBECONFIG", str(other))
        world.tree.commit(files)
        await world.start()
        await world.converged(*OTHERS)
        await world.until(lambda: world.cluster("b").state == "Offline")
        assert "execAllowed" in world.cluster("b").why
        assert str(plugin) in world.cluster("b").why
        assert not ran.exists()


def _with_plugin(world: FleetWorld, program: str) -> str:
    return (
        "apiVersion: v1\nkind: Config\n"
        f"clusters: [{{name: b, cluster: {{server: {world.clusters.url_of('b')!r}}}}}]\n"
        "users:\n- name: robot\n  user:\n    exec:\n"
        "      apiVersion: client.authentication.k8s.io/v1\n"
        f"      command: {program}\n      interactiveMode: Never\n"
        "contexts: [{name: b, context: {cluster: b, user: robot}}]\n"
        "current-context: b\n"
    )


class _Crashing(StoreJournal):
    """A journal with a bug that some clusters meet."""

    hit: Sequence[str] = ()

    async def load(self, cluster: ClusterName) -> Sequence[Applied]:  # type: ignore[override]
        if cluster in self.hit:
            raise ZeroDivisionError("password=hunter2")
        return await super().load(cluster)


def _break_journal(runtime: Runtime, *hit: str) -> None:
    """Make reconcilers of these clusters crash that are built from now on."""
    supervisor = runtime.supervisor
    build = supervisor._build
    journal = _Crashing(runtime.store)
    journal.hit = hit

    def built(cluster: Any) -> Any:
        reconciler = build(cluster)
        reconciler._site.journal = journal
        return reconciler

    supervisor._build = built


async def test_a_crashed_reconciler_is_quarantined_alone_and_resumed() -> None:
    async with fleet_world(started=False) as world:
        await world.start()
        _break_journal(world.runtime, "b")
        await world.converged(*OTHERS)
        await world.until(lambda: world.cluster("b").state == "Quarantined")
        assert "ZeroDivisionError in load" in world.cluster("b").why
        assert "hunter2" not in world.cluster("b").why
        assert "ZeroDivisionError" in world.need("quarantine")

        # It stays so while the fleet goes on.
        world.commit({"apps/app/one.yaml": config_map("one", color="blue")})
        await world.converged(*OTHERS)
        assert world.cluster("b").state == "Quarantined"
        assert ClusterName("b") not in world.runtime.supervisor.running

        _break_journal(world.runtime)
        await world.command("resume", "cluster/b")
        await world.converged()
        assert not world.need("quarantine")


async def test_a_suspended_cluster_is_left_alone_until_it_is_resumed() -> None:
    async with fleet_world() as world:
        await world.converged()
        with pytest.raises(Refused, match="say why"):
            await world.command("suspend", "cluster/b")
        await world.command("suspend", "cluster/b", reason="kernel update")
        await world.until(lambda: world.cluster("b").state == "Suspended")
        assert world.cluster("b").why == "suspended by alice: kernel update"
        assert world.need("suspended") == "suspended by alice: kernel update"
        before = world.writes("b")
        world.commit({"apps/app/one.yaml": config_map("one", color="blue")})
        await world.converged(*OTHERS)
        path = "/api/v1/namespaces/default/configmaps/two"
        await world.edit("b", path, {"data": {"color": "pink"}})
        await world.until(lambda: [d.state for d in world.drift()] == ["open"])
        assert world.writes("b") == before + 1  # the edit itself
        with pytest.raises(Refused, match="already suspended by alice"):
            await world.command("suspend", "cluster/b", reason="again")

        await world.command("resume", "cluster/b")
        await world.converged()
        maps = await world.config_maps("b")
        assert maps["one"]["data"] == {"color": "blue"}
        assert maps["two"]["data"] == {"color": "red"}
        with pytest.raises(Refused, match="is not suspended"):
            await world.command("resume", "cluster/b")


async def test_a_suspended_bundle_waits_and_the_other_goes_on() -> None:
    async with fleet_world() as world:
        await world.converged()
        await world.command("suspend", "bundle/app", reason="incident 4711")
        world.commit(
            {
                "apps/app/one.yaml": config_map("one", color="blue"),
                "apps/other/four.yaml": config_map("four", color="blue"),
            }
        )
        await world.until(lambda: world.placement("a", "other").state == "Ready")
        await world.until(lambda: world.placement("c", "app").state == "Suspended")
        await world.until(lambda: _all_ready(world, "other"))
        assert (await world.config_maps("a"))["four"]["data"] == {"color": "blue"}
        assert (await world.config_maps("a"))["one"]["data"] == {"color": "red"}
        # A restart does not forget it.
        await world.restart()
        await world.until(lambda: world.placement("c", "app").state == "Suspended")
        await world.command("resume", "bundle/app")
        await world.converged()
        assert (await world.config_maps("a"))["one"]["data"] == {"color": "blue"}


def _all_ready(world: FleetWorld, bundle: str) -> bool:
    ready = next(b for b in world.view.bundles if b.name == bundle)
    return ready.revision == world.tree.git("rev-parse", "HEAD") and ready.clusters_ready == 3


async def test_a_custom_resource_waits_for_its_definition() -> None:
    widget = "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: w, namespace: default}\n"
    async with fleet_world() as world:
        world.commit({"apps/app/widget.yaml": widget})
        await world.until(lambda: "Widget" in world.placement("a", "app").message)
        assert "does not serve" in world.placement("a", "app").message
        assert world.placement("a", "app").state == "Reconciling"
        # The rest goes on.
        assert sorted(await world.config_maps("a")) == ["four", "one", "three", "two"]
        assert world.placement("a", "other").state == "Ready"
        world.commit(
            {
                "apps/crds/widgets.yaml": _CRD,
                "bundles/crds.yaml": bundle_document("crds"),
            }
        )
        await world.converged()


_CRD = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  names: {plural: widgets, singular: widget, kind: Widget, listKind: WidgetList}
  scope: Namespaced
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object}}
"""


async def test_health_follows_the_workload() -> None:
    async with fleet_world() as world:
        world.commit({"apps/app/web.yaml": deployment("web")})
        await world.converged()
        world.commit({"apps/app/web.yaml": deployment("web", image="web:fail")})
        await world.until(lambda: world.placement("a", "app").health != "Healthy")
        assert world.cluster("a").state in ("Reconciling", "Failed")
        world.commit({"apps/app/web.yaml": deployment("web", image="web:2")})
        await world.converged()


async def test_a_cluster_that_went_away_is_unknown_and_comes_back() -> None:
    async with fleet_world() as world:
        await world.converged()
        world.clusters.set_faults("b", stopped=True)
        await world.command("reconcile", "cluster/b")
        await world.until(lambda: world.cluster("b").state == "Offline")
        assert world.cluster("b").health == "Unknown"
        assert world.placement("b", "app").health == "Unknown"
        world.commit({"apps/app/one.yaml": config_map("one", color="blue")})
        await world.converged(*OTHERS)
        world.clusters.set_faults("b")
        await world.command("reconcile", "cluster/b")
        await world.converged()
        assert (await world.config_maps("b"))["one"]["data"] == {"color": "blue"}


async def test_quarantine_survives_a_restart_without_git() -> None:
    async with fleet_world() as world:
        await world.converged(*OTHERS)
        _break_journal(world.runtime, "b")
        world.commit(
            {
                "clusters/b.yaml": cluster_document(
                    "b", connection="context: b, kubeconfig: " + str(world.settings.kubeconfig)
                )
            }
        )
        await world.until(lambda: world.cluster("b").state == "Quarantined")
        world.tree.path.rename(world.tree.path.with_name("away"))
        await world.restart()
        await world.until(lambda: len(world.view.clusters) == 3)
        assert ClusterName("b") not in world.runtime.supervisor.running


async def test_releasing_one_cluster_leaves_the_other_in_quarantine() -> None:
    async with fleet_world(started=False) as world:
        await world.start()
        _break_journal(world.runtime, "a", "b")
        await world.until(lambda: world.cluster("a").state == "Quarantined")
        await world.until(lambda: world.cluster("b").state == "Quarantined")
        _break_journal(world.runtime)
        await world.command("resume", "cluster/a")
        await world.until(lambda: world.cluster("a").state == "Ready")
        assert ClusterName("b") not in world.runtime.supervisor.running
