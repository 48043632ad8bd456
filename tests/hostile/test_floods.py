"""A component that answers without end takes neither the host's memory nor its time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

import guests
from guests import NOTHING, OPENED
from ron_app_sdk_py import ClientConfig, RonSandboxError, RonTimeoutError
from ron_app_sdk_py.calls.calls import Calls
from ron_app_sdk_py.calls.limits import Limits
from ron_app_sdk_py.calls.progress import Progress
from ron_app_sdk_py.calls.sessions import Session
from ron_app_sdk_py.defaults import MAX_WAITING_BYTES, TICKS_PER_SECOND
from ron_app_sdk_py.engine.guest import Guest
from ron_app_sdk_py.engine.messages import Output, size
from ron_app_sdk_py.redact import Redactor
from ron_app_sdk_py.request import Request
from ron_app_sdk_py.transport.aiohttp_ import AiohttpTransport
from ron_app_sdk_py.transport.protocol import TransportSettings
from servers import answering, raw_server, read_request, reply

LIMIT = 60
PAST = 1
TOKEN = "a-token-that-nobody-may-see"
OUTPUT = 1_000
"""Items in an answer."""


class Counting(Guest):
    """Counts the ticks that it is given."""

    ticks = 0

    def tick(self) -> Output:
        self.ticks += 1
        return super().tick()


@asynccontextmanager
async def calls_on(begin: str, feed: str) -> AsyncIterator[tuple[Calls, Session, Counting]]:
    """Calls on a component that answers with these texts."""
    calls = Calls(lambda: AiohttpTransport(TransportSettings()))
    text = guests.text({"open": OPENED, "cancel": NOTHING}, answers={"begin": begin, "feed": feed})
    guest = Counting(runtime=guests.compiled(text))
    calls._sessions._make_guest = lambda: guest
    try:
        yield calls, calls.open([]), guest
    finally:
        await calls.close_loop()


def sending(url: str) -> str:
    return guests.message((1, "send", 1, "GET", f"{url}/app/x", "", "", "", 0, ""))


async def test_ticks_that_are_always_wanted_at_once_are_given_a_thousand_a_second() -> None:
    always = guests.message(wake_at=PAST)
    async with calls_on(always, always) as (calls, session, guest):
        stream = await calls.stream(
            session, Limits.of(ClientConfig()), Request("GET", "/x"), Progress()
        )
        began = time.monotonic()
        async with asyncio.timeout(LIMIT):
            while guest.ticks < 2 * TICKS_PER_SECOND:
                await asyncio.sleep(0.05)
        took = time.monotonic() - began
        assert guest.ticks <= TICKS_PER_SECOND * (1 + took) + 1
        stream.end()


async def test_a_stream_whose_consumer_is_busy_is_not_handed_events_without_end() -> None:
    told = (1, "events", "", 0, 0, OUTPUT, *("message", "x" * 1_000, "", "") * OUTPUT)
    flood = guests.message(told, wake_at=PAST)
    async with calls_on(guests.message(wake_at=PAST), flood) as (calls, session, _):
        progress = Progress()
        stream = await calls.stream(
            session, Limits.of(ClientConfig()), Request("GET", "/x"), progress
        )
        most = 0
        async with asyncio.timeout(LIMIT):
            while not stream.ended:
                most = max(most, sum(map(size, stream.inbox)))
                await asyncio.sleep(0)
        assert 0 < most < MAX_WAITING_BYTES + 2 * len(flood)
        progress.ready.clear()
        with pytest.raises(RonSandboxError, match="more to a call than it takes"):
            await stream.more()


@pytest.mark.parametrize("kind", ["call", "stream"])
async def test_an_answer_that_is_read_byte_by_byte_leaves_the_loop_to_others(kind: str) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 404 Not Found\r\n\r\n" + b"x" * 60_000)
        await reader.read()

    reads = guests.message(*((1, "read", 1, 1),) * OUTPUT)
    async with raw_server(handler) as url, calls_on(sending(url), reads) as (calls, session, _):
        limits = Limits.of(ClientConfig(base_url=url, timeout=0.2))
        request = Request("GET", "/x")
        if kind == "call":
            began = time.monotonic()
            with pytest.raises(RonTimeoutError, match="component"):
                await calls.perform(session, limits, request)
            assert time.monotonic() - began < 10
            return
        stream = await calls.stream(session, limits, request, Progress())
        taking = asyncio.create_task(stream.more())
        began = time.monotonic()
        while not stream.bytes_received:
            await asyncio.sleep(0)
        received = stream.bytes_received
        for _ in range(10):
            await asyncio.sleep(0)
        assert stream.bytes_received - received < 100
        assert time.monotonic() - began < 10
        taking.cancel()
        await asyncio.gather(taking, return_exceptions=True)


async def test_no_request_id_is_the_credential() -> None:
    done = guests.message((1, "done", 1, 1, TOKEN))
    server = answering([], reply("200 OK", b"{}"))
    async with raw_server(server) as url, calls_on(sending(url), done) as (calls, session, _):
        limits = Limits.of(ClientConfig(base_url=url), Redactor(TOKEN))
        response = await calls.perform(session, limits, Request("GET", "/x"))
        assert response.request_id == "[redacted]"
    connected = guests.message((1, "connected", TOKEN, "false"), (1, "done", "", 1, ""))
    async with calls_on(connected, connected) as (calls, session, _):
        progress = Progress()
        limits = Limits.of(ClientConfig(), Redactor(TOKEN))
        await (await calls.stream(session, limits, Request("GET", "/x"), progress)).more()
        assert progress.request_id == "[redacted]"


async def test_a_credential_that_nobody_asked_for_is_not_sent() -> None:
    fields = ("X-Ron-Passport", "p", "Authorization", f"Bearer {TOKEN}")
    for name, value in (fields[:2], fields[2:]):
        send = (1, "send", 1, "GET", "http://127.0.0.1:8080/metrics", "", "", "", 1, name, value)
        text = guests.message((*send, ""))
        async with calls_on(text, text) as (calls, session, _):
            request = Request("GET", "/metrics")
            request.node = "omit"
            with pytest.raises(RonSandboxError, match="credential where none was asked for"):
                await calls.perform(session, Limits.of(ClientConfig()), request)
