"""The clients under comparison, each as its library would have it used.

Libraries are imported when a client is made, so that a process which measures one of them holds
only that one.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any, Protocol

TOKEN = "bench-token-0123456789"

HEADERS = {
    "accept": "application/json, */*;q=0.8",
    "accept-encoding": "identity",
    "user-agent": "ron-app-sdk-py/0.1.0",
    "x-request-id": "58840d51c2be4fe6829c46bdd77f698b",
    "x-correlation-id": "58840d51c2be4fe6829c46bdd77f698b",
    "authorization": f"Bearer {TOKEN}",
}
"""What ours sends with each request, for the rivals to send too."""

_LARGEST = 64 * 1024 * 1024


class Client(Protocol):
    """A client of one library."""

    async def get(self, path: str) -> Any:
        """GET: the answer decoded as JSON."""

    async def post(self, path: str, content: bytes) -> Any:
        """POST: the answer decoded as JSON."""

    async def download(self, path: str) -> bytes:
        """GET: the content."""

    async def health(self) -> bool:
        """Whether ``/healthz`` says that the node is well."""

    async def close(self) -> None:
        """Closes its connections."""


class Ron:
    """Ours. Limits that a call of the bench would hit are raised.

    Args:
        base: the server.
        connections: exchanges under way at once.
        transport: ``aiohttp`` or ``httpx2``.
    """

    def __init__(self, base: str, connections: int, transport: str) -> None:
        from ron_app_sdk_py import ClientConfig, RonClient

        config = ClientConfig(
            base_url=base,
            token=TOKEN,
            max_concurrency=connections,
            max_request_bytes=_LARGEST,
            max_response_bytes=_LARGEST,
        )
        self._client = RonClient(config=config, transport=transport)

    async def get(self, path: str) -> Any:
        return await self._client.get(path)

    async def post(self, path: str, content: bytes) -> Any:
        return await self._client.post(path, content=content)

    async def download(self, path: str) -> bytes:
        return (await self._client.request("GET", path)).content

    async def health(self) -> bool:
        return (await self._client.node.health()).ok

    async def close(self) -> None:
        await self._client.close()


class Httpx:
    """httpx or httpx2, which have the same surface.

    Args:
        base: the server.
        connections: connections at once.
        library: the module's name.
    """

    def __init__(self, base: str, connections: int, library: str) -> None:
        module: Any
        if library == "httpx":
            import httpx as module
        else:
            import httpx2 as module
        limits = module.Limits(max_connections=connections, max_keepalive_connections=connections)
        self._client = module.AsyncClient(headers=HEADERS, limits=limits)
        self._base = base

    async def get(self, path: str) -> Any:
        return (await self._client.get(self._base + path)).json()

    async def post(self, path: str, content: bytes) -> Any:
        return (await self._client.post(self._base + path, content=content)).json()

    async def download(self, path: str) -> bytes:
        content: bytes = (await self._client.get(self._base + path)).content
        return content

    async def health(self) -> bool:
        return (await self.get("/healthz"))["ok"] is True

    async def close(self) -> None:
        await self._client.aclose()


class Aiohttp:
    """aiohttp.

    Args:
        base: the server.
        connections: connections at once.
    """

    def __init__(self, base: str, connections: int) -> None:
        import aiohttp

        self._client = aiohttp.ClientSession(
            headers=HEADERS, connector=aiohttp.TCPConnector(limit=connections)
        )
        self._base = base

    async def get(self, path: str) -> Any:
        async with self._client.get(self._base + path) as response:
            return json.loads(await response.read())

    async def post(self, path: str, content: bytes) -> Any:
        async with self._client.post(self._base + path, data=content) as response:
            return json.loads(await response.read())

    async def download(self, path: str) -> bytes:
        async with self._client.get(self._base + path) as response:
            return await response.read()

    async def health(self) -> bool:
        return (await self.get("/healthz"))["ok"] is True

    async def close(self) -> None:
        await self._client.close()


class Pyreqwest:
    """pyreqwest: Rust's reqwest, with threads of its own.

    Args:
        base: the server.
        connections: connections at once.
    """

    def __init__(self, base: str, connections: int) -> None:
        from pyreqwest.client import ClientBuilder

        self._client = (
            ClientBuilder()
            .default_headers(HEADERS)
            .max_connections(connections)
            .pool_max_idle_per_host(connections)
            .build()
        )
        self._base = base

    async def get(self, path: str) -> Any:
        response = await self._client.get(self._base + path).build().send()
        return await response.json()

    async def post(self, path: str, content: bytes) -> Any:
        request = self._client.post(self._base + path).body_bytes(content).build()
        return await (await request.send()).json()

    async def download(self, path: str) -> bytes:
        response = await self._client.get(self._base + path).build().send()
        return bytes(await response.bytes())

    async def health(self) -> bool:
        return (await self.get("/healthz"))["ok"] is True

    async def close(self) -> None:
        await self._client.close()


CLIENTS: dict[str, Callable[[str, int], Client]] = {
    "httpx": functools.partial(Httpx, library="httpx"),
    "httpx2": functools.partial(Httpx, library="httpx2"),
    "aiohttp": Aiohttp,
    "pyreqwest": Pyreqwest,
    "ours": functools.partial(Ron, transport="aiohttp"),
    "ours over httpx2": functools.partial(Ron, transport="httpx2"),
}
"""Makes a client of a server with that many connections, by name. ``ours`` is over aiohttp, the
default."""


class SyncClient(Protocol):
    """A synchronous client."""

    def get(self, path: str) -> Any:
        """GET: the answer decoded as JSON."""

    def close(self) -> None:
        """Closes its connections."""


class RonSync:
    """Ours."""

    def __init__(self, base: str) -> None:
        from ron_app_sdk_py import RonClientSync

        self._client = RonClientSync(base, token=TOKEN)

    def get(self, path: str) -> Any:
        return self._client.get(path)

    def close(self) -> None:
        self._client.close()


class HttpxSync:
    """httpx.Client."""

    def __init__(self, base: str) -> None:
        import httpx

        self._client = httpx.Client(headers=HEADERS)
        self._base = base

    def get(self, path: str) -> Any:
        return self._client.get(self._base + path).json()

    def close(self) -> None:
        self._client.close()


SYNC_CLIENTS: dict[str, Callable[[str], SyncClient]] = {
    "httpx sync": HttpxSync,
    "ours sync": RonSync,
}
"""Makes a synchronous client of a server, by name."""
