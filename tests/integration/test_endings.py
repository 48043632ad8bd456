"""Calls end at any point of their way: cancelled, closed, or late."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from held_calls import assert_nothing_is_left
from ron_app_sdk_py import (
    Attempt,
    ClientConfig,
    Middleware,
    RonClient,
    RonClosedError,
    RonProblem,
    RonTimeoutError,
)
from scripted import turns
from servers import TOKEN, Request, answering, raw_server, read_request, reply

LIMIT = 30
ENDINGS: dict[str, type[BaseException]] = {
    "cancel": asyncio.CancelledError,
    "close": RonClosedError,
    "time-out": RonTimeoutError,
}
OK = reply("200 OK", b'{"ok":true}', "content-type: application/json")
PROBLEM = reply("503 Service Unavailable", b'{"code":"busy"}', "content-type: application/json")


@pytest.mark.parametrize("transport", ["aiohttp", "httpx2"])
@pytest.mark.parametrize("answer", [OK, PROBLEM], ids=["answer", "problem"])
@pytest.mark.parametrize("end", ["cancel", "close", "time-out"])
async def test_a_call_may_be_ended_at_any_of_its_turns(
    transport: str, answer: bytes, end: str
) -> None:
    async def attempt_takes_turns(attempt: Attempt) -> None:
        await turns(2)

    class Slow(Middleware):
        before_attempt = after_attempt = staticmethod(attempt_takes_turns)

    ended = 0
    async with raw_server(answering([], answer)) as url:
        for count in range(60):
            client = RonClient(url, token=TOKEN, transport=transport)
            client.add_middleware(Slow())
            derived = client.with_options(timeout=LIMIT)

            timeout = 1e-9 if end == "time-out" else LIMIT
            task = asyncio.create_task(derived.post("/x", json={}, timeout=timeout))
            await turns(count)
            cancelled = end == "cancel" and task.cancel()
            if end == "close":
                await derived.close()
            outcomes: list[object] = await asyncio.gather(task, return_exceptions=True)
            (outcome,) = outcomes
            ended += isinstance(outcome, ENDINGS[end])
            assert isinstance(outcome, dict | RonProblem | ENDINGS[end])
            assert task.cancelling() == cancelled
            assert_nothing_is_left(client)
            await client.close()
    assert ended >= 10


async def test_a_place_that_becomes_free_for_a_closed_call_sends_nothing() -> None:
    seen: list[str] = []

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append((await read_request(reader))[0])
        await reader.read()

    async with (
        raw_server(silent) as url,
        RonClient(config=ClientConfig(base_url=url, max_concurrency=1)) as client,
    ):
        derived = client.with_options(timeout=LIMIT)
        holding = asyncio.create_task(client.get("/first"))
        while not seen:
            await asyncio.sleep(0)
        waiting = asyncio.create_task(derived.get("/second"))
        while client._calls.stats()["calls"] < 2:
            await asyncio.sleep(0)
        holding.cancel()
        # In this turn the place goes over, and before the next one the session is closed.
        await asyncio.sleep(0)
        await derived.close()
        with pytest.raises(RonClosedError):
            await asyncio.wait_for(waiting, LIMIT)
        assert seen == ["GET /app/first HTTP/1.1"]
        assert_nothing_is_left(client)


@pytest.mark.parametrize("hook", ["before_attempt", "after_attempt"])
async def test_middleware_around_an_attempt_is_within_the_time_of_the_call(hook: str) -> None:
    seen: list[Request] = []

    class Hanging(Middleware):
        pass

    async def hang(attempt: Attempt) -> None:
        await asyncio.Event().wait()

    setattr(Hanging, hook, staticmethod(hang))
    async with raw_server(answering(seen, OK)) as url, RonClient(url) as client:
        client.add_middleware(Hanging())
        with pytest.raises(RonTimeoutError) as caught:
            await asyncio.wait_for(client.get("/x", timeout=0.2), LIMIT)
        assert caught.value.phase == "overall"
        assert len(seen) == (hook == "after_attempt")
        assert_nothing_is_left(client)


async def test_middleware_may_close_the_client_before_an_attempt() -> None:
    seen: list[Request] = []

    class Closing(Middleware):
        async def before_attempt(self, attempt: Attempt) -> None:
            await client.close()

    async with raw_server(answering(seen, OK)) as url:
        client = RonClient(url)
        client.add_middleware(Closing())
        with pytest.raises(RonClosedError):
            await client.get("/x")
        assert seen == []


async def test_a_late_call_inside_middleware_of_another_ends_that_one_only() -> None:
    """Both run in one task, and both take their own cancellation back."""

    class Nesting(Middleware):
        async def before_attempt(self, attempt: Attempt) -> None:
            if not attempt.url.endswith("/inner"):
                with pytest.raises(RonTimeoutError):
                    await client.get("/inner", timeout=0.1)

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            first, _, _ = await read_request(reader)
            if "/inner" not in first:
                writer.write(OK)

    async with raw_server(handler) as url, RonClient(url) as client:
        client.add_middleware(Nesting())
        assert await client.get("/outer", timeout=LIMIT) == {"ok": True}
        task: Any = asyncio.current_task()
        assert task.cancelling() == 0
        assert_nothing_is_left(client)


async def test_a_late_call_with_a_call_of_its_own_middleware_ends_both() -> None:
    class Nesting(Middleware):
        async def before_attempt(self, attempt: Attempt) -> None:
            if not attempt.url.endswith("/inner"):
                await client.get("/inner", timeout=LIMIT)

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with raw_server(silent) as url, RonClient(url) as client:
        client.add_middleware(Nesting())
        with pytest.raises(RonTimeoutError):
            await client.get("/outer", timeout=0.2)
        task: Any = asyncio.current_task()
        assert task.cancelling() == 0
        assert_nothing_is_left(client)


@pytest.mark.parametrize("crossing", ["metrics", "with_options"])
async def test_a_call_whose_time_is_over_ends_whoever_crosses_first(crossing: str) -> None:
    """The loop was busy, and before its timer comes another thread crosses, or the same."""

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with raw_server(silent) as url, RonClient(url) as client:
        late = asyncio.create_task(client.get("/x", timeout=0.1))
        while not client._calls._in_flight:
            await asyncio.sleep(0)
        time.sleep(0.2)
        if crossing == "metrics":
            assert client.metrics.in_flight == 1
        else:
            await client.with_options(timeout=1).close()
        with pytest.raises(RonTimeoutError):
            await asyncio.wait_for(late, LIMIT)


async def test_many_calls_in_few_places_all_end(node: str) -> None:
    config = ClientConfig(base_url=node, max_concurrency=5)
    async with RonClient(config=config) as client:
        outcomes = await asyncio.gather(*(client.get("/hello") for _ in range(500)))
        assert all(outcome["ok"] for outcome in outcomes)
        tasks = [asyncio.create_task(client.get("/hello")) for _ in range(500)]
        await turns(3)
        for task in tasks[::2]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert sum(task.cancelled() for task in tasks) >= 200
        assert all(task.result()["ok"] for task in tasks if not task.cancelled())
        assert_nothing_is_left(client)
