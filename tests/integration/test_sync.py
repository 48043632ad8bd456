"""The synchronous client."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from ron_app_sdk_py import RonClientSync, RonClosedError, RonProblem, RonTimeoutError
from servers import TOKEN, raw_server, read_request, reply


def test_calls_need_no_event_loop(node: str) -> None:
    with RonClientSync(node, token=TOKEN) as client:
        assert client.get("/hello")["ok"]
        assert client.post("/echo", json=[1]) == [1]
        assert client.request("PUT", "/echo", content=b"x").content == b"x"
        with pytest.raises(RonProblem):
            client.get("/problem")
        with pytest.raises(RonTimeoutError):
            client.get("/delay", query={"ms": 5000}, timeout=0.2)


def test_threads_are_served_at_the_same_time(node: str) -> None:
    with RonClientSync(node) as client, ThreadPoolExecutor(8) as pool:
        started = time.monotonic()
        list(pool.map(lambda _: client.get("/delay", query={"ms": 400}), range(8)))
        assert time.monotonic() - started < 2.4  # 3.2 s one after another


async def test_it_works_inside_a_running_loop(node: str) -> None:
    with RonClientSync(node) as client:
        assert client.get("/hello")["ok"]
        with pytest.raises(RonProblem):
            client.get("/problem")


def test_closing_ends_a_call_of_another_thread(node: str) -> None:
    client = RonClientSync(node)
    errors: list[BaseException] = []

    def call() -> None:
        try:
            client.get("/delay", query={"ms": 30_000})
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    while not client._calls._in_flight:
        time.sleep(0.01)
    client.close()
    thread.join(10)
    assert isinstance(errors[0], RonClosedError)
    with pytest.raises(RonClosedError):
        client.get("/hello")
    client.close()


def test_a_connection_that_the_server_closed_meanwhile_is_not_used() -> None:
    """The private loop is idle between calls and would not see the server's FIN."""
    ready, stop = threading.Event(), threading.Event()
    urls: list[str] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(reply("200 OK", b"1", "content-type: application/json"))
        await writer.drain()  # and close, though nothing said so

    async def serve() -> None:
        async with raw_server(handler) as url:
            urls.append(url)
            ready.set()
            await asyncio.to_thread(stop.wait)

    server = threading.Thread(target=lambda: asyncio.run(serve()))
    server.start()
    ready.wait(5)
    try:
        with RonClientSync(urls[0]) as client:
            for _ in range(20):
                assert client.post("/x", json={}) == 1
                time.sleep(0.01)
    finally:
        stop.set()
        server.join()


def test_after_a_fork_the_child_has_ids_of_its_own(node: str) -> None:
    with RonClientSync(node) as client:
        client.get("/hello")
        read_end, write_end = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.write(write_end, client.request("GET", "/hello").request_id.encode())
            finally:
                os._exit(0)
        os.close(write_end)
        ours = client.request("GET", "/hello").request_id
        with open(read_end, "rb") as pipe:
            theirs = pipe.read().decode()
        os.waitpid(child, 0)
    assert len(theirs) == 32
    assert theirs != ours
