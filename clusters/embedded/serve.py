"""Running embedded clusters: in this process for tests and demos, or as a command."""

from __future__ import annotations

import asyncio
import base64
import os
import secrets
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import yaml
from aiohttp import web

from clusters.embedded.access import ADMIN
from clusters.embedded.certificates import make_identity
from clusters.embedded.cluster import EmbeddedCluster
from clusters.embedded.controllers.runtime import Timing
from clusters.embedded.faults import NO_FAULTS, Faults
from clusters.embedded.listening import Listener, open_socket
from clusters.embedded.server import Server, make_request

_SHUTDOWN_S = 0.1
_KEEPALIVE_S = 300.0


def cluster_names(count: int) -> list[str]:
    """Name clusters that nobody named: `cluster-001` and so on."""
    return [f"cluster-{number:03d}" for number in range(1, count + 1)]


class EmbeddedClusters:
    """Clusters served on one port, for as long as the context lasts."""

    def __init__(
        self,
        names: Iterable[str] | int,
        *,
        port: int = 0,
        host: str = "127.0.0.1",
        token: str = "",
        ready_after_s: float = 2.0,
        faults: Faults = NO_FAULTS,
    ) -> None:
        if isinstance(names, int):
            names = cluster_names(names)
        self._timing = Timing.of(ready_after_s)
        self._faults = faults
        self.names = tuple(names)
        self.token = token or secrets.token_urlsafe(24)
        self._host = host
        self._clusters: dict[str, EmbeddedCluster] = {}
        self._socket = open_socket(host, port)
        self._port = self._socket.getsockname()[1]
        self._identity = make_identity()
        self._server: web.Server | None = None
        self._listener: Listener | None = None

    async def __aenter__(self) -> EmbeddedClusters:
        self._server = web.Server(
            Server(self._find).handle,
            access_log=None,
            request_factory=make_request,
            handler_cancellation=True,  # a watch whose client is gone must not linger
            keepalive_timeout=_KEEPALIVE_S,
        )
        self._listener = Listener(self._socket, self._server, self._identity.context)
        self._listener.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._listener is not None
        assert self._server is not None
        await self._listener.stop()
        for cluster in self._clusters.values():
            cluster.close()
        await self._server.shutdown(timeout=_SHUTDOWN_S)

    def url_of(self, name: str) -> str:
        """Give the address of a cluster's API, over plain HTTP."""
        return f"http://{self._host}:{self._port}/clusters/{name}"

    def secure_url_of(self, name: str) -> str:
        """Give the address of a cluster's API over TLS, on the same port."""
        return self.url_of(name).replace("http:", "https:")

    def cluster(self, name: str) -> EmbeddedCluster:
        """Give a cluster; it comes to be when first asked for.

        Raises:
            KeyError: there is no cluster of this name.
        """
        found = self._find(name)
        if found is None:
            raise KeyError(name)
        return found

    def faults(self, name: str) -> Faults:
        """Give what is wrong with a cluster now."""
        return self.cluster(name).trouble.faults

    def set_faults(self, name: str, **faults: Any) -> None:
        """Let this be wrong with a cluster from now on, and nothing else.

        Raises:
            ValueError: no such fault, or a value that it does not take.
        """
        self.cluster(name).set_faults(Faults.read(faults) if faults else NO_FAULTS)

    def request_counts(self, name: str) -> Mapping[str, int]:
        """Give how many requests of each verb a cluster has answered, dry runs apart."""
        found = self._clusters.get(name)
        return dict(found.request_counts) if found else {}

    @property
    def kubeconfig(self) -> str:
        """A kubeconfig with one context for each cluster, as YAML.

        Over TLS: kubectl sends its token over nothing else.
        """
        authority = base64.b64encode(self._identity.authority).decode()
        config: dict[str, Any] = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {
                    "name": name,
                    "cluster": {
                        "server": self.secure_url_of(name),
                        "certificate-authority-data": authority,
                    },
                }
                for name in self.names
            ],
            "users": [{"name": "flotilla", "user": {"token": self.token}}],
            "contexts": [
                {"name": name, "context": {"cluster": name, "user": "flotilla"}}
                for name in self.names
            ],
            "current-context": self.names[0] if self.names else "",
        }
        return yaml.safe_dump(config, sort_keys=False)

    def write_kubeconfig(self, path: Path) -> None:
        """Write the kubeconfig, readable by its owner only."""
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(self.kubeconfig)

    def _find(self, name: str) -> EmbeddedCluster | None:
        found = self._clusters.get(name)
        if found is None and name in self.names:
            found = EmbeddedCluster(name, tokens={self.token: ADMIN}, timing=self._timing)
            if self._faults is not NO_FAULTS:
                found.set_faults(self._faults)
            self._clusters[name] = found
        return found


async def serve(
    names: Iterable[str] | int,
    *,
    port: int = 0,
    kubeconfig: Path | None = None,
    token: str = "",
    ready_after_s: float = 2.0,
    faults: Faults = NO_FAULTS,
    announce: Callable[[EmbeddedClusters], None] | None = None,
) -> None:
    """Serve clusters until cancelled; `announce` is called when they can be reached.

    Raises:
        OSError: the port is taken, or the kubeconfig cannot be written.
    """
    clusters = EmbeddedClusters(
        names, port=port, token=token, ready_after_s=ready_after_s, faults=faults
    )
    async with clusters:
        if kubeconfig is not None:
            clusters.write_kubeconfig(kubeconfig)
        if announce is not None:
            announce(clusters)
        await asyncio.Event().wait()
