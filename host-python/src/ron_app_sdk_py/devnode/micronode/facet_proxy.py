"""Facets that pass requests on: ``protocol.md`` 6.2."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import ada_url
import aiohttp
from aiohttp import web

from ..answers import empty_answer
from ..upstream import UpstreamError, fetch, text_fields
from .manifest import Route, Upstream

_MAX_REDIRECTS = 5
_TAIL = "/*tail"
_ONE_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailers",
        "transfer-encoding",
        "upgrade",
    }
)


class FacetProxy:
    """Passes requests on, credentials included, and buffers the answers.

    Attributes:
        session: what to send with, once the node runs.
    """

    session: aiohttp.ClientSession

    def handler(
        self, upstream: Upstream, route: Route, mounted_at: str
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        """Answers one route.

        Args:
            upstream: where to.
            route: the route.
            mounted_at: its path at the node.
        """
        origin = f"{upstream.scheme.strip().lower()}://{upstream.host.strip()}:{upstream.port}"
        path = route.upstream_path
        if path is None:
            path = route.path.removesuffix(_TAIL)
        target = _joined(upstream.base_path or "", path)
        prefix = mounted_at.removesuffix(_TAIL)

        async def handler(request: web.Request) -> web.Response:
            asked, mark, query = request.raw_path.partition("?")
            tail = asked.removeprefix(prefix) if asked.startswith(prefix) else ""
            try:
                url = ada_url.URL(origin)
                url.pathname = _joined(target, tail) or "/"
            except ValueError:
                return empty_answer(502)
            return await self._answer(request, url.href + mark + query)

        return handler

    async def _answer(self, request: web.Request, url: str) -> web.Response:
        try:
            content = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return empty_answer(400)
        fields = text_fields(request.raw_headers, _goes_up)
        try:
            answer = await fetch(
                self.session, request.method, url, fields, content, max_redirects=_MAX_REDIRECTS
            )
        except UpstreamError:
            return empty_answer(502)
        # Of several fields with one name, the last remains.
        headers = {
            name.lower(): value for name, value in text_fields(answer.raw_headers, _goes_down)
        }
        return web.Response(status=answer.status, headers=headers, body=answer.body)


def _goes_up(name: str) -> bool:
    return name.lower() not in _ONE_HOP | {"host", "content-length"}


def _goes_down(name: str) -> bool:
    return name.lower() not in _ONE_HOP | {"content-length"}


def _joined(first: str, second: str) -> str:
    if not first or not second:
        return first or second
    if first.endswith("/") and second.startswith("/"):
        return first.rstrip("/") + second
    if first.endswith("/") or second.startswith("/"):
        return first + second
    return f"{first}/{second}"
