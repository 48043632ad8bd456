"""Plays the suite launchdarkly/sse-contract-tests to a test service, with bytes of the tests' own.

As in the suite, one server has all endpoints: those of streams, and those that take callbacks.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from aiohttp import ClientSession, ClientTimeout

from servers import raw_server, read_request, reply

LIMIT = 30.0
"""Seconds that anything may take; the suite gives most things 5."""

STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\n"
    b"Content-Type: text/event-stream; charset=utf-8\r\n"
    b"Cache-Control: no-cache, no-store, must-revalidate\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)


@dataclass(frozen=True)
class Seen:
    """An event as a callback tells of it."""

    data: str
    type: str = "message"
    id: str = ""


class Connection:
    """A request of the service, and its answer as far as it has gone."""

    def __init__(
        self,
        first_line: str,
        fields: list[tuple[str, str]],
        content: bytes,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.method, self.target, _ = first_line.split(" ")
        self.content = content
        self._fields = fields
        self._reader = reader
        self._writer = writer
        self._ended = asyncio.Event()
        self._lost = asyncio.Event()

    def fields(self, name: str) -> list[str]:
        """The values of the fields of this name."""
        return [value for given, value in self._fields if given.lower() == name]

    async def answer(self, answer: bytes) -> None:
        """Sends bytes as they are."""
        self._writer.write(answer)
        await self._writer.drain()

    async def hold(self) -> bool:
        """Waits until the answer has ended, or the peer has gone; whether the peer is still
        there."""
        peer, ended = asyncio.create_task(self._peer()), asyncio.create_task(self._ended.wait())
        try:
            await asyncio.wait([peer, ended], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (peer, ended):
                task.cancel()
        return not self._lost.is_set()

    async def send(self, *pieces: bytes) -> None:
        """Sends each piece as a chunk."""
        for piece in pieces:
            await self.answer(b"%x\r\n%s\r\n" % (len(piece), piece))

    async def send_in_pieces(self, data: bytes, size: int, pause: float) -> None:
        """Sends chunks of ``size`` bytes, ``pause`` seconds apart."""
        for start in range(0, len(data), size):
            await self.send(data[start : start + size])
            await asyncio.sleep(pause)

    async def end(self) -> None:
        """Ends the answer; the connection may be used again."""
        await self.answer(b"0\r\n\r\n")
        self._ended.set()

    def cut(self) -> None:
        """Closes the connection within the answer."""
        self._writer.close()
        self._ended.set()

    async def lost(self) -> None:
        """Waits until the service has closed the connection."""
        async with asyncio.timeout(LIMIT):
            await self._lost.wait()

    async def _peer(self) -> None:
        with suppress(ConnectionError):
            await self._reader.read(1)
        self._lost.set()


Answering = Callable[[Connection], Awaitable[None]]


class StreamEndpoint:
    """Answers every request with an event stream that the test writes."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._connections: asyncio.Queue[Connection] = asyncio.Queue()

    async def __call__(self, connection: Connection) -> None:
        await connection.answer(STREAM_HEAD)
        self._connections.put_nowait(connection)
        if not await connection.hold():
            raise ConnectionResetError

    async def connection(self) -> Connection:
        """The next request."""
        async with asyncio.timeout(LIMIT):
            return await self._connections.get()


class Callbacks:
    """Takes the messages of one stream.

    Attributes:
        status: what it answers.
        open: cleared, it answers when it is set again.
    """

    def __init__(self) -> None:
        self.status = "202 Accepted"
        self.open = asyncio.Event()
        self.open.set()
        self.arrived = 0
        self._messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def __call__(self, connection: Connection) -> None:
        self.arrived += 1
        number = int(connection.target.rpartition("/")[2])
        assert (connection.method, number) == ("POST", self.arrived)
        assert connection.fields("content-type") == ["application/json"]
        self._messages.put_nowait(json.loads(connection.content))
        await self.open.wait()
        await connection.answer(reply(self.status))

    async def message(self) -> dict[str, Any]:
        """The next message."""
        async with asyncio.timeout(LIMIT):
            return await self._messages.get()


class Client:
    """A stream of the service, as the suite sees it."""

    def __init__(self, session: ClientSession, location: str, callbacks: Callbacks) -> None:
        self._session = session
        self.location = location
        self.callbacks = callbacks

    async def event(self) -> Seen:
        """The next message, which must be of an event."""
        message = await self.callbacks.message()
        assert message.keys() == {"kind", "event"}, f"{message!r:.200}"
        assert message["kind"] == "event"
        return Seen(**message["event"])

    async def events(self, *expected: Seen) -> None:
        """The next messages, which must be of these events."""
        assert [await self.event() for _ in expected] == list(expected)

    async def comment(self) -> str:
        """The next message, which must be of a comment."""
        message = await self.callbacks.message()
        assert message.keys() == {"kind", "comment"}, f"{message!r:.200}"
        assert message["kind"] == "comment"
        text: str = message["comment"]
        return text

    async def error(self) -> str:
        """The next message, which must be of an error."""
        message = await self.callbacks.message()
        assert message["kind"] == "error", f"{message!r:.200}"
        text: str = message["error"]
        assert text
        return text

    async def event_after_loss(self) -> Seen:
        """The next message but one error, which a client may tell of when a connection ends."""
        message = await self.callbacks.message()
        if message["kind"] == "error":
            return await self.event()
        return Seen(**message["event"])

    async def command(self, body: str | bytes) -> int:
        """Sends a command: the status of the answer."""
        async with self._session.post(self.location, data=body) as response:
            return response.status

    async def restart(self) -> None:
        """Has the service drop the connection and make another."""
        assert await self.command('{"command": "restart"}') == 204

    async def close(self) -> int:
        """Deletes the stream: the status of the answer."""
        async with self._session.delete(self.location) as response:
            return response.status


class Harness:
    """The suite's side."""

    def __init__(self, service: str) -> None:
        self.service = service
        self._endpoints: dict[str, Answering] = {}
        self._numbers = itertools.count(1)
        self._clients: list[Client] = []
        self._url = ""

    async def __aenter__(self) -> Self:
        self.session = ClientSession(timeout=ClientTimeout(LIMIT))
        self._server = raw_server(self._serve)
        # As in the suite: a name, so that an origin is compared by name.
        self._url = (await self._server.__aenter__()).replace("127.0.0.1", "localhost")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            closed = [await client.close() for client in self._clients]
            assert all(status in (204, 404) for status in closed), closed
        finally:
            await self._server.__aexit__(kind, error, traceback)
            await self.session.close()

    def streaming(self) -> StreamEndpoint:
        """A new endpoint that streams."""
        endpoint = StreamEndpoint(self._new_url())
        self._endpoints[endpoint.url] = endpoint
        return endpoint

    def answering(self, answer: bytes) -> tuple[str, list[Connection]]:
        """A new endpoint with the same answer for every request: its URL, and the requests."""
        url, seen = self._new_url(), []

        async def endpoint(connection: Connection) -> None:
            seen.append(connection)
            await connection.answer(answer)

        self._endpoints[url] = endpoint
        return url, seen

    async def open(self, url: str, **parameters: Any) -> Client:
        """Has the service open a stream."""
        callbacks, callback_url = Callbacks(), self._new_url()
        self._endpoints[callback_url] = callbacks
        body = {
            "tag": "tests/interop",
            "callbackUrl": callback_url,
            "streamUrl": url,
            # The suite writes null for numbers that it leaves out.
            "initialDelayMs": None,
            "readTimeoutMs": None,
            **parameters,
        }
        async with self.session.post(self.service, json=body) as response:
            assert response.status == 201, await response.text()
            location = response.headers["location"]
        client = Client(self.session, location, callbacks)
        self._clients.append(client)
        return client

    async def stream(self, **parameters: Any) -> tuple[StreamEndpoint, Connection, Client]:
        """Has the service open a stream, and waits for its request."""
        endpoint = self.streaming()
        client = await self.open(endpoint.url, **parameters)
        return endpoint, await endpoint.connection(), client

    def forget(self) -> None:
        """The service has ended: there is nothing to delete."""
        self._clients.clear()

    def _new_url(self) -> str:
        return f"{self._url}/endpoints/{next(self._numbers)}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            connection = Connection(*await read_request(reader), reader, writer)
            number = urlsplit(connection.target).path.split("/")[2]
            endpoint = self._endpoints.get(f"{self._url}/endpoints/{number}")
            if endpoint is None:
                await connection.answer(reply("404 Not Found"))
            else:
                await endpoint(connection)


@asynccontextmanager
async def harness(service: str) -> AsyncIterator[Harness]:
    """The suite's side, while the block runs."""
    async with Harness(service) as playing:
        yield playing
