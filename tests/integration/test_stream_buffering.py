"""Streams through a gateway that holds answers back (``protocol.md`` 1.3 and 7), and the one that
comes without."""

from __future__ import annotations

import asyncio
import warnings
from typing import Any

import pytest

from ron_app_sdk_py import (
    RonBufferingWarning,
    RonClient,
    RonClientSync,
    RonTimeoutError,
    Subscription,
)
from ron_app_sdk_py.devnode.server import running
from ron_app_sdk_py.devnode.settings import Settings
from ron_app_sdk_py.testing.embedded import devnode
from stream_servers import (
    EVENT_STREAM,
    LIMIT,
    Exchange,
    chunk,
    chunked_head,
    closing,
    event,
    serving,
    stream,
)

QUICK: dict[str, Any] = {"reconnect_delay": 0.1}


async def data_of(subscription: Subscription) -> list[str]:
    return [item.data async for item in subscription]


def check_text(text: str) -> None:
    """What it says is of use."""
    for part in ("gateway", "until", "node.subscribe", "poll"):
        assert part in text, text


async def test_an_endless_stream_through_a_gateway_gives_nothing_and_one_warning(
    transport: str,
) -> None:
    left = asyncio.Event()
    errors: list[Any] = []

    async def app(exchange: Exchange) -> None:
        await exchange.send(chunked_head())
        while not exchange.gone.is_set():
            await exchange.send(chunk(event("x")), 0.01)
        left.set()

    async with (
        serving(*[app] * 10) as upstream,
        running(settings=Settings(upstream=upstream.url)) as url,
        RonClient(url, transport=transport) as client,
    ):
        subscription = client.subscribe(
            "/x", timeout=0.5, max_reconnects=2, on_error=errors.append, **QUICK
        )
        with (
            pytest.warns(RonBufferingWarning) as warned,
            pytest.raises(Exception, match="in vain"),
        ):
            await data_of(subscription)
        assert len(warned) == 1
        check_text(str(warned[0].message))
        assert issubclass(RonBufferingWarning, UserWarning)
        assert len(upstream.seen) == 3
        await left.wait()
    assert all(isinstance(error, RonTimeoutError) for error in errors[:3])


async def test_a_stream_through_a_gateway_comes_at_its_end_and_warns_once(transport: str) -> None:
    """The gateway answers with a Content-Length, which no stream has."""
    async with (
        serving(stream(event("1", "a"), 0.02, event("2", "b")), stream(event("3"))) as upstream,
        running(settings=Settings(upstream=upstream.url)) as url,
        RonClient(url, transport=transport) as client,
    ):
        with pytest.warns(RonBufferingWarning) as warned:
            assert await data_of(client.subscribe("/x", **QUICK)) == ["1", "2", "3"]
        assert len(warned) == 1
        check_text(str(warned[0].message))
        # Each subscription warns for itself.
        upstream.seen.clear()
    assert upstream.seen == []


async def test_a_stream_with_a_length_warns_beside_the_app_plane_too() -> None:
    async with (
        serving(closing("200 OK", event("1").encode(), EVENT_STREAM)) as served,
        RonClient(served.url) as client,
    ):
        with pytest.warns(RonBufferingWarning):
            assert await data_of(client.node.subscribe("/x", **QUICK)) == ["1"]


async def test_a_slow_service_beside_the_app_plane_is_no_buffering_gateway() -> None:
    async def silent(exchange: Exchange) -> None:
        await exchange.gone.wait()

    async with serving(silent, silent) as served, RonClient(served.url) as client:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            subscription = client.node.subscribe("/x", timeout=0.3, **QUICK)
            assert await data_of(subscription) == []
        assert len(served.seen) == 3


async def test_a_gateway_that_was_open_before_is_not_suspected() -> None:
    async def silent(exchange: Exchange) -> None:
        await exchange.gone.wait()

    async with serving(stream(event("1")), silent) as served, RonClient(served.url) as client:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert await data_of(client.subscribe("/x", timeout=0.3, **QUICK)) == ["1"]


async def test_the_registry_of_a_node_streams_beside_the_gateway(transport: str) -> None:
    """svc-registry's stream is the one that comes without a gateway between."""
    async with (
        asyncio.timeout(LIMIT),
        running(settings=Settings(sse_heartbeat_ms=20)) as url,
        RonClient(url, transport=transport) as client,
    ):
        comments: list[str] = []
        subscription = client.node.subscribe(
            "/registry/stream", drop_heartbeats=True, on_comment=comments.append, max_events=3
        )
        received = []

        async def receive() -> None:
            async for item in subscription:
                received.append((item.type, item.id, item.json()["payload_b3"]))

        receiving = asyncio.create_task(receive())
        while not comments:
            await asyncio.sleep(0.01)
        for number in range(3):
            body = {"payload_b3": f"b3:{number}"}
            await client.node.request("POST", "/registry/commit", json=body)
        await receiving
        assert received == [("commit", "", f"b3:{number}") for number in range(3)]
        assert set(comments) == {"heartbeat"} or set(comments) == {" heartbeat"}
        assert subscription.counters.heartbeats > 0


def test_a_blocking_client_hears_the_registry_too() -> None:
    with devnode(Settings(sse_heartbeat_ms=20)) as url, RonClientSync(url) as client:
        beats = list(client.node.subscribe("/registry/stream", max_events=5))
    assert [(beat.type, beat.data) for beat in beats] == [("heartbeat", "1")] * 5


def test_a_blocking_client_is_warned_too() -> None:
    with (
        devnode() as url,
        RonClientSync(url) as client,
        pytest.warns(RonBufferingWarning) as warned,
    ):
        items = list(client.subscribe("/events", query={"n": "3"}, reconnect=False))
    assert [item.json() for item in items] == [{"i": number} for number in range(3)]
    assert len(warned) == 1
