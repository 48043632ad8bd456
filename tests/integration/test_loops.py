"""Event loops, threads and processes: what is theirs ends with them, and what must not be shared
is not."""

from __future__ import annotations

import asyncio
import concurrent.futures
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable

import pytest
import uvloop

from processes import run_python
from ron_app_sdk_py import ClientConfig, RonClient, RonClientSync, RonTimeoutError
from ron_app_sdk_py.engine import runtime
from servers import TOKEN, on_a_thread, raw_server, read_request, reply

OK = reply("200 OK", b"1", "content-type: application/json")
IDLE_SECONDS = 0.02


class Impatient:
    """A server, on a thread of its own, that closes connections idle for 20 ms without a word."""

    def __init__(self) -> None:
        self.connections = 0
        self.requests = 0

    async def handler(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while True:
            try:
                await asyncio.wait_for(read_request(reader), IDLE_SECONDS)
            except TimeoutError:
                return
            self.requests += 1
            writer.write(OK)


class Mute:
    """A server that takes a request and never answers."""

    def __init__(self) -> None:
        self.asked = threading.Event()

    async def handler(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        self.asked.set()
        await reader.read()


def test_no_post_fails_when_the_server_closed_the_connection_meanwhile() -> None:
    server = Impatient()
    with on_a_thread(server.handler) as url, RonClientSync(url) as client:
        for _ in range(100):
            assert client.post("/x", json={}) == 1
            time.sleep(2 * IDLE_SECONDS)
    assert server.requests == 100
    assert server.connections > 50


def test_no_post_fails_when_the_loop_was_blocked_while_the_server_closed() -> None:
    server = Impatient()

    async def main() -> None:
        async with RonClient(url) as client:
            for _ in range(50):
                assert await client.post("/x", json={}) == 1
                time.sleep(2 * IDLE_SECONDS)

    with on_a_thread(server.handler) as url:
        asyncio.run(main())
    assert server.requests == 50
    assert server.connections > 25


@pytest.mark.parametrize("closing", ["", "asyncio.run(client.close())"])
def test_a_client_used_over_two_runs_leaves_nothing_open(node: str, closing: str) -> None:
    done = run_python(
        f"""
        import asyncio, gc, sys
        from ron_app_sdk_py import RonClient

        client = RonClient(sys.argv[1])

        async def work():
            return await client.get("/hello")

        for _ in range(2):
            assert asyncio.run(work())["ok"]
            gc.collect()
        {closing}
        """,
        node,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_client_that_nobody_closed_leaves_nothing_open(node: str) -> None:
    done = run_python(
        """
        import asyncio, gc, sys
        from ron_app_sdk_py import RonClient, RonClientSync

        async def forgotten():
            client = RonClient(sys.argv[1])
            await client.get("/hello")
            del client
            gc.collect()
            await asyncio.sleep(0.05)

        asyncio.run(forgotten())
        client = RonClientSync(sys.argv[1])
        client.get("/hello")
        del client
        gc.collect()
        at_exit = RonClientSync(sys.argv[1])
        at_exit.get("/hello")
        """,
        node,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


async def test_a_forgotten_synchronous_client_may_be_collected_inside_a_loop(node: str) -> None:
    client = RonClientSync(node)
    await asyncio.to_thread(client.get, "/hello")
    del client


def test_loops_that_ended_are_forgotten(node: str) -> None:
    client = RonClient(node)

    async def work() -> None:
        assert (await client.get("/hello"))["ok"]

    for _ in range(5):
        asyncio.run(work())
    assert not client._calls._loops._states
    assert not client._calls._loops._endings


class OtherClock(asyncio.SelectorEventLoop):
    """A loop whose time begins elsewhere, as it may."""

    def time(self) -> float:
        return super().time() - 1e6


@pytest.mark.parametrize("transport", ["aiohttp", "httpx2"])
@pytest.mark.parametrize("loop", [uvloop.new_event_loop, OtherClock], ids=["uvloop", "clock"])
def test_other_event_loops_serve_as_well(
    node: str, transport: str, loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    async def work() -> None:
        async with RonClient(node, transport=transport) as client:
            assert (await client.get("/hello"))["ok"]
            assert await client.post("/echo", content=b"x" * 300_000) == b"x" * 300_000
            with pytest.raises(RonTimeoutError) as caught:
                async with asyncio.timeout(60):
                    await client.get("/delay", query={"ms": 30_000}, timeout=0.2)
            assert caught.value.phase == "overall"
            for count in range(20):
                task = asyncio.create_task(client.get("/hello"))
                for _ in range(count):
                    await asyncio.sleep(0)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            stats = client._calls.stats()
            assert (stats["calls"], stats["exchanges"]) == (0, 0)

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(work())


async def test_synchronous_calls_inside_a_loop_keep_their_connection() -> None:
    connections = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while True:
            await read_request(reader)
            writer.write(OK)

    with concurrent.futures.ThreadPoolExecutor(1) as pool:

        async def inside(url: str) -> None:
            with RonClientSync(url) as client:
                for _ in range(5):
                    assert client.get("/x") == 1

        async with raw_server(handler) as url:
            await asyncio.get_running_loop().run_in_executor(pool, lambda: asyncio.run(inside(url)))
    assert connections == 1


IN_A_CALL = """
    import asyncio, signal, sys
    from ron_app_sdk_py import ClientConfig, RonClient, RonClientSync

    # Where the tests run in the background of a shell, the signal is ignored, and so here.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    config = ClientConfig(base_url=sys.argv[1], timeout=300, read_timeout=300)

    async def slow():
        async with RonClient(config=config) as client:
            await client.get("/x")

    if sys.argv[2] == "async":
        asyncio.run(slow())
    else:
        with RonClientSync(config=config) as client:
            client.get("/x")
"""


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_ctrl_c_ends_a_call_at_once(kind: str) -> None:
    server = Mute()
    with on_a_thread(server.handler) as url:
        process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", textwrap.dedent(IN_A_CALL), url, kind],
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert server.asked.wait(60)
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=30)
        finally:
            process.kill()
            process.wait()
    assert process.returncode != 0
    assert errors.rstrip().endswith("KeyboardInterrupt")
    assert "ResourceWarning" not in errors


def ids(config: ClientConfig, count: int) -> list[str]:
    """Request ids of calls made in this process."""
    with RonClientSync(config=config) as client:
        return [client.request("GET", "/hello").request_id for _ in range(count)]


def test_spawned_processes_get_a_pickled_configuration_and_ids_of_their_own(node: str) -> None:
    config = ClientConfig(base_url=node, token=TOKEN)
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
        parts = list(pool.map(ids, [config] * 3, [5] * 3))
    own = ids(config, 5)
    assert len({*own, *(id_ for part in parts for id_ in part)}) == 20


def test_a_forked_child_shares_neither_ids_nor_connections_with_its_parent(node: str) -> None:
    with RonClientSync(node) as client:
        derived = client.with_options(timeout=20)
        client.get("/hello")

        def in_child() -> list[str]:
            return [
                *(client.request("GET", "/hello").request_id for _ in range(5)),
                *(derived.request("GET", "/hello").request_id for _ in range(5)),
            ]

        read_end, write_end = os.pipe()
        child = os.fork()
        if child == 0:
            status = 1
            try:
                os.write(write_end, ",".join(in_child()).encode())
                client.close()
                status = 0
            finally:
                os._exit(status)
        os.close(write_end)
        ours = [client.request("GET", "/hello").request_id for _ in range(10)]
        with open(read_end, "rb") as pipe:
            theirs = pipe.read().decode().split(",")
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert client.get("/hello")["ok"]
    assert len({*ours, *theirs}) == 20


def test_a_fork_while_other_threads_are_in_calls_leaves_the_child_usable(node: str) -> None:
    with RonClientSync(node) as client:
        stop = threading.Event()

        def busy() -> None:
            while not stop.is_set():
                client.get("/hello")

        threads = [threading.Thread(target=busy) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(5):
                child = os.fork()
                if child == 0:
                    signal.alarm(30)
                    status = 1
                    try:
                        status = 0 if client.get("/hello")["ok"] else 2
                    finally:
                        os._exit(status)
                assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        finally:
            stop.set()
            for thread in threads:
                thread.join()


def test_a_fork_while_another_thread_loads_the_component_leaves_the_child_usable(
    node: str,
) -> None:
    with RonClientSync(node) as client, runtime._lock:
        child = os.fork()
        if child == 0:
            try:
                signal.alarm(30)
                os._exit(0 if client.get("/hello")["ok"] else 1)
            finally:
                os._exit(2)
    assert os.waitpid(child, 0)[1] == 0


def test_a_forked_child_may_derive_before_it_calls(node: str) -> None:
    with RonClientSync(node) as client:
        client.get("/hello")
        guest = client._calls._sessions.guest
        child = os.fork()
        if child == 0:
            try:
                signal.alarm(30)
                derived = client.with_options(timeout=9)
                kept = any(guest is inherited for inherited in client._calls._inherited)
                os._exit(0 if kept and derived.get("/hello")["ok"] else 1)
            finally:
                os._exit(2)
        assert os.waitpid(child, 0)[1] == 0
        assert client.get("/hello")["ok"]


def test_an_asynchronous_client_works_in_a_forked_child(node: str) -> None:
    client = RonClient(node)

    async def work() -> str:
        return (await client.request("GET", "/hello")).request_id

    ours = asyncio.run(work())
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(write_end, asyncio.run(work()).encode())
        finally:
            os._exit(0)
    os.close(write_end)
    with open(read_end, "rb") as pipe:
        theirs = pipe.read().decode()
    os.waitpid(child, 0)
    assert len(theirs) == 32
    assert theirs != ours
    asyncio.run(client.close())
