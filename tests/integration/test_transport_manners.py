"""What a transport does to a request and an answer, seen from the server: nothing."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import logging
from pathlib import Path

import httpx2
import pytest

from ron_app_sdk_py import ClientConfig, RonClient, RonNetworkError, RonProblem
from ron_app_sdk_py.transport import httpx2_transport
from servers import TOKEN, Request, answering, raw_server, read_request, reply, unused_port

OK = reply("200 OK", b'{"ok":true}', "content-type: application/json")


async def test_every_header_that_arrives_was_asked_for(transport: str) -> None:
    seen: list[Request] = []
    async with (
        raw_server(answering(seen, OK)) as url,
        RonClient(url, token=TOKEN, transport=transport, retries=0) as client,
    ):
        response = await client.request("GET", "/x", headers={"X-Own": "1"})
        await client.request("POST", "/p", json={}, idem="order-17")
        await client.request("DELETE", "/d")
        await client.request("PUT", "/e")
    fields = seen[0][1]
    given = {name.lower(): value for name, value in fields}
    assert given == {
        "host": url.removeprefix("http://"),
        "x-own": "1",
        "accept": "application/json, */*;q=0.8",
        "accept-encoding": "identity",
        "user-agent": "ron-app-sdk-py/0.1.0",
        "x-request-id": response.request_id,
        "x-correlation-id": response.request_id,
        "authorization": f"Bearer {TOKEN}",
    }
    assert len(fields) == len(given)
    posted = {name.lower(): value for name, value in seen[1][1]}
    assert posted["content-length"] == "2"
    assert posted["content-type"] == "application/json"
    assert posted["idempotency-key"] == "order-17"
    for _, fields, _ in seen[2:]:
        assert {name.lower(): value for name, value in fields}["content-length"] == "0"


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/%7ea/é?x=%41&y", "/app/%7ea/%C3%A9?x=%41&y"),
        ("/a;b=c,d@e:f$g+h!i", "/app/a;b=c,d@e:f$g+h!i"),
        ("/a//b/", "/app/a//b/"),
        ("/x?a=b?c/d&&=&e+f%20%2B", "/app/x?a=b?c/d&&=&e+f%20%2B"),
        ("/%e4%bd%a0", "/app/%e4%bd%a0"),
    ],
)
async def test_not_one_byte_of_a_url_is_changed(transport: str, path: str, target: str) -> None:
    seen: list[Request] = []
    async with (
        raw_server(answering(seen, OK)) as url,
        RonClient(url, transport=transport, retries=0) as client,
    ):
        await client.get(path)
    assert seen[0][0] == f"GET {target} HTTP/1.1"


@pytest.mark.parametrize("method", ["GET", "PATCH", "purge", "Link"])
async def test_a_method_is_sent_as_it_is_spelled(transport: str, method: str) -> None:
    seen: list[Request] = []
    async with (
        raw_server(answering(seen, OK)) as url,
        RonClient(url, transport=transport, retries=0) as client,
    ):
        await client.request(method, "/x")
    assert seen[0][0] == f"{method} /app/x HTTP/1.1"


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 1_000_000])
async def test_a_body_arrives_whole_and_comes_back_whole(transport: str, size: int) -> None:
    content = bytes(range(256)) * (size // 256) + b"\0" * (size % 256)
    seen: list[Request] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            seen.append(await read_request(reader))
            writer.write(reply("200 OK", seen[-1][2]))

    async with raw_server(handler) as url, RonClient(url, transport=transport, retries=0) as client:
        for _ in range(2):
            response = await client.request("POST", "/x", content=content)
            assert response.content == content
    assert [body for _, _, body in seen] == [content] * 2


async def test_a_redirect_is_not_followed_and_cookies_are_not_kept(transport: str) -> None:
    seen: list[Request] = []
    cookie = "set-cookie: session=secret; path=/"
    answer = reply("307 Temporary Redirect", b"", cookie, "location: /app/other")
    async with raw_server(answering(seen, answer)) as url:
        # By name: libraries keep no cookies of addresses anyway.
        by_name = url.replace("127.0.0.1", "localhost")
        async with RonClient(by_name, transport=transport, retries=0) as client:
            for _ in range(2):
                with pytest.raises(RonProblem, match="redirect"):
                    await client.get("/x")
    assert [first for first, _, _ in seen] == ["GET /app/x HTTP/1.1"] * 2
    assert not any(name.lower() == "cookie" for _, fields, _ in seen for name, _ in fields)


@pytest.mark.parametrize("method", ["GET", "DELETE", "POST"])
async def test_a_request_on_a_lost_connection_is_sent_once(transport: str, method: str) -> None:
    seen: list[str] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(OK)
        first, _, _ = await read_request(reader)  # on the kept connection: take it, then hang up
        seen.append(first)

    async with raw_server(handler) as url, RonClient(url, transport=transport, retries=0) as client:
        await client.request("GET", "/first")
        with pytest.raises(RonNetworkError) as caught:
            await client.request(method, "/x")
        assert caught.value.code == "connection_terminated"
        await client.request("GET", "/first")
    assert seen == [f"{method} /app/x HTTP/1.1"]


async def test_connections_are_kept_and_one_that_the_server_closed_is_replaced(
    transport: str,
) -> None:
    connections = 0
    closed = asyncio.Event()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        for _ in range(3):
            await read_request(reader)
            writer.write(OK)
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        closed.set()

    async with raw_server(handler) as url, RonClient(url, transport=transport, retries=0) as client:
        for _ in range(3):
            await client.get("/x")
        assert connections == 1
        await asyncio.wait_for(closed.wait(), 5)
        for _ in range(3):
            await client.get("/x")
        assert connections == 2


SURPLUS = b'HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n"evil"'


@pytest.mark.parametrize("surplus", [SURPLUS, SURPLUS[:20], b"x-evil: "])
@pytest.mark.parametrize(
    ("method", "answer"),
    [
        ("GET", b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"),
        ("GET", b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n"),
        ("HEAD", b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"),
    ],
    ids=["of a length", "chunked", "empty", "to HEAD"],
)
@pytest.mark.parametrize("way", ["aiohttp", "httpx2", "own client"])
async def test_what_comes_after_an_answer_is_not_the_next_one(
    way: str, method: str, answer: bytes, surplus: bytes
) -> None:
    asked = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        while True:
            await read_request(reader)
            asked += 1
            if asked == 1:
                writer.write(answer + surplus)
            else:
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]")

    async with raw_server(handler) as url, httpx2.AsyncClient(trust_env=False) as own:
        transport = httpx2_transport(own) if way == "own client" else way
        async with RonClient(url, transport=transport, retries=0) as client:
            # Some garbage makes the answer no answer.
            with contextlib.suppress(RonNetworkError):
                await client.request(method, "/x")
            assert await client.get("/x") == b"[]"
    assert asked == 2


async def test_an_encoded_body_is_returned_as_it_is(transport: str) -> None:
    body = gzip.compress(b"x" * 10_000)
    answer = reply("200 OK", body, "content-encoding: gzip")
    async with (
        raw_server(answering([], answer)) as url,
        RonClient(url, transport=transport, retries=0) as client,
    ):
        response = await client.request("GET", "/x")
    assert response.content == body
    assert response.headers["content-encoding"] == "gzip"


async def test_header_bytes_are_latin_1_and_keep_order_and_case(transport: str) -> None:
    answer = (
        b"HTTP/1.1 200 OK\r\nX-One: caf\xe9\r\nx-two: b\r\nX-One: d\r\ncontent-length: 0\r\n\r\n"
    )
    async with (
        raw_server(answering([], answer)) as url,
        RonClient(url, transport=transport, retries=0) as client,
    ):
        response = await client.request("GET", "/x")
    expected = [("X-One", "café"), ("x-two", "b"), ("X-One", "d"), ("content-length", "0")]
    assert response.headers.raw() == expected


async def test_the_environment_sends_nothing_elsewhere(
    transport: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen: list[Request] = []
    elsewhere: list[Request] = []
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password something")
    netrc.chmod(0o600)
    async with raw_server(answering(seen, OK)) as url, raw_server(answering(elsewhere, OK)) as trap:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, trap)
            monkeypatch.setenv(name.lower(), trap)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.setenv("NETRC", str(netrc))
        async with RonClient(
            url.replace("127.0.0.1", "localhost"), transport=transport, retries=0
        ) as client:
            await client.get("/x")
    assert elsewhere == []
    assert not any(name.lower() == "authorization" for name, _ in seen[0][1])


async def test_ipv6_addresses_are_reached(transport: str) -> None:
    seen: list[Request] = []
    async with (
        raw_server(answering(seen, OK), host="::1") as url,
        RonClient(url, transport=transport, retries=0) as client,
    ):
        await client.get("/x")
    assert dict(seen[0][1])["Host"] == url.removeprefix("http://")


async def test_an_answer_that_comes_before_the_body_is_sent_is_heard(transport: str) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(reply("413 Content Too Large", b"", "connection: close"))
        await writer.drain()
        while await reader.read(1 << 20):
            pass

    async with raw_server(handler) as url:
        config = ClientConfig(base_url=url, max_request_bytes=1 << 24)
        async with RonClient(config=config, transport=transport, retries=0) as client:
            with pytest.raises(RonProblem) as caught:
                await client.post("/x", content=b"x" * (1 << 24))
    assert caught.value.status == 413


async def test_cancelling_closes_the_socket(transport: str) -> None:
    arrived, closed = asyncio.Event(), asyncio.Event()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nx")
        arrived.set()
        await reader.read()  # ends when the client hangs up
        closed.set()

    async with raw_server(handler) as url, RonClient(url, transport=transport, retries=0) as client:
        task = asyncio.create_task(client.get("/x"))
        await asyncio.wait_for(arrived.wait(), 5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(closed.wait(), 5)


async def test_an_error_answer_that_is_not_read_to_its_end_is_closed(transport: str) -> None:
    closed = asyncio.Event()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 500 x\r\ncontent-length: 9999999\r\n\r\n" + b"y" * 2_000_000)
        try:
            await reader.read()
        finally:
            closed.set()

    async with raw_server(handler) as url, RonClient(url, transport=transport, retries=0) as client:
        with pytest.raises(RonProblem):
            await client.get("/x")
        await asyncio.wait_for(closed.wait(), 5)


async def test_no_log_has_the_token(transport: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with (
        raw_server(answering([], OK)) as url,
        RonClient(url, token=TOKEN, transport=transport, retries=0) as client,
    ):
        await client.post("/x", json={})
    async with RonClient(
        f"http://127.0.0.1:{unused_port()}", token=TOKEN, transport=transport
    ) as client:
        with pytest.raises(RonNetworkError):
            await client.get("/x")
    assert TOKEN not in caplog.text
