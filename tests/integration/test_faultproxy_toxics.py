"""What each toxic guarantees, on sockets. What our fault proxy does, Toxiproxy does too, except
where a test asks for ours alone."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import time
from collections.abc import AsyncIterator

import pytest

from faultproxies import Route, before, opened, route
from ron_app_sdk_py.testing.faultproxy.client import Toxiproxy
from ron_app_sdk_py.testing.faultproxy.models import (
    Bandwidth,
    Latency,
    LimitData,
    ResetPeer,
    Slicer,
    SlowClose,
    Stream,
    Timeout,
)
from ron_app_sdk_py.testing.faultproxy.server import running
from servers import raw_server, refusing_port

SOON = 0.3
"""Seconds in which nothing happens that must not happen."""


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()


class Sink:
    """Takes what comes, and notes it and the end."""

    def __init__(self) -> None:
        self.data = b""
        self.ended = asyncio.Event()
        self.error: OSError | None = None

    async def handler(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                self.data += data
        except OSError as error:
            self.error = error
        self.ended.set()


@pytest.fixture
async def ours() -> AsyncIterator[Toxiproxy]:
    """Our fault proxy."""
    async with running() as url, opened(url) as client:
        yield client


async def nothing_arrives(reader: asyncio.StreamReader) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(SOON):
            await reader.read(1)


async def test_without_toxics_bytes_arrive_as_they_were_sent(toxiproxy: Toxiproxy) -> None:
    data = bytes(range(256)) * 4096
    async with before(toxiproxy, echo) as proxy, proxy.connected() as (reader, writer):
        writer.write(data)
        assert await reader.readexactly(len(data)) == data


async def test_a_half_close_passes_and_the_other_direction_goes_on(ours: Toxiproxy) -> None:
    async def last_word(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"you said " + await reader.read())

    async with before(ours, last_word) as proxy, proxy.connected() as (reader, writer):
        writer.write(b"hello")
        writer.write_eof()
        assert await reader.read() == b"you said hello"


async def test_a_reset_of_one_side_is_one_for_the_other(ours: Toxiproxy) -> None:
    sink = Sink()
    async with before(ours, sink.handler) as proxy:
        async with proxy.connected() as (_, writer):
            writer.write(b"x")
            await writer.drain()
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        await sink.ended.wait()
        assert isinstance(sink.error, ConnectionResetError)


async def test_latency_delays_but_chunks_do_not_wait_for_each_other(toxiproxy: Toxiproxy) -> None:
    async with before(toxiproxy, echo) as proxy, proxy.connected() as (reader, writer):
        await proxy.add(Latency(latency=300))
        started = time.monotonic()
        for number in range(40):
            writer.write(b"%02d" % number)
            await writer.drain()
            await asyncio.sleep(0.005)
        first = await reader.readexactly(2)
        assert time.monotonic() - started >= 0.29
        rest = await reader.readexactly(78)
        assert first + rest == b"".join(b"%02d" % number for number in range(40))
        # One after another they would take 12 s.
        assert time.monotonic() - started < 6


async def test_jitter_never_takes_more_off_than_it_says(toxiproxy: Toxiproxy) -> None:
    async with before(toxiproxy, echo) as proxy, proxy.connected() as (reader, writer):
        await proxy.add(Latency(latency=100, jitter=50), "upstream")
        for _ in range(5):
            started = time.monotonic()
            writer.write(b"x")
            await reader.readexactly(1)
            assert time.monotonic() - started >= 0.045


async def test_bandwidth_keeps_to_its_rate(toxiproxy: Toxiproxy) -> None:
    async with before(toxiproxy, echo) as proxy, proxy.connected() as (reader, writer):
        await proxy.add(Bandwidth(rate=100))
        started = time.monotonic()
        writer.write(bytes(50_000))
        assert await reader.readexactly(50_000) == bytes(50_000)
        assert time.monotonic() - started >= 0.4


async def test_with_a_bandwidth_of_nothing_nothing_arrives_until_it_is_removed(
    ours: Toxiproxy,
) -> None:
    async with before(ours, echo) as proxy, proxy.connected() as (reader, writer):
        toxic = await proxy.add(Bandwidth(rate=0))
        writer.write(b"x")
        await nothing_arrives(reader)
        await ours.remove(proxy.name, toxic)
        assert await reader.readexactly(1) == b"x"


async def test_slow_close_delays_the_end_and_not_the_data(toxiproxy: Toxiproxy) -> None:
    async def bye(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(3))

    async with before(toxiproxy, bye) as proxy:
        await proxy.add(SlowClose(delay=400))
        async with proxy.connected() as (reader, writer):
            started = time.monotonic()
            writer.write(b"bye")
            assert await reader.readexactly(3) == b"bye"
            assert await reader.read() == b""
            assert time.monotonic() - started >= 0.39


@pytest.mark.parametrize("stream", ["upstream", "downstream"])
async def test_a_timeout_swallows_everything_and_then_closes(
    toxiproxy: Toxiproxy, stream: Stream
) -> None:
    sink = Sink()
    handler = sink.handler if stream == "upstream" else echo
    async with before(toxiproxy, handler) as proxy:
        await proxy.add(Timeout(timeout=400), stream)
        async with proxy.connected() as (reader, writer):
            writer.write(b"lost")
            assert await reader.read() == b""
        if stream == "upstream":
            await sink.ended.wait()
            assert sink.data == b""


async def test_a_timeout_of_nothing_holds_until_it_is_removed_and_then_closes(
    toxiproxy: Toxiproxy,
) -> None:
    async with before(toxiproxy, echo) as proxy, proxy.connected() as (reader, writer):
        toxic = await proxy.add(Timeout(timeout=0))
        writer.write(b"lost")
        await nothing_arrives(reader)
        await toxiproxy.remove(proxy.name, toxic)
        assert await reader.read() == b""


@pytest.mark.parametrize("stream", ["upstream", "downstream"])
@pytest.mark.parametrize("timeout", [0, 100])
async def test_reset_peer_resets_both_sides(
    toxiproxy: Toxiproxy, stream: Stream, timeout: int
) -> None:
    errors: list[OSError] = []

    async def noting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await echo(reader, writer)
        except OSError as error:
            errors.append(error)
            raise

    async with before(toxiproxy, noting) as proxy:
        await proxy.add(ResetPeer(timeout=timeout), stream)
        async with proxy.connected() as (reader, writer):
            started = time.monotonic()
            writer.write(b"x")
            with pytest.raises(ConnectionResetError):
                await reader.read()
            assert time.monotonic() - started >= timeout / 1000 - 0.01
        while not errors:
            await asyncio.sleep(0.01)
    assert isinstance(errors[0], ConnectionResetError)


async def test_a_reset_that_was_to_come_comes_when_its_toxic_is_removed(ours: Toxiproxy) -> None:
    async with before(ours, echo) as proxy, proxy.connected() as (reader, writer):
        toxic = await proxy.add(ResetPeer(timeout=3_600_000), "upstream")
        writer.write(b"lost")
        await nothing_arrives(reader)
        await ours.remove(proxy.name, toxic)
        with pytest.raises(ConnectionResetError):
            await reader.read()


async def test_a_slicer_pauses_after_each_piece(toxiproxy: Toxiproxy) -> None:
    async with before(toxiproxy, echo) as proxy, proxy.connected() as (reader, writer):
        await proxy.add(Slicer(average_size=10, size_variation=1, delay=20_000))
        started = time.monotonic()
        writer.write(bytes(range(200)))
        assert await reader.readexactly(200) == bytes(range(200))
        assert time.monotonic() - started >= 0.2


@pytest.mark.parametrize("stream", ["upstream", "downstream"])
@pytest.mark.parametrize("count", [1, 70_000])
async def test_limit_data_lets_so_many_bytes_through_and_closes(
    toxiproxy: Toxiproxy, stream: Stream, count: int
) -> None:
    sink = Sink()
    data = bytes(number % 251 for number in range(100_000))

    async def source(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await reader.read()

    async with before(toxiproxy, sink.handler if stream == "upstream" else source) as proxy:
        await proxy.add(LimitData(bytes=count), stream)
        async with proxy.connected() as (reader, writer):
            if stream == "upstream":
                writer.write(data)
                await sink.ended.wait()
                arrived = sink.data
            else:
                arrived = await reader.read()
    assert arrived == data[:count]


async def test_a_toxic_acts_on_its_stream_only(toxiproxy: Toxiproxy) -> None:
    sink = Sink()
    async with before(toxiproxy, sink.handler) as proxy:
        await proxy.add(Timeout(timeout=0), "downstream")
        async with proxy.connected() as (_, writer):
            writer.write(b"through")
            while sink.data != b"through":
                await asyncio.sleep(0.01)


async def test_toxics_that_come_change_and_go_act_on_open_connections(
    toxiproxy: Toxiproxy,
) -> None:
    async with before(toxiproxy, echo) as proxy, proxy.connected() as (reader, writer):

        async def seconds() -> float:
            started = time.monotonic()
            writer.write(b"x")
            await reader.readexactly(1)
            return time.monotonic() - started

        await seconds()
        toxic = await proxy.add(Latency(latency=200))
        assert await seconds() >= 0.19
        await toxiproxy.change_toxic(proxy.name, toxic, Latency(latency=400))
        assert await seconds() >= 0.39
        await toxiproxy.change_toxic(proxy.name, toxic, Latency(latency=3_600_000))
        writer.write(b"held")
        await nothing_arrives(reader)
        await toxiproxy.remove(proxy.name, toxic)
        assert await reader.readexactly(4) == b"held"
        await seconds()


async def test_limit_data_counts_on_when_it_is_changed(ours: Toxiproxy) -> None:
    async with before(ours, echo) as proxy, proxy.connected() as (reader, writer):
        toxic = await proxy.add(LimitData(bytes=100))
        writer.write(bytes(60))
        await reader.readexactly(60)
        await ours.change_toxic(proxy.name, toxic, LimitData(bytes=70))
        writer.write(bytes(60))
        assert len(await reader.read()) == 10


async def test_a_toxicity_of_nothing_spares_every_connection(toxiproxy: Toxiproxy) -> None:
    async with before(toxiproxy, echo) as proxy:
        await proxy.add(ResetPeer(), toxicity=0.0)
        for _ in range(5):
            async with proxy.connected() as (reader, writer):
                writer.write(b"x")
                assert await reader.readexactly(1) == b"x"


async def reset_connections(seed: int) -> list[bool]:
    """Which of 20 connections a toxic of half toxicity resets."""
    async with running(seed=seed) as url, opened(url) as client, raw_server(echo) as server:
        await client.create("same", server.removeprefix("http://"))
        await client.add("same", ResetPeer(), stream="upstream", toxicity=0.5)
        host, _, port = (await client.proxy("same")).listen.rpartition(":")
        proxy = Route(client, "same", host, int(port))
        outcomes = []
        for _ in range(20):
            async with proxy.connected() as (reader, writer):
                writer.write(b"x")
                try:
                    outcomes.append(await reader.readexactly(1) != b"x")
                except ConnectionResetError:
                    outcomes.append(True)
        return outcomes


async def test_a_seed_repeats_a_run() -> None:
    first = await reset_connections(1)
    assert {*first} == {True, False}
    assert await reset_connections(1) == first
    assert await reset_connections(2) != first


async def test_disabling_drops_connections_and_refuses_new_ones(toxiproxy: Toxiproxy) -> None:
    async with before(toxiproxy, echo) as proxy, proxy.connected() as (reader, writer):
        writer.write(b"x")
        await reader.readexactly(1)
        await toxiproxy.change(proxy.name, enabled=False)
        assert await reader.read() == b""
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(proxy.host, proxy.port)
        await toxiproxy.change(proxy.name, enabled=True)
        async with proxy.connected() as (again, back):
            back.write(b"y")
            assert await again.readexactly(1) == b"y"


async def test_disabling_in_the_middle_of_accepting_leaves_no_connection_open(
    ours: Toxiproxy,
) -> None:
    async def knock(proxy: Route) -> None:
        with contextlib.suppress(ConnectionRefusedError):
            async with proxy.connected() as (reader, _):
                with contextlib.suppress(ConnectionResetError):
                    assert await reader.read() == b""

    async with before(ours, echo) as proxy:
        for _ in range(20):
            knocks = [asyncio.create_task(knock(proxy)) for _ in range(10)]
            await asyncio.sleep(0)
            await ours.change(proxy.name, enabled=False)
            await asyncio.gather(*knocks)
            await ours.change(proxy.name, enabled=True)


async def test_a_connection_to_nobody_is_closed(toxiproxy: Toxiproxy) -> None:
    with refusing_port() as port:
        async with (
            route(toxiproxy, f"http://127.0.0.1:{port}") as proxy,
            proxy.connected() as (reader, _),
        ):
            assert await reader.read() == b""


async def test_a_server_that_does_not_read_holds_the_client_back(toxiproxy: Toxiproxy) -> None:
    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        await asyncio.Event().wait()

    async def pour(sock: socket.socket) -> None:
        piece = bytes(1024 * 1024)
        for _ in range(64):
            async with asyncio.timeout(1):
                await asyncio.get_running_loop().sock_sendall(sock, piece)

    async with before(toxiproxy, deaf) as proxy:
        with socket.create_connection((proxy.host, proxy.port)) as sock:
            sock.setblocking(False)
            with pytest.raises(TimeoutError):
                await pour(sock)
