"""A connection through a proxy: two sockets, and a link for each direction."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import Iterable
from typing import Any

from .link import Link
from .models import Stream, Toxic

_LINGER_ZERO = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)
_DRAIN_BYTES = 64 * 1024
_DRAINS = 64


class Connection:
    """A connection.

    Args:
        client: the socket that was accepted.
        server: the socket to the upstream.
        seed: of everything random about it.
    """

    def __init__(self, client: socket.socket, server: socket.socket, seed: str) -> None:
        self._sockets = (client, server)
        self._links: dict[Stream, Link] = {
            "upstream": Link(client, server, self, f"{seed}/upstream"),
            "downstream": Link(server, client, self, f"{seed}/downstream"),
        }
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._with_reset = False
        for sock in self._sockets:
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def apply(self, toxics: Iterable[Toxic]) -> None:
        """Has these toxics act from now on."""
        toxics = list(toxics)
        for stream, link in self._links.items():
            link.apply(toxic for toxic in toxics if toxic.stream == stream)

    def close(self) -> None:
        """Closes both sockets."""
        if not self._ended.done():
            self._ended.set_result(None)

    def reset(self) -> None:
        """Sends both sides a RST."""
        self._with_reset = True
        self.close()

    async def run(self) -> None:
        """Carries bytes until both directions have ended or the connection is to end. A RST of one
        side becomes one for the other."""
        links = self._links.values()
        tasks = [
            asyncio.create_task(work) for link in links for work in (link.read(), link.write())
        ]
        both = asyncio.gather(*tasks)
        both.add_done_callback(_retrieve)
        try:
            endings: set[asyncio.Future[Any]] = {both, self._ended}
            await asyncio.wait(endings, return_when=asyncio.FIRST_COMPLETED)
            if both.done():
                both.result()
        except OSError:
            self._with_reset = True
        finally:
            for link in links:
                link.stop()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for sock in self._sockets:
                self._close(sock)

    def _close(self, sock: socket.socket) -> None:
        try:
            if self._with_reset:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
            else:
                # What is unread when a socket is closed would make the end a RST.
                for _ in range(_DRAINS):
                    if not sock.recv(_DRAIN_BYTES):
                        break
        except OSError:
            pass
        finally:
            sock.close()


def _retrieve(done: asyncio.Future[list[None]]) -> None:
    """Has asyncio not complain of what nobody asked for."""
    if not done.cancelled():
        done.exception()
