"""Servers of event streams that do what they are told, request by request."""

from __future__ import annotations

import asyncio
import itertools
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

from servers import on_a_thread, raw_server, read_request, reply

LIMIT = 30.0
"""Seconds after which a test hangs. All that it waits for takes a fraction of them."""

EVENT_STREAM = "content-type: text/event-stream"


@dataclass
class Exchange:
    """A request, and the connection on which it came."""

    method: str
    target: str
    fields: dict[str, str]
    content: bytes
    writer: asyncio.StreamWriter
    gone: asyncio.Event

    @property
    def last_event_id(self) -> str | None:
        """The ``Last-Event-ID``, or None if there is none."""
        sent = self.fields.get("last-event-id")
        return None if sent is None else sent.encode("latin-1").decode()

    async def send(self, *parts: bytes | str | float) -> None:
        """Sends text and bytes; a number is seconds to wait."""
        for part in parts:
            if isinstance(part, bytes | str):
                self.writer.write(part.encode() if isinstance(part, str) else part)
                await self.writer.drain()
            else:
                await asyncio.sleep(part)

    def reset(self) -> None:
        """Has the connection end by a reset."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


Step = Callable[[Exchange], Awaitable[None]]
"""What is done with a request. The connection is closed after it."""


@dataclass
class Served:
    """A server, and what it has seen.

    Attributes:
        url: its base URL.
        seen: the requests, in order.
        connections: how many were made.
    """

    url: str = ""
    seen: list[Exchange] = field(default_factory=list)
    connections: int = 0

    @property
    def ids(self) -> list[str | None]:
        """The ``Last-Event-ID`` of each request."""
        return [exchange.last_event_id for exchange in self.seen]


def _handler(
    served: Served, steps: Iterable[Step]
) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    """One step for each request; then the server says that there is no more."""
    following = itertools.chain(steps, itertools.repeat(no_more))

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.connections += 1
        first, fields, content = await read_request(reader)
        method, target, _ = first.split(" ")
        named = {name.lower(): value for name, value in fields}
        exchange = Exchange(method, target, named, content, writer, asyncio.Event())
        served.seen.append(exchange)
        step = asyncio.ensure_future(next(following)(exchange))
        watch = asyncio.create_task(_watch(reader, exchange))
        try:
            await step
        finally:
            step.cancel()
            watch.cancel()

    return handler


async def _watch(reader: asyncio.StreamReader, exchange: Exchange) -> None:
    """Notes when the client has gone."""
    try:
        while await reader.read(4096):
            pass
    except ConnectionError:
        pass
    exchange.gone.set()


@asynccontextmanager
async def serving(*steps: Step, limit: float = LIMIT) -> AsyncIterator[Served]:
    """Does a step for each request; then it answers 204. All of it has to end within the limit."""
    served = Served()
    async with asyncio.timeout(limit), raw_server(_handler(served, steps)) as served.url:
        yield served


@contextmanager
def serving_on_a_thread(*steps: Step) -> Iterator[Served]:
    """The same, for clients that block."""
    served = Served()
    with on_a_thread(_handler(served, steps)) as served.url:
        yield served


async def no_more(exchange: Exchange) -> None:
    """204: the client is not to connect again."""
    await exchange.send("HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")


def answer(*parts: bytes | str | float) -> Step:
    """Sends this, with pauses, and closes."""

    async def step(exchange: Exchange) -> None:
        await exchange.send(*parts)

    return step


def closing(status: str, body: bytes = b"", *fields: str) -> Step:
    """An answer on a connection that ends with it."""
    return answer(reply(status, body, *fields, "connection: close"))


def head(*fields: str, status: str = "200 OK") -> bytes:
    """The head of an answer whose body ends with the connection."""
    return "\r\n".join([f"HTTP/1.1 {status}", *fields, "connection: close", "", ""]).encode()


def chunked_head(*fields: str) -> bytes:
    """The head of an event stream in chunks."""
    lines = ["HTTP/1.1 200 OK", EVENT_STREAM, "transfer-encoding: chunked", *fields, "", ""]
    return "\r\n".join(lines).encode()


def chunk(data: bytes | str) -> bytes:
    """One chunk."""
    content = data.encode() if isinstance(data, str) else data
    return b"%x\r\n%s\r\n" % (len(content), content)


END = b"0\r\n\r\n"


def stream(*parts: bytes | str | float, ends: str = "end") -> Step:
    """An event stream in chunks, with pauses. ``ends`` as in a simulation: ``end``, ``close``,
    ``reset`` or ``silence``."""

    async def step(exchange: Exchange) -> None:
        await exchange.send(chunked_head())
        for part in parts:
            await exchange.send(chunk(part) if isinstance(part, bytes | str) else part)
        if ends == "end":
            await exchange.send(END)
        elif ends == "reset":
            # Bytes that arrive together with a reset may be lost.
            await asyncio.sleep(0.05)
            exchange.reset()
        elif ends == "silence":
            await exchange.gone.wait()

    return step


def event(data: str, id_: str | None = None, *, type_: str = "", retry: int | None = None) -> str:
    """An event as it goes over the wire."""
    lines = []
    if id_ is not None:
        lines.append(f"id: {id_}")
    if type_:
        lines.append(f"event: {type_}")
    if retry is not None:
        lines.append(f"retry: {retry}")
    lines += [f"data: {line}" for line in data.split("\n")]
    return "\n".join([*lines, "", ""])
