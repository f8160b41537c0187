"""CVE-2025-23216 and its kin: a secret's value is looked for everywhere it must not be; 0 hits.

Canaries stand in a Secret's data and stringData, in kubectl's last-applied annotation, in the token
of the kubeconfig and in a repository's URL.  Patches are refused and fields contested, and then all
that people and thieves get to see is searched, in clear and in base64.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from clusters.embedded.serve import EmbeddedClusters
from clusters.model import BUNDLE_LABEL, FLEET_LABEL, Manifest
from fleet.api.client import ApiClient
from fleet.api.errors import ServerError, ServerUnreachable
from fleet.view import FleetView
from tests.e2e.processes import Process, run, short_folder
from tests.fakes.fleet import FLEET_FILE, bundle_document, cluster_document, config_map
from tests.fleet.source.gits import WorkTree
from tests.tui.running import screen_text
from tui.app import FlotillaApp
from tui.config import Config
from tui.session import Session

pytestmark = pytest.mark.e2e
IN_DATA = "canary-in-data-4711"
IN_STRING = "canary-in-string-data-0815"
IN_ANNOTATION = "canary-in-last-applied-2342"
IN_EDIT = "canary-of-an-edit-9999"
IN_LATER = "canary-of-a-later-release-3141"
IN_TOKEN = "canary-in-kubeconfig-token-1337"
IN_URL = "canary-in-repository-url-1234"
CANARIES = (IN_DATA, IN_STRING, IN_ANNOTATION, IN_EDIT, IN_LATER, IN_TOKEN, IN_URL)
SECRETS = "/api/v1/namespaces/default/secrets"
EDIT = {"Content-Type": "application/merge-patch+json"}
APPLY = {"Content-Type": "application/apply-patch+yaml"}


def secret(name: str, *, data: str = "", string: str = "", kind: str = "Opaque") -> str:
    lines = [f"apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}, namespace: default}}"]
    lines.append(f"type: {kind}")
    if data:
        lines.append(f"data: {{password: {encoded(data)}}}")
    if string:
        lines.append(f"stringData: {{password: {string}}}")
    return "\n".join(lines) + "\n"


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def forms(canary: str) -> Iterator[bytes]:
    """A value in clear, and in base64 wherever in a longer text it may begin."""
    yield canary.encode()
    yield canary.encode().hex().encode()
    for lead in range(3):
        whole = base64.b64encode(b"x" * lead + canary.encode())
        yield whole[4 if lead else 0 : -4]


def files() -> dict[str, str]:
    return {
        "fleet.yaml": FLEET_FILE,
        "clusters/a.yaml": cluster_document("a"),
        "bundles/app.yaml": bundle_document("app"),
        "bundles/told.yaml": bundle_document("told", more="  policy: {drift: report}\n"),
        "apps/app/data.yaml": secret("in-data", data=IN_DATA),
        "apps/app/string.yaml": secret("in-string", string=IN_STRING),
        "apps/app/plain.yaml": config_map("plain", color="red"),
        "apps/told/secret.yaml": secret("told", data=IN_DATA),
    }


class Scene:
    """A server process, a cluster, and all that is to be searched."""

    def __init__(self, folder: Path, clusters: EmbeddedClusters, tree: WorkTree) -> None:
        self.folder, self.clusters, self.tree = folder, clusters, tree
        self.address = f"unix:{folder / 'state/flotilla.sock'}"
        self.api = ApiClient(self.address)
        self.server = Process(
            words=(
                "server", "--repo", str(folder / "repo"), "--state", str(folder / "state"),
                "--kubeconfig", str(folder / "kubeconfig"), "--interval", "1",
            ),
            log=folder / "log",
        )  # fmt: skip

    async def until(self, condition: Any) -> FleetView:
        found: list[FleetView] = []

        def done() -> bool:
            try:
                found.append(self.api.snapshot())
            except ServerUnreachable:
                return False
            return bool(condition(found[-1]))

        await asyncio.to_thread(self.server.wait_until, done)
        return found[-1]

    async def request(self, method: str, path: str, **more: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.clusters.token}", **more.pop("headers", {})}
        url = self.clusters.url_of("a") + path
        async with (
            aiohttp.ClientSession(headers=headers) as http,
            http.request(method, url, **more) as answer,
        ):
            return await answer.json()

    async def texts(self) -> dict[str, bytes]:
        """Everything that people get to see, and everything on disk beside Git's own copy."""
        found = {"log": (self.folder / "log").read_bytes()}
        for words in (
            "get events -o json", "get needs -o json", "get clusters -o yaml", "get drift -o wide",
            "why fleet", "why cluster a", "why bundle app", "tree a", "diff a", "diff a --all",
            "events", "audit export",
        ):  # fmt: skip
            done = await asyncio.to_thread(run, *words.split(), "--server", self.address)
            found[words] = (done.stdout + done.stderr).encode()
        found |= await asyncio.to_thread(self._answers)
        for path in (self.folder / "state").rglob("*"):
            inside = path.relative_to(self.folder / "state")
            if path.is_file() and inside.parts[0] != "git":
                found[f"state/{inside}"] = path.read_bytes()
        found["screen"] = (await self._screens()).encode()
        return found

    def _answers(self) -> dict[str, bytes]:
        """What the API says, as bytes."""
        objects = self.api.objects("a")
        found = {
            "/v1/snapshot": msgspec.json.encode(self.api.snapshot()),
            "/v1/audit": msgspec.json.encode(self.api.audit(limit=500)),
            "/v1/objects": msgspec.json.encode(objects),
        }
        for one in objects:
            try:
                said = msgspec.json.encode(self.api.object("a", one))
            except ServerError as error:  # what the cluster refuses cannot be compared
                said = str(error).encode()
            found[f"/v1/object {one.name}"] = said
        return found

    async def _screens(self) -> str:
        app = FlotillaApp(Session(client=self.api, config=Config(), actor="alice"))
        seen = []
        async with app.run_test(size=(160, 50)) as pilot:
            for key in ("", "1", "2", "3", "4", "5", "enter", "d", "escape", "y", "escape"):
                if key:
                    await pilot.press(key)
                await pilot.pause(0.2)
                seen.append(screen_text(app))
        return "\n".join(seen)


@asynccontextmanager
async def scene() -> AsyncIterator[Scene]:
    with short_folder() as folder:
        async with EmbeddedClusters(["a"], ready_after_s=0.02, token=IN_TOKEN) as clusters:
            clusters.write_kubeconfig(folder / "kubeconfig")
            tree = WorkTree.make(folder / "repo", files())
            made = Scene(folder, clusters, tree)
            made.server.start()
            try:
                yield made
            finally:
                await asyncio.to_thread(made.server.stop)


async def test_cve_2025_23216_no_canary_is_found_anywhere() -> None:
    async with scene() as it:
        await it.until(lambda view: view.clusters and view.clusters[0].state == "Ready")
        await contest(it)
        await refuse(it)
        it.tree.commit(
            {
                "bundles/other.yaml": bundle_document("other").replace(
                    "path: apps/other",
                    f"path: app, git: 'https://robot:{IN_URL}@127.0.0.1:1/apps.git'",
                )
            },
            "Name a repository with a password",
        )
        view = await it.until(lambda view: view.git.problems)
        assert "password" in str(view.git.problems)
        texts = await it.texts()

    assert b"Secret" in texts["state/flotilla.db"] + texts.get("state/flotilla.db-wal", b"")
    assert b"in-data" in texts["tree a"]
    assert b"told" in texts["screen"] or b"app" in texts["screen"], "the screen shows the fleet"
    hits = [
        f"{canary} in {where}"
        for where, text in texts.items()
        for canary in CANARIES
        for form in forms(canary)
        if form in text
    ]
    assert hits == []
    labels = {FLEET_LABEL: "test", BUNDLE_LABEL: "app"}
    guess = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "in-data", "namespace": "default", "labels": labels},
        "type": "Opaque",
        "data": {"password": encoded(IN_DATA)},
    }
    everything = b"".join(texts.values())
    assert Manifest.of(guess).digest.encode() not in everything, "a guess can be confirmed"
    plain = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "plain", "namespace": "default", "labels": labels},
        "data": {"color": "red"},
    }
    assert Manifest.of(plain).digest.encode() in everything, "looked for digests in a wrong form"


def drifted(view: FleetView) -> str:
    return " ".join(event.sentence for event in view.events if event.kind == "DriftSeen")


async def contest(it: Scene) -> None:
    """Other hands change Secrets: one drifts, one carries kubectl's annotation."""
    applied = json.dumps({"stringData": {"password": IN_ANNOTATION}})
    annotation = {"kubectl.kubernetes.io/last-applied-configuration": applied}
    body = {"metadata": {"annotations": annotation}, "data": {"password": encoded(IN_EDIT)}}
    await it.request("PATCH", f"{SECRETS}/told", json=body, headers=EDIT)
    await it.until(lambda view: "told" in drifted(view))
    await it.request("PATCH", f"{SECRETS}/in-data", json=body, headers=EDIT)
    await it.until(lambda view: "in-data" in drifted(view))


async def refuse(it: Scene) -> None:
    """A conflict with another manager, and a patch that the server refuses (422)."""
    contested = {
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "mine"}, "type": "Opaque",
        "data": {"password": encoded(IN_EDIT)},
    }  # fmt: skip
    params = {"fieldManager": "vault", "force": "true"}
    await it.request("PATCH", f"{SECRETS}/mine", json=contested, params=params, headers=APPLY)
    refused = {**contested, "metadata": {"name": "refused"}, "immutable": True}
    await it.request("POST", SECRETS, json=refused)
    it.tree.commit(
        {
            "apps/app/mine.yaml": secret("mine", data=IN_LATER),
            "apps/app/refused.yaml": secret("refused", string=IN_LATER, kind="example.com/x"),
        },
        "Change what others hold",
    )
    await it.until(lambda view: any(e.kind == "ObjectRefused" for e in view.events))
