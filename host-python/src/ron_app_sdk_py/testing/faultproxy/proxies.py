"""The proxies of a server, by name."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator

from .bodies import ProxyChange, ProxyCreation
from .errors import ToxiproxyError
from .proxy import Proxy


class Proxies:
    """A set of proxies. Changes happen one after another.

    Args:
        seed: of everything random about them.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._proxies: dict[str, Proxy] = {}
        self._lock = asyncio.Lock()

    def __iter__(self) -> Iterator[Proxy]:
        return iter(self._proxies.values())

    def get(self, name: str) -> Proxy:
        """The proxy of a name.

        Raises:
            ToxiproxyError: there is none.
        """
        try:
            return self._proxies[name]
        except KeyError:
            raise ToxiproxyError("proxy not found", 404) from None

    async def create(self, creation: ProxyCreation) -> Proxy:
        """Makes a proxy.

        Raises:
            ToxiproxyError: there is one of that name, or it can't listen.
        """
        async with self._lock:
            if creation.name in self._proxies:
                raise ToxiproxyError("proxy already exists", 409)
            return await self._add(creation)

    async def populate(self, creations: Iterable[ProxyCreation]) -> list[Proxy]:
        """Makes proxies, each in place of the one of its name unless that has the same addresses.

        Raises:
            ToxiproxyError: one of them can't listen; those before it are there.
        """
        async with self._lock:
            return [await self._placed(creation) for creation in creations]

    async def _placed(self, creation: ProxyCreation) -> Proxy:
        existing = self._proxies.get(creation.name)
        if existing is not None:
            if (existing.listen, existing.upstream) == (creation.listen, creation.upstream):
                return existing
            await existing.stop()
            del self._proxies[creation.name]
        return await self._add(creation)

    async def _add(self, creation: ProxyCreation) -> Proxy:
        name = creation.name
        proxy = Proxy(name, creation.listen, creation.upstream, f"{self._seed}/{name}")
        if creation.enabled:
            await proxy.start()
        self._proxies[name] = proxy
        return proxy

    async def change(self, name: str, change: ProxyChange) -> Proxy:
        """Changes a proxy. Another address drops its connections, as disabling does.

        Raises:
            ToxiproxyError: there is none of that name, or it can't listen.
        """
        async with self._lock:
            proxy = self.get(name)
            enabled = proxy.enabled if change.enabled is None else change.enabled
            listen, upstream = change.listen or proxy.listen, change.upstream or proxy.upstream
            if (listen, upstream) != (proxy.listen, proxy.upstream) or not enabled:
                await proxy.stop()
                proxy.listen, proxy.upstream = listen, upstream
            if enabled:
                await proxy.start()
            return proxy

    async def delete(self, name: str) -> None:
        """Ends a proxy.

        Raises:
            ToxiproxyError: there is none of that name.
        """
        async with self._lock:
            await self.get(name).stop()
            del self._proxies[name]

    async def reset(self) -> None:
        """Removes all toxics and enables all proxies.

        Raises:
            ToxiproxyError: one of them can't listen.
        """
        async with self._lock:
            for proxy in self:
                proxy.remove_all()
                await proxy.start()

    async def close(self) -> None:
        """Ends all proxies."""
        async with self._lock:
            for proxy in self:
                await proxy.stop()
            self._proxies.clear()
