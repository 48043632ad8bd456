"""Whole calls by way of wasmtime's public API, as where its private parts are not as expected.

``RON_TEST_PUBLIC_API=1`` has all tests go that way.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from ron_app_sdk_py import (
    RonClient,
    RonClientSync,
    RonClosedError,
    RonProblem,
    RonRequestError,
    RonSandboxError,
    RonTimeoutError,
)
from ron_app_sdk_py.engine.messages import encode
from servers import TOKEN

pytestmark = pytest.mark.usefixtures("public_api")


async def test_calls_answers_and_problems(node: str, transport: str) -> None:
    async with RonClient(node, token=TOKEN, transport=transport) as client:
        guest = client._calls._sessions.guest
        assert guest is not None
        assert not guest.instance.fast
        assert (await client.get("/hello", query={"name": "é😀"}))["ok"]
        assert await client.post("/echo", json=["é😀", "\0\r\n"], idem=True) == ["é😀", "\0\r\n"]
        content = bytes(range(256)) * 4_000
        assert (await client.request("PUT", "/echo", content=content)).content == content
        with pytest.raises(RonProblem) as caught:
            await client.get("/problem")
        assert caught.value.status >= 400
        with pytest.raises(RonRequestError):
            await client.get("/../up")


async def test_deadlines_cancellation_and_closing(node: str) -> None:
    async with RonClient(node) as client:
        with pytest.raises(RonTimeoutError):
            await client.get("/delay", query={"ms": 30_000}, timeout=0.2)
        cancelled = asyncio.create_task(client.get("/delay", query={"ms": 30_000}))
        await asyncio.sleep(0.1)
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        assert client._calls.stats()["calls"] == 0
        derived = client.with_options(timeout=50)
        closed = asyncio.create_task(derived.get("/delay", query={"ms": 30_000}))
        await asyncio.sleep(0.1)
        await derived.close()
        with pytest.raises(RonClosedError):
            await closed
        assert (await client.get("/hello"))["ok"]


def test_threads_and_a_fault_between_them(node: str) -> None:
    with RonClientSync(node) as client, ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda _: client.get("/hello")["ok"], range(40)))
        guest = client._calls._sessions.guest
        assert guest is not None
        guest.instance._fuel = 100
        with pytest.raises(RonSandboxError) as caught:
            client.get("/hello")
        assert caught.value.code == "fuel"
        assert all(pool.map(lambda _: client.get("/hello")["ok"], range(40)))
        fresh = client._calls._sessions.guest
        assert fresh is not None
        assert not fresh.instance.fast
        assert "error" in fresh.instance.call("feed", encode(["1", "1", "0", "no such event"]))
