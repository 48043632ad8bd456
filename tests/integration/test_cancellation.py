"""Cancelling: at every suspension of a call on real sockets, in the ways in which asyncio does it,
and very often."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import logging
import os
import random
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from certificates import Authority
from held_calls import LIMIT, Holding, Server, assert_nothing_is_left, until
from ron_app_sdk_py import (
    Attempt,
    ClientConfig,
    Middleware,
    RonBusyLoopWarning,
    RonClient,
    RonClientSync,
    RonConnectError,
    RonError,
    RonNetworkError,
    RonProblem,
    RonRequestError,
    RonTimeoutError,
)
from ron_app_sdk_py.transport import TransportFailure, TransportRequest
from scripted import Answer, Scripted, ScriptedResponse, hurried, run_hurried, turns
from servers import raw_server, refusing_port
from suspensions import Moment, Observed, task_of

MANY = 1_000
CANCELLED_CALLS = int(os.environ.get("RON_CANCELLED_CALLS", "200"))
"""``make chaos`` sets 10,000."""


@pytest.mark.parametrize("times", [1, 2], ids=["once", "twice"])
@pytest.mark.parametrize("moment", ["waiting", "woken"])
@pytest.mark.parametrize("path", ["/ok", "/missing", "/down", "/cut"])
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_call_may_be_cancelled_at_each_of_its_suspensions(
    tmp_path: Path, transport: str, scheme: str, path: str, moment: Moment, times: int
) -> None:
    async def cancel(first: int) -> bool:
        """Whether the call was suspended as often."""
        at = range(first, first + times)
        call = client.request("POST", path, json={}, idem=True)
        observed = Observed(call, at, lambda: task.cancel(), moment)
        task = task_of(observed)
        await asyncio.wait([task])
        if observed.suspensions < first:
            assert isinstance(task.exception(), RonProblem | None)
            return False
        assert task.cancelled()
        assert_nothing_is_left(client)
        # A connection of an unfinished call is closed, and at once.
        await until(lambda: server.open <= 1)
        return True

    server = Server()
    async with server_and_config(server, tmp_path, scheme) as config:
        async with RonClient(config=config, transport=transport) as client:
            client.add_middleware(Holding())
            first = 1
            while await cancel(first):
                first += 1
                if first % 2:
                    # The next one has a connection now, and then again none.
                    assert await client.get("/ok") == {"ok": True}
            assert first > 4
        await until(lambda: server.open == 0)
        assert len(asyncio.all_tasks()) == 1


async def test_cancelling_closes_the_connection_of_a_server_that_takes_nothing(
    transport: str,
) -> None:
    server = Server()
    async with raw_server(server) as url:
        config = ClientConfig(base_url=url, max_request_bytes=2**26, timeout=LIMIT)
        async with RonClient(config=config, transport=transport) as client:
            server.willing.clear()
            task = asyncio.create_task(client.post("/x", content=bytes(2**25)))
            await until(lambda: server.open == 1)
            await asyncio.wait([task], timeout=0.1)
            server.willing.set()
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()
            assert_nothing_is_left(client)
            assert await client.get("/ok") == {"ok": True}


async def test_a_task_group_and_wait_for_cancel_as_they_do_anything_else() -> None:
    async with raw_server(Server()) as url, RonClient(url, timeout=LIMIT) as client:
        calls: list[asyncio.Task[Any]] = []

        async def work() -> None:
            async with asyncio.TaskGroup() as group:
                calls.extend(group.create_task(client.get("/silent")) for _ in range(3))
                await turns(20)
                group.create_task(client.get("/missing"))

        with pytest.raises(ExceptionGroup) as caught:
            await work()
        (error,) = caught.value.exceptions
        assert isinstance(error, RonProblem)
        assert all(call.cancelled() for call in calls)
        with pytest.raises(TimeoutError) as late:
            await asyncio.wait_for(client.get("/body"), 0.1)
        assert not isinstance(late.value, RonError)
        # Before Python 3.13 the group leaves its own cancellation in the count of this task.
        with pytest.raises(RonTimeoutError):
            await client.get("/silent", timeout=0.1)
        assert_nothing_is_left(client)


async def test_who_cleans_up_after_a_cancellation_may_call() -> None:
    outcomes: list[object] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            outcomes.append(await client.get("/ok"))
            with pytest.raises(RonTimeoutError):
                await client.get("/silent", timeout=0.1)
            outcomes.append("on time")

    async with raw_server(Server()) as url, RonClient(url, timeout=LIMIT) as client:
        task = asyncio.create_task(work())
        await turns(2)
        task.cancel()
        await asyncio.wait([task])
        assert outcomes == [{"ok": True}, "on time"]
        assert task.cancelled()
        assert_nothing_is_left(client)


def test_a_late_call_leaves_no_cancellation_behind_that_hits_what_comes_next() -> None:
    """Its middleware makes a call which crosses, without a suspension, when the time of the outer
    one is over."""

    class Nesting(Middleware):
        async def before_attempt(self, attempt: Attempt) -> None:
            for _ in range(2):
                with pytest.raises(RonRequestError):
                    await client.get("/../x")
                clock.now += 2 * LIMIT * 1_000_000_000

    async def work() -> None:
        with pytest.raises(RonTimeoutError):
            await client.get("/x", timeout=LIMIT)
        await turns(3)
        task: Any = asyncio.current_task()
        assert task.cancelling() == 0
        await client.close()

    with hurried() as clock:
        client = RonClient("http://127.0.0.1:1", transport=Scripted({"/x": [Answer()]}))
        client.add_middleware(Nesting())
        run_hurried(work())


@pytest.mark.parametrize("fails", [True, False])
async def test_a_cancellation_that_the_transport_loses_is_none_the_less_one(fails: bool) -> None:
    class Losing(Scripted):
        async def send(self, request: TransportRequest) -> ScriptedResponse:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if fails:
                    raise TransportFailure("connection-refused") from None
            return await super().send(request)

    script = Losing({"/x": [Answer()]})
    async with RonClient("http://127.0.0.1:1", transport=script) as client:
        task = asyncio.create_task(client.get("/x"))
        await turns(10)
        task.cancel()
        await asyncio.wait([task], timeout=LIMIT)
        assert task.cancelled()
        assert_nothing_is_left(client)
        assert not script.open


HOOKS = ("before_request", "before_attempt", "after_attempt", "after_response", "after_error")


@pytest.mark.parametrize("ending", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("hook", [*HOOKS, "metrics", "log"])
@pytest.mark.parametrize("kind", ["async", "sync"])
def test_whatever_a_hook_raises_leaves_nothing_behind(
    node: str,
    kind: str,
    hook: str,
    ending: type[BaseException],
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = "/problem" if hook == "after_error" else "/hello"

    def end(*_: object) -> None:
        raise ending

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise ending

    middleware = type("Ending", (Middleware,), {hook: staticmethod(end)})()
    handler = Handler()
    logger = logging.getLogger("ron_app_sdk_py.calls")
    with asyncio.Runner() as runner:
        client: Any = RonClientSync(node) if kind == "sync" else RonClient(node)

        def run(work: Any) -> Any:
            return work if kind == "sync" else runner.run(work)

        before, none = client._middleware, client._middleware
        if hook in HOOKS:
            client.add_middleware(middleware)
        elif hook == "metrics":
            client.add_metrics_hook(end)
        else:
            caplog.set_level(logging.DEBUG, logger.name)
            logger.addHandler(handler)
        try:
            with pytest.raises(ending):
                run(client.get(path))
        finally:
            logger.removeHandler(handler)
        client._middleware, client._calls._hooks = before, ()
        assert none is before
        assert run(client.get("/hello"))["ok"]
        assert_nothing_is_left(client)
        run(client.close())


async def test_a_warning_that_is_an_error_leaves_nothing_behind() -> None:
    with refusing_port() as port:
        async with RonClient(f"http://127.0.0.1:{port}", retries=0) as client:
            for _ in range(MANY):
                try:
                    await client.get("/x")
                except RonConnectError:
                    continue
                except RonBusyLoopWarning:
                    break
            assert_nothing_is_left(client)
            assert client.metrics.in_flight == 0


@contextlib.asynccontextmanager
async def server_and_config(
    server: Server, folder: Path, scheme: str
) -> AsyncIterator[ClientConfig]:
    """Runs the server; how to reach it, by a name that has two addresses."""
    authority = Authority(folder)
    tls = authority.server() if scheme == "https" else None
    async with raw_server(server, tls=tls) as url:
        yield ClientConfig(
            base_url=url.replace("127.0.0.1", "localhost"),
            timeout=LIMIT,
            tls_ca=None if tls is None else authority.file,
            max_concurrency=PLACES,
        )


PLACES = 20
AT_ONCE = 2 * PLACES
PATHS = (
    "/ok",
    "/missing",
    "/cut",
    "/down",
    "/silent",
    "/body",
    "/missing body",
    "/down for long",
    "/before",
    "/after",
    "/x",
)


@dataclass(frozen=True)
class Held:
    """What this process and a client hold."""

    resident_kib: int
    memory_pages: int
    descriptors: int
    objects: int
    timers: int

    @classmethod
    async def now(cls, client: RonClient) -> Held:
        await asyncio.sleep(0.1)
        gc.collect()
        # What glibc keeps of memory that was freed depends on how it lies. Others have no trim.
        with contextlib.suppress(AttributeError):
            ctypes.CDLL(None).malloc_trim(0)
        resident = int(Path("/proc/self/statm").read_text().split()[1])
        return cls(
            resident_kib=resident * os.sysconf("SC_PAGE_SIZE") // 1024,
            memory_pages=client._calls.stats()["memory-pages"],
            descriptors=descriptors(),
            objects=len(gc.get_objects()),
            timers=sum(isinstance(held, asyncio.TimerHandle) for held in gc.get_objects()),
        )


def descriptors() -> int:
    """How many are open."""
    return len(os.listdir("/proc/self/fd"))


async def cancel_many(client: RonClient, count: int, chance: random.Random) -> Counter[str]:
    """Cancels so many calls, each somewhere; how many of each path it were."""
    cancelled: Counter[str] = Counter()
    while cancelled.total() < count:
        tasks = {}
        for path in chance.choices(PATHS, k=AT_ONCE):
            content = bytes(300_000) if path == "/x" else b"{}"
            call = client.request("POST", path, content=content, idem=True)
            tasks[asyncio.create_task(call)] = path
        for task in chance.sample([*tasks], AT_ONCE):
            await turns(chance.randrange(6))
            if chance.random() < 0.1:
                await asyncio.sleep(0.002)
            task.cancel()
        await asyncio.wait(tasks, timeout=LIMIT)
        for task, path in tasks.items():
            # Others were over, perhaps cut short.
            assert task.cancelled() or isinstance(
                task.exception(), RonProblem | RonNetworkError | None
            )
            cancelled[path] += task.cancelled()
        assert_nothing_is_left(client)
        assert len(asyncio.all_tasks()) <= 1 + 2 * AT_ONCE
        # What the retries have cost.
        while client.metrics.budget < 500:
            assert await client.get("/ok") == {"ok": True}
    return cancelled


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_nothing_grows_however_many_calls_are_cancelled(
    tmp_path: Path, transport: str, scheme: str
) -> None:
    server = Server()
    chance = random.Random(4)
    async with server_and_config(server, tmp_path, scheme) as config:
        async with RonClient(config=config, transport=transport) as client:
            # What the first call of a process opens for good.
            await client.get("/ok")
        await until(lambda: server.open == 0)
        opened = descriptors()
        async with RonClient(config=config, transport=transport) as client:
            client.add_middleware(Holding())
            await cancel_many(client, max(200, CANCELLED_CALLS // 10), chance)
            before = await Held.now(client)
            cancelled = await cancel_many(client, CANCELLED_CALLS, chance)
            after = await Held.now(client)
            print(f"\n{transport}, {scheme}: {cancelled.total()} calls cancelled: {cancelled}")
            print(f"before: {before}\nafter:  {after}")
            assert cancelled.keys() == set(PATHS)
            assert after.memory_pages <= before.memory_pages + 1
            assert after.timers <= before.timers + 3 * AT_ONCE
            # Of each idle connection both ends are here.
            assert after.descriptors <= opened + 2 * PLACES
            assert after.objects <= before.objects + 20 * PLACES
            assert after.resident_kib <= before.resident_kib + 8 * 1024
        await until(lambda: server.open == 0 and descriptors() <= opened)
