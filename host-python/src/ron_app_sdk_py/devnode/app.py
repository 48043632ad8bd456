"""The node as one aiohttp application: gateway, the omnigate behind it, the registry beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from . import gateway, omnigate
from .listening import listening
from .registry import Registry
from .settings import Settings


def application(settings: Settings | None = None) -> web.Application:
    """The node.

    It listens itself for its own omnigate, on a free port of the loopback interface, so the
    gateway talks to it as to any other upstream.

    Args:
        settings: which node to stand in for; by default ``Settings()``.
    """
    chosen = Settings() if settings is None else settings

    @asynccontextmanager
    async def upstream() -> AsyncIterator[str]:
        if chosen.upstream is not None:
            yield chosen.upstream
            return
        async with listening(omnigate.application(chosen), "127.0.0.1", 0) as url:
            yield url + omnigate.APP_PLANE

    registry = Registry(chosen.sse_heartbeat_ms / 1000)
    return gateway.application(upstream, registry, ready=chosen.ready)
