"""A server of event streams for tests."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from servers import Request, raw_server, read_request

LIMIT = 60
"""Seconds in which what must come comes."""

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"


def event(data: object, id_: object = None, kind: str | None = None) -> bytes:
    """An event as it is sent."""
    lines = [f"data: {data}"]
    if id_ is not None:
        lines.append(f"id: {id_}")
    if kind is not None:
        lines.append(f"event: {kind}")
    return ("\n".join(lines) + "\n\n").encode()


class Source:
    """What a server of event streams does: each connection gets the next of its scripts, the last
    one for ever. A script is what to send after the head, or a function of the writer.

    Attributes:
        requests: what was asked for.
        open: connections that are open.
        gone: how many clients have closed their end.
        written: bytes that the operating system or its buffers have taken.
    """

    def __init__(self, *scripts: bytes | Script, ends: bool = False, head: bytes = HEAD) -> None:
        self.requests: list[Request] = []
        self.open = 0
        self.gone = 0
        self.written = 0
        self._ends = ends
        self._head = head
        self._scripts = itertools.chain(scripts, itertools.repeat(scripts[-1]))

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        script = None
        try:
            self.requests.append(await read_request(reader))
            step = next(self._scripts)
            writer.write(self._head)
            if isinstance(step, bytes):
                writer.write(step)
            else:
                script = asyncio.ensure_future(step(self, writer))
            if self._ends:
                if script is not None:
                    await script
                await writer.drain()
                return
            while await reader.read(65_536):
                pass
            self.gone += 1
        except ConnectionResetError:
            self.gone += 1
        finally:
            self.open -= 1
            if script is not None:
                script.cancel()

    def fields(self, number: int) -> dict[str, str]:
        """The fields of a request."""
        return {name.lower(): value for name, value in self.requests[number][1]}


Script = Callable[[Source, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(
    *scripts: bytes | Script, ends: bool = False, head: bytes = HEAD
) -> AsyncIterator[tuple[str, Source]]:
    """Runs such a server: its URL, and what it does."""
    source = Source(*scripts, ends=ends, head=head)
    async with raw_server(source) as url:
        yield url, source


async def endless(source: Source, writer: asyncio.StreamWriter) -> None:
    """Sends numbered events of 1 KiB as fast as they are taken."""
    for number in itertools.count():
        sent = event(number, number)
        sent = b": " + b"x" * (1022 - len(sent)) + b"\n" + sent
        writer.write(sent)
        await writer.drain()
        source.written += len(sent)


async def until(condition: Callable[[], object]) -> None:
    """Waits for what must come."""
    async with asyncio.timeout(LIMIT):
        while not condition():
            await asyncio.sleep(0.001)
