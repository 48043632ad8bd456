"""Closing connections at once."""

from __future__ import annotations

import asyncio
import contextlib


def abort(transport: asyncio.WriteTransport) -> None:
    """Closes a connection without waiting for the peer to take what is left to write."""
    # Debian 12's CPython 3.11.2 raises this for TLS that is over already.
    with contextlib.suppress(AttributeError):
        transport.abort()
