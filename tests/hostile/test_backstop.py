"""The host ends a call soon after its deadline, and a stream with the right to it, whatever
the component does or leaves undone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

import guests
from guests import NOTHING, OPENED
from ron_app_sdk_py import ClientConfig, RonCapabilityError, RonClient, RonTimeoutError
from ron_app_sdk_py.calls.calls import Calls
from ron_app_sdk_py.calls.limits import Limits
from ron_app_sdk_py.calls.progress import Progress
from ron_app_sdk_py.calls.sessions import Session
from ron_app_sdk_py.capabilities.rights import Rights
from ron_app_sdk_py.defaults import BACKSTOP_SECONDS
from ron_app_sdk_py.engine.guest import Guest
from ron_app_sdk_py.request import Request
from ron_app_sdk_py.transport.aiohttp_ import AiohttpTransport
from ron_app_sdk_py.transport.protocol import TransportSettings
from servers import raw_server, read_request

TIME_OUT = 0.2
LIMIT = 30
FAR = f"{2**62}\0"
PAST = "1\0"


class Silent:
    """A server that takes requests and answers none.

    Attributes:
        open: connections that were not closed by the client.
        requests: how many arrived.
    """

    def __init__(self) -> None:
        self.open = 0
        self.requests = 0

    async def handler(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        await read_request(reader)
        self.requests += 1
        await reader.read()
        self.open -= 1


def sending(wake_at: str, url: str) -> str:
    """An output that has call 1 send a request and names this time to wake up."""
    fields = ["1", "send", "1", "GET", f"{url}/app/x", "", "", "", "0", ""]
    return guests.answer(wake_at + "".join(f"{field}\0" for field in fields))


@asynccontextmanager
async def calls_on(**behaviours: str) -> AsyncIterator[tuple[Calls, Session]]:
    """Calls on a stand-in for the component."""
    calls = Calls(lambda: AiohttpTransport(TransportSettings()))
    runtime = guests.guest({"open": OPENED, "cancel": NOTHING, "feed": NOTHING} | behaviours)

    def make_guest() -> Guest:
        guest = Guest(runtime=runtime)
        # What is stuck blocks the loop until it is gone: the whole takes seconds.
        guest.instance._fuel = 10_000_000
        return guest

    calls._sessions._make_guest = make_guest
    try:
        yield calls, calls.open([])
    finally:
        await calls.close_loop()


async def ended(calls: Calls, session: Session, url: str, timeout: float) -> RonTimeoutError:
    limits = Limits.of(ClientConfig(base_url=url))
    started = time.monotonic()
    with pytest.raises(RonTimeoutError) as caught:
        async with asyncio.timeout(LIMIT):
            await calls.perform(session, limits, Request("GET", "/x", timeout=timeout))
    took = time.monotonic() - started
    assert timeout + BACKSTOP_SECONDS <= took < 10 * (timeout + BACKSTOP_SECONDS)
    assert "component" in caught.value.message
    return caught.value


@pytest.mark.parametrize(
    "behaviours",
    [
        {},
        {"begin": guests.answer(FAR)},
        {"begin": guests.answer(PAST), "feed": guests.answer(PAST)},
        {"cancel": guests.TRAP},
        {"cancel": guests.LOOP},
    ],
    ids=["forgets", "sleeps", "is restless", "traps", "loops"],
)
async def test_a_component_that_never_ends_a_call_is_not_waited_for(
    behaviours: dict[str, str],
) -> None:
    async with calls_on(**({"begin": NOTHING} | behaviours)) as (calls, session):
        error = await ended(calls, session, "http://127.0.0.1:8080", TIME_OUT)
        assert (error.phase, error.code, error.attempts) == ("overall", "overall_timeout", 0)
        assert not calls._in_flight


@pytest.mark.parametrize("wake_at", ["\0", FAR, PAST], ids=["never", "late", "always"])
async def test_the_socket_of_a_call_that_the_component_forgets_is_closed(wake_at: str) -> None:
    server = Silent()
    async with raw_server(server.handler) as url:
        behaviour = {"begin": sending(wake_at, url), "feed": guests.answer(wake_at)}
        async with calls_on(**behaviour) as (calls, session):
            error = await ended(calls, session, url, TIME_OUT)
            assert error.attempts == 1
            async with asyncio.timeout(LIMIT):
                while server.open:
                    await asyncio.sleep(0.01)
    assert server.requests == 1


async def test_other_calls_are_left_alone_and_end_at_their_own_time() -> None:
    async with calls_on(begin=NOTHING) as (calls, session):
        limits = Limits.of(ClientConfig())
        later, soon, never = (
            asyncio.create_task(
                calls.perform(session, limits, Request("GET", "/x", timeout=timeout))
            )
            for timeout in (3 * TIME_OUT, TIME_OUT, 1e300)
        )
        async with asyncio.timeout(LIMIT):
            with pytest.raises(RonTimeoutError):
                await soon
            assert not later.done()
            with pytest.raises(RonTimeoutError):
                await later
        assert len(calls._in_flight) == 1
        never.cancel()
        await asyncio.gather(never, return_exceptions=True)
        assert not calls._in_flight


async def test_the_time_of_the_session_counts_for_a_call_without_its_own() -> None:
    async with calls_on(begin=NOTHING) as (calls, session):
        limits = Limits.of(ClientConfig(timeout=TIME_OUT))
        async with asyncio.timeout(LIMIT):
            with pytest.raises(RonTimeoutError):
                await calls.perform(session, limits, Request("GET", "/x"))


class Endless:
    """A server of a stream that never ends.

    Attributes:
        open: connections that were not closed by the client.
    """

    def __init__(self) -> None:
        self.open = 0

    async def handler(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n:\n\n")
        await reader.read()
        self.open -= 1


def read_on(*events: str) -> str:
    """An output that has call 1 take these events and read on."""
    fields = [field for event in events for field in ("message", event, "", "")]
    told = (1, "events", "", 0, 0, len(events), *fields)
    return guests.output(told, (1, "read", 1, 100))


@pytest.mark.parametrize("max_queue", [None, 5], ids=["by its consumer", "by a task"])
async def test_a_stream_ends_with_the_right_to_it_whatever_the_component_does(
    max_queue: int | None,
) -> None:
    server = Endless()
    async with (
        raw_server(server.handler) as url,
        calls_on(begin=sending("\0", url), feed=read_on()) as (calls, session),
    ):
        limits = Limits.of(ClientConfig(base_url=url), rights=Rights(ending(TIME_OUT)))
        stream = await calls.stream(
            session, limits, Request("GET", "/x"), Progress(max_queue=max_queue)
        )
        with pytest.raises(RonCapabilityError) as caught:
            async with asyncio.timeout(LIMIT):
                await stream.more()
        assert caught.value.code == "expired"
        assert not calls._in_flight
        async with asyncio.timeout(LIMIT):
            while server.open:
                await asyncio.sleep(0.01)


async def test_so_does_one_that_nobody_takes_events_of() -> None:
    server = Endless()
    async with (
        raw_server(server.handler) as url,
        calls_on(begin=sending("\0", url), feed=read_on("1")) as (calls, session),
    ):
        limits = Limits.of(ClientConfig(base_url=url), rights=Rights(ending(TIME_OUT)))
        stream = await calls.stream(session, limits, Request("GET", "/x"), Progress())
        async with asyncio.timeout(LIMIT):
            await stream.more()
            assert stream.progress.ready
            while server.open or not stream.ended:
                await asyncio.sleep(0.01)
            stream.progress.ready.clear()
            with pytest.raises(RonCapabilityError):
                await stream.more()


def ending(seconds: float) -> int:
    """The wall clock so many seconds from now, in nanoseconds."""
    return time.time_ns() + int(seconds * 1e9)


async def test_the_real_component_leaves_the_backstop_nothing_to_do() -> None:
    server = Silent()
    async with raw_server(server.handler) as url, RonClient(url) as client:
        outcomes = await asyncio.gather(
            *(client.get("/x", timeout=0.05 + 0.01 * n) for n in range(20)), return_exceptions=True
        )
        assert all(isinstance(outcome, RonTimeoutError) for outcome in outcomes)
        assert not any("component" in str(outcome) for outcome in outcomes)
