"""Whatever toxics do to time and pieces, the bytes stay what they were."""

from __future__ import annotations

import asyncio
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from examples import examples
from faultproxies import before, opened
from ron_app_sdk_py.testing.faultproxy.effects import Chunk, effect_of
from ron_app_sdk_py.testing.faultproxy.models import Attributes, Bandwidth, Latency, Slicer, Toxic
from ron_app_sdk_py.testing.faultproxy.server import running

LIMIT = 60.0

slicers = st.integers(1, 300).flatmap(
    lambda average: st.builds(
        Slicer,
        average_size=st.just(average),
        size_variation=st.integers(0, average - 1),
        delay=st.integers(0, 100),
    )
)
toxics = st.lists(
    slicers
    | st.builds(Latency, latency=st.integers(0, 5), jitter=st.integers(0, 5))
    | st.builds(Bandwidth, rate=st.integers(1_000, 100_000)),
    min_size=1,
    max_size=4,
)


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()


@settings(max_examples=examples(40), deadline=None)
@given(
    upstream=toxics,
    downstream=toxics,
    writes=st.lists(st.binary(min_size=1, max_size=5_000), min_size=1, max_size=10),
    seed=st.integers(),
)
def test_bytes_arrive_unchanged_and_in_order(
    upstream: list[Attributes], downstream: list[Attributes], writes: list[bytes], seed: int
) -> None:
    async def through() -> bytes:
        async with (
            asyncio.timeout(LIMIT),
            running(seed=seed) as url,
            opened(url) as client,
            before(client, echo) as proxy,
        ):
            for number, attributes in enumerate(upstream):
                await client.add(proxy.name, attributes, stream="upstream", name=f"u{number}")
            for number, attributes in enumerate(downstream):
                await client.add(proxy.name, attributes, name=f"d{number}")
            async with proxy.connected() as (reader, writer):
                for data in writes:
                    writer.write(data)
                    await asyncio.sleep(0)
                writer.write_eof()
                return await reader.read()

    assert asyncio.run(through()) == b"".join(writes)


class Recorder:
    """A stream on which no time passes: notes what comes, and where there is a pause."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.stream = b""
        self.pauses = [0]

    async def forward(self, chunk: Chunk) -> None:
        self.stream += chunk.data

    async def pause(self, seconds: float) -> None:
        self.pauses.append(len(self.stream))

    def close(self) -> None:
        raise AssertionError

    reset = close


def sliced(slicer: Slicer, chunks: list[bytes], seed: int) -> list[bytes]:
    """The pieces that a slicer makes of a stream."""
    recorder = Recorder(seed)
    toxic = Toxic(name="s", type="slicer", stream="upstream", attributes=slicer)
    effect = effect_of(toxic, recorder)

    async def run() -> None:
        for data in chunks:
            await effect.data(Chunk(data, 0.0), recorder.forward)

    asyncio.run(run())
    ends = [*recorder.pauses[1:], len(recorder.stream)]
    pieces = [recorder.stream[start:end] for start, end in zip(recorder.pauses, ends, strict=True)]
    return [piece for piece in pieces if piece]


@settings(max_examples=examples(60), deadline=None)
@given(
    slicer=slicers,
    chunks=st.lists(st.binary(min_size=1, max_size=1_000), min_size=1, max_size=8),
    seed=st.integers(),
)
def test_a_slicer_cuts_where_its_seed_says_however_the_stream_is_read(
    slicer: Slicer, chunks: list[bytes], seed: int
) -> None:
    stream = b"".join(chunks)
    pieces = sliced(slicer, chunks, seed)
    assert b"".join(pieces) == stream
    assert pieces == sliced(slicer, [stream], seed)
    sizes = [len(piece) for piece in pieces]
    most = slicer.average_size + slicer.size_variation
    assert max(sizes) <= most
    assert min(sizes[:-1], default=most) >= slicer.average_size - slicer.size_variation
