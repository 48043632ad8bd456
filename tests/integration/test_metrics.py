"""Counters and records of calls."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ron_app_sdk_py import (
    CallRecord,
    RonClient,
    RonClientSync,
    RonConnectError,
    RonProblem,
    RonRequestError,
)
from servers import TOKEN


async def test_counters_count_calls_attempts_errors_and_bytes(node: str) -> None:
    async with RonClient(node, token=TOKEN) as client:
        await client.post("/echo", content=b"x" * 1000)
        with pytest.raises(RonProblem):
            await client.get("/problem", retries=1)
        slow = asyncio.create_task(client.get("/delay", query={"ms": 10_000}))
        await asyncio.sleep(0.1)
        assert client.metrics.in_flight == 1
        slow.cancel()
        await asyncio.gather(slow, return_exceptions=True)
        metrics = client.metrics
    assert (metrics.calls, metrics.errors, metrics.attempts, metrics.retries) == (3, 2, 4, 1)
    assert metrics.budget == 500 - 14
    assert metrics.bytes_sent == 1000
    assert metrics.bytes_received > 1000
    assert metrics.in_flight == 0


async def test_derived_clients_count_with_their_root(node: str) -> None:
    async with RonClient(node) as client:
        await client.with_options(timeout=5).get("/hello")
        assert client.metrics.calls == 1


def test_no_count_is_lost_between_threads_or_with_a_loop_that_ended(node: str) -> None:
    with RonClientSync(node) as client:
        for _ in range(3):
            with ThreadPoolExecutor(4) as pool:
                list(pool.map(lambda _: client.get("/hello"), range(20)))
        assert client.metrics.calls == client.metrics.attempts == 60


async def test_a_hook_gets_a_record_of_each_call(node: str) -> None:
    records: list[CallRecord] = []
    async with RonClient(node, token=TOKEN) as client:
        client.add_metrics_hook(records.append)
        response = await client.request("POST", "/echo?secret=1", json={"a": 1})
        with pytest.raises(RonProblem):
            await client.get("/problem")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await client.get("/delay", query={"ms": 10_000})
    async with RonClient("http://127.0.0.1:1") as client:
        client.add_metrics_hook(records.append)
        with pytest.raises(RonConnectError):
            await client.get("/x")
    done, refused, cancelled, unreachable = records
    assert (done.method, done.path, done.status, done.error) == ("POST", "/echo", 200, None)
    assert (done.bytes_sent, done.bytes_received, done.attempts) == (7, 7, 1)
    assert done.request_id == response.request_id
    assert 0 < done.duration < 10
    assert (refused.status, refused.error) == (502, "upstream_unavailable")
    assert (cancelled.status, cancelled.error) == (None, "CancelledError")
    assert (unreachable.status, unreachable.error) == (None, "connection_refused")
    assert TOKEN not in repr(records)


async def test_a_hook_that_fails_does_the_call_no_harm(
    node: str, caplog: pytest.LogCaptureFixture
) -> None:
    def failing(record: CallRecord) -> None:
        raise ZeroDivisionError

    caplog.set_level(logging.ERROR)
    async with RonClient(node) as client:
        client.add_metrics_hook(failing)
        assert (await client.get("/hello"))["ok"]
    assert "a metrics hook failed" in caplog.text


async def test_a_hook_that_cannot_be_called_is_refused(node: str) -> None:
    hook: Any = 3
    async with RonClient(node) as client:
        with pytest.raises(RonRequestError, match="metrics hook is int"):
            client.add_metrics_hook(hook)
