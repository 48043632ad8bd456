"""A fault in the component costs what was in flight on it, and nothing else."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

import guests
from processes import LIMIT
from ron_app_sdk_py import ClientConfig, RonClient, RonClientSync, RonSandboxError
from ron_app_sdk_py.engine.guest import Guest
from servers import TOKEN, raw_server, read_request, reply

Fault = Callable[[Guest], None]


def _runs_out_of_fuel(guest: Guest) -> None:
    guest.instance._fuel = 100


def _traps(guest: Guest) -> None:
    other = Guest(runtime=guests.guest(begin=guests.TRAP)).instance
    guest.instance._calls["begin"] = lambda message, fuel: other._calls["begin"](message, fuel)


FAULTS = pytest.mark.parametrize(
    ("fault", "code"), [(_runs_out_of_fuel, "fuel"), (_traps, "trap")], ids=["fuel", "trap"]
)


@FAULTS
def test_threads_hear_of_a_fault_in_another_and_their_next_calls_are_served(
    node: str, fault: Fault, code: str
) -> None:
    with RonClientSync(node, token=TOKEN) as client, ThreadPoolExecutor(4) as pool:
        derived = client.with_options(timeout=20)
        slow: list[Future[Any]] = [
            pool.submit(derived.get, "/delay", query={"ms": 20_000}) for _ in range(4)
        ]
        wait_for(lambda: client._calls.stats()["calls"] == 4)
        first = client._calls._sessions.guest
        assert first is not None
        fault(first)
        with pytest.raises(RonSandboxError) as caught:
            client.get("/hello")
        assert caught.value.code == code
        for future in slow:
            with pytest.raises(RonSandboxError, match="in flight") as lost:
                future.result(LIMIT)
            assert lost.value.code == code
        for answer in pool.map(lambda _: derived.get("/hello"), range(8)):
            assert answer["ok"]
        assert client._calls._sessions.guest is not first
        assert client._calls.stats()["calls"] == 0


async def test_a_call_on_another_client_does_not_notice(node: str) -> None:
    async with RonClient(node) as one, RonClient(node) as other:
        assert (await one.get("/hello"))["ok"]
        slow = asyncio.create_task(other.get("/delay", query={"ms": 300}))
        await until(lambda: other.metrics.in_flight == 1)
        guest = one._calls._sessions.guest
        assert guest is not None
        _runs_out_of_fuel(guest)
        with pytest.raises(RonSandboxError):
            await one.get("/hello")
        assert await slow is not None


async def test_answers_that_fill_the_memory_cost_the_instance_and_nothing_else() -> None:
    content = b"x" * (1024 * 1024 - 1)
    arrived = asyncio.Event()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            first, _, _ = await read_request(reader)
            if "/slow" in first:
                arrived.set()
                await asyncio.sleep(LIMIT)
            whole = reply("500 X", content) if "/large" in first else reply("200 OK", b"fine")
            writer.write(whole)
            await writer.drain()

    async with raw_server(handler) as url:
        config = ClientConfig(base_url=url, timeout=LIMIT, read_timeout=LIMIT)
        async with RonClient(config=config) as client:
            assert await client.get("/x") == b"fine"
            first = client._calls._sessions.guest
            assert first is not None
            first.instance._store.set_limits(memory_size=3 * 1024 * 1024)
            slow = asyncio.create_task(client.get("/slow"))
            await arrived.wait()
            with pytest.raises(RonSandboxError, match="one of its memories") as caught:
                await client.get("/large")
            assert caught.value.code == "trap"
            with pytest.raises(RonSandboxError, match="in flight"):
                await slow
            assert await client.get("/x") == b"fine"
            assert client._calls._sessions.guest is not first


async def test_a_fault_after_a_fault_is_survived_as_well(node: str) -> None:
    async with RonClient(node) as client:
        for _ in range(20):
            guest = client._calls._sessions.guest
            assert guest is not None
            _runs_out_of_fuel(guest)
            with pytest.raises(RonSandboxError):
                await client.get("/hello")
            assert (await client.get("/hello"))["ok"]


def test_a_fresh_instance_that_can_not_be_made_is_the_error_of_each_call_until_it_can(
    node: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RonClientSync(node) as client:
        guest = client._calls._sessions.guest
        assert guest is not None
        _runs_out_of_fuel(guest)
        with pytest.raises(RonSandboxError):
            client.get("/hello")
        with monkeypatch.context() as patch:
            patch.setattr("ron_app_sdk_py.engine.sandbox.GUEST_MEMORIES", 1)
            for _ in range(2):
                with pytest.raises(RonSandboxError) as caught:
                    client.get("/hello")
                assert caught.value.code == "instantiate"
        assert client.get("/hello")["ok"]


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < end
        threading.Event().wait(0.01)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(LIMIT):
        while not condition():
            await asyncio.sleep(0.01)
