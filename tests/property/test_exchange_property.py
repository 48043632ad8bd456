"""Whatever a server sends over a real socket, a call ends in a result or an error of this package,
and the client works afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from examples import examples
from ron_app_sdk_py import ClientConfig, RonClient, RonError, RonNetworkError
from servers import TOKEN, raw_server, read_request, reply

OK = reply("200 OK", b'"ok"', "content-type: application/json")

NAMES = st.sampled_from(
    [
        b"content-type",
        b"Content-Length",
        b"transfer-encoding",
        b"content-encoding",
        b"connection",
        b"location",
        b"retry-after",
        b"set-cookie",
        b"trailer",
        b"upgrade",
        b"x-correlation-id",
        b"www-authenticate",
    ]
) | st.binary(max_size=12)
VALUES = st.sampled_from(
    [
        b"application/json",
        b"text/plain; charset=utf-16",
        b"text/plain; charset=\xff",
        b"chunked",
        b"gzip",
        b"close",
        b"keep-alive",
        b"5",
        b"-1",
        b"99999999999999999999",
        b"/app/other",
        b"a, b",
        TOKEN.encode(),
    ]
) | st.binary(max_size=20)
BODIES = st.binary(max_size=200) | st.sampled_from(
    [
        b'{"code":"c","retry_after":1e999}',
        b'{"code":"\\ud800","error":{"code":[]}}',
        b'{"details":' + b"[" * 5000,
        b'{"n":' + b"9" * 5000 + b"}",
        b"[" * 5000 + b"]" * 5000,
        b"9" * 5000,
        b"5\r\nhello\r\n0\r\n\r\n",
        b"\xef\xbb\xbf{}",
        f'{{"message":"{TOKEN}"}}'.encode(),
    ]
)


@pytest.fixture(scope="module")
def run() -> Iterator[Callable[..., Any]]:
    with asyncio.Runner() as runner:
        yield runner.run


async def exchange(raw: bytes) -> None:
    """Has a server send these bytes and hang up, and be well after that."""
    answers = [raw]

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            if answers:
                writer.write(answers.pop())
                await writer.drain()
                return
            writer.write(OK)

    config = ClientConfig(token=TOKEN, max_response_bytes=1000)
    async with raw_server(handler) as url, RonClient(url, config=config) as client:
        error = await outcome(client)
        assert TOKEN not in f"{error!r}{error}{error.__dict__ if error else None}"
        assert error is None or error.__cause__ is None
        # The first call may find a kept connection just as the server closes it.
        after = await outcome(client)
        if isinstance(after, RonNetworkError):
            after = await outcome(client)
        assert after is None
        assert client._calls.stats()["calls"] == 0
        assert not client._calls._in_flight


async def outcome(client: RonClient) -> RonError | None:
    """How a call ends."""
    try:
        await client.get("/x")
    except RonError as error:
        return error
    return None


@settings(max_examples=examples(150), deadline=None)
@given(
    status=st.integers(100, 999),
    fields=st.lists(st.tuples(NAMES, VALUES), max_size=4),
    body=BODIES,
    framed=st.booleans(),
)
def test_any_answer_is_a_result_or_an_error(
    run: Callable[..., Any],
    status: int,
    fields: list[tuple[bytes, bytes]],
    body: bytes,
    framed: bool,
) -> None:
    if framed:
        fields = [*fields, (b"content-length", str(len(body)).encode())]
    head = b"".join(name + b": " + value + b"\r\n" for name, value in fields)
    run(exchange(b"HTTP/1.1 %d X\r\n%s\r\n%s" % (status, head, body)))


@settings(max_examples=examples(50), deadline=None)
@given(st.binary(max_size=300) | st.binary(max_size=100).map(lambda raw: b"HTTP/1.1 " + raw))
def test_any_bytes_are_a_result_or_an_error(run: Callable[..., Any], raw: bytes) -> None:
    run(exchange(raw))
