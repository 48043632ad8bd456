"""A proxy: listens, and has its toxics act on every connection."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket

from .addresses import Address
from .connection import Connection
from .errors import ToxiproxyError
from .models import ProxyState, Toxic

_BACKLOG = 512
_CONNECT_SECONDS = 10.0
"""How long the upstream may take to accept."""
_ACCEPT_PAUSE_SECONDS = 0.1
"""Until accepting is tried again when the process has no more descriptors."""


class Proxy:
    """A proxy that does not listen yet.

    Args:
        name: unique at its server.
        listen: where to listen; port 0 for a free one, which it keeps from then on.
        upstream: where to connect to.
        seed: of everything random about it.
    """

    def __init__(self, name: str, listen: Address, upstream: Address, seed: str) -> None:
        self.name = name
        self.listen = listen
        self.upstream = upstream
        self._seed = seed
        self._numbers = itertools.count(1)
        self._toxics: dict[str, Toxic] = {}
        self._listener: socket.socket | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._connections: set[Connection] = set()

    @property
    def enabled(self) -> bool:
        """Whether it listens."""
        return self._listener is not None

    @property
    def toxics(self) -> list[Toxic]:
        """What happens to its connections; upstream first, as Toxiproxy lists them."""
        return sorted(self._toxics.values(), key=lambda toxic: toxic.stream != "upstream")

    @property
    def state(self) -> ProxyState:
        """What the REST API shows."""
        return ProxyState(
            name=self.name,
            listen=str(self.listen),
            upstream=str(self.upstream),
            enabled=self.enabled,
            toxics=self.toxics,
        )

    async def start(self) -> None:
        """Listens, if it doesn't.

        Raises:
            ToxiproxyError: it can't listen there.
        """
        if self._listener is not None:
            return
        try:
            listener = await self._bound()
        except OSError as error:
            raise ToxiproxyError(f"listen {self.listen}: {error}", 500) from None
        self.listen = Address(self.listen.host, listener.getsockname()[1])
        self._listener = listener
        self._accept_from(listener)

    async def _bound(self) -> socket.socket:
        family, kind, protocol, _, address = (await self.listen.resolve())[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(_BACKLOG)
            listener.setblocking(False)
        except BaseException:
            listener.close()
            raise
        return listener

    async def stop(self) -> None:
        """Stops listening and closes every connection."""
        listener, self._listener = self._listener, None
        if listener is not None:
            asyncio.get_running_loop().remove_reader(listener)
            listener.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def add(self, toxic: Toxic) -> None:
        """Has a toxic act on every connection, those that are open included.

        Raises:
            ToxiproxyError: there is one of that name.
        """
        if toxic.name in self._toxics:
            raise ToxiproxyError("toxic already exists", 409)
        self._toxics[toxic.name] = toxic
        self._apply()

    def toxic(self, name: str) -> Toxic:
        """The toxic of a name.

        Raises:
            ToxiproxyError: there is none.
        """
        try:
            return self._toxics[name]
        except KeyError:
            raise ToxiproxyError("toxic not found", 404) from None

    def change(self, toxic: Toxic) -> None:
        """Has a toxic act in place of the one of its name."""
        self._toxics[toxic.name] = toxic
        self._apply()

    def remove(self, name: str) -> None:
        """Has a toxic act no more.

        Raises:
            ToxiproxyError: there is none of that name.
        """
        del self._toxics[self.toxic(name).name]
        self._apply()

    def remove_all(self) -> None:
        """Has no toxic act any more."""
        self._toxics.clear()
        self._apply()

    def _apply(self) -> None:
        for connection in self._connections:
            connection.apply(self._toxics.values())

    def _accept_from(self, listener: socket.socket) -> None:
        # A task that accepts could be cancelled with a connection in hand, which would be lost.
        if listener is self._listener:
            asyncio.get_running_loop().add_reader(listener, self._accept, listener)

    def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        try:
            client, _ = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        except OSError:
            loop.remove_reader(listener)
            loop.call_later(_ACCEPT_PAUSE_SECONDS, self._accept_from, listener)
            return
        client.setblocking(False)
        task = loop.create_task(self._carry(client))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: client.close())

    async def _carry(self, client: socket.socket) -> None:
        try:
            server = await self._connected()
        except OSError:
            return
        with contextlib.closing(server):
            connection = Connection(client, server, f"{self._seed}/{next(self._numbers)}")
            connection.apply(self._toxics.values())
            self._connections.add(connection)
            try:
                await connection.run()
            finally:
                self._connections.discard(connection)

    async def _connected(self) -> socket.socket:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(_CONNECT_SECONDS):
            failure = OSError("the upstream has no address")
            for family, kind, protocol, _, address in await self.upstream.resolve():
                server = socket.socket(family, kind, protocol)
                server.setblocking(False)
                try:
                    await loop.sock_connect(server, address)
                except OSError as error:
                    server.close()
                    failure = error
                except BaseException:
                    server.close()
                    raise
                else:
                    return server
            raise failure
