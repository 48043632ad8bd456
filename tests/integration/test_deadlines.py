"""Nothing waits for ever: whatever a peer does, a call ends on time, in the phase in which it hung,
and leaves no socket and no loop behind."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from certificates import Authority
from ron_app_sdk_py import ClientConfig, RonClient, RonClientSync, RonConfigError, RonTimeoutError
from servers import connections_to, on_a_thread, raw_server, read_request, reply

OK = reply("200 OK", b'{"ok":true}', "content-type: application/json")
HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n"
TIME_OUT = 0.3
LIMIT = 10 * TIME_OUT
LONG = 20.0
MIB = 1024 * 1024


@contextmanager
def full_listener() -> Iterator[str]:
    """A listener whose queue is full: connections to it hang."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def mute_listener(scheme: str = "http") -> Iterator[str]:
    """A listener behind which nobody takes connections: the system does, and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"{scheme}://localhost:{listener.getsockname()[1]}"


def dripping(answer: bytes, seconds: float, *, tls: ssl.SSLContext | None = None) -> Peer:
    """A server that sends an answer byte by byte, with a pause after each."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        for byte in answer:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(seconds)

    return on_a_thread(handler, tls=tls)


def answering_in_part(answer: bytes, *, tls: ssl.SSLContext | None = None) -> Peer:
    """A server that stops in the middle of its answer."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(answer)
        await asyncio.Event().wait()

    return on_a_thread(handler, tls=tls)


def never_reading() -> Peer:
    """A server that reads the head of a request and nothing of its content."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.Event().wait()

    return on_a_thread(handler)


Peer = AbstractContextManager[str]


@dataclass(frozen=True)
class Case:
    """A peer that hangs.

    Attributes:
        name: its name.
        peer: starts it.
        time_out: the field whose time-out ends the call, or ``timeout``.
        content: what the request has as content.
    """

    name: str
    peer: Callable[[Authority], Peer]
    time_out: str
    content: bytes | None = None

    @property
    def phase(self) -> str:
        return {"timeout": "overall"}.get(self.time_out, self.time_out.removesuffix("_timeout"))


LARGE = bytes(32 * MIB)
PEERS: list[tuple[str, Callable[[Authority], Peer], str, bytes | None]] = [
    ("full listener", lambda _: full_listener(), "connect", None),
    ("mute TLS listener", lambda _: mute_listener("https"), "connect", None),
    ("mute listener", lambda _: mute_listener(), "read", None),
    ("mute listener, large request", lambda _: mute_listener(), "write", LARGE),
    ("never reads", lambda _: never_reading(), "write", LARGE),
    ("silent", lambda _: answering_in_part(b""), "read", None),
    ("silent in the head", lambda _: answering_in_part(HEAD[:20]), "read", None),
    ("silent in the body", lambda _: answering_in_part(HEAD + b"x"), "read", None),
    ("silent over TLS", lambda ca: answering_in_part(b"", tls=ca.server()), "read", None),
    (
        "silent in the body over TLS",
        lambda ca: answering_in_part(HEAD + b"x", tls=ca.server()),
        "read",
        None,
    ),
    ("drips the head", lambda _: dripping(HEAD, 1.0), "read", None),
    ("drips the body", lambda _: dripping(HEAD[:-2] + b"\r\nxxxxx", 1.0), "read", None),
]
CASES = [
    case
    for name, peer, part, content in PEERS
    for case in (
        Case(name, peer, f"{part}_timeout", content),
        Case(name, peer, "timeout", content),
    )
] + [
    # Never silent for long, and never done.
    Case("drips fast", lambda _: dripping(HEAD + bytes(1000), 0.02), "timeout"),
    Case("drips fast over TLS", lambda ca: dripping(HEAD, 0.05, tls=ca.server()), "timeout"),
]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


async def eventually(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(LIMIT):
        while not done():
            await asyncio.sleep(0.01)


def call(kind: str, config: ClientConfig, transport: str, content: bytes | None) -> RonTimeoutError:
    """Makes a call that ends too late: its error. The connection must be closed by then, not first
    at the end of the client or of the loop."""
    port = int(config.base_url.rpartition(":")[2])
    before = connections_to(port)

    async def work() -> RonTimeoutError:
        async with RonClient(config=config, transport=transport) as client:
            started = time.monotonic()
            with pytest.raises(RonTimeoutError) as caught:
                await client.request("PUT", "/x", content=content)
            assert TIME_OUT * 0.9 < time.monotonic() - started < LIMIT
            if sys.platform == "linux":
                await eventually(lambda: connections_to(port) <= before)
        return caught.value

    if kind == "async":
        return asyncio.run(work())
    with RonClientSync(config=config, transport=transport) as client:
        started = time.monotonic()
        with pytest.raises(RonTimeoutError) as caught:
            client.request("PUT", "/x", content=content)
        assert TIME_OUT * 0.9 < time.monotonic() - started < LIMIT
    return caught.value


@pytest.mark.parametrize("kind", ["async", "sync"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.name}, {case.phase}")
def test_a_peer_that_hangs_ends_in_the_time_out_of_its_phase(
    transport: str, kind: str, case: Case, authority: Authority
) -> None:
    with case.peer(authority) as url:
        times: dict[str, Any] = {"timeout": LONG, case.time_out: TIME_OUT}
        config = ClientConfig(
            base_url=url,
            tls_ca=authority.file if url.startswith("https") else None,
            max_request_bytes=64 * MIB,
            retries=0,
            **times,
        )
        started = time.monotonic()
        error = call(kind, config, transport, case.content)
        # The end of the loop and of the client included.
        assert time.monotonic() - started < 2 * LIMIT
    assert (error.phase, error.attempts) == (case.phase, 1)
    assert isinstance(error, TimeoutError)


@pytest.mark.parametrize("timeout", [5e-324, 1e-12])
async def test_a_time_out_that_nothing_can_meet_ends_the_call_at_once(
    transport: str, node: str, timeout: float
) -> None:
    async with RonClient(node, transport=transport) as client:
        with pytest.raises(RonTimeoutError) as caught:
            await client.get("/hello", timeout=timeout)
        assert caught.value.phase == "overall"
    config = ClientConfig(base_url=node, connect_timeout=timeout, retries=0)
    async with RonClient(config=config, transport=transport) as client:
        with pytest.raises(RonTimeoutError) as caught:
            await client.get("/hello")
        assert caught.value.phase == "connect"


@pytest.mark.parametrize("timeout", [1e10, 1.7e308, 10**300])
@pytest.mark.parametrize("short", [None, 2.0])
async def test_a_time_out_beyond_all_clocks_is_no_harm(
    transport: str, node: str, timeout: float, short: float | None
) -> None:
    async with RonClient(node, transport=transport, timeout=short) as client:
        assert (await client.get("/hello", timeout=timeout))["ok"]
    long = ClientConfig(
        base_url=node,
        timeout=timeout,
        connect_timeout=timeout,
        read_timeout=timeout,
        write_timeout=timeout,
    )
    async with RonClient(config=long, transport=transport) as client:
        assert await client.post("/echo", content=bytes(200_000)) == bytes(200_000)


@pytest.mark.parametrize("part", ["connect", "read", "write"])
async def test_a_derived_client_may_not_wait_longer_for_a_part_than_for_the_whole(
    part: str,
) -> None:
    async with RonClient("https://gw.example", timeout=1) as client:
        longer: dict[str, Any] = {f"{part}_timeout": 1.1}
        with pytest.raises(RonConfigError, match=part):
            client.with_options(**longer)
        # What was not given for it gives way.
        client.with_options(timeout=0.5)


async def test_a_server_that_sends_slowly_is_not_silent(transport: str) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        for byte in b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello":
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.02)

    async with raw_server(handler) as url:
        config = ClientConfig(base_url=url, read_timeout=0.5)
        async with RonClient(config=config, transport=transport) as client:
            assert await client.get("/x") == b"hello"


async def test_a_server_that_takes_bytes_slowly_is_not_stuck(transport: str) -> None:
    size = 4 * MIB

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        left = size
        while left:
            left -= len(await reader.read(128 * 1024))
            await asyncio.sleep(0.03)
        writer.write(OK)

    async with raw_server(handler) as url:
        # The whole takes longer than the time-out, each piece does not.
        config = ClientConfig(base_url=url, write_timeout=0.6, max_request_bytes=size)
        async with RonClient(config=config, transport=transport) as client:
            assert await client.post("/x", content=bytes(size)) == {"ok": True}
