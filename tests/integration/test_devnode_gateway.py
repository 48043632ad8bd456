"""What the development node passes to an app and back, as the real gateway does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from rawhttp import Answer, exchange
from ron_app_sdk_py.devnode.server import running
from ron_app_sdk_py.devnode.settings import Settings
from servers import Handler, raw_server, read_request, reply

Seen = list[tuple[str, list[tuple[str, str]], bytes]]

CONNECT = (
    b'{"code":"upstream_unavailable","message":"upstream connect error","retryable":true,'
    b'"reason":"connect"}'
)
READ = CONNECT.replace(b"connect", b"read")


@asynccontextmanager
async def before(handler: Handler, path: str = "/v1/app") -> AsyncIterator[str]:
    """A gateway before an upstream that does with each connection what ``handler`` says."""
    async with raw_server(handler) as app, running(settings=Settings(upstream=app + path)) as url:
        yield url


def answering(answer: bytes, seen: Seen | None = None) -> Handler:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            request = await read_request(reader)
            if seen is not None:
                seen.append(request)
            writer.write(answer)

    return handler


async def call(
    url: str,
    method: str,
    target: str,
    fields: tuple[tuple[str, str], ...] = (),
    body: bytes = b"",
) -> Answer:
    return await asyncio.to_thread(exchange, url, method, target, fields, body)


@pytest.mark.parametrize(
    ("sent", "arrives"),
    [
        ("/app/a%2Fb", "/v1/app/a/b"),
        ("/app/a%3Fq=1", "/v1/app/a?q=1"),
        ("/app/a%3Fq=1?x=2", "/v1/app/a?q=1?x=2"),
        ("/app/a%23frag", "/v1/app/a"),
        ("/app/a%23frag?x=2", "/v1/app/a"),
        ("/app/a%25b", "/v1/app/a%b"),
        ("/app/a%252Fb", "/v1/app/a%2Fb"),
        ("/app/%2e%2e/%2e%2e/healthz", "/healthz"),
        ("/app/..%2f..%2fops/metrics", "/ops/metrics"),
        ("/app/x/../y", "/v1/app/y"),
        ("/app/%252e%252e/ping", "/v1/ping"),
        ("/app/.%09./ping", "/v1/ping"),
        ("/app/..%5cping", "/v1/ping"),
        ("/app/a%20b", "/v1/app/a%20b"),
        ("/app/caf%C3%A9", "/v1/app/caf%C3%A9"),
        ("/app/a%0D%0Ab", "/v1/app/ab"),
        ("/app/a%00b", "/v1/app/a%00b"),
        ("/app/a%00", "/v1/app/a"),
        ("/app//healthz", "/v1/app//healthz"),
        ("/app/%zz", "/v1/app/%zz"),
        ("/app/x?a=%2F&b=x%20y&c=%252e&d&a=2+3", "/v1/app/x?a=%2F&b=x%20y&c=%252e&d&a=2+3"),
    ],
)
async def test_a_path_is_decoded_once_and_parsed_again_and_a_query_is_left(
    sent: str, arrives: str
) -> None:
    seen: Seen = []
    async with before(answering(reply("200 OK"), seen)) as url:
        assert (await call(url, "GET", sent)).status == 200
    assert [first for first, _, _ in seen] == [f"GET {arrives} HTTP/1.1"]


@pytest.mark.parametrize(
    ("path", "arrives"), [("", "/hello"), ("/", "/hello"), ("/v1/app", "/v1/app/hello")]
)
async def test_an_app_sees_its_own_prefix_and_the_tail(path: str, arrives: str) -> None:
    seen: Seen = []
    async with before(answering(reply("200 OK"), seen), path) as url:
        await call(url, "GET", "/app/hello")
    assert seen[0][0] == f"GET {arrives} HTTP/1.1"


async def test_what_belongs_to_a_hop_or_claims_authority_is_kept_back_both_ways() -> None:
    kept_back = (
        ("Connection", "keep-alive"),
        ("TE", "trailers"),
        ("Trailer", "x"),
        ("Proxy-Authorization", "p"),
        ("X-RON-Receipt", "forged"),
        ("x-ron-validator-set", "forged"),
        ("X-Quickchain-Anything", "forged"),
    )
    passed_on = (
        ("Authorization", "Bearer t"),
        ("Cookie", "a=b"),
        ("X-RON-Passport", "p"),
        ("X-Twice", "1"),
        ("X-Twice", "2"),
        ("X-Forwarded-For", "client"),
        ("Keep-Alive", "timeout=5"),
    )
    answer = reply(
        "200 OK", b"", "set-cookie: a=1", "Set-Cookie: b=2", "x-ron-paid: yes", "x-own: é"
    )
    seen: Seen = []
    async with before(answering(answer, seen)) as url:
        back = await call(url, "GET", "/app/x", (*kept_back, *passed_on, ("X-Request-Id", "r")))
    fields = sorted((name.lower(), value) for name, value in seen[0][1])
    expected = [(name.lower(), value) for name, value in passed_on]
    host = next(value for name, value in fields if name == "host")
    assert fields == sorted([*expected, ("host", host), ("x-request-id", "r"), ("accept", "*/*")])
    assert back.field("set-cookie") == "b=2"
    assert back.field("x-ron-paid") is None
    assert back.field("server") is None
    assert back.field("x-request-id") == "r"


async def test_a_request_id_is_made_where_none_that_can_be_kept_was_given() -> None:
    seen: Seen = []
    async with before(answering(reply("200 OK", b"", "x-request-id: the-app"), seen)) as url:
        made = await call(url, "GET", "/app/x")
        odd = await call(url, "GET", "/app/x", (("X-Request-Id", "é"),))
    assert made.field("x-request-id") == "r-0000000000000001"
    assert dict(seen[0][1])["x-request-id"] == "r-0000000000000001"
    assert odd.field("x-request-id") == "r-0000000000000002"


async def test_status_body_and_encoding_of_an_answer_are_left_as_they_are() -> None:
    body = bytes(range(256)) * 5000
    answer = reply("418 Short", body, "content-encoding: br", "content-type: x/y; z=1")
    async with before(answering(answer)) as url:
        back = await call(url, "GET", "/app/x")
    assert (back.status, back.body) == (418, body)
    assert back.field("content-encoding") == "br"
    assert back.field("content-type") == "x/y; z=1"


async def test_a_compressed_body_goes_on_as_it_came() -> None:
    seen: Seen = []
    async with before(answering(reply("200 OK"), seen)) as url:
        for encoding in ("gzip", "br", "unheard-of"):
            await call(url, "POST", "/app/x", (("Content-Encoding", encoding),), b"not packed")
    assert [body for _, _, body in seen] == [b"not packed"] * 3


async def test_nothing_is_sent_before_the_upstream_has_ended() -> None:
    """An answer of which the rest never comes is a clean 502: not one byte of it was passed on."""
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n"

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(head)
        await writer.drain()

    async with before(handler) as url:
        back = await call(url, "GET", "/app/events")
    assert (back.status, back.body) == (502, READ)
    assert back.field("content-type") == "application/json"


async def test_an_upstream_that_never_answers_is_left_when_the_client_leaves() -> None:
    arrived, left = asyncio.Event(), asyncio.Event()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        arrived.set()
        assert await reader.read() == b""
        left.set()

    async with before(handler) as url:
        _, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        writer.write(b"GET /app/x HTTP/1.1\r\nhost: node\r\n\r\n")
        async with asyncio.timeout(30):
            await arrived.wait()
            writer.close()
            await left.wait()


async def test_a_request_is_sent_once_even_if_its_connection_is_lost() -> None:
    seen: Seen = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await read_request(reader))

    async with before(handler) as url:
        back = await call(url, "GET", "/app/x")
    assert (back.status, back.body) == (502, CONNECT)
    assert len(seen) == 1


async def test_an_upstream_that_closes_kept_connections_is_connected_again() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(reply("200 OK"))
        await writer.drain()

    async with before(handler) as url:
        statuses = [(await call(url, "GET", "/app/x")).status for _ in range(5)]
    assert statuses == [200] * 5


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 500_000 + b"\r\n\r\n",
    ],
    ids=["not HTTP", "endless header"],
)
async def test_an_answer_that_cannot_be_read_is_a_502(answer: bytes) -> None:
    async with before(answering(answer)) as url:
        back = await call(url, "GET", "/app/x")
    assert (back.status, back.body) == (502, CONNECT)


async def test_a_body_that_cannot_be_read_is_a_502() -> None:
    """The reason is the parser's choice: it may see head and body at once."""
    broken = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nno number\r\n"
    async with before(answering(broken)) as url:
        back = await call(url, "GET", "/app/x")
    assert back.status == 502
    assert back.body in (CONNECT, READ)


async def test_redirects_are_followed_ten_times_with_the_body_and_without_secrets() -> None:
    seen: Seen = []
    other_seen: Seen = []
    body = b"b" * 1_500_000
    async with raw_server(answering(reply("200 OK", b"there"), other_seen)) as other:
        away = reply("307 Elsewhere", b"", f"location: {other}/there")
        async with before(answering(away, seen)) as url:
            back = await call(url, "POST", "/app/x", (("Authorization", "Bearer t"),), body)
    assert (back.status, back.body) == (200, b"there")
    assert [request[2] for request in seen + other_seen] == [body, body]
    assert "authorization" in {name.lower() for name, _ in seen[0][1]}
    assert "authorization" not in {name.lower() for name, _ in other_seen[0][1]}

    seen.clear()
    async with before(answering(reply("302 Found", b"", "location: again"), seen)) as url:
        back = await call(url, "GET", "/app/x")
    assert (back.status, back.body) == (502, CONNECT)
    assert len(seen) == 10


async def test_two_mebibytes_pass_and_one_byte_more_does_not() -> None:
    seen: Seen = []
    async with before(answering(reply("200 OK"), seen)) as url:
        at_the_limit = await call(url, "POST", "/app/x", (), b"x" * 2_097_152)
        over = await call(url, "POST", "/app/x", (), b"x" * 2_097_153)
    assert at_the_limit.status == 200
    assert (over.status, over.body) == (
        413,
        b"Failed to buffer the request body: length limit exceeded",
    )
    assert over.field("content-type") == "text/plain; charset=utf-8"
    assert over.field("x-request-id")
    assert len(seen) == 1


async def test_long_targets_and_headers_pass() -> None:
    seen: Seen = []
    async with before(answering(reply("200 OK"), seen)) as url:
        long = "x" * 20_000
        back = await call(url, "GET", f"/app/x?q={long}", (("X-Long", long),))
    assert back.status == 200
    assert seen[0][0].endswith(f"{long} HTTP/1.1")
    assert dict(seen[0][1])["X-Long"] == long


async def test_ready_is_what_it_is_told_to_be() -> None:
    async with running(settings=Settings(ready=False)) as url:
        answer = await call(url, "GET", "/readyz")
    assert (answer.status, answer.body) == (503, b"not ready")
    assert answer.field("content-type") == "text/plain; charset=utf-8"
