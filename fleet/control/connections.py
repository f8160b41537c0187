"""From a cluster's declared connection to a way to reach it.  Credentials stay outside of Git."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from clusters.client.kubeconfig import KubeconfigSource, connect
from clusters.client.transport import Endpoint
from clusters.errors import CredentialsError
from fleet.control.settings import ServerSettings
from fleet.model import Cluster


def connector(
    cluster: Cluster, settings: ServerSettings, *, exec_allowed: Sequence[str]
) -> Callable[[], Awaitable[Endpoint]]:
    """A function that reads the cluster's credentials anew each time it is called."""

    async def endpoint() -> Endpoint:
        return await connect(
            KubeconfigSource(
                path=_kubeconfig(cluster, settings),
                context=cluster.connection.context,
                exec_allowed=exec_allowed,
            )
        )

    return endpoint


def _kubeconfig(cluster: Cluster, settings: ServerSettings) -> Path:
    connection = cluster.connection
    if connection.kubeconfig:
        return Path(connection.kubeconfig).expanduser()
    if connection.secret_ref is None:
        return settings.kubeconfig
    if settings.secrets_dir is None:
        raise CredentialsError(
            f"its connection names the secret {connection.secret_ref!r}, but the server was "
            "started without --secrets-dir"
        )
    path = (settings.secrets_dir / connection.secret_ref).resolve()
    if not path.is_relative_to(settings.secrets_dir.resolve()):
        raise CredentialsError(f"the secret {connection.secret_ref!r} is outside --secrets-dir")
    return path
