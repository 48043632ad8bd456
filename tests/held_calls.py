"""Calls that are held at one stage of their lives, and what is left of them afterwards."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from ron_app_sdk_py import Attempt, Middleware, RonClient, RonClientSync
from scripted import turns
from servers import read_request, reply

LIMIT = 60

OK = reply("200 OK", b'{"ok":true}', "content-type: application/json")
DOWN = reply("503 Down", b'{"code":"down","message":"m","retry_after_ms":1}')
DOWN_FOR_LONG = reply("503 Down", b'{"code":"down","message":"m","retry_after_ms":20000}')
LIMITED = reply("429 Slow", b'{"code":"slow","message":"m","retry_after_ms":1000}')
MISSING = reply("404 Not", b'{"code":"missing","message":"m"}')
ANSWERS = {"/missing": MISSING, "/down for long": DOWN_FOR_LONG, "/limited": LIMITED}


class Server:
    """A server that does what the path says, and sends each answer in two parts.

    ``/down`` and ``/cut`` have a good answer when the same call asks a second time.

    Attributes:
        open: connections that are open.
        asked: requests, by path.
        willing: whether it reads from new connections.
    """

    def __init__(self) -> None:
        self.open = 0
        self.asked: Counter[str] = Counter()
        self.willing = asyncio.Event()
        self.willing.set()
        self._last_call = ""

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        try:
            await self.willing.wait()
            while True:
                await self._answer(reader, writer)
        finally:
            self.open -= 1

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first_line, fields, _ = await read_request(reader)
        path = first_line.split()[1].removeprefix("/app").replace("%20", " ")
        self.asked[path] += 1
        call = {name.lower(): value for name, value in fields}["x-request-id"]
        again, self._last_call = call == self._last_call, call
        answer = ANSWERS.get(path, OK)
        match path:
            case "/silent":
                await reader.read()
            case "/body" | "/missing body":
                writer.write((OK if path == "/body" else MISSING)[:-5])
                await reader.read()
            case "/cut" if not again:
                writer.write(OK[:-5])
                await writer.drain()
                raise ConnectionResetError
            case "/down" if not again:
                answer = DOWN
        writer.write(answer[:-5])
        await turns(2)
        writer.write(answer[-5:])


class Holding(Middleware):
    """Keeps calls before or after their attempts, if their paths say so, and else for a turn."""

    def __init__(self) -> None:
        self.holds = 0

    async def _hold(self, attempt: Attempt, when: str) -> None:
        await asyncio.sleep(0)
        if attempt.url.endswith(when):
            self.holds += 1
            await asyncio.Event().wait()

    async def before_attempt(self, attempt: Attempt) -> None:
        await self._hold(attempt, "/before")

    async def after_attempt(self, attempt: Attempt) -> None:
        await self._hold(attempt, "/after")


@dataclass(frozen=True)
class Stage:
    """A stage at which a call can be held.

    Attributes:
        path: what to ask for.
        reached: whether the call is there.
        attempts: how many attempts it has begun by then.
        size: bytes of content to send.
        places: how many exchanges may be under way.
    """

    path: str
    reached: Callable[[RonClient | RonClientSync, Server, Holding], bool]
    attempts: int = 1
    size: int = 2
    places: int = 100


def _waits(client: RonClient | RonClientSync, _: Server, __: Holding) -> bool:
    """Two calls, one exchange: it is that of the call beside."""
    stats = client._calls.stats()
    return (stats["calls"], stats["exchanges"]) == (2, 1)


STAGES = {
    "middleware before": Stage("/before", lambda _, __, holding: holding.holds == 1),
    "middleware after": Stage("/after", lambda _, __, holding: holding.holds == 1),
    "queued": Stage("/ok", _waits, attempts=0, places=1),
    "paused": Stage("/silent", _waits, attempts=0),
    "sending": Stage("/x", lambda _, server, __: server.open == 2, size=2**25),
    "waiting for the head": Stage("/silent", lambda _, server, __: server.asked["/silent"] == 2),
    "reading": Stage("/body", lambda _, server, __: server.asked["/body"] == 1),
    "reading an error": Stage(
        "/missing body", lambda _, server, __: server.asked["/missing body"] == 1
    ),
    "between attempts": Stage(
        "/down for long",
        lambda client, server, holding: (
            bool(server.asked["/down for long"]) and _waits(client, server, holding)
        ),
    ),
}
"""By name. A call to ``/silent`` runs beside the one that is held."""


async def until(condition: Callable[[], bool]) -> None:
    """Waits for what must come."""
    async with asyncio.timeout(LIMIT):
        while not condition():
            await asyncio.sleep(0.001)


def assert_nothing_is_left(client: RonClient | RonClientSync) -> None:
    """Neither side holds anything of a call."""
    stats = client._calls.stats()
    assert (stats["calls"], stats["exchanges"]) == (0, 0)
    assert not client._calls._in_flight
