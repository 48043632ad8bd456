"""Mounts facets under ``/facets``: ``protocol.md`` 6.2."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from aiohttp import web

from ..answers import NOT_FOUND, empty_answer, json_answer, text_answer
from ..upstream import session
from . import guards
from .facet_proxy import FacetProxy
from .manifest import Manifest, Route

_PREFIX = "/facets/"
_MOUNTED = ("GET", "POST")
_LOGGER = logging.getLogger("ron_app_sdk_py.devnode")

Handler = Callable[[web.Request], Awaitable[web.Response]]


def _expression(segment: str) -> str:
    return {":": "[^/]+", "*": "(?s:.+)"}.get(segment[:1], re.escape(segment))


class _Mount:
    """A path pattern of axum 0.7 and its handlers by method."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.handlers: dict[str, Handler] = {}
        segments = pattern.split("/")
        self.rank = tuple({":": 1, "*": 2}.get(segment[:1], 0) for segment in segments)
        """What is more literal goes first."""
        self._regex = re.compile("/".join(map(_expression, segments)))

    def matches(self, path: str) -> bool:
        return self._regex.fullmatch(path) is not None

    def allowed(self) -> str:
        return ",".join("GET,HEAD" if method == "GET" else method for method in self.handlers)


class Facets:
    """The facets of a node; the demonstration if there are none.

    Args:
        manifests: what was loaded.
        security: ``security.mode``.
    """

    def __init__(self, manifests: Sequence[Manifest], security: str) -> None:
        self._security = security
        self._proxy = FacetProxy()
        self._meta = {"loaded": [_shown(manifest) for manifest in manifests]}
        mounts: dict[str, _Mount] = {}
        for manifest in manifests:
            for route, handler in self._handlers(manifest):
                pattern = f"{_PREFIX}{manifest.id}{route.path}"
                mount = mounts.setdefault(pattern, _Mount(pattern))
                if route.method in mount.handlers:
                    _LOGGER.warning("%s %s is mounted already", route.method, pattern)
                    continue
                mount.handlers[route.method] = handler
        self._has_facets = bool(manifests)
        self._mounts = sorted(mounts.values(), key=lambda mount: mount.rank)

    def add_to(self, app: web.Application) -> None:
        """Adds ``meta`` and the facets."""

        async def open_proxy(_app: web.Application) -> AsyncIterator[None]:
            async with session() as opened:
                self._proxy.session = opened
                yield

        app.cleanup_ctx.append(open_proxy)
        for name in ("meta", "_meta"):
            app.router.add_get(_PREFIX + name, self._answer_meta)
        if not self._has_facets:
            app.router.add_get(_PREFIX + "demo/ping", _ping)
        app.router.add_route("*", _PREFIX + "{path:(?s:.*)}", self._answer)

    async def _answer_meta(self, _request: web.Request) -> web.Response:
        return json_answer(self._meta)

    async def _answer(self, request: web.Request) -> web.Response:
        path = request.raw_path.partition("?")[0]
        mount = next((mount for mount in self._mounts if mount.matches(path)), None)
        if mount is None:
            raise web.HTTPNotFound
        # Nothing looks for a macaroon here, so none is ever found.
        refusal = guards.unauthorized(self._security, has_macaroon=False)
        if refusal is not None:
            return refusal
        handler = mount.handlers.get("GET" if request.method == "HEAD" else request.method)
        if handler is None:
            return empty_answer(405, {"allow": mount.allowed()})
        return await handler(request)

    def _handlers(self, manifest: Manifest) -> Iterator[tuple[Route, Handler]]:
        for route in manifest.routes:
            if route.method not in _MOUNTED:
                _LOGGER.warning("%s %s of %s is not mounted", route.method, route.path, manifest.id)
            elif manifest.kind == "echo":
                yield route, _echo
            elif manifest.kind == "static":
                yield route, _static(route.file or "")
            elif manifest.upstream is not None:
                mounted_at = f"{_PREFIX}{manifest.id}{route.path}"
                yield route, self._proxy.handler(manifest.upstream, route, mounted_at)


def _shown(manifest: Manifest) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": manifest.id,
        "kind": manifest.kind,
        "routes": [
            {"method": route.method, "path": f"{_PREFIX}{manifest.id}{route.path}"}
            for route in manifest.routes
        ],
    }
    if manifest.upstream is not None:
        upstream = manifest.upstream
        shown["upstream"] = {
            "scheme": upstream.scheme,
            "host": upstream.host,
            "port": upstream.port,
        }
        if upstream.base_path is not None:
            shown["upstream"]["base_path"] = upstream.base_path
    return shown


async def _ping(_request: web.Request) -> web.Response:
    return text_answer("pong")


async def _echo(_request: web.Request) -> web.Response:
    return json_answer({"echo": "ok"})


def _static(file: str) -> Handler:
    async def handler(_request: web.Request) -> web.Response:
        try:
            content = await asyncio.to_thread(Path(file).read_bytes)
        except (OSError, ValueError):
            return web.Response(status=404, body=NOT_FOUND.encode())
        return web.Response(body=content)

    return handler
