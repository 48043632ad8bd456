"""The event streams of the development node: the registry's, and what the gateway makes of an
app's."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from rawhttp import exchange
from ron_app_sdk_py.devnode.server import running
from ron_app_sdk_py.devnode.settings import Settings
from servers import ROOT, raw_server, read_request

LIMIT = 30.0
QUICK = Settings(sse_heartbeat_ms=20)
RARE = Settings(sse_heartbeat_ms=600_000)
HEARTBEAT = b"event: heartbeat\ndata: 1\n\n"
COMMENT = b": heartbeat\n\n"
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
GROUP = "gateway-sse"
EVENT = b"data: x\n\n"


@asynccontextmanager
async def stream_of(
    url: str, fields: dict[str, str] | None = None
) -> AsyncIterator[aiohttp.ClientResponse]:
    """The registry's stream."""
    async with (
        asyncio.timeout(LIMIT),
        aiohttp.ClientSession() as session,
        session.get(f"{url}/registry/stream", headers=fields) as response,
    ):
        yield response


async def block(response: aiohttp.ClientResponse) -> bytes:
    """The next block of a stream, with the empty line behind it."""
    return await response.content.readuntil(b"\n\n")


async def commit(url: str, payload: object) -> tuple[int, bytes]:
    body = json.dumps({"payload_b3": payload}).encode()
    fields = [("Content-Type", "application/json")]
    answer = await asyncio.to_thread(exchange, url, "POST", "/registry/commit", fields, body)
    return answer.status, answer.body


async def test_a_registry_stream_begins_with_a_heartbeat_and_tells_of_commits_as_they_are() -> None:
    async with running(settings=RARE) as url, stream_of(url) as stream:
        assert stream.headers["content-type"] == "text/event-stream"
        assert stream.headers["cache-control"] == "no-cache"
        assert "content-length" not in stream.headers
        assert "server" not in stream.headers
        assert await block(stream) == HEARTBEAT
        status, first = await commit(url, "b3:" + "0" * 64)
        _, second = await commit(url, "b3:" + "1" * 64)
        assert status == 200
        assert await block(stream) == b"event: commit\ndata: %s\n\n" % first
        assert await block(stream) == b"event: commit\ndata: %s\n\n" % second
        head = (await asyncio.to_thread(exchange, url, "GET", "/registry/head")).body
    assert second == head
    told = json.loads(head)
    assert list(told) == ["version", "payload_b3", "committed_at"]
    assert (told["version"], told["payload_b3"]) == (2, "b3:" + "1" * 64)
    assert told["committed_at"].endswith("Z")


async def test_an_idle_registry_stream_has_a_heartbeat_and_a_comment_in_each_interval() -> None:
    async with running(settings=QUICK) as url, stream_of(url) as stream:
        blocks = [await block(stream) for _ in range(7)]
    assert blocks == [HEARTBEAT, *[COMMENT, HEARTBEAT] * 3]


async def test_a_registry_replays_nothing_whatever_the_last_event_id() -> None:
    async with running(settings=RARE) as url:
        await commit(url, "b3:before")
        async with stream_of(url, {"Last-Event-ID": "0"}) as stream:
            assert await block(stream) == HEARTBEAT
            _, after = await commit(url, "b3:after")
            assert await block(stream) == b"event: commit\ndata: %s\n\n" % after


async def test_a_commit_has_to_be_json() -> None:
    async with running(settings=RARE) as url:
        body = b'{"payload_b3":"b3:1"}'
        answer = await asyncio.to_thread(exchange, url, "POST", "/registry/commit", (), body)
        assert answer.status == 415
        assert (await commit(url, "b3:1"))[0] == 200


async def test_each_client_of_a_registry_hears_of_every_commit() -> None:
    async with (
        running(settings=RARE) as url,
        stream_of(url) as one,
        stream_of(url) as another,
    ):
        await block(one), await block(another)
        _, head = await commit(url, "b3:x")
        expected = b"event: commit\ndata: %s\n\n" % head
        assert [await block(one), await block(another)] == [expected] * 2


async def test_a_payload_without_its_prefix_is_refused_and_commits_nothing() -> None:
    async with running(settings=RARE) as url:
        refused = await commit(url, "none")
        assert await commit(url, 7) == (
            422,
            b"Failed to deserialize the JSON body into the target type",
        )
        head = (await asyncio.to_thread(exchange, url, "GET", "/registry/head")).json()
    assert refused == (
        400,
        b'{"error":{"code":"invalid_payload","message":"payload_b3 must start with \'b3:\'",'
        b'"corr_id":""}}',
    )
    assert head == {"version": 0, "payload_b3": "b3:0", "committed_at": None}


async def test_a_node_stops_while_streams_are_open() -> None:
    async with aiohttp.ClientSession() as session:
        async with asyncio.timeout(LIMIT), running(settings=RARE) as url:
            stream = await session.get(f"{url}/registry/stream")
            assert await block(stream) == HEARTBEAT
        stream.close()


async def test_a_registry_is_there_before_an_app_too() -> None:
    settings = Settings(upstream="http://127.0.0.1:1", sse_heartbeat_ms=600_000)
    async with running(settings=settings) as url, stream_of(url) as stream:
        assert await block(stream) == HEARTBEAT


async def test_of_a_stream_that_does_not_end_a_gateway_delivers_nothing() -> None:
    """Not even the head, for as long as the app sends; and it leaves the app with the client."""
    sent, left = asyncio.Event(), asyncio.Event()

    async def app(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(HEAD)
        try:
            for number in itertools.count():
                writer.write(b"%x\r\n%s\r\n" % (len(EVENT), EVENT))
                await writer.drain()
                if number == 200:
                    sent.set()
                await asyncio.sleep(0.001)
        finally:
            left.set()

    async with (
        asyncio.timeout(LIMIT),
        raw_server(app) as upstream,
        running(settings=Settings(upstream=upstream)) as url,
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        writer.write(b"GET /app/events HTTP/1.1\r\nhost: node\r\n\r\n")
        first = asyncio.create_task(reader.read(1))
        await sent.wait()
        assert not first.done()
        writer.close()
        await asyncio.wait([first])
        await left.wait()


async def test_of_a_stream_that_ends_a_gateway_delivers_all_of_it_with_its_length() -> None:
    async def app(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(HEAD)
        for _ in range(3):
            writer.write(b"%x\r\n%s\r\n" % (len(EVENT), EVENT))
            await writer.drain()
            await asyncio.sleep(0.02)
        writer.write(b"0\r\n\r\n")

    async with raw_server(app) as upstream, running(settings=Settings(upstream=upstream)) as url:
        answer = await asyncio.to_thread(exchange, url, "GET", "/app/events")
    assert (answer.status, answer.body) == (200, EVENT * 3)
    assert answer.field("content-type") == "text/event-stream"
    assert answer.field("content-length") == str(3 * len(EVENT))
    assert answer.field("transfer-encoding") is None


async def test_the_nodes_own_events_are_those_that_were_recorded_behind_the_real_gateway() -> None:
    lines = (ROOT / "tests/vectors/gateway_exchanges.jsonl").read_text("utf-8").splitlines()
    (real,) = [entry for line in lines if (entry := json.loads(line)).get("group") == GROUP]
    async with running() as url:
        ours = await asyncio.to_thread(exchange, url, "GET", real["target"])
        rest = await asyncio.to_thread(
            exchange, url, "GET", "/app/events?n=4&ms=1", [("Last-Event-ID", "2")]
        )
        wrong = await asyncio.to_thread(exchange, url, "GET", "/app/events?n=x")
    assert ours.body.decode() == real["body"]
    for name in ("content-type", "cache-control", "content-length"):
        assert ours.field(name) == dict(real["answer_fields"])[name]
    assert rest.body == b'id: 3\nevent: tick\ndata: {"i": 3}\n\n'
    assert (wrong.status, wrong.body) == (400, b"n is no number")
