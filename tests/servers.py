"""Real servers on loopback, and what tests agree on."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

from ron_app_sdk_py.transport.closing import abort

ROOT = Path(__file__).parent.parent
TOKEN = "test-token-0123456789"

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def unused_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def raw_server(
    handler: Handler, *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> AsyncIterator[str]:
    """A server on the running loop that does with each connection what ``handler`` says: its
    URL."""
    tasks: set[asyncio.Task[None]] = set()
    transports: weakref.WeakSet[asyncio.WriteTransport] = weakref.WeakSet()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        transports.add(writer.transport)
        try:
            await handler(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            tasks.discard(task)

    server = await asyncio.start_server(connected, host, 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    name = f"[{host}]" if ":" in host else host
    try:
        yield f"{'https' if tls else 'http'}://{name}:{port}"
    finally:
        server.close()
        # A connection that was accepted at the last moment gets its handler, which closes it; one
        # cancelled before its first step would not.
        for _ in range(5):
            await asyncio.sleep(0)
        while tasks:
            for task in list(tasks):
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        # TLS would wait for a client to say goodbye, longer than the loop lives.
        for transport in list(transports):
            abort(transport)
        await asyncio.sleep(0)
        await asyncio.sleep(0)


@contextmanager
def on_a_thread(handler: Handler, *, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """As :func:`raw_server`, on a thread and a loop of its own."""
    ready, urls = threading.Event(), []
    stop = threading.Event()

    async def serve() -> None:
        async with raw_server(handler, tls=tls) as url:
            urls.append(url)
            ready.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(10)
    try:
        yield urls[0]
    finally:
        stop.set()
        thread.join()


Request = tuple[str, list[tuple[str, str]], bytes]
"""A first line, fields, content."""


def answering(seen: list[Request], answer: bytes) -> Handler:
    """Notes every request and gives each the same answer, on one connection after another."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            seen.append(await read_request(reader))
            writer.write(answer)

    return handler


@contextmanager
def blocking_tls_server(
    context: ssl.SSLContext, willing: threading.Event | None = None
) -> Iterator[str]:
    """A server in a thread that ends a failed handshake with an alert, as asyncio's doesn't: its
    URL. It answers one request on each connection, which it lets go once it is willing to."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                connection.settimeout(10)
                with connection, suppress(OSError):
                    try:
                        with context.wrap_socket(connection.dup(), server_side=True) as secured:
                            secured.recv(65_536)
                            secured.sendall(reply("200 OK", b"{}", "connection: close"))
                            if willing is not None:
                                willing.wait(10)
                    except ssl.SSLError:
                        # What is unread when a socket is closed makes it a reset.
                        connection.shutdown(socket.SHUT_WR)
                        while connection.recv(65_536):
                            pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"https://localhost:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
    thread.join(15)
    assert not thread.is_alive()


async def read_request(reader: asyncio.StreamReader) -> Request:
    """One request: its first line, its fields as sent, its content."""
    first, fields = await read_head(reader)
    return first, fields, await read_content(reader, fields)


async def read_head(
    reader: asyncio.StreamReader, begun: bytes = b""
) -> tuple[str, list[tuple[str, str]]]:
    """The first line and the fields of a request of which a part may have been read."""
    head = (begun + await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip("\r\n").split("\r\n")
    return first, [
        (name, value.strip()) for name, _, value in (line.partition(":") for line in lines)
    ]


async def read_content(reader: asyncio.StreamReader, fields: list[tuple[str, str]]) -> bytes:
    """The content that follows these fields."""
    length = next((int(value) for name, value in fields if name.lower() == "content-length"), 0)
    return await reader.readexactly(length)


def reply(status: str, body: bytes = b"", *fields: str) -> bytes:
    """An HTTP/1.1 answer."""
    head = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", *fields]
    return ("\r\n".join(head) + "\r\n\r\n").encode("latin-1") + body


def connections_to(port: int) -> int:
    """How many connections to a port on loopback this machine's processes hold open."""
    count = 0
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            _, _, remote, state, *rest = line.split()
            inode = rest[5]
            # One that its process has closed has no inode any more.
            count += int(remote.rpartition(":")[2], 16) == port and state != "0A" and inode != "0"
    return count


@contextmanager
def refusing_port() -> Iterator[int]:
    """A port on which connections are refused, and which nobody else gets meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]
