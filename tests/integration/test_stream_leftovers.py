"""Subscriptions that nobody closes: what is left when their loop ends, or nobody has them."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest

from ron_app_sdk_py import RonClient, RonClientSync, Subscription
from servers import connections_to
from stream_servers import Exchange, Step, event, serving_on_a_thread, stream

TRANSPORTS = ["aiohttp", "httpx2"]
OPEN: Step = stream(event("1"), ends="silence")


@pytest.fixture(autouse=True)
def complaints(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has aiohttp complain of answers that nobody closed, which fails a test."""
    monkeypatch.setenv("PYTHONASYNCIODEBUG", "1")


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


async def gone(exchanges: list[Exchange]) -> None:
    """Waits until the client has left."""
    async with asyncio.timeout(10):
        while not all(exchange.gone.is_set() for exchange in exchanges):
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("overflow", ["wait", "drop_oldest"])
def test_a_loop_that_ends_leaves_no_socket_of_a_stream(transport: str, overflow: Any) -> None:
    kept: list[Subscription] = []

    async def program(url: str) -> str:
        client = RonClient(url, transport=transport)
        kept.append(client.subscribe("/x", overflow=overflow))
        return (await anext(kept[0])).data

    with serving_on_a_thread(OPEN) as served:
        assert asyncio.run(program(served.url)) == "1"
        gc.collect()
        asyncio.run(gone(served.seen))
        assert connections_to(port_of(served.url)) == 0
        kept.clear()
        gc.collect()


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_blocking_subscription_that_nobody_has_leaves_no_socket(transport: str) -> None:
    with (
        serving_on_a_thread(*[OPEN] * 5) as served,
        RonClientSync(served.url, transport=transport) as client,
    ):
        for _ in range(5):
            for item in client.subscribe("/x"):
                assert item.data == "1"
                break
            gc.collect()
        asyncio.run(gone(served.seen))
        assert connections_to(port_of(served.url)) == 0
        # The component hears of it when a call begins.
        client.node.request("GET", "/x")
        stats = client._calls.stats()
        assert (stats["calls"], stats["exchanges"]) == (0, 0)
