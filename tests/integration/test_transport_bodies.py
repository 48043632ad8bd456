"""Bodies of 16 MiB: neither the loop nor memory notices them."""

from __future__ import annotations

import asyncio
import socket
import threading
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest

from ron_app_sdk_py import ClientConfig, RonClient

SIZE = 16 * 1024 * 1024
TURNS = SIZE // (256 * 1024)
"""One turn for other tasks for each 256 KiB: at 1 GB/s that is a turn each quarter millisecond."""


@contextmanager
def quick_peer() -> Iterator[str]:
    """A peer in a thread that takes and gives as fast as it can, so that nothing but the client
    lets other tasks run: its URL. It swallows POSTs and answers GETs with 16 MiB."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)

        def serve() -> None:
            connection, _ = listener.accept()
            buffer = bytearray(1024 * 1024)
            with connection:
                connection.settimeout(30)
                received = b""
                while b"\r\n\r\n" not in received:
                    received += connection.recv(65_536)
                first, _, body = received.partition(b"\r\n\r\n")
                if first.startswith(b"GET "):
                    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % SIZE)
                    connection.sendall(bytes(SIZE))
                    return
                left = SIZE - len(body)
                while left:
                    left -= connection.recv_into(buffer)
                connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join(60)
        assert not thread.is_alive()


@asynccontextmanager
async def heartbeat() -> AsyncIterator[list[None]]:
    """A task that asks for every turn that it can get: one item for each."""
    turns: list[None] = []

    async def beat() -> None:
        while True:
            turns.append(None)
            await asyncio.sleep(0)

    task = asyncio.create_task(beat())
    try:
        yield turns
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def config(url: str) -> ClientConfig:
    return ClientConfig(base_url=url, timeout=60.0, max_request_bytes=SIZE, max_response_bytes=SIZE)


async def test_other_tasks_run_while_16_mib_are_sent(transport: str) -> None:
    content = bytes(SIZE)
    with quick_peer() as url:
        async with (
            RonClient(config=config(url), transport=transport) as client,
            heartbeat() as turns,
        ):
            response = await client.request("POST", "/x", content=content)
    assert response.status == 200
    assert len(turns) >= TURNS


async def test_other_tasks_run_while_16_mib_are_received(transport: str) -> None:
    with quick_peer() as url:
        async with (
            RonClient(config=config(url), transport=transport) as client,
            heartbeat() as turns,
        ):
            response = await client.request("GET", "/x")
    assert len(response.content) == SIZE
    assert len(turns) >= TURNS


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_body_of_16_mib_is_never_held_twice(transport: str, method: str) -> None:
    content = bytes(SIZE) if method == "POST" else None
    # In the peer's thread memory is counted too: the body that it sends, for a GET.
    held_by_peer = SIZE if method == "GET" else 1024 * 1024
    with quick_peer() as url:
        async with RonClient(config=config(url), transport=transport) as client:
            tracemalloc.start()
            try:
                response = await client.request(method, "/x", content=content)
                _, peak = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
    assert response.status == 200
    assert peak - held_by_peer - len(response.content) < SIZE // 4
