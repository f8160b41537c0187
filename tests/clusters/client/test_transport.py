"""Requests: what comes back, and what is made of everything that should not."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from pathlib import Path

import pytest
from aiohttp import web

from clusters.client.limits import InFlightLimit
from clusters.client.transport import Endpoint, Transport
from clusters.embedded.certificates import make_identity
from clusters.errors import (
    CircuitOpen,
    ClusterError,
    CredentialsError,
    Forbidden,
    Gone,
    ServerFault,
    Throttled,
    Unauthorized,
    UnknownKind,
    Unreachable,
)
from clusters.model import ObjectRef
from tests.fakes.http_server import HttpServer, cut, hang, html, json, serving, status

REF = ObjectRef("", "ConfigMap", "default", "a")


async def sent(server: HttpServer, timeout_s: float = 60.0) -> bytes:
    async with Transport(server.endpoint()) as transport:
        reply = await transport.send("GET", "/x", ref=REF, timeout_s=timeout_s)
        return reply.body


async def test_a_path_in_the_server_url_is_kept() -> None:
    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        return json({"path": request.raw_path})

    async with serving(handle) as server:
        endpoint = server.endpoint(server=f"{server.url}/clusters/one")
        async with Transport(endpoint) as transport:
            reply = await transport.send("GET", "/api", params={"labelSelector": "a=b,c in (d)"})
    assert b"/clusters/one/api?labelSelector=a" in reply.body


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (lambda: html(), Unreachable, "answers 200 with text/html: not a Kubernetes API"),
        (lambda: html(302), Unreachable, "not a Kubernetes API (a proxy or login page"),
        (lambda: html(404), Unreachable, "answers 404 with text/html"),
        (lambda: html(502), Unreachable, "answers 502 with text/html"),
        (lambda: html(401), Unauthorized, "401"),
        (lambda: html(403), Forbidden, "HTTP 403"),
        (lambda: html(429), Throttled, "HTTP 429"),
        (lambda: status(500, "InternalError", "etcd is gone"), ServerFault, "etcd is gone"),
        (lambda: status(410, "Expired", "too old"), Gone, "too old"),
        (lambda: json({"error": "no"}, 404), Unreachable, "answers 404 with application/json"),
        (lambda: json({"kind": "Status"}, 302), Unreachable, "302, which was not expected"),
        (
            lambda: web.Response(text="404 page not found\n", status=404),
            UnknownKind,
            "no such path",
        ),
    ],
)
async def test_errors(answer: object, error: type[ClusterError], words: str) -> None:
    async def handle(_: web.BaseRequest) -> web.StreamResponse:
        return answer()  # type: ignore[operator,no-any-return]

    async with serving(handle) as server:
        with pytest.raises(error) as raised:
            await sent(server)
    assert words in raised.value.message
    assert raised.value.ref == REF


async def test_cve_2021_32690_a_redirect_is_not_followed_with_our_token() -> None:
    """Credentials were sent on to another host (CVE-2021-32690, CVE-2026-41506)."""

    async def steal(_: web.BaseRequest) -> web.StreamResponse:
        return json({})

    async with serving(steal) as thief:

        async def redirect(_: web.BaseRequest) -> web.StreamResponse:
            return web.Response(status=307, headers={"Location": f"{thief.url}/steal"})

        async with serving(redirect) as server:
            with pytest.raises(Unreachable):
                await sent(server)
    assert thief.seen == []


@pytest.mark.parametrize(("handle", "words"), [(cut, "closed the connection"), (hang, "no answer")])
async def test_no_answer(handle: object, words: str) -> None:
    async with serving(handle) as server:  # type: ignore[arg-type]
        with pytest.raises(Unreachable) as raised:
            await sent(server, timeout_s=0.2)
    assert words in raised.value.message


async def test_nobody_listens() -> None:
    async with serving(hang) as server:
        pass
    with pytest.raises(Unreachable) as raised:
        await sent(server)
    assert "cannot connect to 127.0.0.1" in raised.value.message


async def test_a_half_answer() -> None:
    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.content_length = 100
        await response.prepare(request)
        await response.write(b'{"half":')
        return await cut(request)

    async with serving(handle) as server:
        with pytest.raises(Unreachable):
            await sent(server)


class Renewing:
    """Tokens t1, t2, …: the next one whenever a renewal is asked for."""

    def __init__(self) -> None:
        self.renewals = 0

    async def __call__(self, renew: bool) -> Mapping[str, str]:
        self.renewals += renew
        return {"Authorization": f"Bearer t{self.renewals + 1}"}


async def test_a_401_renews_the_token_once() -> None:
    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        accepted = request.headers["Authorization"] == "Bearer t2"
        return json({"ok": True}) if accepted else status(401, "Unauthorized")

    renewing = Renewing()
    async with (
        serving(handle) as server,
        Transport(Endpoint(server=server.url, headers=renewing)) as transport,
    ):
        await transport.send("GET", "/x")
        await transport.send("GET", "/x")
    assert (renewing.renewals, len(server.seen)) == (1, 3)


async def test_argo_cd_28928_a_token_storm_does_not_spin() -> None:
    """Mass 401 locked up a hub for 16 hours (argo-cd#28928): two requests, then an error."""

    async def handle(_: web.BaseRequest) -> web.StreamResponse:
        return status(401, "Unauthorized", "token t1 expired")

    renewing = Renewing()
    async with (
        serving(handle) as server,
        Transport(Endpoint(server=server.url, headers=renewing)) as transport,
    ):
        with pytest.raises(Unauthorized) as raised:
            await transport.send("GET", "/x")
    assert (renewing.renewals, len(server.seen)) == (1, 2)
    assert "t1" not in raised.value.message


@pytest.mark.parametrize(
    ("code", "headers", "retry_after_s"),
    [
        (429, {"Retry_After": "7"}, 7.0),
        (429, {}, 1.0),
        (429, {"Retry_After": "Wed, 21 Oct 2026 07:28:00 GMT"}, 1.0),
        (503, {"Retry_After": "3"}, 3.0),
        (429, {"Retry_After": "1e99"}, 300.0),
        (429, {"Retry_After": "nan"}, 1.0),
        (429, {"Retry_After": "-3"}, 1.0),
    ],
)
async def test_the_wish_of_the_server(
    code: int, headers: dict[str, str], retry_after_s: float
) -> None:
    async def handle(_: web.BaseRequest) -> web.StreamResponse:
        return json({"kind": "Status", "message": "busy"}, code, **headers)

    async with serving(handle) as server:
        with pytest.raises(Throttled) as raised:
            await sent(server)
    assert raised.value.retry_after_s == retry_after_s


async def test_distress_narrows_and_success_widens() -> None:
    answers = iter([status(429), *[json({}) for _ in range(20)]])

    async def handle(_: web.BaseRequest) -> web.StreamResponse:
        return next(answers)

    limit = InFlightLimit(start=8)
    async with serving(handle) as server, Transport(server.endpoint(), limit=limit) as transport:
        with pytest.raises(Throttled):
            await transport.send("GET", "/x")
        assert limit.width == 4
        for _ in range(20):
            await transport.send("GET", "/x")
    assert limit.width > 4


async def test_no_more_in_flight_than_allowed() -> None:
    now = most = 0

    async def handle(_: web.BaseRequest) -> web.StreamResponse:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.01)
        now -= 1
        return json({})

    async with serving(handle) as server:
        limit = InFlightLimit(start=3, most=3)
        async with Transport(server.endpoint(), limit=limit) as transport:
            await asyncio.gather(*(transport.send("GET", "/x") for _ in range(20)))
    assert most == 3


async def test_a_certificate_that_is_not_trusted(tmp_path: Path) -> None:
    async def handle(_: web.BaseRequest) -> web.StreamResponse:
        return json({"ok": True})

    identity = make_identity()
    authority = tmp_path / "ca.pem"
    authority.write_bytes(identity.authority)
    runner = web.ServerRunner(web.Server(handle, access_log=None), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=identity.context).start()
    url = f"https://127.0.0.1:{runner.addresses[0][1]}"

    async def headers(renew: bool) -> Mapping[str, str]:
        return {}

    try:
        trusting = ssl.create_default_context(cafile=str(authority))
        async with Transport(Endpoint(server=url, headers=headers, tls=trusting)) as transport:
            assert (await transport.send("GET", "/x")).status == 200
        wary = ssl.create_default_context()
        async with Transport(Endpoint(server=url, headers=headers, tls=wary)) as transport:
            with pytest.raises(Unreachable) as raised:
                await transport.send("GET", "/x")
        assert "TLS certificate is not trusted" in raised.value.message
    finally:
        await runner.cleanup()


async def test_a_transport_that_is_not_open() -> None:
    async with serving(hang) as server:
        with pytest.raises(CredentialsError):
            await Transport(server.endpoint()).send("GET", "/x")


def test_credentials_and_bodies_are_not_printed() -> None:
    async def headers(renew: bool) -> Mapping[str, str]:
        return {"Authorization": "Bearer canary"}

    assert "headers" not in repr(Endpoint(server="https://x", headers=headers, proxy="canary"))
    assert "canary" not in repr(Endpoint(server="https://x", headers=headers, proxy="canary"))


async def test_argo_cd_28928_a_burst_of_401_renews_the_token_once() -> None:
    """Every request that was refused ran the credential plugin again."""
    renewing = Renewing()

    async def refuse(_: web.BaseRequest) -> web.StreamResponse:
        await asyncio.sleep(0.01)
        return status(401, "Unauthorized")

    async with (
        serving(refuse) as server,
        Transport(Endpoint(server=server.url, headers=renewing)) as transport,
    ):
        asked = [transport.send("GET", "/version") for _ in range(30)]
        refused = await asyncio.gather(*asked, return_exceptions=True)
        assert all(isinstance(error, Unauthorized | CircuitOpen) for error in refused)
        assert renewing.renewals == 1


async def test_when_one_request_is_told_to_wait_all_of_them_do() -> None:
    """The others went on pressing a server that had asked for a pause."""
    began = asyncio.get_running_loop().time()
    arrived: list[float] = []

    async def handle(_: web.BaseRequest) -> web.StreamResponse:
        arrived.append(asyncio.get_running_loop().time() - began)
        if len(arrived) > 1:
            return json({"ok": True})
        answer = status(429, "TooManyRequests")
        answer.headers["Retry-After"] = "1"
        return answer

    async with serving(handle) as server, Transport(server.endpoint()) as transport:
        with pytest.raises(Throttled):
            await transport.send("GET", "/x")
        await asyncio.gather(*(transport.send("GET", "/x") for _ in range(5)))
    assert min(arrived[1:]) >= 1.0
