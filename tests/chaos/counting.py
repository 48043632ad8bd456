"""A server that counts what calls do to it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass

from servers import read_content, read_head, reply

from .requests import LARGE_ANSWER, SMALL_ANSWER, digest


@dataclass
class Arrival:
    """A request of which at least a byte arrived.

    Attributes:
        head: whether its head arrived, with its request id and, if it has one, its key.
        request_id: ``X-Request-Id``.
        key: ``Idempotency-Key``.
        whole: whether all of it arrived.
    """

    head: bool = False
    request_id: str | None = None
    key: str | None = None
    whole: bool = False


class CountingServer:
    """Does what keyed requests ask for once by key, and answers a repetition with what it answered
    first.

    Attributes:
        arrivals: requests, in order.
        effects: the keys of what was done, in order; None for a request without.
    """

    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []
        self.effects: list[str | None] = []
        self._answers: dict[str, bytes] = {}

    async def handler(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serves a connection."""
        while begun := await reader.read(1):
            arrival = Arrival()
            self.arrivals.append(arrival)
            first, fields = await read_head(reader, begun)
            named = {name.lower(): value for name, value in fields}
            arrival.head = True
            arrival.request_id = named.get("x-request-id")
            arrival.key = named.get("idempotency-key")
            content = await read_content(reader, fields)
            arrival.whole = True
            writer.write(self._answer(first.split()[1], arrival.key, content))
            await writer.drain()

    def _answer(self, target: str, key: str | None, content: bytes) -> bytes:
        match target:
            case "/app/small":
                return _json(SMALL_ANSWER)
            case "/app/large":
                return reply("200 OK", LARGE_ANSWER, "content-type: application/octet-stream")
        if key in self._answers:
            return self._answers[key]
        self.effects.append(key)
        answer = _json({"sha256": digest(content), "number": len(self.effects)})
        if key is not None:
            self._answers[key] = answer
        return answer


def _json(value: object) -> bytes:
    return reply("200 OK", json.dumps(value).encode(), "content-type: application/json")
