"""Closing: the calls in flight end at whatever stage they are, and those of others don't."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable
from typing import Any

import pytest

from held_calls import (
    LIMIT,
    STAGES,
    Holding,
    Server,
    assert_nothing_is_left,
    until,
)
from ron_app_sdk_py import (
    ClientConfig,
    RonClient,
    RonClientSync,
    RonClosedError,
    RonProblem,
)
from servers import raw_server
from suspensions import Moment, Observed, task_of

Client = RonClient | RonClientSync


def spawn(work: Callable[[], Any]) -> asyncio.Task[Any]:
    """A call of either client as a task: it has a thread of its own if it blocks."""

    async def run() -> Any:
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[Any] = loop.create_future()

        def block() -> None:
            outcome: list[Any] = [None, None]
            try:
                outcome[0] = work()
            except Exception as error:
                outcome[1] = error
            loop.call_soon_threadsafe(tell, *outcome)

        def tell(result: Any, error: Exception | None) -> None:
            ended.set_result(result) if error is None else ended.set_exception(error)

        threading.Thread(target=block, daemon=True).start()
        return await ended

    return asyncio.create_task(run())


def started(client: Client, method: str, path: str, **options: Any) -> asyncio.Task[Any]:
    """A call that runs."""
    if isinstance(client, RonClientSync):
        return spawn(lambda: client.request(method, path, **options))
    return asyncio.create_task(client.request(method, path, **options))


async def close(client: Client) -> None:
    """Closes either client."""
    if isinstance(client, RonClientSync):
        await asyncio.to_thread(client.close)
    else:
        await client.close()


async def closed(call: asyncio.Task[Any]) -> RonClosedError:
    """The error with which a call ends."""
    with pytest.raises(RonClosedError) as caught:
        await asyncio.wait_for(call, LIMIT)
    assert caught.value.timeline.stopped == "closed"
    return caught.value


@pytest.mark.parametrize("who", ["root", "derived", "parent"])
@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("kind", [RonClient, RonClientSync], ids=["async", "sync"])
async def test_closing_ends_a_call_at_each_stage_and_no_call_of_others(
    transport: str, kind: type[Client], stage: str, who: str
) -> None:
    server, holding, where = Server(), Holding(), STAGES[stage]
    async with raw_server(server) as url:
        config = ClientConfig(
            base_url=url,
            timeout=LIMIT,
            read_timeout=LIMIT,
            write_timeout=LIMIT,
            max_concurrency=where.places,
            max_request_bytes=2**26,
        )
        root: Client = kind(config=config, transport=transport)
        root.add_middleware(holding)
        derived = root.with_options(timeout=LIMIT)
        caller = {"root": root, "derived": derived, "parent": derived.with_options()}[who]
        beside = started(root, "GET", "/silent")
        await until(lambda: server.asked["/silent"] == 1)
        if stage == "paused":
            with pytest.raises(RonProblem):
                await started(root, "GET", "/limited", retries=0)
        if stage == "sending":
            server.willing.clear()
        held = started(caller, "POST", where.path, content=bytes(where.size), idem=True)
        await until(lambda: where.reached(root, server, holding))
        server.willing.set()

        await close(root if who == "root" else derived)
        error = await closed(held)
        assert len(error.timeline) == error.attempts == where.attempts
        with pytest.raises(RonClosedError):
            await started(caller, "GET", "/ok")
        if who != "root":
            assert not beside.done()
            if stage not in ("queued", "paused"):
                assert (await started(root, "GET", "/ok")).status == 200
            await close(root)
        await closed(beside)
        await close(root)
        assert_nothing_is_left(root)
        await until(lambda: server.open == 0)


@pytest.mark.parametrize("kind", [RonClient, RonClientSync], ids=["async", "sync"])
async def test_closing_ends_a_call_that_connects(transport: str, kind: type[Client]) -> None:
    """The listener takes connections and never speaks TLS."""
    connections = 0

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.read(1)
        await asyncio.sleep(LIMIT)

    async with raw_server(mute) as url:
        secure = url.replace("http:", "https:")
        config = ClientConfig(base_url=secure, timeout=LIMIT, connect_timeout=LIMIT)
        client: Client = kind(config=config, transport=transport)
        call = started(client, "GET", "/x")
        await until(lambda: connections == 1)
        await close(client)
        assert (await closed(call)).attempts == 1
        assert_nothing_is_left(client)


async def test_closing_from_another_loop_ends_a_call() -> None:
    server = Server()
    async with raw_server(server) as url:
        client = RonClient(url, timeout=LIMIT)
        call = spawn(lambda: asyncio.run(client.request("GET", "/silent")))
        await until(lambda: server.asked["/silent"] == 1)
        await client.close()
        await closed(call)
        assert_nothing_is_left(client)


async def test_leaving_the_block_by_an_error_ends_the_calls_and_keeps_the_error() -> None:
    server = Server()
    async with raw_server(server) as url:
        client, blocking = RonClient(url, timeout=LIMIT), RonClientSync(url, timeout=LIMIT)

        async def leave() -> None:
            async with client:
                calls.append(started(client, "GET", "/silent"))
                with blocking:
                    calls.append(started(blocking, "GET", "/silent"))
                    await until(lambda: server.asked["/silent"] == 2)
                    raise ZeroDivisionError

        calls: list[asyncio.Task[Any]] = []
        with pytest.raises(ZeroDivisionError):
            await leave()
        for call in calls:
            await closed(call)
        assert_nothing_is_left(client)
        assert_nothing_is_left(blocking)


@pytest.mark.parametrize("moment", ["waiting", "woken"])
async def test_closing_may_be_cancelled_and_done_again(transport: str, moment: Moment) -> None:
    paths = ("/silent", "/body", "/missing body", "/down for long")

    async def close_and_cancel(at: int) -> bool:
        """Whether closing was suspended as often."""
        client = RonClient(url, timeout=LIMIT, transport=transport)
        calls = [asyncio.create_task(client.get(path)) for path in paths]
        await until(lambda: all(server.asked[path] == at for path in paths))
        closing = Observed(client.close(), [at], lambda: task.cancel(), moment)
        task = task_of(closing)
        await asyncio.wait([task])
        await asyncio.gather(client.close(), client.close())
        for call in calls:
            await closed(call)
        assert_nothing_is_left(client)
        await until(lambda: server.open == 0)
        return closing.suspensions >= at

    server = Server()
    async with raw_server(server) as url:
        at = 1
        while await close_and_cancel(at):
            at += 1


async def test_closing_while_others_derive_leaves_no_session() -> None:
    def derive(client: RonClientSync, begun: threading.Event, outcomes: list[object]) -> None:
        try:
            while True:
                client.with_options(timeout=1)
                begun.set()
        except Exception as error:
            outcomes.append(type(error))

    async with raw_server(Server()) as url:
        for _ in range(20):
            client = RonClientSync(url)
            begun = threading.Event()
            outcomes: list[object] = []
            arguments = (client, begun, outcomes)
            threads = [threading.Thread(target=derive, args=arguments) for _ in range(2)]
            for thread in threads:
                thread.start()
            assert begun.wait(LIMIT)
            client.close()
            for thread in threads:
                thread.join(LIMIT)
            assert outcomes == [RonClosedError] * 2
            assert client._calls._sessions.all() == []
            assert client._calls.stats()["sessions"] == 0


def in_child(work: Callable[[], None]) -> None:
    """Runs it in a forked child, which must end well and soon."""
    child = os.fork()
    if child == 0:
        try:
            signal.alarm(LIMIT)
            work()
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_child_that_closes_its_copy_harms_no_call_of_its_parent(node: str) -> None:
    """Even if it was forked while others hold locks that nobody will release there."""
    outcomes: list[Any] = []
    with RonClientSync(node, timeout=LIMIT) as client:
        derived = client.with_options(timeout=LIMIT)
        client.get("/hello")
        call = threading.Thread(
            target=lambda: outcomes.append(client.get("/delay", query={"ms": 1_000}))
        )
        call.start()
        while not client._calls._in_flight:
            pass
        held, release = threading.Event(), threading.Event()

        def hold() -> None:
            with client._calls._sessions._lock, client._loops._lock:
                held.set()
                release.wait(LIMIT)

        holder = threading.Thread(target=hold)
        holder.start()
        assert held.wait(LIMIT)

        def close_all() -> None:
            derived.close()
            client.close()
            with pytest.raises(RonClosedError):
                client.get("/hello")

        in_child(close_all)
        release.set()
        holder.join(LIMIT)
        call.join(LIMIT)
        assert outcomes[0]["ok"]
        assert derived.get("/hello")["ok"]


async def test_a_child_forked_in_a_coroutine_closes_its_copy_only(node: str) -> None:
    async with RonClient(node, timeout=LIMIT) as client:
        call = asyncio.create_task(client.get("/delay", query={"ms": 500}))
        while not client._calls.metrics().attempts:
            await asyncio.sleep(0)

        def close_it() -> None:
            with pytest.raises(StopIteration):
                client.close().send(None)

        in_child(close_it)
        assert (await call)["ok"]
        assert (await client.get("/hello"))["ok"]
