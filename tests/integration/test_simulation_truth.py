"""What the simulated network reports is what real sockets report, on both transports."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from certificates import LAST_WEEK, YESTERDAY, Authority, self_signed
from ron_app_sdk_py import ClientConfig, RonClient, RonError, RonNetworkError
from ron_app_sdk_py.testing import (
    Answer,
    Closed,
    ConnectHangs,
    DnsFailure,
    Drip,
    Garbage,
    Outcome,
    Refused,
    Reset,
    Silence,
    Simulation,
    Stalled,
    TlsFailure,
    Truncated,
    Unreachable,
    Unread,
)
from servers import TOKEN, Handler, raw_server, read_request, reply, unused_port

Peer = Callable[[Path], AbstractAsyncContextManager[dict[str, Any]]]
"""A real peer: the fields of the configuration with which a client gets to it."""

SHORT = 0.3
"""A time-out that is to pass."""


def at(url: str) -> Peer:
    @asynccontextmanager
    async def peer(_: Path) -> AsyncIterator[dict[str, Any]]:
        yield {"base_url": url, "allow_insecure_http": True}

    return peer


def sending(data: bytes, then: Callable[[asyncio.StreamWriter], None] | None = None) -> Peer:
    """Takes a request, sends ``data``, and closes; or first does ``then``, which may keep quiet."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(data)
        await writer.drain()
        if then is reset:
            # Bytes that arrive together with a reset may be lost.
            await asyncio.sleep(0.05)
        if then is not None:
            then(writer)
        if then is quiet:
            await reader.read()

    return serving(handler)


def serving(handler: Handler, tls: Callable[[Path], Any] | None = None) -> Peer:
    @asynccontextmanager
    async def peer(folder: Path) -> AsyncIterator[dict[str, Any]]:
        async with raw_server(handler, tls=tls and tls(folder)) as url:
            yield {"base_url": url}

    return peer


def quiet(_: asyncio.StreamWriter) -> None:
    """Nothing more comes."""


def reset(writer: asyncio.StreamWriter) -> None:
    """The connection is closed by a reset."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 400 x\r\n\r\n")
    await reader.read()


async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    await asyncio.sleep(60)


async def dripping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(head(3))
    for byte in b"abc":
        writer.write(bytes([byte]))
        await asyncio.sleep(2 * SHORT)


def head(length: int) -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % length


def over_tls(url: Peer) -> Peer:
    @asynccontextmanager
    async def peer(folder: Path) -> AsyncIterator[dict[str, Any]]:
        async with url(folder) as fields:
            yield {"base_url": fields["base_url"].replace("http:", "https:")}

    return peer


def trusted(peer: Peer) -> Peer:
    @asynccontextmanager
    async def trusting(folder: Path) -> AsyncIterator[dict[str, Any]]:
        async with peer(folder) as fields:
            yield {**fields, "tls_ca": str(folder / "ca" / "ca.pem")}

    return trusting


def expired(folder: Path) -> Any:
    return Authority(folder / "ca").server(not_before=LAST_WEEK, not_after=YESTERDAY)


CASES: dict[str, tuple[Outcome, Peer, dict[str, Any]]] = {
    "refused": (Refused(), at(f"http://127.0.0.1:{unused_port()}"), {}),
    "no such name": (DnsFailure(), at("http://no-such-host.invalid"), {}),
    # TCP to a multicast address is refused by the routing table itself.
    "unreachable": (Unreachable(), at("http://224.0.0.1:9"), {}),
    "connect hangs": (ConnectHangs(), over_tls(serving(mute)), {"connect_timeout": SHORT}),
    "expired": (TlsFailure("expired"), trusted(serving(mute, expired)), {}),
    "self-signed": (TlsFailure("self_signed"), serving(mute, lambda _: self_signed()), {}),
    "not TLS": (TlsFailure("not_tls"), over_tls(serving(plain)), {}),
    "reset": (Reset(), sending(b"", reset), {}),
    "closed": (Closed(), sending(b""), {}),
    "garbage": (Garbage(), sending(b"garbage\r\n\r\n"), {}),
    "silence": (Silence(), sending(b"", quiet), {"read_timeout": SHORT}),
    "deadline": (Silence(), sending(b"", quiet), {"timeout": SHORT}),
    "unread": (Unread(), serving(deaf), {"write_timeout": SHORT}),
    "truncated": (Truncated(content="abc", keep=1), sending(head(3) + b"a"), {}),
    "cut by reset": (
        Truncated(content="abc", keep=1, reset=True),
        sending(head(3) + b"a", reset),
        {},
    ),
    "stalled": (
        Stalled(content="abc", keep=1),
        sending(head(3) + b"a", quiet),
        {"read_timeout": SHORT},
    ),
    "dripping": (Drip(content="abc", every=1.0), serving(dripping), {"read_timeout": SHORT}),
    "too large": (Answer(content="abc"), sending(head(3) + b"abc"), {"max_response_bytes": 2}),
    "an error": (
        Answer(503, json={"code": "busy"}, retry_after="2"),
        sending(
            reply("503 x", b'{"code":"busy"}', "content-type: application/json", "retry-after: 2")
        ),
        {},
    ),
    "an error cut short": (
        Truncated(503, content='{"code":"busy"}', keep=3),
        sending(b'HTTP/1.1 503 x\r\ncontent-length: 15\r\n\r\n{"c'),
        {},
    ),
    "a redirect": (Answer(302, headers={"location": "/"}), sending(reply("302 x", b"")), {}),
}


async def outcome_of(client: RonClient, large: bool) -> dict[str, Any]:
    """What a caller sees."""
    with pytest.raises(RonError) as caught:
        await client.post("/x", content=bytes(32 * 1024 * 1024 if large else 10))
    error = caught.value
    seen = {"class": type(error).__name__, "code": error.code, "attempts": error.attempts}
    for name in ("phase", "reason", "status", "retry_after", "retryable"):
        seen[name] = getattr(error, name, None)
    if isinstance(error, RonNetworkError) and error.reason is None:
        # Time-outs, refusals: the note has what the transport knows.
        seen["noted"] = bool(getattr(error, "__notes__", []))
    return seen


@pytest.mark.parametrize("case", CASES)
async def test_a_simulated_failure_looks_like_the_real_one(
    transport: str, case: str, tmp_path: Path
) -> None:
    outcome, peer, fields = CASES[case]
    fields = {"token": TOKEN, "max_request_bytes": 2**26, **fields}
    large = isinstance(outcome, Unread)
    async with peer(tmp_path) as reached:
        config = ClientConfig(**{**reached, **fields})
        async with RonClient(config=config, transport=transport) as client:
            real = await outcome_of(client, large)

    def simulate() -> dict[str, Any]:
        sim = Simulation()
        sim.otherwise(outcome)
        return sim.run(lambda _: outcome_of(sim.client(**fields), large))

    assert await asyncio.to_thread(simulate) == real
