"""From a kubeconfig to credentials; a kubeconfig is a program of somebody else's choice."""

from __future__ import annotations

import asyncio
import os
import stat
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from clusters.client import kubeconfig
from clusters.client.api import ClusterApi
from clusters.client.kubeconfig import KubeconfigSource, connect
from clusters.client.transport import Endpoint, Transport
from clusters.embedded.serve import EmbeddedClusters
from clusters.errors import CredentialsError

Config = dict[str, Any]


def config(user: Any = None, server: str = "https://c.example:6443", **cluster: Any) -> Config:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "first",
        "clusters": [{"name": "c", "cluster": {"server": server} | cluster}],
        "users": [{"name": "u", "user": user if user is not None else {"token": "t1"}}],
        "contexts": [{"name": "first", "context": {"cluster": "c", "user": "u"}}],
    }


def written(folder: Path, content: Any) -> Path:
    path = folder / "kubeconfig"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return path


def program(folder: Path, script: str) -> str:
    path = folder / "plugin"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def credential(token: str, **more: str) -> str:
    extra = "".join(f',"{key}":"{value}"' for key, value in more.items())
    return f'echo \'{{"kind":"ExecCredential","status":{{"token":"{token}"{extra}}}}}\''


async def authorization(endpoint: Endpoint, *, renew: bool = False) -> str | None:
    return (await endpoint.headers(renew)).get("Authorization")


async def refused(source: KubeconfigSource) -> str:
    with pytest.raises(CredentialsError) as raised:
        await connect(source)
    return raised.value.message


async def test_each_context_of_embedded_clusters(tmp_path: Path) -> None:
    async with EmbeddedClusters(["one", "two"]) as clusters:
        path = tmp_path / "kubeconfig"
        clusters.write_kubeconfig(path)
        for context in (None, "two"):
            endpoint = await connect(KubeconfigSource(path=path, context=context))
            assert endpoint.server.startswith("https://")
            async with Transport(endpoint) as transport:
                info = await ClusterApi(transport).info()
            assert info.version.startswith("v1.")


async def test_no_certificate_or_key_stays_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They lay in /tmp until the end; and where /tmp was cleaned, no connection came any more."""
    desk = tmp_path / "tmp"
    desk.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(desk))
    async with EmbeddedClusters(["one"]) as clusters:
        path = tmp_path / "kubeconfig"
        clusters.write_kubeconfig(path)
        for _ in range(2):
            endpoint = await connect(KubeconfigSource(path=path))
            assert list(desk.iterdir()) == []
            await endpoint.headers(True)
            assert list(desk.iterdir()) == []


@pytest.mark.parametrize(
    ("user", "header"),
    [
        ({"token": "t1"}, "Bearer t1"),
        ({"token": "t1\n"}, "Bearer t1"),
        ({"username": "u", "password": "p"}, "Basic dTpw"),
        ({}, None),
    ],
)
async def test_headers(tmp_path: Path, user: Config, header: str | None) -> None:
    endpoint = await connect(KubeconfigSource(path=written(tmp_path, config(user))))
    assert await authorization(endpoint) == header


async def test_nothing_secret_is_printed(tmp_path: Path) -> None:
    source = KubeconfigSource(path=written(tmp_path, config({"token": "canary-1"})))
    endpoint = await connect(source)
    assert "canary" not in repr(endpoint)
    assert "canary" not in repr(source)


async def test_a_token_file_that_rotates(tmp_path: Path) -> None:
    """Mounted tokens rotate under a running process: after a 401 the file is read anew."""
    token = tmp_path / "token"
    token.write_text("t1\n")
    endpoint = await connect(
        KubeconfigSource(path=written(tmp_path, config({"tokenFile": "token"})))
    )
    token.write_text("t2\n")
    assert await authorization(endpoint) == "Bearer t1"
    assert await authorization(endpoint, renew=True) == "Bearer t2"
    assert await authorization(endpoint) == "Bearer t2"


async def test_a_kubeconfig_that_is_rewritten(tmp_path: Path) -> None:
    path = written(tmp_path, config({"token": "t1"}))
    endpoint = await connect(KubeconfigSource(path=path))
    written(tmp_path, config({"token": "t2"}))
    os.utime(path, ns=(time.time_ns(), time.time_ns() + 10**9))
    assert await authorization(endpoint, renew=True) == "Bearer t2"


async def test_argo_cd_28928_many_refusals_renew_once(tmp_path: Path) -> None:
    log = tmp_path / "log"
    command = program(tmp_path, f"echo x >> {log}; sleep 0.05; {credential('t')}")
    path = written(tmp_path, config({"exec": {"command": command}}))
    endpoint = await connect(KubeconfigSource(path=path, exec_allowed=[command]))
    await asyncio.gather(*(endpoint.headers(True) for _ in range(8)))
    assert len(log.read_text().split()) == 2, "once to connect, once for all eight"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a: [", "cannot read the kubeconfig"),
        ("- just a list", "not a mapping"),
        ("", "not a mapping"),
        ({}, "has no context ''; it has: none at all"),
        (config() | {"current-context": "third"}, "has no context 'third'; it has: first"),
        (config() | {"clusters": None}, "has no cluster 'c'"),
        (config() | {"clusters": "words"}, "has no cluster 'c'"),
        (config() | {"users": []}, "has no user 'u'"),
        (config() | {"contexts": [{"name": "first", "context": "c"}]}, "is not a mapping"),
        (config() | {"contexts": ["first"]}, "has no context 'first'"),
        (config(server=""), "names no server"),
        (config(server="https://c.example:api"), "no URL"),
        (config(server="https://[::1"), "no URL"),
        (config(server="https://"), "no URL"),
        (config(server="c.example:6443"), "names no server"),
        (config("words"), "user 'u' of"),
        (config({"exec": "words"}), "exec of the current context"),
        (config({"token": "a\nb"}), "not one line of text"),
        (config({"tokenFile": "/nowhere"}), "cannot be used"),
        (config({"auth-provider": {"name": "gcp"}}), "uses an auth-provider"),
        (config(**{"certificate-authority-data": "%%%"}), "are unusable"),
        (config(**{"certificate-authority-data": "d29yZHM="}), "certificates of"),
        (config({"client-certificate": "/nowhere"}), "cannot be used"),
    ],
)
async def test_a_broken_file_says_what_is_wrong(tmp_path: Path, content: Any, words: str) -> None:
    assert words in await refused(KubeconfigSource(path=written(tmp_path, content)))


async def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    message = await refused(KubeconfigSource(path=tmp_path / "nothing"))
    assert message.endswith("No such file or directory")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["c", "u", "first", "x"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                ["name", "cluster", "user", "context", "exec", "server", "token", "command"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["contexts", "clusters", "users", "current-context"]), json_values)
def test_whatever_a_section_holds_it_is_an_endpoint_or_an_error(
    tmp_path_factory: pytest.TempPathFactory, section: str, value: Any
) -> None:
    path = written(tmp_path_factory.mktemp("k"), config() | {section: value})
    try:
        endpoint = asyncio.run(connect(KubeconfigSource(path=path)))
    except CredentialsError:
        return
    assert endpoint.server.startswith("http")


class TestPlugins:
    """A kubeconfig that runs programs is remote code execution (CVE-2021-41254, CVE-2022-24817)."""

    async def test_cve_2021_41254_only_what_is_allowed_runs(self, tmp_path: Path) -> None:
        ran = tmp_path / "ran"
        command = program(tmp_path, f"touch {ran}; {credential('t')}")
        source = KubeconfigSource(path=written(tmp_path, config({"exec": {"command": command}})))
        message = await refused(source)
        assert f"wants to run {command!r}" in message
        assert "spec.execAllowed" in message
        assert not ran.exists()
        allowed = KubeconfigSource(path=source.path, exec_allowed=[command])
        assert await authorization(await connect(allowed)) == "Bearer t"
        assert ran.exists()

    async def test_cve_2022_24817_a_bare_name_never_runs(self, tmp_path: Path) -> None:
        path = written(tmp_path, config({"exec": {"command": "true"}}))
        assert "not allowed" in await refused(KubeconfigSource(path=path, exec_allowed=["true"]))

    @pytest.mark.parametrize(
        "users",
        [
            pytest.param([{"name": 1, "user": {"exec": None}}], id="a name that is a number"),
            pytest.param(
                [{"name": "1", "user": {"token": "t"}}, {"name": 1, "user": {"exec": None}}],
                id="the same name as text and as a number",
            ),
            pytest.param(
                [{"name": "1", "user": {"token": "t"}}, {"name": "1", "user": {"exec": None}}],
                id="the same name twice",
            ),
        ],
    )
    async def test_no_other_reading_of_the_file_gets_around_it(
        self, tmp_path: Path, users: list[Config]
    ) -> None:
        ran = tmp_path / "ran"
        command = program(tmp_path, f"touch {ran}")
        for user in users:
            if "exec" in user["user"]:
                user["user"]["exec"] = {"command": command, "apiVersion": "v1"}
        content = config() | {
            "users": users,
            "contexts": [{"name": "first", "context": {"cluster": "c", "user": 1}}],
        }
        await refused(KubeconfigSource(path=written(tmp_path, content)))
        assert not ran.exists()

    async def test_it_gets_arguments_and_environment_and_no_input(self, tmp_path: Path) -> None:
        told = tmp_path / "told"
        script = f'echo "$1 $WHO $(wc -c) $KUBERNETES_EXEC_INFO" > {told}; {credential("t")}'
        plugin = {
            "command": program(tmp_path, script),
            "args": ["get"],
            "env": [{"name": "WHO", "value": "us"}, "odd"],
            "apiVersion": "client.authentication.k8s.io/v1",
        }
        source = KubeconfigSource(
            path=written(tmp_path, config({"exec": plugin})), exec_allowed=[plugin["command"]]
        )
        await connect(source)
        assert told.read_text().startswith("get us 0 {")
        assert '"interactive":false' in told.read_text()

    @pytest.mark.parametrize(
        ("script", "words"),
        [
            ("exit 3", "failed with exit code 3"),
            ("echo words", "printed no ExecCredential"),
            ("echo '[]'", "printed no ExecCredential"),
            ("echo '{\"status\":{}}'", "gave neither a token nor a certificate"),
            ('echo \'{"status":{"token":5}}\'', "gave neither a token nor a certificate"),
            ('echo \'{"status":{"clientCertificateData":"x"}}\'', "gave neither a token"),
            (credential("t", expirationTimestamp="soon"), "printed no ExecCredential"),
        ],
    )
    async def test_what_it_prints_is_checked(self, tmp_path: Path, script: str, words: str) -> None:
        command = program(tmp_path, script)
        path = written(tmp_path, config({"exec": {"command": command}}))
        assert words in await refused(KubeconfigSource(path=path, exec_allowed=[command]))

    async def test_one_that_hangs_is_ended_with_its_children(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(kubeconfig, "EXEC_TIMEOUT_S", 0.2)
        pid = tmp_path / "pid"
        command = program(tmp_path, f"sleep 30 & echo $! > {pid}; wait")
        path = written(tmp_path, config({"exec": {"command": command}}))
        message = await refused(KubeconfigSource(path=path, exec_allowed=[command]))
        assert message.endswith("gave no credentials in 0.2 s")
        await asyncio.sleep(0.05)
        assert not _runs(int(pid.read_text()))

    async def test_one_that_cannot_be_run(self, tmp_path: Path) -> None:
        command = str(tmp_path / "nothing")
        path = written(tmp_path, config({"exec": {"command": command}}))
        message = await refused(KubeconfigSource(path=path, exec_allowed=[command]))
        assert message == f"cannot run {command}: No such file or directory"

    async def test_its_grant_is_renewed_before_it_ends(self, tmp_path: Path) -> None:
        count = tmp_path / "count"
        script = (
            f"echo x >> {count}; n=$(wc -l < {count}); "
            'echo "{\\"status\\":{\\"token\\":\\"t$n\\",'
            '\\"expirationTimestamp\\":\\"2020-01-01T00:00:00Z\\"}}"'
        )
        command = program(tmp_path, script)
        path = written(tmp_path, config({"exec": {"command": command}}))
        endpoint = await connect(KubeconfigSource(path=path, exec_allowed=[command]))
        assert await authorization(endpoint) == "Bearer t2"


def _runs(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2]
    except FileNotFoundError:
        return False
