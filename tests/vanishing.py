"""A server whose connections vanish: packets to them are dropped, as by a NAT that has forgotten
them or the address of a container that is gone. A filter on the server's sockets does that."""

from __future__ import annotations

import asyncio
import ctypes
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from servers import Request, on_a_thread, read_request, reply

_SO_ATTACH_FILTER = 26
_DROP = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))
"""The classic BPF program ``ret 0``: accept no byte of a packet."""
_OK = reply("200 OK", b'{"ok":true}', "content-type: application/json")


class Vanishing:
    """What a server has seen, and the switch.

    Attributes:
        url: its base URL.
        requests: those that arrived.
        connections: how many were made.
    """

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[Request] = []
        self.connections = 0
        self._sockets: list[socket.socket] = []

    async def handler(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        connection = writer.get_extra_info("socket")
        self._sockets.append(connection)
        try:
            while True:
                self.requests.append(await read_request(reader))
                writer.write(_OK)
        finally:
            with suppress(ValueError):
                self._sockets.remove(connection)

    def vanish(self) -> None:
        """Drops every packet to the connections that there are, without a word; new ones are
        served."""
        program = struct.pack("HL", 1, ctypes.addressof(_DROP))
        while self._sockets:
            # One may be closed at this moment.
            with suppress(OSError):
                connection = self._sockets.pop()
                connection.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)


@contextmanager
def vanishing_server() -> Iterator[Vanishing]:
    """Runs one on a thread."""
    server = Vanishing()
    with on_a_thread(server.handler) as url:
        server.url = url
        yield server
