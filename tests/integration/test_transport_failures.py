"""Each way in which an exchange can fail is an error of its own, the same on both transports."""

from __future__ import annotations

import asyncio
import socket
import struct

import pytest

from ron_app_sdk_py import (
    ClientConfig,
    RonAuthError,
    RonClient,
    RonConnectError,
    RonDnsError,
    RonError,
    RonNetworkError,
    RonParseError,
    RonProblem,
    RonTooLargeError,
)
from servers import TOKEN, raw_server, read_request, reply, unused_port

OK = reply("200 OK", b'{"ok":true}', "content-type: application/json")
MIB = 1024 * 1024


def head(*fields: str) -> bytes:
    return "\r\n".join(["HTTP/1.1 200 OK", *fields, "", ""]).encode()


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (reply("401 Unauthorized", b"missing capability macaroon"), RonAuthError, "http_401"),
        (reply("403 Forbidden", b'{"code":"POLICY_DENY"}'), RonAuthError, "POLICY_DENY"),
        (reply("302 Found", b"", "location: http://evil.example/"), RonProblem, "redirect"),
        (reply("503 x", b'{"message":"' + b"m" * 2_000_000 + b'"}'), RonProblem, "http_503"),
        (reply("500 x", b"\xff\xfe\0"), RonProblem, "http_500"),
        (b"HTTP/1.1 503 x\r\ncontent-length: 99\r\n\r\n{}", RonProblem, "http_503"),
        (b"garbage\r\n\r\n", RonNetworkError, "http_protocol_error"),
        (b"\0\xff" * 100 + b"\r\n\r\n", RonNetworkError, "http_protocol_error"),
        (b"HTTP/1.1 999999 x\r\n\r\n", RonNetworkError, "http_protocol_error"),
        (b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", RonNetworkError, "http_protocol_error"),
        (head("content-length: nine"), RonNetworkError, "http_protocol_error"),
        (head("transfer-encoding: chunked") + b"ZZ\r\n", RonNetworkError, "http_protocol_error"),
        (head("x: " + "y" * 200_000), RonTooLargeError, "response_headers_too_large"),
        (head(*["x: " + "y" * 30_000] * 3), RonTooLargeError, "response_headers_too_large"),
        (head(*["x: y"] * 300), RonTooLargeError, "response_headers_too_large"),
        (head("content-length: 2000000"), RonTooLargeError, "response_too_large"),
        (
            head("transfer-encoding: chunked") + b"100000\r\n" + b"x" * MIB + b"\r\n1\r\nx\r\n",
            RonTooLargeError,
            "response_too_large",
        ),
        (head("content-length: 9") + b"abc", RonNetworkError, "response_incomplete"),
        (
            head("transfer-encoding: chunked") + b"9\r\nabc",
            RonNetworkError,
            "response_incomplete",
        ),
        (
            head("transfer-encoding: chunked") + b"3\r\nabc\r\n",
            RonNetworkError,
            "response_incomplete",
        ),
        (b"", RonNetworkError, "connection_terminated"),
        (b"HTTP/1.1 200 OK\r\ncontent-", RonNetworkError, "connection_terminated"),
        (reply("200 OK", b"{", "content-type: application/json"), RonParseError, "invalid_json"),
    ],
    ids=lambda value: repr(value)[:40],
)
async def test_each_bad_answer_is_an_error_and_the_next_call_works(
    transport: str, answer: bytes, kind: type[RonError], code: str
) -> None:
    answers = [answer]

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            bad = bool(answers)
            writer.write(answers.pop() if answers else OK)
            await writer.drain()
            if bad and (issubclass(kind, RonNetworkError) or b"99\r\n\r\n{}" in answer):
                return

    async with raw_server(handler) as url:
        config = ClientConfig(base_url=url, token=TOKEN, max_response_bytes=MIB)
        async with RonClient(config=config, transport=transport, retries=0) as client:
            with pytest.raises(RonError) as caught:
                await client.get("/x")
            assert (type(caught.value), caught.value.code) == (kind, code)
            assert caught.value.__cause__ is None
            notes = getattr(caught.value, "__notes__", [])
            assert TOKEN not in f"{caught.value!r}{caught.value}{caught.value.__dict__}{notes}"
            assert await client.get("/x") == {"ok": True}


async def test_framing_that_breaks_in_the_middle_of_a_body_is_told_from_a_body_cut_short(
    transport: str,
) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(head("transfer-encoding: chunked") + b"3\r\nabc\r\n")
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.write(b"ZZ\r\n")

    async with raw_server(handler) as url, RonClient(url, transport=transport, retries=0) as client:
        with pytest.raises(RonNetworkError) as caught:
            await client.get("/x")
    assert caught.value.code == "http_protocol_error"


async def test_the_declared_length_of_content_that_does_not_follow_is_no_fault(
    transport: str,
) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            writer.write(head("content-length: 999999999"))

    async with raw_server(handler) as url, RonClient(url, transport=transport, retries=0) as client:
        for _ in range(2):
            response = await client.request("HEAD", "/x")
            assert response.content == b""


@pytest.mark.parametrize("begun", [False, True])
async def test_a_reset_is_told_from_a_close(transport: str, begun: bool) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        if begun:
            writer.write(head("content-length: 9") + b"abc")
            await writer.drain()
            # Bytes that arrive together with a reset may be lost.
            await asyncio.sleep(0.05)
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    async with raw_server(handler) as url, RonClient(url, transport=transport, retries=0) as client:
        with pytest.raises(RonNetworkError) as caught:
            await client.get("/x")
    error = caught.value
    code = "response_incomplete" if begun else "connection_terminated"
    assert (type(error), error.code, error.reason) == (RonNetworkError, code, "reset")
    assert "errno 104" in error.__notes__[0]


async def test_a_refused_connection_is_told(transport: str) -> None:
    for host in ("127.0.0.1", "localhost", "[::1]"):
        async with RonClient(
            f"http://{host}:{unused_port()}", transport=transport, retries=0
        ) as client:
            with pytest.raises(RonConnectError) as caught:
                await client.get("/x")
        assert caught.value.code == "connection_refused"
        assert "errno 111" in caught.value.__notes__[0]


@pytest.mark.parametrize("name", ["no-such-host.invalid", "x" * 63 + ".example"])
async def test_an_unknown_name_is_told(transport: str, name: str) -> None:
    async with RonClient(f"https://{name}", transport=transport, retries=0) as client:
        with pytest.raises(RonDnsError):
            await client.get("/x")
