"""The key-value store, in memory: ``protocol.md`` 1.6."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

from aiohttp import web

from ..answers import empty_answer, text_answer
from . import guards

_PREFIX = "/v1/kv/"
_ALLOWED = {"allow": "PUT,DELETE,GET,HEAD"}


class KeyValueStore:
    """Forgets everything when the node ends.

    Args:
        security: ``security.mode``.
    """

    def __init__(self, security: str) -> None:
        self._security = security
        self._values: dict[tuple[str, str], bytes] = {}
        self._under_way = 0

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Adds ``/v1/kv/{bucket}/{key}``."""
        router.add_route("*", _PREFIX + "{names:(?s:.*)}", self._guarded)

    async def _guarded(self, request: web.Request) -> web.Response:
        names = _names(request)
        refusal = guards.encoded(request) or guards.unmeasured(request)
        if refusal is not None:
            return refusal
        if self._under_way >= guards.MAX_CONCURRENT:
            return guards.busy()
        self._under_way += 1
        try:
            refusal = guards.unauthorized(self._security, has_macaroon=guards.has_macaroon(request))
            return await self._answer(request, names) if refusal is None else refusal
        finally:
            self._under_way -= 1

    async def _answer(self, request: web.Request, names: tuple[bytes, bytes]) -> web.Response:
        if request.method not in ("PUT", "GET", "HEAD", "DELETE"):
            return empty_answer(405, _ALLOWED)
        try:
            place = (names[0].decode(), names[1].decode())
        except UnicodeDecodeError as error:
            wrong = "bucket" if error.object == names[0] else "key"
            return text_answer(f"Invalid URL: Invalid UTF-8 in `{wrong}`", 400)
        if request.method == "PUT":
            content = await request.read()
            is_new = place not in self._values
            self._values[place] = content
            return empty_answer(201 if is_new else 204)
        if place not in self._values:
            return empty_answer(404)
        if request.method == "DELETE":
            del self._values[place]
            return empty_answer(204)
        return web.Response(
            body=self._values[place], headers={"content-type": "application/octet-stream"}
        )


def _names(request: web.Request) -> tuple[bytes, bytes]:
    """Bucket and key, decoded once. RON's router, unlike aiohttp's, does not decode before it
    routes.

    Raises:
        HTTPNotFound: there are not exactly these two.
    """
    path = request.raw_path.partition("?")[0]
    names = path.removeprefix(_PREFIX).split("/")
    if not path.startswith(_PREFIX) or len(names) != 2 or not all(names):
        raise web.HTTPNotFound
    bucket, key = (unquote_to_bytes(name.encode("utf-8", "surrogateescape")) for name in names)
    return bucket, key
