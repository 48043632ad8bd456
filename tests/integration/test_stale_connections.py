"""A connection that a server, a container or a NAT has dropped costs no idempotent call, and no
request of another kind is sent twice."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from certificates import Authority
from processes import haproxy, nginx
from ron_app_sdk_py import (
    ClientConfig,
    RonClient,
    RonClientSync,
    RonNetworkError,
    RonTimeoutError,
    RonTlsError,
)
from ron_app_sdk_py.calls.limits import Limits
from ron_app_sdk_py.transport import TransportFailure, TransportRequest, TransportSettings, sockets
from ron_app_sdk_py.transport.choice import transport_factory
from servers import Request, answering, connections_to, on_a_thread, raw_server, read_request, reply
from vanishing import Vanishing, vanishing_server

OK = reply("200 OK", b'{"ok":true}', "content-type: application/json")
LIMIT = 30
TIME_OUT = 0.5
"""Also how often the system looks, about."""


linux = pytest.mark.linux


@pytest.fixture
def server() -> Iterator[Vanishing]:
    with vanishing_server() as given:
        yield given


def config(server: Vanishing) -> ClientConfig:
    return ClientConfig(base_url=server.url, timeout=LIMIT, write_timeout=TIME_OUT)


@linux
async def test_a_get_on_a_connection_that_has_vanished_is_sent_on_a_new_one(
    transport: str, server: Vanishing
) -> None:
    async with RonClient(config=config(server), transport=transport) as client:
        await client.get("/first")
        server.vanish()
        started = time.monotonic()
        response = await client.request("GET", "/second")
        assert time.monotonic() - started < 10 * TIME_OUT
    first, second = response.timeline
    assert (first.error, second.status) == ("write_timeout", 200)
    assert [line for line, _, _ in server.requests] == [
        "GET /app/first HTTP/1.1",
        "GET /app/second HTTP/1.1",
    ]


@linux
def test_the_synchronous_client_recovers_as_well(transport: str, server: Vanishing) -> None:
    with RonClientSync(config=config(server), transport=transport) as client:
        client.get("/first")
        server.vanish()
        assert client.request("GET", "/second").attempts == 2


@linux
@pytest.mark.parametrize("idem", [False, True])
async def test_a_post_on_a_connection_that_has_vanished_is_sent_again_only_with_a_key(
    transport: str, server: Vanishing, idem: bool
) -> None:
    async with RonClient(config=config(server), transport=transport) as client:
        await client.get("/first")
        server.vanish()
        if idem:
            assert (await client.request("POST", "/x", json={}, idem=True)).attempts == 2
        else:
            with pytest.raises(RonTimeoutError) as caught:
                await client.post("/x", json={})
            assert (caught.value.phase, caught.value.attempts) == ("write", 1)
            assert caught.value.timeline.stopped == "not idempotent"
    posted = [line for line, _, _ in server.requests if line.startswith("POST")]
    assert len(posted) == idem


@linux
async def test_when_one_connection_is_found_dead_no_other_idle_one_is_used(
    transport: str, server: Vanishing
) -> None:
    async with RonClient(config=config(server), transport=transport) as client:
        await asyncio.gather(*(client.get("/x") for _ in range(8)))
        before = server.connections
        assert before > 1
        server.vanish()
        assert (await client.request("GET", "/x")).attempts == 2
        responses = await asyncio.gather(*(client.request("POST", "/x") for _ in range(8)))
        assert {response.attempts for response in responses} == {1}


@linux
async def test_calls_on_many_connections_that_have_vanished_all_recover(
    transport: str, server: Vanishing
) -> None:
    async with RonClient(config=config(server), transport=transport) as client:
        for _ in range(2):
            await asyncio.gather(*(client.get("/x") for _ in range(20)))
            server.vanish()
        responses = await asyncio.gather(*(client.request("GET", "/x") for _ in range(20)))
        assert {response.attempts for response in responses} <= {1, 2}


@linux
async def test_an_idle_connection_that_has_vanished_is_found_before_it_is_used(
    transport: str, server: Vanishing, monkeypatch: pytest.MonkeyPatch
) -> None:
    idle = socket.TCP_KEEPIDLE
    quick = [(option, 1 if option == idle else value) for option, value in sockets._PROBES]
    monkeypatch.setattr(sockets, "_PROBES", quick)
    port = int(server.url.rpartition(":")[2])
    async with RonClient(config=config(server), transport=transport) as client:
        await client.get("/x")
        server.vanish()
        async with asyncio.timeout(LIMIT):
            while connections_to(port):
                await asyncio.sleep(0.05)
        assert (await client.request("POST", "/x")).attempts == 1


@pytest.mark.parametrize(
    ("timeout", "write_timeout", "size", "expected"),
    [
        (None, None, 0, 10 / 3),
        (3.0, None, 100, 1.0),
        (1.2, None, 0, 1.0),
        (None, 0.5, 0, 0.5),
        (None, 4.0, 100, 10 / 3),
        (None, None, 10_000_000, 5.0),
        (2.0, None, 10_000_000, None),
    ],
)
def test_a_dead_connection_is_given_up_while_there_is_time_for_another(
    timeout: float | None, write_timeout: float | None, size: int, expected: float | None
) -> None:
    limits = Limits.of(ClientConfig(timeout=timeout, write_timeout=write_timeout))
    assert limits.acknowledge_timeout(limits.timeout, size) == expected


@pytest.mark.parametrize("how", ["close", "reset"])
async def test_no_call_fails_when_the_server_drops_idle_connections_at_any_time(
    transport: str, how: str
) -> None:
    """At times it does so just while the next request is on its way."""
    seen: list[Request] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        patience = float(LIMIT)
        try:
            while True:
                async with asyncio.timeout(patience):
                    request = await read_request(reader)
                seen.append(request)
                writer.write(OK)
                patience = 0.01
        except TimeoutError:
            if how == "reset":
                linger = struct.pack("ii", 1, 0)
                sock = writer.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    chance = random.Random(7)
    with on_a_thread(handler) as url:
        async with RonClient(url, transport=transport) as client:
            for _ in range(100):
                assert await client.get("/x") == {"ok": True}
                await asyncio.sleep(chance.uniform(0.005, 0.015))
            for number in range(100):
                # It may fail, but is never sent twice.
                with contextlib.suppress(RonNetworkError):
                    await client.post("/x", json=number)
                await asyncio.sleep(chance.uniform(0.005, 0.015))
    posted = [content for line, _, content in seen if line.startswith("POST")]
    assert len(posted) == len(set(posted)) > 10


@pytest.mark.servers
@pytest.mark.parametrize("front", ["nginx", "haproxy"])
async def test_no_get_fails_behind_a_server_with_a_short_keep_alive(
    transport: str, front: str, tmp_path: Path
) -> None:
    async with raw_server(answering([], OK)) as backend:
        address = backend.removeprefix("http://")
        server = (
            nginx(tmp_path, f"keepalive_timeout 20ms; location / {{ proxy_pass {backend}; }}")
            if front == "nginx"
            else haproxy(tmp_path, "timeout http-keep-alive 20ms", f"server one {address}")
        )
        with server as port:
            async with RonClient(f"http://127.0.0.1:{port}", transport=transport) as client:
                for count in range(60):
                    assert await client.get("/x") == {"ok": True}
                    await asyncio.sleep(0.015 + 0.0003 * count)


@pytest.mark.parametrize("how", ["close", "reset"])
async def test_a_post_is_sent_once_though_the_server_breaks_tls(
    transport: str, how: str, tmp_path: Path
) -> None:
    seen: list[Request] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await read_request(reader))
        sock = writer.get_extra_info("socket")
        if how == "reset":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # Without the goodbye of TLS.
        writer.transport.abort()

    authority = Authority(tmp_path / "authority")
    async with raw_server(handler, tls=authority.server()) as url:
        secure = ClientConfig(base_url=url, tls_ca=authority.file)
        async with RonClient(config=secure, transport=transport) as client:
            with pytest.raises(RonNetworkError) as caught:
                await client.post("/x", json={})
    assert not isinstance(caught.value, RonTlsError)
    assert (len(seen), caught.value.attempts) == (1, 1)


async def test_a_request_that_is_to_be_fresh_gets_a_new_connection(transport: str) -> None:
    connections = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while True:
            await read_request(reader)
            writer.write(OK)

    factory, _ = transport_factory(transport)
    async with raw_server(handler) as url:
        carrier = factory(TransportSettings())
        try:
            for fresh in (False, False, True, False, True):
                request = TransportRequest(
                    "GET", f"{url}/x", [], None, 5, 5, 5, 5, acknowledge_timeout=5, fresh=fresh
                )
                response = await carrier.send(request)
                await response.read_all(1000)
        finally:
            await carrier.close()
    assert connections == 3


async def test_an_error_has_the_reason_of_its_own_attempt_only(transport: str) -> None:
    connections = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await read_request(reader)
        if connections == 1:
            sock = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return
        await reader.read()

    async with raw_server(handler) as url, RonClient(url, transport=transport) as client:
        with pytest.raises(RonTimeoutError) as caught:
            await client.get("/x", timeout=0.6)
    error = caught.value
    assert (error.phase, error.attempts, error.reason) == ("overall", 2, None)
    assert error.timeline.attempts[0].error == "connection_terminated"
    assert not any(note.startswith("transport:") for note in getattr(error, "__notes__", []))


def test_failures_of_connections_are_told_from_those_of_answers() -> None:
    assert TransportFailure("connection-terminated").of_connection
    assert not TransportFailure("connection-refused").of_connection
    assert not TransportFailure("HTTP-response-incomplete").of_connection
