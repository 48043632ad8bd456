"""Event streams through the fault proxy: events come whole, in order and, with ids, once."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from ron_app_sdk_py import RonClient, RonError
from ron_app_sdk_py.testing.faultproxy.client import Toxiproxy
from ron_app_sdk_py.testing.faultproxy.models import (
    Attributes,
    Bandwidth,
    Latency,
    LimitData,
    ResetPeer,
    Slicer,
    SlowClose,
    Stream,
    Timeout,
)
from stream_servers import END, LIMIT, Exchange, Step, chunk, chunked_head, no_more, serving

TORMENTS = int(os.environ.get("RON_STREAM_TORMENTS", "6"))
"""Streams through random toxics: more in ``make chaos``."""
EVENTS = 300
TEXTS = ["", "x", "line\nline", "é€😀\u2028\u0085", "y" * 3000]


def data(number: int) -> str:
    """What the event of this number holds."""
    return f"{number}:{TEXTS[number % len(TEXTS)]}"


def on_the_wire(number: int) -> bytes:
    lines = "".join(f"data: {line}\n" for line in data(number).split("\n"))
    return f"id: {number}\n{lines}\n".encode()


@dataclass
class Log:
    """A server that goes on after ``Last-Event-ID``: what it was asked for."""

    asked: list[int] = field(default_factory=list)

    async def __call__(self, exchange: Exchange) -> None:
        first = int(exchange.last_event_id or -1) + 1
        self.asked.append(first)
        if first == EVENTS:
            await no_more(exchange)
            return
        await exchange.send(chunked_head())
        for number in range(first, EVENTS, 5):
            numbers = range(number, min(number + 5, EVENTS))
            await exchange.send(chunk(b"".join(map(on_the_wire, numbers))))
        await exchange.send(END)


@asynccontextmanager
async def through(toxiproxy: Toxiproxy, transport: str) -> AsyncIterator[tuple[Log, RonClient]]:
    """A client of such a server behind the proxy ``stream``."""
    log = Log()
    steps: list[Step] = [log] * 10_000
    async with serving(*steps) as served:
        proxy = await toxiproxy.create("stream", served.url.removeprefix("http://"))
        async with RonClient(f"http://{proxy.listen}", transport=transport) as client:
            yield log, client


EXPECTED = [(str(number), data(number)) for number in range(EVENTS)]
OPTIONS: dict[str, Any] = {"reconnect_delay": 0.1, "idle_timeout": 0.5, "timeout": 5.0}

HARMLESS: dict[str, Attributes] = {
    "latency": Latency(latency=30, jitter=20),
    "bandwidth": Bandwidth(rate=2_000),
    "slices": Slicer(average_size=50, size_variation=49),
    "slow slices": Slicer(average_size=5_000, size_variation=100, delay=2_000),
    "slow close": SlowClose(delay=100),
}
HARMFUL: dict[str, Attributes] = {
    "silence": Timeout(timeout=0),
    "silence, close": Timeout(timeout=200),
    "reset": ResetPeer(),
    "late reset": ResetPeer(timeout=20),
    "cut": LimitData(bytes=60_000),
}


@pytest.mark.parametrize("toxic", HARMLESS)
async def test_what_slows_or_slices_a_stream_changes_nothing(
    toxiproxy: Toxiproxy, transport: str, toxic: str
) -> None:
    async with asyncio.timeout(LIMIT), through(toxiproxy, transport) as (log, client):
        await toxiproxy.add("stream", HARMLESS[toxic])
        received = await all_of(client, idle_timeout=LIMIT)
    assert received == EXPECTED
    assert log.asked == [0, EVENTS]


@pytest.mark.parametrize("toxic", HARMFUL)
async def test_what_a_lost_connection_held_comes_on_the_next_and_the_loss_is_told(
    toxiproxy: Toxiproxy, transport: str, toxic: str
) -> None:
    """A toxic that lets nothing through is taken away after a while."""
    lost: list[RonError] = []
    async with asyncio.timeout(LIMIT), through(toxiproxy, transport) as (log, client):
        await toxiproxy.add("stream", HARMFUL[toxic], name="it")
        receiving = asyncio.create_task(all_of(client, on_error=lost.append))
        if toxic != "cut":
            while len(lost) < 2 and not receiving.done():
                await asyncio.sleep(0.01)
            await toxiproxy.remove("stream", "it")
        received = await receiving
    assert received == EXPECTED
    # The server goes on where the client says, and each connection but the last was lost.
    assert log.asked == sorted(log.asked)
    assert len(lost) >= len(log.asked) - 1
    if toxic == "cut":
        assert len(log.asked) > 3


async def all_of(client: RonClient, **options: Any) -> list[tuple[str, str]]:
    """Ids and data of all that a subscription gives."""
    subscription = client.subscribe("/x", **OPTIONS | options)
    received = [(item.id, item.data) async for item in subscription]
    assert subscription.counters.duplicates == 0
    return received


def random_toxic(draw: random.Random) -> tuple[Attributes, Stream]:
    made: Attributes = draw.choice(
        [
            Latency(latency=draw.randint(0, 50), jitter=draw.randint(0, 20)),
            Bandwidth(rate=draw.randint(200, 5_000)),
            Slicer(average_size=draw.randint(10, 500), size_variation=9),
            Timeout(timeout=draw.randint(1, 300)),
            ResetPeer(timeout=draw.randint(1, 100)),
            LimitData(bytes=draw.randint(1, 60_000)),
        ]
    )
    return made, draw.choice(["downstream", "downstream", "upstream"])


@pytest.mark.parametrize("seed", range(TORMENTS))
async def test_through_toxics_that_come_and_go_each_event_comes_once_and_in_order(
    toxiproxy: Toxiproxy, seed: int
) -> None:
    draw = random.Random(seed)

    async def torment() -> None:
        for _ in range(4):
            attributes, direction = random_toxic(draw)
            toxicity = draw.choice((0.5, 1.0))
            added = await toxiproxy.add("stream", attributes, stream=direction, toxicity=toxicity)
            await asyncio.sleep(draw.uniform(0, 0.3))
            await toxiproxy.remove("stream", added.name)

    transport = draw.choice(["aiohttp", "httpx2"])
    async with asyncio.timeout(LIMIT), through(toxiproxy, transport) as (log, client):
        tormenting = asyncio.create_task(torment())
        received = await all_of(client)
        await tormenting
    assert received == EXPECTED
    assert log.asked == sorted(log.asked)
    assert log.asked[-1] == EVENTS
