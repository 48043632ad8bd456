"""Sockets that tell when the other end has vanished.

A server, a container or a NAT that drops a connection without a word leaves a socket on which TCP
sends again for a quarter of an hour. What follows has the operating system end it sooner.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from contextvars import ContextVar

from ..defaults import PROBE_AFTER_SECONDS, PROBE_COUNT, PROBE_EVERY_SECONDS
from .resolver import AddressInfo

_LONGEST_MILLISECONDS = 2**31 - 1
_PROBES = [
    (getattr(socket, name), value)
    for name, value in (
        ("TCP_KEEPIDLE", PROBE_AFTER_SECONDS),
        ("TCP_KEEPINTVL", PROBE_EVERY_SECONDS),
        ("TCP_KEEPCNT", PROBE_COUNT),
    )
    if hasattr(socket, name)
]
_USER_TIMEOUT: int | None = getattr(socket, "TCP_USER_TIMEOUT", None)

acknowledge_timeout: ContextVar[float | None] = ContextVar("acknowledge_timeout", default=None)
"""That of the request that is being sent."""


def open_socket(address: AddressInfo) -> socket.socket:
    """A TCP socket that asks a silent peer for signs of life (RFC 9293, section 3.8.4)."""
    family, kind, protocol, *_ = address
    opened = socket.socket(family, kind, protocol)
    # Some sandboxes know no such options.
    with contextlib.suppress(OSError):
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in _PROBES:
            opened.setsockopt(socket.IPPROTO_TCP, option, value)
    return opened


def acknowledge_within(transport: asyncio.BaseTransport, seconds: float | None) -> None:
    """Has a connection break with ``ETIMEDOUT`` when the peer's TCP has acknowledged nothing for so
    long, neither data nor probes (RFC 5482, section 3.1), where the system can do that."""
    connected = transport.get_extra_info("socket")
    if connected is None or _USER_TIMEOUT is None:
        return
    milliseconds = 0
    if seconds is not None:
        milliseconds = max(1, round(min(seconds * 1000, _LONGEST_MILLISECONDS)))
    with contextlib.suppress(OSError):
        connected.setsockopt(socket.IPPROTO_TCP, _USER_TIMEOUT, milliseconds)
