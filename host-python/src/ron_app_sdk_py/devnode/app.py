"""The node as one aiohttp application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from . import gateway, macronode, omnigate
from .listening import listening
from .micronode import application as micronode
from .registry import Registry
from .settings import Settings


def application(settings: Settings | None = None) -> web.Application:
    """The node.

    Args:
        settings: which node to stand in for; by default ``Settings()``.
    """
    chosen = Settings() if settings is None else settings
    if chosen.profile == "micronode":
        return micronode.application(chosen)
    if chosen.profile == "macronode":
        return macronode.application(chosen)
    return _gateway(chosen)


def _gateway(settings: Settings) -> web.Application:
    """A gateway, the omnigate behind it, the registry beside it.

    It listens itself for its own omnigate, on a free port of the loopback interface, so the
    gateway talks to it as to any other upstream.
    """

    @asynccontextmanager
    async def upstream() -> AsyncIterator[str]:
        if settings.upstream is not None:
            yield settings.upstream
            return
        async with listening(omnigate.application(settings), "127.0.0.1", 0) as url:
            yield url + omnigate.APP_PLANE

    registry = Registry(settings.sse_heartbeat_ms / 1000)
    return gateway.application(upstream, registry, ready=settings.ready)
