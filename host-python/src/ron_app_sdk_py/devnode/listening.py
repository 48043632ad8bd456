"""Listens for an application inside an event loop."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

MAX_HEAD_BYTES = 400 * 1024
"""Longest request line, and longest header line, in bytes: about what hyper takes in all."""

_GRACE_SECONDS = 0.5
"""How long requests under way may still take when an application stops."""


@asynccontextmanager
async def listening(app: web.Application, host: str, port: int) -> AsyncIterator[str]:
    """Runs an application while the block runs.

    A handler ends when its client goes away, as in hyper, and content stays as encoded as it came.

    Args:
        app: the application.
        host: the address to listen on.
        port: the port; 0 for a free one.

    Yields:
        Its base URL.

    Raises:
        OSError: the address can't be listened on.
    """
    runner = web.AppRunner(
        app,
        access_log=None,
        shutdown_timeout=_GRACE_SECONDS,
        handler_cancellation=True,
        auto_decompress=False,
        max_line_size=MAX_HEAD_BYTES,
        max_field_size=MAX_HEAD_BYTES,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        chosen = runner.addresses[0][1]
        yield f"http://{f'[{host}]' if ':' in host else host}:{chosen}"
    finally:
        await runner.cleanup()
