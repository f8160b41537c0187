"""From a kubeconfig to an `Endpoint`: credentials are read, refreshed and renewed here only.

Certificates, tokens and their refresh are the Kubernetes client's work.  Credential plugins
(`exec`) are programs of the user's choice, so they run only from an allow-list of absolute paths,
without standard input and with a time limit (CVE-2021-41254: a kubeconfig is code); the client's
own runner has neither, so plugins are run here.  Legacy `auth-provider` sections are refused.
"""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import msgspec
import yaml
from yarl import URL

from clusters.client.transport import Endpoint
from clusters.errors import CredentialsError

if TYPE_CHECKING:
    from kubernetes.aio.client import Configuration

EXEC_TIMEOUT_S = 30.0
RENEW_BEFORE_S = 60.0
RELOAD_S = 300.0
"""Mounted credentials rotate: they are read again this often, and at once after a 401."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KubeconfigSource:
    """One context of one kubeconfig file.  `context` None means the file's current one."""

    path: Path
    context: str | None = None
    exec_allowed: Sequence[str] = ()


async def connect(source: KubeconfigSource) -> Endpoint:
    """Read a kubeconfig context.

    Raises:
        CredentialsError: the file, the context or a credential in it cannot be used.
    """
    credentials = _Credentials(source)
    with TemporaryDirectory(prefix="flotilla-") as desk:
        configuration = await credentials.load(Path(desk))
        tls = _tls(configuration, source)
    return Endpoint(
        server=str(configuration.host).rstrip("/"),
        headers=credentials.headers,
        tls=tls,
        tls_server_name=configuration.tls_server_name,
        proxy=configuration.proxy,
    )


def context_names(path: Path) -> list[str]:
    """The contexts of a kubeconfig, in its order.

    Raises:
        CredentialsError: it cannot be read.
    """
    config = _read(str(path), _version(path))
    items = [item for item in _listed(config.get("contexts")) if isinstance(item, Mapping)]
    return [str(item.get("name")) for item in items]


@dataclass(slots=True)
class _Credentials:
    source: KubeconfigSource
    current: Mapping[str, str] = field(default_factory=dict, repr=False)
    valid_until: float = 0.0
    renewing: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def load(self, desk: Path) -> Configuration:
        """Read the context anew, and run its plugin where it has one.

        Args:
            desk: a folder for certificates and keys, to be deleted soon: OpenSSL reads only files.
        """
        config = _read(str(self.source.path), _version(self.source.path))
        cluster, user = _selected(config, self.source)
        valid_until = time.time() + RELOAD_S
        if "auth-provider" in user:
            raise CredentialsError(
                f"{_where(self.source)} uses an auth-provider, which Kubernetes has removed; "
                "use a token, certificates or an exec plugin"
            )
        if "exec" in user:
            granted, expires = await _run_plugin(user["exec"], self.source)
            user = granted
            valid_until = min(valid_until, expires - RENEW_BEFORE_S) if expires else valid_until
        # Loaded when the first cluster is connected: it takes half a second of a core.
        from kubernetes.aio.client import Configuration
        from kubernetes.aio.config import ConfigException
        from kubernetes.aio.config.kube_config import KubeConfigLoader

        configuration = Configuration()
        try:
            loader = KubeConfigLoader(
                config_dict=_only(_in_files(cluster, desk), _in_files(user, desk)),
                config_base_path=str(self.source.path.parent),
            )
            await loader.load_and_set(configuration)
        except (ConfigException, OSError, KeyError, ValueError, TypeError, AttributeError) as error:
            raise CredentialsError(f"{_where(self.source)} cannot be used: {error}") from error
        token = str(configuration.api_key.get("BearerToken") or "").strip()
        if not token.isprintable():
            raise CredentialsError(f"the token of {_where(self.source)} is not one line of text")
        self.current = {"Authorization": token} if token else {}
        self.valid_until = valid_until
        return configuration

    async def headers(self, renew: bool) -> Mapping[str, str]:
        """The authorisation headers, renewed when they expire or when the server refused them."""
        if renew or time.time() >= self.valid_until:
            before = self.current
            async with self.renewing:
                if self.current is before:  # nobody renewed them while we waited
                    with TemporaryDirectory(prefix="flotilla-") as desk:
                        await self.load(Path(desk))
        return self.current


def _in_files(section: Mapping[str, Any], desk: Path) -> dict[str, Any]:
    """A cluster or user of a kubeconfig with files in place of the data in it.

    The client's loader would keep them on disk until the process ends, and rely on them.
    """
    made = dict(section)
    for name in ("certificate-authority", "client-certificate", "client-key"):
        if data := made.pop(f"{name}-data", None):
            made[name] = str(desk / name)
            (desk / name).write_bytes(base64.b64decode(data))
    return made


def _where(source: KubeconfigSource) -> str:
    context = f"context {source.context!r}" if source.context else "the current context"
    return f"{context} of {source.path}"


def _version(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError as error:
        raise CredentialsError(
            f"cannot read the kubeconfig {path}: {error.strerror or error}"
        ) from error


@lru_cache(maxsize=64)
def _read(path: str, version: int) -> dict[str, Any]:
    """Parse a file once for all clusters that use it; `version` makes a changed file a new one."""
    del version
    try:
        config = yaml.load(Path(path).read_bytes(), Loader=yaml.CSafeLoader)
    except (OSError, yaml.YAMLError) as error:
        raise CredentialsError(
            f"cannot read the kubeconfig {path}: {type(error).__name__}"
        ) from None
    if not isinstance(config, dict):
        raise CredentialsError(f"{path} is no kubeconfig: it is not a mapping")
    return config


def _named(
    config: Mapping[str, Any], section: str, name: str, source: KubeconfigSource
) -> dict[str, Any]:
    """The entry of this name in a section.

    Raises:
        CredentialsError: there is none, there are several, or it is no mapping.
    """
    word = section[:-1]
    named = [item for item in _listed(config.get(section)) if isinstance(item, Mapping)]
    found = [item.get(word) for item in named if str(item.get("name")) == name]
    if not found:
        known = ", ".join(sorted(str(item.get("name")) for item in named)[:8])
        raise CredentialsError(
            f"{source.path} has no {word} {name!r}; it has: {known or 'none at all'}"
        )
    content = found[0] or {}
    if len(found) > 1 or not isinstance(content, Mapping):
        wrong = "there more than once" if len(found) > 1 else "not a mapping"
        raise CredentialsError(f"{word} {name!r} of {source.path} is {wrong}")
    return dict(content)


def _selected(
    config: Mapping[str, Any], source: KubeconfigSource
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The cluster and the user of the wanted context; no user means an anonymous one."""
    wanted = source.context or str(config.get("current-context") or "")
    context = _named(config, "contexts", wanted, source)
    cluster = _named(config, "clusters", str(context.get("cluster", "")), source)
    if not str(cluster.get("server", "")).startswith(("http://", "https://")):
        raise CredentialsError(f"{_where(source)} names no server with http:// or https://")
    if not _is_url(str(cluster["server"])):
        raise CredentialsError(f"the server of {_where(source)} is no URL with a host")
    name = str(context.get("user") or "")
    return cluster, _named(config, "users", name, source) if name else {}


def _is_url(server: str) -> bool:
    try:
        return bool(URL(server).host)
    except ValueError:
        return False


def _only(cluster: Mapping[str, Any], user: Mapping[str, Any]) -> dict[str, Any]:
    """A kubeconfig with this cluster and user alone.

    The client's loader sees nothing else, so that no other reading of the file (names that are
    numbers, duplicates) makes it run a plugin that was not looked at here.
    """
    context = {"cluster": "it", "user": "it"}
    return {
        "current-context": "it",
        "contexts": [{"name": "it", "context": context}],
        "clusters": [{"name": "it", "cluster": cluster}],
        "users": [{"name": "it", "user": user}],
    }


async def _run_plugin(plugin: Any, source: KubeconfigSource) -> tuple[dict[str, Any], float | None]:
    if not isinstance(plugin, Mapping):
        raise CredentialsError(f"exec of {_where(source)} is not a mapping")
    command = str(plugin.get("command", ""))
    if command not in source.exec_allowed or not Path(command).is_absolute():
        raise CredentialsError(
            f"{_where(source)} wants to run {command!r} to get credentials, which is not allowed; "
            "to allow it, add its absolute path to spec.execAllowed of the Fleet document"
        )
    environment = os.environ | {
        str(pair.get("name")): str(pair.get("value"))
        for pair in _listed(plugin.get("env"))
        if isinstance(pair, Mapping)
    }
    api_version = str(plugin.get("apiVersion", ""))
    environment["KUBERNETES_EXEC_INFO"] = msgspec.json.encode(
        {"apiVersion": api_version, "kind": "ExecCredential", "spec": {"interactive": False}}
    ).decode()
    try:
        process = await asyncio.create_subprocess_exec(
            command,
            *map(str, _listed(plugin.get("args"))),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise CredentialsError(
            f"cannot run {command}: {getattr(error, 'strerror', None) or error}"
        ) from error
    try:
        output, _ = await asyncio.wait_for(process.communicate(), EXEC_TIMEOUT_S)
    except TimeoutError:
        raise CredentialsError(f"{command} gave no credentials in {EXEC_TIMEOUT_S:g} s") from None
    finally:
        if process.returncode is None:
            # It leads a group of its own: what it started ends with it.
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    if process.returncode:
        raise CredentialsError(f"{command} failed with exit code {process.returncode}")
    return _granted(command, output)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _granted(command: str, output: bytes) -> tuple[dict[str, Any], float | None]:
    try:
        status = msgspec.json.decode(output)["status"]
        expires_at = status.get("expirationTimestamp")
        expires = datetime.fromisoformat(expires_at).timestamp() if expires_at else None
    except (msgspec.DecodeError, KeyError, TypeError, ValueError, AttributeError):
        raise CredentialsError(f"{command} printed no ExecCredential") from None
    granted = {key: value for key, value in status.items() if isinstance(value, str) and value}
    if "token" in granted:
        return {"token": granted["token"]}, expires
    if "clientCertificateData" in granted and "clientKeyData" in granted:
        encoded = {
            "client-certificate-data": granted["clientCertificateData"],
            "client-key-data": granted["clientKeyData"],
        }
        return {key: _base64(value) for key, value in encoded.items()}, expires
    raise CredentialsError(f"{command} gave neither a token nor a certificate with its key")


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _tls(configuration: Configuration, source: KubeconfigSource) -> ssl.SSLContext | None:
    if not str(configuration.host).startswith("https"):
        return None
    try:
        if not configuration.cert_file and not configuration.ssl_ca_cert:
            return _public_trust(bool(configuration.verify_ssl))
        context = ssl.create_default_context(cafile=configuration.ssl_ca_cert or None)
        if configuration.cert_file:
            context.load_cert_chain(configuration.cert_file, configuration.key_file)
    except (OSError, ssl.SSLError) as error:
        raise CredentialsError(
            f"the certificates of {_where(source)} are unusable: {error}"
        ) from error
    return context if configuration.verify_ssl else _unverified(context)


@lru_cache(maxsize=2)
def _public_trust(verified: bool) -> ssl.SSLContext:
    """Trust in the authorities of the system: 800 KB, and the same for all who rely on it."""
    context = ssl.create_default_context()
    return context if verified else _unverified(context)


def _unverified(context: ssl.SSLContext) -> ssl.SSLContext:
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
