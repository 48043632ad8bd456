"""Runs the fault proxy inside an event loop."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from aiohttp import web

from .addresses import Address
from .api import application
from .bodies import ProxyCreation
from .proxies import Proxies

PORT = 8474
"""Toxiproxy's port."""

_GRACE_SECONDS = 0.5
"""How long requests under way may still take when the server stops."""


@asynccontextmanager
async def running(
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    seed: int = 0,
    proxies: Iterable[ProxyCreation] = (),
) -> AsyncIterator[str]:
    """Runs a server while the block runs. The event loop must have readers, as all have but
    Windows' default one.

    Args:
        host: the address of the REST API.
        port: its port; 0 for a free one.
        seed: of jitter, toxicity and slicing. The nth connection through a proxy of a given name
            draws the same numbers in every run with the same seed.
        proxies: proxies to begin with.

    Yields:
        The URL of the REST API.

    Raises:
        OSError: the address can't be listened on.
        ToxiproxyError: one of the proxies can't listen.
    """
    made = Proxies(seed)
    runner = web.AppRunner(application(made), access_log=None, shutdown_timeout=_GRACE_SECONDS)
    await runner.setup()
    try:
        await made.populate(proxies)
        await web.TCPSite(runner, host, port).start()
        yield f"http://{Address(host, runner.addresses[0][1])}"
    finally:
        await runner.cleanup()
        await made.close()
