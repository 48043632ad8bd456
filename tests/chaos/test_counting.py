"""The counting server tells what a call did to it."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

from ron_app_sdk_py import RonClient
from servers import raw_server

from .counting import CountingServer

LIMIT = 30.0


async def test_what_has_a_key_is_done_once_and_answered_alike() -> None:
    server = CountingServer()
    async with raw_server(server.handler) as url, RonClient(url) as client:
        first = await client.post("/effect", content=b"x", idem="a")
        assert await client.post("/effect", content=b"x", idem="a") == first
        await client.post("/effect", content=b"x", idem="b")
        for _ in range(2):
            await client.post("/effect", content=b"x")
    assert server.effects == ["a", "b", None, None]
    assert [arrival.key for arrival in server.arrivals] == ["a", "a", "b", None, None]
    assert len({arrival.request_id for arrival in server.arrivals}) == 5


async def test_a_request_that_is_cut_short_counts_but_does_nothing() -> None:
    server = CountingServer()
    head = b"POST /app/effect HTTP/1.1\r\nX-Request-Id: 7\r\nContent-Length: 9\r\n\r\n"
    async with raw_server(server.handler) as url:
        for sent in (b"P", head + b"cut"):
            _, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
            writer.write(sent)
            writer.close()
            await writer.wait_closed()
        async with asyncio.timeout(LIMIT):
            while len(server.arrivals) < 2:
                await asyncio.sleep(0.01)
    seen = {(arrival.head, arrival.request_id, arrival.whole) for arrival in server.arrivals}
    assert seen == {(False, None, False), (True, "7", False)}
    assert server.effects == []
