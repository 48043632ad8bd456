"""The contract test service, before a stand-in for the suite: every case of it, and more.

The cases are facts of launchdarkly/sse-contract-tests 2.32; names and bytes are our own.
"""

from __future__ import annotations

import asyncio
import base64
import json
import random
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from processes import started
from servers import reply, unused_port
from sse_harness import LIMIT, Harness, Seen, harness

SERVICE = str(Path(__file__).with_name("sse_contract_service.py"))
STRICT = ("-W", "error")
BOM = b"\xef\xbb\xbf"
JSON_BODY = '{"hello": "world"}'
JSON_TYPE = "application/json; charset=utf-8"
AT_ONCE = {"initialDelayMs": 0}
PAUSE = 0.002
"""Seconds between pieces: most of them then come in reads of their own."""

QUIET = 0.5
"""Seconds in which a client that would come back does: five times its longest first wait."""


@pytest.fixture(scope="module", params=["aiohttp", "httpx2"])
def service(request: pytest.FixtureRequest) -> Iterator[str]:
    """The test service in a process of its own: its URL."""
    with started(*STRICT, SERVICE, "--port", "0", "--transport", request.param) as server:
        yield server.url


@pytest.fixture
async def suite(service: str) -> AsyncIterator[Harness]:
    """The suite's side."""
    async with harness(service) as playing:
        yield playing


async def test_the_status_names_the_capabilities(suite: Harness) -> None:
    async with suite.session.get(suite.service) as response:
        assert response.status == 200
        assert await response.json() == {
            "name": "ron-app-sdk-py",
            "capabilities": [
                "bom",
                "comments",
                "headers",
                "last-event-id",
                "post",
                "read-timeout",
                "report",
                "restart",
                "server-directed-shutdown-request",
            ],
        }


# Parsing.

Case = tuple[str, list[bytes], list[Seen]]

PARSING: list[Case] = [
    ("one line", [b"data: Hello\n\n"], [Seen("Hello")]),
    ("one line in two chunks", [b"data: Hel", b"lo\n\n"], [Seen("Hello")]),
    (
        "two messages in three chunks",
        [b"data: test", b"test\n\ndata:", b"test\n\n"],
        [Seen("testtest"), Seen("test")],
    ),
    ("two in one chunk", [b"data: Hello\n\ndata: World\n\n"], [Seen("Hello"), Seen("World")]),
    ("two lines", [b"data: Hello\ndata:World\n\n"], [Seen("Hello\nWorld")]),
    ("empty data", [b"data:\n\n"], [Seen("")]),
    ("a type", [b"event: greeting\ndata: Hello\n\n"], [Seen("Hello", "greeting")]),
    ("an id", [b"id: abc\ndata: Hello\n\n"], [Seen("Hello", id="abc")]),
    (
        "a type and an id",
        [b"event: greeting\nid: abc\ndata: Hello\n\n"],
        [Seen("Hello", "greeting", "abc")],
    ),
    ("an id with NUL is none", [b"id: a\0bc\ndata: Hello\n\n"], [Seen("Hello")]),
    (
        "an id holds for later events",
        [b"id: abc\ndata: first\n\n", b"data: second\n\n"],
        [Seen("first", id="abc"), Seen("second", id="abc")],
    ),
    (
        "an empty id is one",
        [b"id: abc\ndata: first\n\n", b"id: \ndata: second\n\n"],
        [Seen("first", id="abc"), Seen("second")],
    ),
    (
        "fields in another order",
        [b"data: Hello\nid: abc\nevent: greeting\n\n"],
        [Seen("Hello", "greeting", "abc")],
    ),
    (
        "a field unknown",
        [b"event: greeting\ncolor: blue\ndata: Hello\n\n"],
        [Seen("Hello", "greeting")],
    ),
    ("no space", [b"event:greeting\ndata:Hello\n\n"], [Seen("Hello", "greeting")]),
    ("two spaces", [b"event:  greeting\ndata:  Hello\n\n"], [Seen(" Hello", " greeting")]),
    ("no colon", [b"data\n\ndata\ndata\n\n"], [Seen(""), Seen("\n")]),
    ("characters of three bytes", ["data: €豆腐\n\n".encode()], [Seen("€豆腐")]),
    (
        "a hundred events",
        [b"".join(b"data: message %d\n\n" % number for number in range(100))],
        [Seen(f"message {number}") for number in range(100)],
    ),
    # A byte order mark goes, once, at the start.
    ("BOM", [BOM + b"data: Hello\n\n"], [Seen("Hello")]),
    (
        "BOM before a type",
        [BOM + b"event: greeting\nid: abc\ndata: Hello\n\n"],
        [Seen("Hello", "greeting", "abc")],
    ),
    (
        "BOM before two events",
        [BOM + b"data: First\n\ndata: Second\n\n"],
        [Seen("First"), Seen("Second")],
    ),
    (
        "a later BOM is data",
        [b"data: First\n\n", b"data: " + BOM + b"Second\n\n"],
        [Seen("First"), Seen("\ufeffSecond")],
    ),
    ("BOM in two chunks", [BOM[:2], BOM[2:] + b"data: Hello\n\n"], [Seen("Hello")]),
    ("BOM in single bytes", [b"\xef", b"\xbb", b"\xbf", b"data: Hello\n\n"], [Seen("Hello")]),
    (
        "the second BOM is data",
        [BOM + b"data: " + BOM + b"Hello\n\n"],
        [Seen("\ufeffHello")],
    ),
    ("BOM before two lines", [BOM + b"data: Line1\ndata: Line2\n\n"], [Seen("Line1\nLine2")]),
    ("BOM before empty data", [BOM + b"data:\n\n"], [Seen("")]),
    # Ends of lines.
    (
        "CRLF over chunks",
        [b"data: Hello\r", b"\ndata: World\r", b"\n\r\ndata: OK\r", b"\n", b"\r", b"\n"],
        [Seen("Hello\nWorld"), Seen("OK")],
    ),
]


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [case[1:] for case in PARSING],
    ids=[case[0] for case in PARSING],
)
async def test_events_are_told_as_the_standard_reads_them(
    suite: Harness, pieces: list[bytes], expected: list[Seen]
) -> None:
    _, stream, client = await suite.stream()
    await stream.send(*pieces)
    await client.events(*expected)


async def test_characters_may_come_byte_by_byte(suite: Harness) -> None:
    _, stream, client = await suite.stream()
    await stream.send_in_pieces("data: €豆腐\n\n".encode(), 1, PAUSE)
    await client.events(Seen("€豆腐"))


BLOCKS: dict[str, tuple[str, list[Seen]]] = {
    "one line": ("data: event 1||", [Seen("event 1")]),
    "one line, two lines": (
        "data: event 1||data: event 2 line 1|data: event 2 line 2||",
        [Seen("event 1"), Seen("event 2 line 1\nevent 2 line 2")],
    ),
    "an empty line first": ("data:|data: line2|data: line3||", [Seen("\nline2\nline3")]),
    "an empty line between": ("data: line1|data:|data: line3||", [Seen("line1\n\nline3")]),
    "one end too many": (
        "data: event 1|||data: event 2||",
        [Seen("event 1"), Seen("event 2")],
    ),
    "two ends too many": (
        "data: event 1||||data: event 2||",
        [Seen("event 1"), Seen("event 2")],
    ),
}


@pytest.mark.parametrize("size", [1, 2, 1000])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize("block", BLOCKS)
async def test_each_end_of_line_ends_lines_however_it_is_cut(
    suite: Harness, block: str, end: str, size: int
) -> None:
    text, expected = BLOCKS[block]
    _, stream, client = await suite.stream()
    await stream.send_in_pieces(text.replace("|", end).encode(), size, PAUSE)
    await client.events(*expected)


@pytest.mark.parametrize(
    "pieces",
    [
        [b":Hello\n"],
        [b":Hello\n", b":World\n"],
        [b":\n", b": with a space\n"],
    ],
    ids=["one", "two", "spaces stay"],
)
async def test_a_comment_is_told_as_soon_as_its_line_ends(
    suite: Harness, pieces: list[bytes]
) -> None:
    _, stream, client = await suite.stream()
    for piece in pieces:
        await stream.send(piece)
        assert await client.comment() == piece[1:-1].decode()


async def test_comments_and_events_keep_their_order(suite: Harness) -> None:
    _, stream, client = await suite.stream()
    await stream.send(BOM + b":before\n", b"data: Hello\n\n", b":after\n")
    assert await client.comment() == "before"
    await client.events(Seen("Hello"))
    assert await client.comment() == "after"


async def test_a_comment_within_a_block_does_not_end_it(suite: Harness) -> None:
    _, stream, client = await suite.stream()
    await stream.send(b"data: a\n:within\ndata: b\n\n")
    assert await client.comment() == "within"
    await client.events(Seen("a\nb"))


# Sizes.


@pytest.mark.parametrize("size", [1023, 4098, 8192, 65_536, 262_144, 1_048_576])
async def test_a_payload_of_any_size_comes_whole(suite: Harness, size: int) -> None:
    _, stream, client = await suite.stream()
    await stream.send(b"data: " + b"x" * size + b"\n\n")
    assert (await client.event()).data == "x" * size


@pytest.mark.parametrize("parts", [1, 2])
async def test_megabytes_come_whole(suite: Harness, parts: int) -> None:
    # The suite takes 5 MiB of random bytes for a chunk, which are 7 MB in base 64.
    draw = random.Random(parts)
    pieces = [base64.b64encode(draw.randbytes(5 * 1024 * 1024)) for _ in range(parts)]
    expected = b"".join(pieces).decode()
    pieces[0] = b"data: " + pieces[0]
    pieces[-1] += b"\n\n"
    _, stream, client = await suite.stream()
    await stream.send(*pieces)
    # Compared by itself: pytest would show megabytes.
    same = (await client.event()).data == expected
    assert same


# Requests.


async def test_a_request_asks_for_an_event_stream(suite: Harness) -> None:
    _, stream, _ = await suite.stream()
    assert stream.method == "GET"
    assert stream.fields("accept") == ["text/event-stream"]
    assert stream.fields("cache-control") == ["no-cache"]
    assert stream.fields("last-event-id") == []
    assert stream.content == b""


async def test_fields_go_out_as_given(suite: Harness) -> None:
    headers = {"header-name-1": "value-1", "header-name-2": "value-2"}
    _, stream, _ = await suite.stream(headers=headers)
    assert [stream.fields(name) for name in headers] == [["value-1"], ["value-2"]]


@pytest.mark.parametrize("method", ["POST", "REPORT"])
async def test_a_body_goes_out_with_its_method_and_type(suite: Harness, method: str) -> None:
    _, stream, client = await suite.stream(
        method=method, body=JSON_BODY, headers={"content-type": JSON_TYPE}
    )
    assert stream.method == method
    assert stream.fields("content-type") == [JSON_TYPE]
    assert stream.content == JSON_BODY.encode()
    await stream.send(b"data: Hello\n\n")
    await client.events(Seen("Hello"))


async def test_a_body_without_a_type_is_text(suite: Harness) -> None:
    _, stream, _ = await suite.stream(method="POST", body="grüße")
    assert stream.fields("content-type") == ["text/plain"]
    assert stream.content == "grüße".encode()


async def test_the_first_request_names_the_last_event_id_that_was_given(suite: Harness) -> None:
    endpoint, stream, client = await suite.stream(lastEventId="abc", **AT_ONCE)
    assert stream.fields("last-event-id") == ["abc"]
    await stream.send(b"data: Hello\n\n")
    await client.events(Seen("Hello", id="abc"))
    await stream.end()
    assert (await endpoint.connection()).fields("last-event-id") == ["abc"]


@pytest.mark.parametrize("tail", ["", "/", "?a=1&b=%2F+c", "/x%20y/%C3%A9?q=1&q"])
async def test_path_and_query_go_out_as_given(suite: Harness, tail: str) -> None:
    endpoint = suite.streaming()
    await suite.open(endpoint.url + tail)
    stream = await endpoint.connection()
    assert stream.target == endpoint.url[endpoint.url.index("/endpoints") :] + tail


@pytest.mark.parametrize("status", ["301 Moved Permanently", "307 Temporary Redirect"])
async def test_a_redirect_is_followed(suite: Harness, status: str) -> None:
    endpoint = suite.streaming()
    url, seen = suite.answering(reply(status, b"", f"location: {endpoint.url}"))
    client = await suite.open(url)
    await (await endpoint.connection()).send(b"data: hello\n\n")
    await client.events(Seen("hello"))
    assert len(seen) == 1


@pytest.mark.parametrize("status", ["301 Moved Permanently", "307 Temporary Redirect"])
@pytest.mark.parametrize(
    ("fields", "requests"),
    # An empty reference is the URL itself (RFC 3986, section 4.4): five redirects are followed.
    [(["location: "], 6), ([], 1)],
    ids=["empty", "missing"],
)
async def test_a_redirect_to_nowhere_is_an_error(
    suite: Harness, status: str, fields: list[str], requests: int
) -> None:
    url, seen = suite.answering(reply(status, b"", *fields))
    client = await suite.open(url, **AT_ONCE)
    await client.error()
    await asyncio.sleep(QUIET)
    assert len(seen) == requests


async def test_204_is_the_end(suite: Harness) -> None:
    url, seen = suite.answering(b"HTTP/1.1 204 No Content\r\n\r\n")
    client = await suite.open(url, **AT_ONCE)
    await asyncio.sleep(QUIET)
    assert len(seen) == 1
    assert client.callbacks.arrived == 0
    assert await client.command('{"command": "restart"}') == 404
    assert await client.close() == 204


async def test_a_failure_for_good_is_told(suite: Harness) -> None:
    url, seen = suite.answering(reply("404 Not Found"))
    client = await suite.open(url, **AT_ONCE)
    assert "404" in await client.error()
    await asyncio.sleep(QUIET)
    assert len(seen) == 1


# Reconnecting.


async def test_a_restart_makes_a_new_connection_and_is_no_error(suite: Harness) -> None:
    endpoint, first, client = await suite.stream(**AT_ONCE)
    await first.send(b"data: Hello\n\n")
    await client.events(Seen("Hello"))
    await client.restart()
    second = await endpoint.connection()
    await first.lost()
    await second.send(b"data: Thanks\n\n")
    await client.events(Seen("Thanks"))


async def test_a_restart_comes_before_the_delay_is_over(suite: Harness) -> None:
    endpoint, first, client = await suite.stream(initialDelayMs=60_000)
    await first.send(b"id: abc\ndata: Hello\n\n")
    await client.events(Seen("Hello", id="abc"))
    await client.restart()
    assert (await endpoint.connection()).fields("last-event-id") == ["abc"]


RESUMING: dict[str, tuple[bytes, list[Seen], list[str]]] = {
    "its id": (b"id: abc\ndata: Hello\n\n", [Seen("Hello", id="abc")], ["abc"]),
    "an earlier one's": (
        b"id: abc\ndata: Hello\n\ndata: World\n\n",
        [Seen("Hello", id="abc"), Seen("World", id="abc")],
        ["abc"],
    ),
    "none after an empty one": (
        b"id: abc\ndata: Hello\n\nid: \ndata: World\n\n",
        [Seen("Hello", id="abc"), Seen("World")],
        [],
    ),
}


@pytest.mark.parametrize("case", RESUMING)
@pytest.mark.parametrize("cut", [False, True], ids=["ended", "cut"])
async def test_a_new_connection_names_the_last_event_id(
    suite: Harness, case: str, cut: bool
) -> None:
    sent, expected, named = RESUMING[case]
    endpoint, first, client = await suite.stream(**AT_ONCE)
    assert first.fields("last-event-id") == []
    await first.send(sent)
    await client.events(*expected)
    if cut:
        first.cut()
    else:
        await first.end()
    second = await endpoint.connection()
    assert second.fields("last-event-id") == named
    await second.send(b"id: def\ndata: Again\n\n")
    assert await client.event_after_loss() == Seen("Again", id="def")


async def test_a_new_connection_has_the_body_again(suite: Harness) -> None:
    endpoint, stream, _ = await suite.stream(
        method="POST", body=JSON_BODY, headers={"content-type": JSON_TYPE}, **AT_ONCE
    )
    await stream.end()
    again = await endpoint.connection()
    assert (again.method, again.content) == ("POST", JSON_BODY.encode())
    assert again.fields("content-type") == [JSON_TYPE]


async def test_half_an_event_is_forgotten_with_its_connection(suite: Harness) -> None:
    endpoint, first, client = await suite.stream(**AT_ONCE)
    await first.send(b"id: abc\ndata: Hello\n\nid: def\ndata: Goodbye")
    await client.events(Seen("Hello", id="abc"))
    await first.end()
    await (await endpoint.connection()).send(b"data: We meet again\n\n")
    assert await client.event_after_loss() == Seen("We meet again", id="abc")


@pytest.mark.parametrize("sent", [b"data: Hello\n\n", b""], ids=["after an event", "at once"])
async def test_silence_for_the_read_timeout_is_an_error_and_a_new_connection(
    suite: Harness, sent: bytes
) -> None:
    endpoint, stream, client = await suite.stream(readTimeoutMs=500, **AT_ONCE)
    if sent:
        await stream.send(sent)
        await client.events(Seen("Hello"))
    await client.error()
    await stream.lost()
    await endpoint.connection()


async def test_the_wait_for_the_head_is_silence_too(suite: Harness) -> None:
    url, seen = suite.answering(b"")
    client = await suite.open(url, readTimeoutMs=500, **AT_ONCE)
    for _ in range(2):
        assert "0.5 s" in await client.error()
    assert len(seen) >= 2


# What the suite does not look at, but its specification says or implies.


async def test_each_message_waits_until_the_one_before_is_accepted(suite: Harness) -> None:
    _, stream, client = await suite.stream()
    client.callbacks.open.clear()
    await stream.send(b"data: 1\n\n:2\ndata: 3\n\n")
    await client.events(Seen("1"))
    await asyncio.sleep(QUIET)
    assert client.callbacks.arrived == 1
    client.callbacks.open.set()
    assert await client.comment() == "2"
    await client.events(Seen("3"))


async def test_closing_drops_the_connection_and_ends_the_messages(suite: Harness) -> None:
    _, stream, client = await suite.stream()
    await stream.send(b"data: Hello\n\n")
    await client.events(Seen("Hello"))
    assert await client.close() == 204
    await stream.lost()
    assert client.callbacks.arrived == 1


async def test_closing_does_not_wait_for_a_callback_that_hangs(suite: Harness) -> None:
    _, stream, client = await suite.stream()
    client.callbacks.open.clear()
    await stream.send(b"data: Hello\n\n")
    await client.events(Seen("Hello"))
    async with asyncio.timeout(10):
        assert await client.close() == 204
    await stream.lost()


@pytest.mark.parametrize("wrong", ["404 Not Found", "500 Internal Server Error"])
async def test_a_callback_that_is_refused_ends_the_stream_only(suite: Harness, wrong: str) -> None:
    _, stream, client = await suite.stream(**AT_ONCE)
    client.callbacks.status = wrong
    await stream.send(b"data: Hello\n\n")
    await stream.lost()
    assert client.callbacks.arrived == 1
    assert await client.close() == 204
    _, other, works = await suite.stream()
    await other.send(b"data: Hello\n\n")
    await works.events(Seen("Hello"))


async def test_a_callback_endpoint_that_is_gone_ends_the_stream_only(suite: Harness) -> None:
    endpoint = suite.streaming()
    nobody = f"http://localhost:{unused_port()}"
    client = await suite.open(endpoint.url, callbackUrl=nobody)
    stream = await endpoint.connection()
    await stream.send(b"data: Hello\n\n")
    await stream.lost()
    assert await client.close() == 204


async def test_a_stream_is_deleted_once(suite: Harness) -> None:
    _, _, client = await suite.stream()
    assert await client.close() == 204
    assert await client.close() == 404
    assert await client.command('{"command": "restart"}') == 404


@pytest.mark.parametrize(
    "body",
    [
        '{"command": "dance"}',
        '{"command": "listen", "listen": {"type": "greeting"}}',
        '{"command": 1}',
        "{}",
        "[]",
        "restart",
        b"",
        b"\xff",
    ],
)
async def test_an_unknown_command_is_400(suite: Harness, body: str | bytes) -> None:
    _, stream, client = await suite.stream()
    assert await client.command(body) == 400
    await stream.send(b"data: Hello\n\n")
    await client.events(Seen("Hello"))


async def test_a_stream_that_never_was_is_404(suite: Harness) -> None:
    for url in ("/streams/0", "/streams/x", "/nowhere"):
        async with suite.session.delete(suite.service + url) as response:
            assert response.status == 404
        async with suite.session.post(suite.service + url, data="{}") as response:
            assert response.status == 404


GOOD = {"streamUrl": "http://localhost:1/s", "callbackUrl": "http://localhost:1/c"}
WITHOUT = {name: {key: GOOD[key] for key in GOOD if key != name} for name in GOOD}


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ("", "JSON"),
        ("{", "JSON"),
        ("[]", "object"),
        (WITHOUT["streamUrl"], "streamUrl"),
        (WITHOUT["callbackUrl"], "callbackUrl"),
        (GOOD | {"streamUrl": ""}, "streamUrl"),
        (GOOD | {"streamUrl": "/endpoints/1"}, "streamUrl"),
        (GOOD | {"streamUrl": "ftp://localhost/"}, "streamUrl"),
        (GOOD | {"streamUrl": "http://user:hunter2@localhost:1/"}, "base_url"),
        (GOOD | {"streamUrl": "ftp://user:hunter2@localhost:1/"}, "streamUrl"),
        (GOOD | {"headers": {"authorization": ["hunter2"]}}, "authorization"),
        (GOOD | {"streamUrl": 7}, "streamUrl"),
        (GOOD | {"callbackUrl": "localhost:1"}, "callbackUrl"),
        (GOOD | {"initialDelayMs": -1}, "initialDelayMs"),
        (GOOD | {"initialDelayMs": "1"}, "initialDelayMs"),
        (GOOD | {"readTimeoutMs": 0}, "readTimeoutMs"),
        (GOOD | {"headers": {"a": 1}}, "headers"),
        (GOOD | {"headers": {"a": "ü"}}, "header"),
        (GOOD | {"method": 1}, "method"),
        (GOOD | {"body": {}}, "body"),
        (GOOD | {"lastEventId": 1}, "lastEventId"),
    ],
    ids=lambda value: str(value)[:60],
)
async def test_invalid_parameters_are_400_and_named(suite: Harness, body: Any, named: str) -> None:
    text = body if isinstance(body, str) else json.dumps(body)
    async with suite.session.post(suite.service, data=text) as response:
        assert response.status == 400
        said = await response.text()
    assert named in said
    assert "hunter2" not in said


def begun() -> subprocess.Popen[str]:
    """The service, with pipes to all that it says."""
    return subprocess.Popen(
        [sys.executable, *STRICT, SERVICE, "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


async def delete(playing: Harness, _process: subprocess.Popen[str]) -> None:
    async with playing.session.delete(playing.service) as response:
        assert response.status == 204


async def terminate(_playing: Harness, process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGTERM)


@pytest.mark.parametrize("stop", [delete, terminate])
async def test_the_service_ends_cleanly_when_told_to(
    stop: Callable[[Harness, subprocess.Popen[str]], Awaitable[None]],
) -> None:
    process = begun()
    assert process.stdout is not None
    first = process.stdout.readline()
    assert re.fullmatch(r"SSE contract test service .* on http://127\.0\.0\.1:\d+\n", first)
    async with harness(first.split()[-1]) as playing:
        _, stream, client = await playing.stream()
        await stream.send(b"data: Hello\n\n")
        await client.events(Seen("Hello"))
        await stop(playing, process)
        said = await asyncio.to_thread(process.communicate, timeout=LIMIT)
        await stream.lost()
        playing.forget()
    assert (process.returncode, *said) == (0, "", "")


def test_an_address_in_use_is_one_clear_line(service: str) -> None:
    port = service.rpartition(":")[2]
    done = subprocess.run(
        [sys.executable, SERVICE, "--port", port], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert f"127.0.0.1:{port}" in done.stderr
    assert done.stderr.count("\n") == 1
