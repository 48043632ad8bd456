"""Derived clients: sessions of one instance."""

from __future__ import annotations

import asyncio
import gc
import time
from typing import Any, cast

import pytest

from ron_app_sdk_py import (
    ClientConfig,
    RonClient,
    RonClientSync,
    RonClosedError,
    RonConfigError,
    RonSandboxError,
    RonTimeoutError,
    RonTooLargeError,
    Secret,
)
from servers import TOKEN


async def test_a_derived_client_differs_in_what_is_given_only(node: str) -> None:
    async with RonClient(node, token=TOKEN) as client:
        fast = client.with_options(timeout=0.2, max_response_bytes=10, max_request_bytes=5)
        assert type(fast) is RonClient
        assert (fast.config.timeout, fast.config.token) == (0.2, Secret(TOKEN))
        assert client.config.timeout is None
        started = time.monotonic()
        with pytest.raises(RonTimeoutError):
            await fast.get("/delay", query={"ms": 9_000})
        assert time.monotonic() - started < 5
        with pytest.raises(RonTooLargeError, match="max_response_bytes"):
            await fast.get("/hello")
        with pytest.raises(RonTooLargeError, match="max_request_bytes"):
            await fast.post("/echo", content=b"123456")
        assert (await client.get("/hello"))["ok"]
        assert await client.post("/echo", content=b"123456") == b"123456"
        again = fast.with_options(timeout=5, max_response_bytes=1000)
        assert (await again.get("/delay", query={"ms": 300}))["ok"]
        with pytest.raises(RonTooLargeError):
            await again.post("/echo", content=b"123456")


async def test_derived_clients_share_places_and_connections(node: str) -> None:
    config = ClientConfig(base_url=node, max_concurrency=1)
    async with RonClient(config=config) as client:
        derived = client.with_options(timeout=0.3)
        slow = asyncio.create_task(client.get("/delay", query={"ms": 1_000}))
        await asyncio.sleep(0.1)
        with pytest.raises(RonTimeoutError) as caught:
            await derived.get("/hello")
        assert caught.value.attempts == 0
        assert (await slow)["ok"]
        assert client._calls is derived._calls


async def test_closing_a_derived_client_ends_its_calls_only(node: str) -> None:
    async with RonClient(node) as client:
        derived = client.with_options(timeout=30)
        ours = asyncio.create_task(client.get("/delay", query={"ms": 500}))
        theirs = asyncio.create_task(derived.get("/delay", query={"ms": 20_000}))
        await asyncio.sleep(0.1)
        await derived.close()
        with pytest.raises(RonClosedError):
            await theirs
        with pytest.raises(RonClosedError):
            await derived.get("/hello")
        assert (await ours)["ok"]
        await derived.close()


async def test_closing_the_root_closes_those_derived_from_it(node: str) -> None:
    client = RonClient(node)
    derived = client.with_options(timeout=5)
    await client.close()
    with pytest.raises(RonClosedError):
        await derived.get("/hello")
    with pytest.raises(RonClosedError):
        client.with_options(timeout=5)


async def test_sessions_that_nobody_uses_any_more_are_closed(node: str) -> None:
    async with RonClient(node) as client:
        for _ in range(100):
            client.with_options(timeout=5)
        gc.collect()
        await client.get("/hello")
        assert client._calls.stats()["sessions"] == 1


async def test_sessions_that_nobody_uses_do_not_pile_up_without_calls() -> None:
    async with RonClient("http://127.0.0.1:1") as client:
        for _ in range(300):
            client.with_options(timeout=5)
        gc.collect()
        client.with_options(timeout=5)
        assert client._calls.stats()["sessions"] <= 2


async def test_nothing_is_derived_from_a_client_that_was_closed(node: str) -> None:
    async with RonClient(node) as client:
        derived = client.with_options(timeout=5)
        await derived.close()
        with pytest.raises(RonClosedError):
            derived.with_options(timeout=4)
        with pytest.raises(RonClosedError):
            await derived.get("/hello")
        assert (await client.get("/hello"))["ok"]


async def test_derived_clients_survive_a_trap(node: str) -> None:
    async with RonClient(node) as client:
        derived = client.with_options(timeout=5).with_options(timeout=4)
        guest = client._calls._sessions.guest
        assert guest is not None
        guest.instance._fuel = 100
        with pytest.raises(RonSandboxError):
            await client.get("/hello")
        assert (await derived.get("/hello"))["ok"]


def test_every_bad_option_is_named_in_one_error() -> None:
    with RonClientSync("http://127.0.0.1:1") as client:
        with pytest.raises(RonConfigError) as caught:
            client.with_options(timeout=-1, connect_timeout=float("nan"), max_request_bytes=0)
        for name in ("timeout", "connect_timeout", "max_request_bytes"):
            assert name in caught.value.message
        assert client._calls.stats()["sessions"] == 1


@pytest.mark.parametrize("name", ["base_url", "token", "tls_verify", "proxy"])
def test_what_belongs_to_the_root_cannot_be_changed(name: str) -> None:
    with RonClientSync("http://127.0.0.1:1") as client, pytest.raises(TypeError, match=name):
        cast(Any, client).with_options(**{name: "x"})
