"""Runs the development node inside an event loop."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from .app import application
from .listening import listening
from .settings import Settings


def running(
    host: str = "127.0.0.1", port: int = 0, settings: Settings | None = None
) -> AbstractAsyncContextManager[str]:
    """Runs the node while the block runs; the context is its base URL.

    Args:
        host: the address to listen on.
        port: the port; 0 for a free one.
        settings: which node to stand in for; by default ``Settings()``.

    Raises:
        OSError: the address can't be listened on.
    """
    return listening(application(settings), host, port)
