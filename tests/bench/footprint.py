"""Memory of each further client and each derived client, in a process of its own."""

from __future__ import annotations

import asyncio
import gc
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from .candidates import CLIENTS, TOKEN, Client
from .children import child, resident_bytes
from .report import Budget, Row, Section, at_most
from .rounds import Stage, check
from .servers import HELLO, HELLO_PATH

CLIENTS_MADE = 50
DERIVED_MADE = 500

_WARM_UP = 10
_DERIVED = "derived"
_TITLES: dict[str, tuple[str, Budget | None]] = {
    "ours": ("RonClient", at_most(1000, "kB")),
    _DERIVED: ("RonClient derived by with_options", at_most(20, "kB")),
    "ours over httpx2": ("RonClient over httpx2", None),
    "httpx": ("httpx.AsyncClient", None),
    "aiohttp": ("aiohttp.ClientSession", None),
}


def measure(stage: Stage) -> Section:
    """Makes many of each."""
    section = Section("resident memory of each further one, after a call of its own")
    for name, (title, budget) in _TITLES.items():
        with child("footprint", name, stage.base) as process:
            figures = process.ask()
        section.figures[name] = figures
        section.rows += [
            Row(f"{title}, each of {figures['count']}", figures["each"] / 1000, "kB", budget),
            Row(f"{title}, left of each after closing", figures["left"] / 1000, "kB"),
            Row(f"{title}, more after as many again", figures["leaked"] / 1000, "kB"),
        ]
    return section


async def _weigh(
    make: Callable[[], Any], use: Callable[[Any], Awaitable[Any]], count: int
) -> dict[str, float]:
    """Bytes of each of ``count`` clients; what is left of each once all are closed; and by how much
    that grows once as many more have come and gone."""

    async def made(many: int) -> list[Any]:
        clients = []
        for _ in range(many):
            clients.append(make())
            await use(clients[-1])
        return clients

    async def closed(clients: list[Any]) -> None:
        while clients:
            await clients.pop().close()
        await asyncio.sleep(0.1)

    await closed(await made(_WARM_UP))
    kept = await made(_WARM_UP)
    gc.collect()
    before = resident_bytes()
    clients = await made(count)
    gc.collect()
    full = resident_bytes()
    await closed(clients)
    gc.collect()
    after = resident_bytes()
    await closed(await made(count))
    gc.collect()
    again = resident_bytes()
    await closed(kept)
    return {
        "count": count,
        "each": (full - before) / count,
        "left": (after - before) / count,
        "leaked": (again - after) / count,
    }


async def _figures(name: str, base: str) -> dict[str, float]:
    if name == _DERIVED:
        from ron_app_sdk_py import RonClient

        async with RonClient(base, token=TOKEN) as root:
            return await _weigh(
                lambda: root.with_options(timeout=5.0), lambda one: one.get("/hello"), DERIVED_MADE
            )

    async def use(client: Client) -> None:
        check(name, await client.get(HELLO_PATH), HELLO)

    return await _weigh(lambda: CLIENTS[name](base, 100), use, CLIENTS_MADE)


if __name__ == "__main__":
    sys.stdin.readline()
    print(json.dumps(asyncio.run(_figures(*sys.argv[1:]))), flush=True)
