"""What a subscription makes of streams that break, overflow, or never were streams."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import os
import resource
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from ron_app_sdk_py import (
    RonClient,
    RonClientSync,
    RonConnectError,
    RonNetworkError,
    RonStreamError,
    RonTimeoutError,
    RonTooLargeError,
    Subscription,
)
from servers import TOKEN, raw_server, unused_port
from stream_servers import (
    END,
    EVENT_STREAM,
    LIMIT,
    Exchange,
    Served,
    Step,
    answer,
    chunk,
    chunked_head,
    event,
    head,
    no_more,
    serving,
    serving_on_a_thread,
    stream,
)

MANY = int(os.environ.get("RON_STREAM_EVENTS", "20000"))
"""Events of a stream of many: a million in ``make chaos``."""
QUICK: dict[str, Any] = {"reconnect_delay": 0.1}


@asynccontextmanager
async def client_of(url: str, transport: str = "aiohttp") -> AsyncIterator[RonClient]:
    async with RonClient(url, token=TOKEN, transport=transport) as client:
        yield client
        stats = client._calls.stats()
        assert (stats["calls"], stats["exchanges"]) == (0, 0)


async def data_of(subscription: Subscription) -> list[str]:
    """The data of all events until the stream ends for good."""
    return [event.data async for event in subscription]


async def ends_in(subscription: Subscription, error: type[Exception]) -> Any:
    """The error in which a subscription ends."""
    with pytest.raises(error) as caught:
        await data_of(subscription)
    return caught.value


async def endlessly(exchange: Exchange, piece: bytes) -> None:
    """Sends a piece for ever."""
    await exchange.send(chunked_head())
    whole = chunk(piece * (16_384 // len(piece)))
    while True:
        await exchange.send(whole)


# What is too large


@pytest.mark.parametrize(
    ("piece", "code"),
    [
        (b"x", "line_too_large"),
        (b"data: x\n", "event_too_large"),
        (b"data\n", "event_too_large"),
        (b"id: %s\n" % (b"7" * 8000), None),
        (b"event: " + b"x", "line_too_large"),
        (b": " + b"c" * 500 + b"\n", None),
        (b"unknown: field\n", None),
    ],
)
async def test_what_never_becomes_an_event_ends_in_an_error_or_holds_no_memory(
    transport: str, piece: bytes, code: str | None
) -> None:
    """A line or an event without end is too large; what is replaced or ignored costs nothing."""

    async def server(exchange: Exchange) -> None:
        await endlessly(exchange, piece)

    async with serving(server) as served, client_of(served.url, transport) as client:
        subscription = client.subscribe(
            "/x", max_line_bytes=100_000, max_event_bytes=100_000, max_duration=0.5
        )
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        if code is None:
            assert await data_of(subscription) == []
        else:
            error = await ends_in(subscription, RonTooLargeError)
            assert error.code == code
            # The limit is for type, data and id, so empty lines of data count least.
            assert subscription.counters.bytes_received < 100_000 * len(b"data\n") + 4 * 65_536
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 64 * 1024, f"{grown} KiB"
    assert len(served.seen) == 1


@pytest.mark.parametrize("over", [0, 1])
async def test_a_line_may_be_as_long_as_the_limit_and_no_longer(over: int) -> None:
    line = "data:" + "x" * (1000 - 5 + over)
    server = stream(line + "\n\n", "data: next\n\n")
    async with serving(server) as served, client_of(served.url) as client:
        subscription = client.subscribe("/x", max_line_bytes=1000, **QUICK)
        if over:
            error = await ends_in(subscription, RonTooLargeError)
            assert error.code == "line_too_large"
            assert "max_line_bytes" in str(error)
        else:
            assert await data_of(subscription) == [line[5:], "next"]


async def test_one_stream_that_is_too_large_leaves_the_others_alone() -> None:
    async def large(exchange: Exchange) -> None:
        await endlessly(exchange, b"x")

    async with serving(large, stream(event("fine"))) as served, client_of(served.url) as client:
        await ends_in(client.subscribe("/x", max_line_bytes=1000), RonTooLargeError)
        assert await data_of(client.subscribe("/x", **QUICK)) == ["fine"]


# What is much


async def test_many_tiny_events_come_whole_and_in_order_in_bounded_memory(transport: str) -> None:
    async def server(exchange: Exchange) -> None:
        await exchange.send(chunked_head())
        for first in range(0, MANY, 1000):
            numbers = range(first, min(first + 1000, MANY))
            await exchange.send(chunk("".join(f"data:{number}\n\n" for number in numbers)))
        await exchange.send(END)

    async with (
        serving(server, limit=LIMIT + MANY / 5000) as served,
        client_of(served.url, transport) as client,
    ):
        subscription = client.subscribe("/x", **QUICK)
        numbers = itertools.count()
        memory = [0]
        async for received in subscription:
            number = next(numbers)
            assert received.data == str(number)
            if number == 1000 or number == MANY - 1:
                memory.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
        assert next(numbers) == MANY
        assert subscription.counters.events == MANY
    assert memory[-1] - memory[1] < 64 * 1024, memory


async def test_events_in_single_bytes_come_whole() -> None:
    text = "\ufeffid: ä\ndata: a\r\ndata: b\r\revent: t\ndata: €\n\n".encode()
    parts = [bytes([byte]) for byte in text]
    async with serving(stream(*parts)) as served, client_of(served.url) as client:
        subscription = client.subscribe("/x", **QUICK)
        received = [(event.type, event.data, event.id) async for event in subscription]
    assert received == [("message", "a\nb", "ä"), ("t", "€", "ä")]
    assert served.ids == [None, "ä"]


async def test_of_a_fast_server_a_slow_consumer_takes_only_what_it_wants(transport: str) -> None:
    """Back-pressure: what is in buffers is all that the server gets rid of."""
    sent = 0

    async def server(exchange: Exchange) -> None:
        nonlocal sent
        await exchange.send(chunked_head())
        piece = chunk(event("x" * 1000) * 16)
        while True:
            await exchange.send(piece)
            sent += len(piece)

    async with (
        serving(server) as served,
        client_of(served.url, transport) as client,
        client.subscribe("/x") as subscription,
    ):
        received = aiter(subscription)
        for _ in range(3):
            await anext(received)
        # Until the buffers of sockets are full.
        taken = -1
        while taken != sent:
            taken = sent
            await asyncio.sleep(0.3)
        assert subscription.counters.bytes_received < 1024 * 1024
        assert sent < 32 * 1024 * 1024
        for _ in range(20_000):
            await anext(received)
        assert sent > taken


async def test_a_slow_consumer_may_have_the_oldest_dropped_and_hears_how_many() -> None:
    async def server(exchange: Exchange) -> None:
        await exchange.send(chunked_head())
        await exchange.send(*(chunk(event(str(number))) for number in range(5000)), END)

    async with serving(server) as served, client_of(served.url) as client:
        subscription = client.subscribe("/x", overflow="drop_oldest", max_queue=10, **QUICK)
        received = []
        async for item in subscription:
            received.append(int(item.data))
            if len(received) == 1:
                while subscription.state != "closed" and len(served.seen) < 2:
                    await asyncio.sleep(0.01)
                await asyncio.sleep(0.1)
    assert received == sorted(set(received))
    assert received[-1] == 4999
    assert len(received) + subscription.counters.dropped == 5000
    assert subscription.counters.dropped > 0


# What breaks


def truncated_chunk(data: str) -> Step:
    """A chunk that is announced longer than it is."""

    async def step(exchange: Exchange) -> None:
        await exchange.send(chunked_head(), b"%x\r\n" % (len(data) + 100), data)

    return step


BREAKS: dict[str, Step] = {
    "an end": stream(event("1", "a"), "id: b\ndata: half"),
    "a close": stream(event("1", "a"), "id: b\ndata: half", ends="close"),
    "a reset": stream(event("1", "a"), "id: b\ndata: half", ends="reset"),
    "a cut chunk": truncated_chunk(event("1", "a") + "id: b\ndata: half\n"),
    "a bad chunk": answer(chunked_head() + chunk(event("1", "a") + "id: b\n"), 0.05, b"zz\r\n"),
    "a close without a length": answer(
        head(EVENT_STREAM) + (event("1", "a") + "id: b\ndata: half\n").encode()
    ),
}


@pytest.mark.parametrize("case", BREAKS)
async def test_half_an_event_is_not_delivered_and_its_id_not_sent(
    transport: str, case: str
) -> None:
    async with (
        serving(BREAKS[case], stream(event("2", "b"))) as served,
        client_of(served.url, transport) as client,
    ):
        subscription = client.subscribe("/x", **QUICK)
        assert await data_of(subscription) == ["1", "2"]
        assert subscription.last_event_id == "b"
        counters = subscription.counters
    assert served.ids == [None, "a", "b"]
    assert (counters.events, counters.connections) == (2, 2)


@pytest.mark.parametrize("case", BREAKS)
def test_the_same_holds_for_a_blocking_client(case: str) -> None:
    with (
        serving_on_a_thread(BREAKS[case], stream(event("2", "b"))) as served,
        RonClientSync(served.url) as client,
    ):
        assert [item.data for item in client.subscribe("/x", **QUICK)] == ["1", "2"]
    assert served.ids == [None, "a", "b"]


@pytest.mark.parametrize("ends", ["end", "close"])
async def test_what_came_before_a_loss_is_delivered_however_slow_the_consumer(
    transport: str, ends: str
) -> None:
    """Where there are no ids, nobody would send it again."""
    events = [event(str(number)) for number in range(100)]
    async with (
        serving(stream(events[0], 0.05, *events[1:], ends=ends)) as served,
        client_of(served.url, transport) as client,
    ):
        received: list[int] = []
        async for item in client.subscribe("/x", **QUICK):
            if not received:
                await asyncio.sleep(0.3)
            received.append(int(item.data))
    assert received == list(range(100))


GARBAGE = {
    "not HTTP": b"SSH-2.0-OpenSSH_9.9\r\n",
    "nothing": b"",
    "a bad status line": b"HTTP/1.1 twohundred\r\n\r\n",
    "half a head": b"HTTP/1.1 200 OK\r\ncontent-type: text/ev",
    "two lengths": b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nx",
    "an endless head": b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 40_000,
}


@pytest.mark.parametrize("case", GARBAGE)
async def test_after_an_answer_that_is_no_http_it_connects_again(transport: str, case: str) -> None:
    errors: list[Exception] = []
    async with (
        serving(answer(GARBAGE[case]), stream(event("1"))) as served,
        client_of(served.url, transport) as client,
    ):
        subscription = client.subscribe("/x", on_error=errors.append, **QUICK)
        if case == "an endless head":
            await ends_in(subscription, RonTooLargeError)
            return
        assert await data_of(subscription) == ["1"]
    # The first for the garbage, the second for the end of the stream.
    assert isinstance(errors[0], RonNetworkError)
    assert isinstance(errors[1], RonStreamError)
    assert len(errors) == 2


async def test_an_answer_may_have_chunk_extensions_and_trailers(transport: str) -> None:
    """RFC 9112, section 7.1."""
    data = event("1").encode()
    body = b'%x;name=value;q="a;b"\r\n%s\r\n0\r\nx-checksum: 7\r\n\r\n' % (len(data), data)
    async with (
        serving(answer(chunked_head() + body)) as served,
        client_of(served.url, transport) as client,
    ):
        assert await data_of(client.subscribe("/x", **QUICK)) == ["1"]


async def test_what_follows_a_204_is_not_a_stream(transport: str) -> None:
    """RFC 9112, section 6.3: such an answer has no body. A transport may also take it for what is
    not HTTP."""
    rest = b"HTTP/1.1 204 No Content\r\n\r\n" + event("stray").encode()
    async with serving(answer(rest)) as served, client_of(served.url, transport) as client:
        assert await data_of(client.subscribe("/x", **QUICK)) == []
    assert len(served.seen) <= 2


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "gzip, br", "x-unheard-of"])
async def test_an_encoded_stream_ends_in_an_error_that_names_the_coding(
    transport: str, coding: str
) -> None:
    """It was not asked for, and what is not decoded must not pass for a stream."""
    packed = gzip.compress(event("1").encode())
    data = chunked_head(f"content-encoding: {coding}") + chunk(packed) + END
    async with serving(answer(data)) as served, client_of(served.url, transport) as client:
        error = await ends_in(client.subscribe("/x", **QUICK), RonStreamError)
    assert error.code == "wrong_content_coding"
    assert coding in str(error)
    assert [exchange.fields["accept-encoding"] for exchange in served.seen] == ["identity"]


# Connections that don't come about, and silence


async def test_a_port_that_opens_later_is_found() -> None:
    port = unused_port()
    errors: list[Exception] = []
    async with client_of(f"http://127.0.0.1:{port}") as client, asyncio.timeout(30):
        subscription = client.subscribe("/x", on_error=errors.append, **QUICK)
        receiving = asyncio.create_task(data_of(subscription))
        while len(errors) < 3:
            await asyncio.sleep(0.01)
        served = Served()

        async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            served.connections += 1
            writer.write(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")
            writer.close()
            await writer.wait_closed()

        server = await asyncio.start_server(handler, "127.0.0.1", port)
        assert await receiving == []
        server.close()
    assert all(isinstance(error, RonConnectError) for error in errors)
    assert served.connections == 1


async def test_a_silent_stream_is_lost_and_resumed_and_a_byte_keeps_one_alive(
    transport: str,
) -> None:
    alive = [piece for _ in range(15) for piece in (0.1, ":")]
    errors: list[Any] = []
    async with (
        serving(
            stream(*alive, "\n\n", event("1", "a"), ends="silence"), stream(event("2"))
        ) as served,
        client_of(served.url, transport) as client,
    ):
        subscription = client.subscribe("/x", idle_timeout=1.0, on_error=errors.append, **QUICK)
        assert await data_of(subscription) == ["1", "2"]
        assert served.seen[0].gone.is_set()
    assert served.ids == [None, "a", "a"]
    assert isinstance(errors[0], RonTimeoutError)
    assert errors[0].phase == "read"


async def test_a_slow_consumer_is_not_taken_for_a_silent_server(transport: str) -> None:
    parts = [part for number in range(60) for part in (event(str(number)), 0.02)]
    async with (
        serving(stream(*parts)) as served,
        client_of(served.url, transport) as client,
    ):
        subscription = client.subscribe("/x", idle_timeout=0.5, **QUICK)
        received = []
        async for item in subscription:
            received.append(int(item.data))
            if len(received) == 2:
                await asyncio.sleep(1.5)
    assert received == list(range(60))
    assert subscription.counters.connections == 1


async def test_leaving_the_loop_closes_the_socket_at_once(transport: str) -> None:
    async with (
        serving(stream(event("1"), ends="silence")) as served,
        client_of(served.url, transport) as client,
    ):
        async with client.subscribe("/x") as subscription:
            async for _ in subscription:
                break
        await served.seen[0].gone.wait()
        assert subscription.state == "closed"


async def test_cancelling_closes_the_socket_at_once(transport: str) -> None:
    async with (
        serving(stream(event("1"), ends="silence")) as served,
        client_of(served.url, transport) as client,
    ):
        received: list[str] = []
        subscription = client.subscribe("/x", lambda item: received.append(item.data))
        task = asyncio.ensure_future(subscription)
        while not received:
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        await served.seen[0].gone.wait()


async def test_a_server_that_closes_at_once_for_ever_is_not_stormed(transport: str) -> None:
    """Full jitter doubles: the k-th wait is half of 0.1 · 2ᵏ s on average, so six connections in
    a second are many, and a client that spins makes thousands."""
    connections = 0

    async def handler(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1

    async with raw_server(handler) as url, client_of(url, transport) as client:
        assert await data_of(client.subscribe("/x", max_duration=1.0, **QUICK)) == []
    assert 2 <= connections < 40


async def test_a_server_that_closes_after_each_event_is_not_stormed() -> None:
    endless: list[Step] = [stream(event("x"))] * 1000
    async with serving(*endless) as served, client_of(served.url) as client:
        received = await data_of(client.subscribe("/x", max_duration=1.0, **QUICK))
    assert len(received) <= len(served.seen) < 40


async def test_no_more_steps_end_a_test_server() -> None:
    """The other tests count on that."""
    async with serving(no_more) as served, client_of(served.url) as client:
        assert await data_of(client.subscribe("/x")) == []
        assert await data_of(client.subscribe("/x")) == []
    assert len(served.seen) == 2
