"""Runs the development node inside an event loop."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from .app import application

_GRACE_SECONDS = 0.5
"""How long requests under way may still take when the node stops."""


@asynccontextmanager
async def running(host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Runs the node while the block runs.

    Args:
        host: the address to listen on.
        port: the port; 0 for a free one.

    Yields:
        Its base URL.

    Raises:
        OSError: the address can't be listened on.
    """
    runner = web.AppRunner(application(), access_log=None, shutdown_timeout=_GRACE_SECONDS)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        chosen = runner.addresses[0][1]
        yield f"http://{f'[{host}]' if ':' in host else host}:{chosen}"
    finally:
        await runner.cleanup()
