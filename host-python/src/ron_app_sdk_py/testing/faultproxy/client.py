"""A client of Toxiproxy's REST API, for this package's server and for the real one."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

import aiohttp
from pydantic import TypeAdapter, ValidationError

from .bodies import DEFAULT_LISTEN
from .errors import ToxiproxyError
from .models import TYPES, Attributes, ProxyState, Stream, Toxic

T = TypeVar("T")

_TIMEOUT = aiohttp.ClientTimeout(total=30)
_NAMES = {kind: name for name, kind in TYPES.items()}


class Toxiproxy:
    """A server's REST API. All methods raise :class:`ToxiproxyError` if the server refuses, can't
    be reached, or answers what is no Toxiproxy's.

    Args:
        url: the server, such as ``http://127.0.0.1:8474``.
    """

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=_TIMEOUT)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def version(self) -> str:
        """The server's version."""
        answer = TypeAdapter(dict[str, str])
        return (await self._ask(answer, "GET", "/version")).get("version", "")

    async def proxies(self) -> dict[str, ProxyState]:
        """All proxies, by name."""
        return await self._ask(TypeAdapter(dict[str, ProxyState]), "GET", "/proxies")

    async def proxy(self, name: str) -> ProxyState:
        """A proxy."""
        return await self._ask(_PROXY, "GET", _path(name))

    async def create(
        self, name: str, upstream: str, *, listen: str = DEFAULT_LISTEN, enabled: bool = True
    ) -> ProxyState:
        """Makes a proxy.

        Args:
            name: its name.
            upstream: where it connects to, as ``host:port``.
            listen: where it listens; port 0 for a free one, which the result names.
            enabled: whether it listens at once.
        """
        body = {"name": name, "upstream": upstream, "listen": listen, "enabled": enabled}
        return await self._ask(_PROXY, "POST", "/proxies", body)

    async def change(
        self,
        name: str,
        *,
        listen: str | None = None,
        upstream: str | None = None,
        enabled: bool | None = None,
    ) -> ProxyState:
        """Changes a proxy; None is as it was. Connections are dropped."""
        # POST is what all versions of the server know; PATCH came in 2.5.
        body = {"listen": listen, "upstream": upstream, "enabled": enabled}
        told = {name: value for name, value in body.items() if value is not None}
        return await self._ask(_PROXY, "POST", _path(name), told)

    async def delete(self, name: str) -> None:
        """Ends a proxy."""
        await self._send("DELETE", _path(name))

    async def populate(self, proxies: list[dict[str, Any]]) -> list[ProxyState]:
        """Makes proxies, each in place of the one of its name.

        Args:
            proxies: objects with the members of :meth:`create`.
        """
        answer = TypeAdapter(dict[str, list[ProxyState]])
        return (await self._ask(answer, "POST", "/populate", proxies)).get("proxies", [])

    async def reset(self) -> None:
        """Removes all toxics and enables all proxies."""
        await self._send("POST", "/reset")

    async def toxics(self, proxy: str) -> list[Toxic]:
        """The toxics of a proxy."""
        return await self._ask(TypeAdapter(list[Toxic]), "GET", _path(proxy, "toxics"))

    async def toxic(self, proxy: str, name: str) -> Toxic:
        """A toxic."""
        return await self._ask(_TOXIC, "GET", _path(proxy, "toxics", name))

    async def add(
        self,
        proxy: str,
        attributes: Attributes,
        *,
        stream: Stream = "downstream",
        toxicity: float = 1.0,
        name: str | None = None,
    ) -> Toxic:
        """Has a toxic act on a proxy's connections.

        Args:
            proxy: the proxy's name.
            attributes: what it does: :class:`~.models.Latency` and the like.
            stream: to which stream.
            toxicity: to which share of the connections, from 0 to 1.
            name: its name; by default type and stream, as in ``latency_downstream``.
        """
        body = {
            "name": name or "",
            "type": _NAMES[type(attributes)],
            "stream": stream,
            "toxicity": toxicity,
            "attributes": attributes.model_dump(),
        }
        return await self._ask(_TOXIC, "POST", _path(proxy, "toxics"), body)

    async def change_toxic(
        self,
        proxy: str,
        name: str,
        attributes: Attributes,
        *,
        toxicity: float | None = None,
    ) -> Toxic:
        """Tells a toxic something else."""
        body: dict[str, Any] = {"attributes": attributes.model_dump(exclude_unset=True)}
        if toxicity is not None:
            body["toxicity"] = toxicity
        return await self._ask(_TOXIC, "POST", _path(proxy, "toxics", name), body)

    async def remove(self, proxy: str, name: str) -> None:
        """Has a toxic act no more."""
        await self._send("DELETE", _path(proxy, "toxics", name))

    async def _ask(self, answer: TypeAdapter[T], method: str, path: str, body: object = None) -> T:
        content = await self._send(method, path, body)
        try:
            return answer.validate_json(content)
        except ValidationError as error:
            raise ToxiproxyError(
                f"{self._url}{path} answered what is no Toxiproxy's: {error}"
            ) from None

    async def _send(self, method: str, path: str, body: object = None) -> bytes:
        if self._session is None:
            raise ToxiproxyError("the client is not open: use it in `async with`")
        try:
            async with self._session.request(method, self._url + path, json=body) as response:
                content = await response.read()
        except (aiohttp.ClientError, OSError) as error:
            raise ToxiproxyError(f"no answer from {self._url}: {error!r}") from None
        if response.status >= 400:
            raise ToxiproxyError(_message(content), response.status)
        return content


_PROXY = TypeAdapter(ProxyState)
_TOXIC = TypeAdapter(Toxic)


def _path(proxy: str, *parts: str) -> str:
    return "/".join(["/proxies", *(quote(part, safe="") for part in (proxy, *parts))])


def _message(content: bytes) -> str:
    """The error of an answer, which Toxiproxy labels as plain text."""
    try:
        return str(TypeAdapter(dict[str, Any]).validate_json(content)["error"])
    except (ValidationError, KeyError):
        return content.decode("utf-8", "replace").strip()[:1000]
