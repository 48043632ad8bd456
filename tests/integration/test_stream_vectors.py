"""The streams of ``tests/vectors/event_streams.json`` through the component: from a real server in
several chunkings, and any bytes in any chunking in virtual time."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import shared_vectors
from examples import examples
from ron_app_sdk_py import Event, RonClient, RonTooLargeError
from ron_app_sdk_py.testing import Answer, EventStream, Outcome, SimulatedRequest, Simulation
from shared_vectors import Case
from stream_servers import END, Exchange, Step, chunk, chunked_head, serving

pytestmark = pytest.mark.checkout

VECTORS = shared_vectors.read("event_streams.json")

CHUNKS = [1_000_000, 1, 3]
"""Their sizes in bytes."""

Seen = list[dict[str, Any]]


def cases(kind: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", VECTORS[kind], ids=shared_vectors.title)


def content(case: Case) -> bytes:
    return bytes.fromhex(case["stream_hex"]) if "stream_hex" in case else case["stream"].encode()


def expected(case: Case) -> Seen:
    """Whether an event's own block sets its id is not told."""
    return [
        {name: value for name, value in message.items() if name != "sets_id"}
        for message in case["messages"]
    ]


def chunks(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def in_chunks(data: bytes, size: int) -> Step:
    async def step(exchange: Exchange) -> None:
        await exchange.send(chunked_head("connection: close"))
        for piece in chunks(data, size):
            await exchange.send(chunk(piece))
            # The client may read it before the next one comes.
            await asyncio.sleep(0)
        await exchange.send(END)

    return step


async def subscribe(client: RonClient, seen: Seen, **options: Any) -> str:
    """Puts down the messages as the vectors write them; returns the last event id."""

    def note(event: Event) -> None:
        seen.append({"type": event.type, "data": event.data, "id": event.id, "retry": event.retry})

    subscription = client.node.subscribe(
        "/x", note, on_comment=lambda text: seen.append({"comment": text}), **options
    )
    await subscription
    return subscription.last_event_id


@cases("parsed")
async def test_the_bytes_of_a_connection_give_these_messages_in_any_chunks(case: Case) -> None:
    async with (
        serving(*(in_chunks(content(case), size) for size in CHUNKS)) as served,
        RonClient(base_url=served.url) as client,
    ):
        for _ in CHUNKS:
            seen: Seen = []
            last_event_id = await subscribe(
                client, seen, reconnect=False, last_event_id=case.get("last_event_id_before")
            )
            assert seen == expected(case)
            assert last_event_id == case["last_event_id"]


@cases("bounded")
async def test_what_comes_before_a_line_or_an_event_that_is_too_large_is_given(case: Case) -> None:
    async with (
        serving(*(in_chunks(content(case), size) for size in CHUNKS)) as served,
        RonClient(base_url=served.url) as client,
    ):
        for _ in CHUNKS:
            seen: Seen = []
            code = None
            try:
                await subscribe(
                    client,
                    seen,
                    reconnect=False,
                    max_line_bytes=case["max_line_bytes"],
                    max_event_bytes=case["max_event_bytes"],
                )
            except RonTooLargeError as error:
                code = error.code
            assert (seen, code) == (expected(case), case["code"])


@pytest.mark.parametrize("ends", ["end", "close"])
@cases("resumed")
def test_connections_one_after_the_other_give_these_messages(case: Case, ends: Any) -> None:
    sim = Simulation()
    streams = [EventStream(text, ends=ends) for text in case["connections"]]
    following = itertools.chain(streams, itertools.repeat(Answer(204)))
    sim.otherwise(lambda _: next(following))
    seen: Seen = []
    last_event_id = sim.run(lambda client: subscribe(client, seen))
    assert seen == expected(case)
    assert last_event_id == case["last_event_id"]
    # As those of the stream, so those of the requests: the last one asks with the last id.
    assert (sim.requests[-1].last_event_id or "") == last_event_id


PIECES = st.sampled_from(
    [
        *(b"data", b"event", b"id", b"retry", b":", b" ", b"\n", b"\r", b"\r\n", b"\n\n"),
        *(b"data:x\n\n", b"id:1\n", b"\xef\xbb\xbf", b"\xef\xbb", b"\xff", b"\xe2\x80\xa8"),
        *(b"\0", b"\x1a", b"\x1a=", b"12", "\u00e9\U0001f600".encode()),
    ]
) | st.binary(max_size=5)


@settings(max_examples=examples(150), deadline=None)
@given(
    data=st.lists(PIECES, max_size=40).map(b"".join),
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=6),
    pause=st.sampled_from([0.0, 59.0]),
)
def test_any_bytes_in_any_chunks_give_what_they_give_in_one(
    data: bytes, sizes: list[int], pause: float
) -> None:
    def parts(request: SimulatedRequest) -> Outcome:
        if request.path == "/x?whole=1":
            return EventStream(data)
        at = 0
        pieces: list[bytes | float] = []
        for size in itertools.cycle(sizes):
            if at >= len(data):
                return EventStream(pieces)
            pieces += (data[at : at + size], pause)
            at += size
        raise AssertionError

    sim = Simulation()
    sim.otherwise(parts)
    outcomes = []

    async def program(client: RonClient) -> None:
        for query in ({"whole": "1"}, {}):
            seen: Seen = []
            last_event_id = await subscribe(client, seen, reconnect=False, query=query)
            outcomes.append((seen, last_event_id))

    sim.run(program)
    assert outcomes[0] == outcomes[1]
    assert sim.under_way == []
