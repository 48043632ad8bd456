"""Addresses as Toxiproxy writes them: ``127.0.0.1:80``, ``[::1]:80``, ``localhost:80``."""

from __future__ import annotations

import asyncio
import socket
from typing import Any, NamedTuple

AddressInfo = tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[Any, ...]]
"""As :func:`socket.getaddrinfo` gives it."""


class Address(NamedTuple):
    """A host and a port."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Address:
        """The address that is written so.

        Raises:
            ValueError: it is none; names it and says what to give.
        """
        host, colon, port = text.rpartition(":")
        if host.startswith("[") and host.endswith("]"):
            host = host[1:-1]
        elif ":" in host:
            colon = ""
        if not (colon and host and port.isascii() and port.isdigit() and int(port) < 65_536):
            raise ValueError(f"{text!r:.100} is no address; give host:port, as in 127.0.0.1:8080")
        return cls(host, int(port))

    async def resolve(self) -> list[AddressInfo]:
        """What it stands for; IPv4 first, as in Toxiproxy.

        Raises:
            OSError: the host does not resolve.
        """
        try:
            found = await asyncio.get_running_loop().getaddrinfo(
                self.host, self.port, type=socket.SOCK_STREAM
            )
        except UnicodeError:
            raise OSError(f"{self.host!r:.100} is no host name") from None
        return sorted(found, key=lambda info: info[0] != socket.AF_INET)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
