"""svc-registry: a head, commits, and the stream of them (``protocol.md`` 7).

The stream is the only one that a real node has. There the registry listens on a port of its own;
here it is on the node's, beside the gateway's routes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from datetime import UTC, datetime
from typing import Any, Final

from aiohttp import web

from .answers import json_answer, text_answer

PREFIX: Final = "/registry/"
"""What the paths of the registry begin with."""

_MAX_LAG: Final = 1024
"""Commits that a client may be behind. It never hears of older ones."""

_CORS: Final = {
    "vary": "origin, access-control-request-method, access-control-request-headers",
    "access-control-allow-origin": "*",
    "access-control-expose-headers": "*",
}


class Registry:
    """A registry that begins with an empty head and forgets everything when it ends.

    Args:
        heartbeat: seconds between two heartbeats.
    """

    def __init__(self, heartbeat: float) -> None:
        self._heartbeat = heartbeat
        self._head: dict[str, Any] = {"version": 0, "payload_b3": "b3:0", "committed_at": None}
        self._clients: set[asyncio.Queue[bytes]] = set()

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Adds ``head``, ``commit`` and ``stream``."""
        router.add_get(f"{PREFIX}head", self._answer_head)
        router.add_post(f"{PREFIX}commit", self._commit)
        router.add_get(f"{PREFIX}stream", self._stream, allow_head=False)

    async def _answer_head(self, _request: web.Request) -> web.Response:
        return json_answer(self._head, headers=_CORS)

    async def _commit(self, request: web.Request) -> web.Response:
        if request.content_type != "application/json":
            return text_answer("Expected request with `Content-Type: application/json`", 415)
        try:
            content = json.loads(await request.read())
        except ValueError:
            return text_answer("Failed to parse the request body as JSON", 400)
        payload = content.get("payload_b3") if isinstance(content, dict) else None
        if not isinstance(payload, str):
            return text_answer("Failed to deserialize the JSON body into the target type", 422)
        if not payload.startswith("b3:"):
            message = "payload_b3 must start with 'b3:'"
            error = {"code": "invalid_payload", "message": message, "corr_id": ""}
            return json_answer({"error": error}, 400, _CORS)
        self._head = {
            "version": self._head["version"] + 1,
            "payload_b3": payload,
            "committed_at": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        }
        event = _event("commit", json.dumps(self._head, separators=(",", ":")))
        for client in self._clients:
            if client.full():
                client.get_nowait()
            client.put_nowait(event)
        return json_answer(self._head, headers=_CORS)

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        """Sends a heartbeat at once and after each interval, and the commits from now on, whatever
        ``Last-Event-ID`` says. The comment that keeps a connection alive comes after an interval
        without commits."""
        response = web.StreamResponse(
            headers={"content-type": "text/event-stream", "cache-control": "no-cache", **_CORS}
        )
        commits: asyncio.Queue[bytes] = asyncio.Queue(_MAX_LAG)
        self._clients.add(commits)
        try:
            await response.prepare(request)
            while True:
                await response.write(_event("heartbeat", "1"))
                idle = True
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._heartbeat):
                        while True:
                            event = await commits.get()
                            idle = False
                            await response.write(event)
                if idle:
                    await response.write(b": heartbeat\n\n")
        finally:
            self._clients.discard(commits)


def _event(type_: str, data: str) -> bytes:
    return f"event: {type_}\ndata: {data}\n\n".encode()
