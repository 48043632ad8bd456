"""Toxiproxy's REST API.

Paths, bodies and status codes are those of Toxiproxy 2: a proxy that is made answers 201, a toxic
200, what is deleted 204; an error is ``{"error": …, "status": …}``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from aiohttp import web
from pydantic import BaseModel

from ..._version import __version__
from . import bodies
from .errors import ToxiproxyError
from .proxies import Proxies
from .proxy import Proxy

VERSION = f"2.0.0+ron-app-sdk-py.{__version__}"
"""The version of the API, and of this implementation as build metadata (SemVer 2.0.0, 10)."""

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def application(proxies: Proxies) -> web.Application:
    """The API as an aiohttp application."""
    api = _Api(proxies)
    app = web.Application(middlewares=[_errors])
    app.add_routes(
        [
            web.get("/version", api.version),
            web.post("/reset", api.reset),
            web.post("/populate", api.populate),
            web.get("/proxies", api.list_proxies),
            web.post("/proxies", api.create_proxy),
            web.get("/proxies/{proxy}", api.show_proxy),
            web.post("/proxies/{proxy}", api.change_proxy),
            web.patch("/proxies/{proxy}", api.change_proxy),
            web.delete("/proxies/{proxy}", api.delete_proxy),
            web.get("/proxies/{proxy}/toxics", api.list_toxics),
            web.post("/proxies/{proxy}/toxics", api.create_toxic),
            web.get("/proxies/{proxy}/toxics/{toxic}", api.show_toxic),
            web.post("/proxies/{proxy}/toxics/{toxic}", api.change_toxic),
            web.patch("/proxies/{proxy}/toxics/{toxic}", api.change_toxic),
            web.delete("/proxies/{proxy}/toxics/{toxic}", api.delete_toxic),
        ]
    )
    return app


class _Api:
    def __init__(self, proxies: Proxies) -> None:
        self._proxies = proxies

    def _proxy(self, request: web.Request) -> Proxy:
        return self._proxies.get(request.match_info["proxy"])

    async def version(self, _request: web.Request) -> web.Response:
        return web.json_response({"version": VERSION})

    async def reset(self, _request: web.Request) -> web.Response:
        await self._proxies.reset()
        return web.Response(status=204)

    async def populate(self, request: web.Request) -> web.Response:
        made = await self._proxies.populate(bodies.proxy_creations(await request.read()))
        return web.json_response({"proxies": _dumped(proxy.state for proxy in made)}, status=201)

    async def list_proxies(self, _request: web.Request) -> web.Response:
        states = {proxy.name: proxy.state.model_dump() for proxy in self._proxies}
        return web.json_response(states)

    async def create_proxy(self, request: web.Request) -> web.Response:
        proxy = await self._proxies.create(bodies.proxy_creation(await request.read()))
        return _answer(proxy.state, 201)

    async def show_proxy(self, request: web.Request) -> web.Response:
        return _answer(self._proxy(request).state)

    async def change_proxy(self, request: web.Request) -> web.Response:
        change = bodies.proxy_change(await request.read())
        return _answer((await self._proxies.change(self._proxy(request).name, change)).state)

    async def delete_proxy(self, request: web.Request) -> web.Response:
        await self._proxies.delete(self._proxy(request).name)
        return web.Response(status=204)

    async def list_toxics(self, request: web.Request) -> web.Response:
        return web.json_response(_dumped(self._proxy(request).toxics))

    async def create_toxic(self, request: web.Request) -> web.Response:
        proxy, body = self._proxy(request), await request.read()
        toxic = bodies.new_toxic(body)
        proxy.add(toxic)
        return _answer(toxic)

    async def show_toxic(self, request: web.Request) -> web.Response:
        return _answer(self._proxy(request).toxic(request.match_info["toxic"]))

    async def change_toxic(self, request: web.Request) -> web.Response:
        proxy, body = self._proxy(request), await request.read()
        toxic = bodies.changed_toxic(proxy.toxic(request.match_info["toxic"]), body)
        proxy.change(toxic)
        return _answer(toxic)

    async def delete_toxic(self, request: web.Request) -> web.Response:
        self._proxy(request).remove(request.match_info["toxic"])
        return web.Response(status=204)


@web.middleware
async def _errors(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Makes errors the API's, and keeps web pages out: one could reach a local server."""
    try:
        if request.headers.get("User-Agent", "").startswith("Mozilla/"):
            raise ToxiproxyError("User agent not allowed", 403)
        return await handler(request)
    except ToxiproxyError as error:
        return _error(error.message, error.status or 500)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return _error(error.reason, error.status)


def _error(message: str, status: int) -> web.Response:
    return web.json_response({"error": message, "status": status}, status=status)


def _answer(model: BaseModel, status: int = 200) -> web.Response:
    return web.json_response(model.model_dump(), status=status)


def _dumped(models: Iterable[BaseModel]) -> list[dict[str, Any]]:
    return [model.model_dump() for model in models]
