"""Fault proxies between a test and its servers."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from ron_app_sdk_py.testing.faultproxy.client import Toxiproxy
from ron_app_sdk_py.testing.faultproxy.models import Attributes, Stream
from servers import Handler, raw_server

TOXIPROXY = "RON_TOXIPROXY_URL"
"""The variable that names a Toxiproxy on this machine for the tests with the marker
``toxiproxy``."""

PREFIX = "ron-test-"
"""Of the proxies that tests make: at a server from outside there may be others."""

LIMIT = 60.0
"""Seconds that a test may use a connection."""

_numbers = itertools.count(1)

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Toxiproxy]:
    """A server's API, which is left as it was but for proxies that aren't tests'."""
    async with Toxiproxy(url) as client:
        await _clean(client)
        try:
            yield client
        finally:
            await _clean(client)


async def _clean(client: Toxiproxy) -> None:
    for name in await client.proxies():
        if name.startswith(PREFIX):
            await client.delete(name)


@dataclass(frozen=True)
class Route:
    """A proxy before a server."""

    client: Toxiproxy
    name: str
    host: str
    port: int

    async def add(
        self, attributes: Attributes, stream: Stream = "downstream", toxicity: float = 1.0
    ) -> str:
        """Adds a toxic: its name."""
        toxic = await self.client.add(self.name, attributes, stream=stream, toxicity=toxicity)
        return toxic.name

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Streams]:
        """A connection through the proxy, for a minute at most."""
        reader, writer = await asyncio.open_connection(self.host, self.port)
        try:
            async with asyncio.timeout(LIMIT):
                yield reader, writer
        finally:
            writer.transport.abort()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


@asynccontextmanager
async def route(client: Toxiproxy, upstream: str, name: str | None = None) -> AsyncIterator[Route]:
    """A proxy before the server of a URL."""
    name = f"{PREFIX}{name or next(_numbers)}"
    state = await client.create(name, urlsplit(upstream).netloc)
    host, _, port = state.listen.rpartition(":")
    yield Route(client, name, host, int(port))
    await client.delete(name)


@asynccontextmanager
async def before(
    client: Toxiproxy, handler: Handler, name: str | None = None
) -> AsyncIterator[Route]:
    """A proxy before a server that does with each connection what ``handler`` says."""
    async with raw_server(handler) as url, route(client, url, name) as made:
        yield made
