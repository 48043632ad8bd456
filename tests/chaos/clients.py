"""The clients, called alike."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from ron_app_sdk_py import Response, RonClient, RonClientSync
from servers import TOKEN

from .requests import CallType

Perform = Callable[[CallType, float], Awaitable[Response]]
"""Performs a call with a deadline in seconds."""


@dataclass(frozen=True)
class Opened:
    """A client.

    Attributes:
        perform: performs calls, always on the same event loop.
        client: the root client.
    """

    perform: Perform
    client: RonClient | RonClientSync

    @property
    def left(self) -> dict[str, int]:
        """What either side of it still holds of calls."""
        stats = self.client._calls.stats()
        return {
            "calls of the component": stats["calls"],
            "exchanges of the component": stats["exchanges"],
            "calls of the host": len(self.client._calls._in_flight),
        }


@asynccontextmanager
async def _asynchronous(url: str, transport: str) -> AsyncIterator[Opened]:
    async with RonClient(url, token=TOKEN, transport=transport) as client:
        yield Opened(partial(_perform, client), client)


@asynccontextmanager
async def _derived(url: str, transport: str) -> AsyncIterator[Opened]:
    async with RonClient(url, token=TOKEN, transport=transport) as client:
        yield Opened(partial(_perform, client.with_options(read_timeout=5.0)), client)


@asynccontextmanager
async def _synchronous(url: str, transport: str) -> AsyncIterator[Opened]:
    loop = asyncio.get_running_loop()
    # One thread, because each has an event loop and connections of its own.
    with (
        ThreadPoolExecutor(1) as thread,
        RonClientSync(url, token=TOKEN, transport=transport) as client,
    ):

        async def perform(call: CallType, timeout: float) -> Response:
            work = partial(client.request, call.method, call.path, timeout=timeout, **call.options)
            return await loop.run_in_executor(thread, work)

        yield Opened(perform, client)


async def _perform(client: RonClient, call: CallType, timeout: float) -> Response:
    return await client.request(call.method, call.path, timeout=timeout, **call.options)


CLIENTS = {"async": _asynchronous, "derived": _derived, "sync": _synchronous}
