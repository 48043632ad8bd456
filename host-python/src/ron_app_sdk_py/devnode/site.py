"""Omnigate's static site: ``/app/site`` (``protocol.md`` 1.4)."""

from __future__ import annotations

import asyncio
from pathlib import Path, PureWindowsPath

from aiohttp import web

from .answers import NOT_FOUND, json_answer, text_answer

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "application/javascript; charset=utf-8",
    ".json": "application/json; charset=utf-8",
    ".svg": "image/svg+xml; charset=utf-8",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".txt": "text/plain; charset=utf-8",
}


class Site:
    """Serves a folder, or without one says that nothing is there.

    Args:
        folder: the folder, or None.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._generation = 0

    def add_to(self, router: web.UrlDispatcher, prefix: str) -> None:
        """Adds the routes ``site``, ``site/reload`` and ``site/{path}`` below ``prefix``."""
        router.add_post(f"{prefix}/site/reload", self._reload)
        router.add_get(f"{prefix}/site", self._index)
        router.add_get(f"{prefix}/site/", self._index)
        # A path that another route has is that route's, whatever the method.
        router.add_get(prefix + r"/site/{path:(?s:(?!reload\Z).+)}", self._file)

    async def _index(self, _request: web.Request) -> web.Response:
        return await self._serve("index.html")

    async def _file(self, request: web.Request) -> web.Response:
        return await self._serve(request.match_info["path"])

    async def _reload(self, _request: web.Request) -> web.Response:
        if self._folder is None:
            return text_answer(NOT_FOUND, 404)
        self._generation += 1
        return json_answer({"ok": True, "generation": self._generation})

    async def _serve(self, path: str) -> web.Response:
        if self._folder is None:
            return text_answer(NOT_FOUND, 404)
        if not _stays_inside(path):
            return text_answer("invalid path", 400)
        file = self._folder / path
        try:
            content = await asyncio.to_thread(file.read_bytes)
        except (OSError, ValueError):  # ValueError: a NUL in the path
            return text_answer(NOT_FOUND, 404)
        return web.Response(
            body=content,
            headers={
                "content-type": _TYPES.get(file.suffix, "application/octet-stream"),
                "cache-control": "no-store",
                "x-ron-reload-gen": str(self._generation),
            },
        )


def _stays_inside(path: str) -> bool:
    # The rules of Windows know every separator, and drives too.
    parts = PureWindowsPath(path)
    return "\\" not in path and not parts.anchor and ".." not in parts.parts
