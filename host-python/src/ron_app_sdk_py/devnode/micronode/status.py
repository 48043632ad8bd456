"""What a micronode says of itself."""

from __future__ import annotations

import shutil
import time
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from ..answers import json_answer, text_answer
from ..faithful import SERVER_VERSION

_CAPABILITIES = ("admin_api_v1", "kv_v1", "storage_mem_amnesia")


def add_to(router: web.UrlDispatcher, *, ready: bool) -> None:
    """Adds the routes of the admin plane, and ``/v1/ping``.

    Args:
        router: where to.
        ready: whether the node is.
    """
    started = time.monotonic()

    async def status(_request: web.Request) -> web.Response:
        return json_answer(_status(int(time.monotonic() - started), ready=ready))

    router.add_get("/healthz", _text("ok"))
    router.add_get("/readyz", _text("ready") if ready else _text("not ready", 503))
    router.add_get("/version", _text(SERVER_VERSION))
    router.add_get("/api/v1/status", status)
    router.add_get("/api/v1/storage/summary", _storage)
    router.add_get("/v1/ping", _ping)


def _status(uptime: int, *, ready: bool) -> dict[str, Any]:
    health = {"admin": "healthy"}
    return {
        "profile": "micronode",
        "version": SERVER_VERSION,
        "uptime_seconds": uptime,
        "capabilities": _CAPABILITIES,
        "planes": [
            {
                "name": name,
                "health": health.get(name, "healthy" if ready else "degraded"),
                "ready": ready,
                "restart_count": 0,
            }
            for name in ("admin", "kv", "facets")
        ],
    }


async def _storage(_request: web.Request) -> web.Response:
    space = shutil.disk_usage("/")
    return json_answer(
        {
            "updatedAt": str(int(time.time())),
            "nodeId": "micronode",
            "mount": "/",
            "fsType": "unknown",
            "totalBytes": space.total,
            "usedBytes": space.total - space.free,
            "freeBytes": space.free,
            "dbCount": 1,
            "engine": "mem",
            "ephemeral": True,
        }
    )


async def _ping(_request: web.Request) -> web.Response:
    return json_answer({"pong": True})


def _text(text: str, status: int = 200) -> Handler:
    async def handler(_request: web.Request) -> web.Response:
        return text_answer(text, status)

    return handler
