"""The development node in a thread of this process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager

try:
    from ..devnode.server import running
    from ..devnode.settings import Settings
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"the development node needs {error.name}; install it with "
        "pip install 'ron-app-sdk-py[devnode]'",
        name=error.name,
    ) from None

_LIMIT_SECONDS = 60.0
"""How long the node may take to start, and to end."""


@contextmanager
def devnode(settings: Settings | None = None) -> Iterator[str]:
    """Runs a development node on a free port while the block runs; the context is its base URL.

    It has an event loop and a thread of its own, so it serves synchronous code too.

    Args:
        settings: which node to stand in for; by default ``Settings()``.

    Raises:
        OSError: there is no port to listen on.
    """
    listens: Future[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        stop = asyncio.Event()
        async with running(settings=settings) as url:
            listens.set_result((url, asyncio.get_running_loop(), stop))
            await stop.wait()

    def work() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:
            if listens.done():
                raise
            listens.set_exception(error)

    thread = threading.Thread(target=work, name="ron-devnode", daemon=True)
    thread.start()
    url, loop, stop = listens.result(_LIMIT_SECONDS)
    try:
        yield url
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(_LIMIT_SECONDS)
