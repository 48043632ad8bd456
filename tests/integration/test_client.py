"""The asynchronous client against a real node and real sockets."""

from __future__ import annotations

import asyncio
import gc
import time
from typing import Any

import pytest

from ron_app_sdk_py import (
    ClientConfig,
    RonClient,
    RonClosedError,
    RonError,
    RonNetworkError,
    RonOverloadError,
    RonProblem,
    RonRequestError,
    RonTimeoutError,
    RonTooLargeError,
)
from ron_app_sdk_py.transport import TransportRequest, TransportSettings
from servers import TOKEN, raw_server, read_request, reply

OK = reply("200 OK", b'{"ok":true}', "content-type: application/json")


async def test_a_get_returns_the_decoded_answer(node: str) -> None:
    async with RonClient(node, token=TOKEN) as client:
        assert await client.get("/hello") == {"ok": True, "message": "hello, world"}
        assert await client.get("/app/hello", query={"name": "é😀 &=?"}) == {
            "ok": True,
            "message": "hello, é😀 &=?",
        }


@pytest.mark.parametrize(
    "content",
    [b"", b"x", "é😀".encode(), b"\0\r\n" * 10, bytes(range(256)) * 4096],
    ids=["empty", "one", "utf-8", "framing", "1 MiB"],
)
async def test_content_arrives_and_comes_back_byte_for_byte(node: str, content: bytes) -> None:
    async with RonClient(node) as client:
        response = await client.request("POST", "/echo", content=content)
        assert response.content == content
        assert response.status == 200
        assert response.attempts == 1


async def test_json_goes_out_and_comes_back(node: str) -> None:
    value = {"é": [1, None, True, 2**70, "😀\n\0"], "deep": {"a": [[]]}}
    async with RonClient(node) as client:
        assert await client.post("/echo", json=value) == value


async def test_five_megabytes_are_refused_or_sent_as_configured(node: str) -> None:
    content = b"x" * 5_000_000
    async with RonClient(node) as client:
        with pytest.raises(RonTooLargeError, match=r"5000000.*max_request_bytes") as caught:
            await client.post("/echo", content=content)
        assert caught.value.attempts == 0
        assert (await client.get("/hello"))["ok"]
    config = ClientConfig(base_url=node, max_request_bytes=10_000_000)
    async with RonClient(config=config) as client:
        with pytest.raises(RonProblem) as refused:  # the node's own limit is 2 MiB
            await client.post("/echo", content=content)
        assert refused.value.status == 413


async def test_a_large_answer_is_returned_or_refused_as_configured() -> None:
    body = b"y" * 5_000_000

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            writer.write(reply("200 OK", body))

    async with raw_server(handler) as url:
        async with RonClient(url) as client:
            assert await client.get("/big") == body
        config = ClientConfig(base_url=url, max_response_bytes=len(body) - 1)
        async with RonClient(config=config) as client:
            with pytest.raises(RonTooLargeError, match="max_response_bytes"):
                await client.get("/big")


async def test_generated_ids_are_new_for_each_call(node: str) -> None:
    async with RonClient(node) as client:
        responses = [await client.request("POST", "/echo", json=1, idem=True) for _ in range(20)]
    assert len({response.request_id for response in responses}) == 20
    assert len({response.headers["x-echo-idempotency-key"] for response in responses}) == 20
    assert all(response.headers["x-request-id"] == response.request_id for response in responses)


async def test_a_problem_has_what_the_server_said(node: str) -> None:
    async with RonClient(node) as client:
        with pytest.raises(RonProblem) as caught:
            await client.get("/problem", retries=0)
        problem = caught.value
        assert (problem.status, problem.code, problem.retryable) == (
            502,
            "upstream_unavailable",
            True,
        )
        assert problem.problem.reason == "connect"
        assert problem.correlation_id == problem.request_id
        assert problem.attempts == 1
        with pytest.raises(RonProblem) as missing:
            await client.get("/no-such-route")
        assert (missing.value.status, missing.value.code) == (404, "http_404")


async def test_a_transport_that_lets_a_malformed_header_through_is_a_network_error() -> None:
    class Response:
        def __init__(self) -> None:
            self.status = 200
            self.headers = [("x", "a\0b")]

        async def read_all(self, max_bytes: int) -> bytes:
            return b""

        async def read(self, max_bytes: int) -> bytes:
            return b""

        def abort(self) -> None:
            pass

    class Lenient:
        def __init__(self, settings: TransportSettings) -> None:
            pass

        async def send(self, request: TransportRequest) -> Response:
            return Response()

        async def close(self) -> None:
            pass

    async with RonClient("https://gw.example", transport=Lenient) as client:
        with pytest.raises(RonNetworkError) as caught:
            await client.get("/x")
        assert caught.value.code == "http_protocol_error"
        assert client._calls.stats()["calls"] == 0


async def test_a_token_that_the_server_repeats_is_redacted() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, fields, _ = await read_request(reader)
        token = {name.lower(): value for name, value in fields}["authorization"]
        body = f'{{"code":"x","message":"no: {token}","details":{{"t":"{token}"}}}}'
        writer.write(reply("400 Bad", body.encode()))

    async with raw_server(handler) as url, RonClient(url, token=TOKEN) as client:
        with pytest.raises(RonProblem) as caught:
            await client.get("/x")
    assert TOKEN not in f"{caught.value!r}{caught.value.__dict__}{caught.value.problem!r}"
    assert "[redacted]" in caught.value.message


@pytest.mark.parametrize("status", ["200 OK", "500 x"])
async def test_a_deadline_covers_a_body_that_drips(status: str) -> None:
    closed = asyncio.Event()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(f"HTTP/1.1 {status}\r\ncontent-length: 9999\r\n\r\n".encode())
        try:
            while True:
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.02)
        except ConnectionError:
            closed.set()

    async with raw_server(handler) as url, RonClient(url, timeout=0.3) as client:
        with pytest.raises(RonTimeoutError):
            await client.get("/x")
        await asyncio.wait_for(closed.wait(), 5)


async def test_calls_run_at_the_same_time(node: str) -> None:
    async with RonClient(node) as client:
        started = time.monotonic()
        await asyncio.gather(
            *(client.get("/delay", query={"ms": 300}) for _ in range(20)),
        )
        assert time.monotonic() - started < 3


async def test_places_and_queue_are_bounded_and_the_queue_moves_on() -> None:
    inside = 0
    most = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal inside, most
        while True:
            await read_request(reader)
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0.02)
            inside -= 1
            writer.write(OK)

    async with raw_server(handler) as url:
        config = ClientConfig(base_url=url, max_concurrency=3, max_queue=10)
        async with RonClient(config=config) as client:
            tasks = [asyncio.create_task(client.get("/x")) for _ in range(20)]
            results = await asyncio.gather(*tasks, return_exceptions=True)
            assert sum(result == {"ok": True} for result in results) == 13
            assert sum(isinstance(result, RonOverloadError) for result in results) == 7
            assert most == 3
            assert client._calls.stats()["calls"] == 0


async def test_a_call_that_waits_for_a_place_ends_at_its_deadline_and_frees_the_queue() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        await asyncio.sleep(60)

    async with raw_server(handler) as url:
        config = ClientConfig(base_url=url, max_concurrency=1)
        async with RonClient(config=config) as client:
            first = asyncio.create_task(client.get("/x"))
            await asyncio.sleep(0.05)
            with pytest.raises(RonTimeoutError) as caught:
                await client.get("/x", timeout=0.2)
            assert caught.value.attempts == 0
            first.cancel()
            with pytest.raises(asyncio.CancelledError):
                await first
            assert client._calls.stats() == {
                "budget": 500,
                "sessions": 1,
                "calls": 0,
                "exchanges": 0,
                "memory-pages": client._calls.stats()["memory-pages"],
            }


async def test_cancelling_closes_the_socket_and_leaves_nothing_behind() -> None:
    arrived, closed = asyncio.Event(), asyncio.Event()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        arrived.set()
        await reader.read()  # ends when the client hangs up
        closed.set()

    async with raw_server(handler) as url, RonClient(url) as client:
        task = asyncio.create_task(client.get("/x"))
        await asyncio.wait_for(arrived.wait(), 5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(closed.wait(), 5)
        stats = client._calls.stats()
        assert (stats["calls"], stats["exchanges"]) == (0, 0)
        assert not client._calls._in_flight


async def test_a_timeout_of_the_callers_own_is_the_callers(node: str) -> None:
    async with RonClient(node) as client:
        with pytest.raises(TimeoutError) as caught:
            async with asyncio.timeout(0.1):
                await client.get("/delay", query={"ms": 5000})
        assert not isinstance(caught.value, RonError)
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0
        assert (await client.get("/hello"))["ok"]


async def test_closing_ends_calls_in_flight_and_refuses_later_ones(node: str) -> None:
    client = RonClient(node)
    task = asyncio.create_task(client.get("/delay", query={"ms": 30_000}))
    await asyncio.sleep(0.1)
    await client.close()
    with pytest.raises(RonClosedError):
        await task
    with pytest.raises(RonClosedError):
        await client.get("/hello")
    await client.aclose()


@pytest.mark.parametrize("place", ["method", "path", "query name", "query", "name", "value", "key"])
@pytest.mark.parametrize("bad", ["\0", "\r", "\n", "\ud800"], ids=["NUL", "CR", "LF", "surrogate"])
async def test_a_bad_character_in_any_field_is_refused_by_name_before_anything_is_sent(
    place: str, bad: str
) -> None:
    connections = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await read_request(reader)
        writer.write(OK)

    arguments: dict[str, Any] = {"method": "GET", "path": "/x"}
    match place:
        case "method" | "path":
            arguments[place] += bad
        case "query name":
            arguments["query"] = {"a" + bad: "b"}
        case "query":
            arguments["query"] = {"a": "b" + bad}
        case "name":
            arguments["headers"] = {"a" + bad: "b"}
        case "value":
            arguments["headers"] = {"a": "b" + bad + "c"}
        case "key":
            arguments["idem"] = "k" + bad
    async with raw_server(handler) as url, RonClient(url) as client:
        with pytest.raises(RonRequestError) as caught:
            await client.request(**arguments)
        assert place.split()[-1] in caught.value.message
        assert connections == 0
        assert await client.get("/x") == {"ok": True}


@pytest.mark.parametrize(
    "path",
    ["/../x", "/%2e%2e/x", "/a%2fb", "//evil.example", "http://evil.example/", "/x#y", "/\x7f"],
)
async def test_a_path_that_could_leave_the_app_plane_is_refused(node: str, path: str) -> None:
    async with RonClient(node) as client:
        with pytest.raises(RonRequestError, match="refused") as caught:
            await client.get(path)
        assert caught.value.code == "invalid_path"


def test_a_client_may_be_used_over_two_event_loops(node: str) -> None:
    client = RonClient(node)
    for _ in range(2):

        async def work() -> None:
            assert (await client.get("/hello"))["ok"]
            await client._calls.close_loop()

        asyncio.run(work())
    gc.collect()
    asyncio.run(client.close())
