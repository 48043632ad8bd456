"""What each type of toxic does to one stream of one connection.

An effect sees the stream chunk by chunk and then its end, and passes on what it likes when it
likes. Whoever waits uses :meth:`LinkControl.pause`, which ends early when toxics change: what was
held back then goes on at once.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Awaitable, Callable
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from .models import (
    Attributes,
    Bandwidth,
    Latency,
    LimitData,
    ResetPeer,
    Slicer,
    SlowClose,
    Timeout,
    Toxic,
)

_BANDWIDTH_SECONDS = 0.1
"""What passes at once under a limit of bandwidth is what it allows in this time."""

A = TypeVar("A", bound=Attributes)


class Chunk(NamedTuple):
    """Some bytes of a stream, and when they came in, by the loop's clock."""

    data: bytes
    arrived: float


Forward = Callable[[Chunk], Awaitable[None]]
"""Passes a chunk on to the next effect, or to the socket."""


class LinkControl(Protocol):
    """What an effect can do to the stream that it is on."""

    random: random.Random

    async def pause(self, seconds: float) -> None:
        """Waits, or less if toxics change."""

    def close(self) -> None:
        """Closes the connection."""

    def reset(self) -> None:
        """Resets the connection."""


class Effect(Generic[A]):
    """A toxic on one stream of one connection.

    Args:
        attributes: what the toxic is told.
        link: the stream.
    """

    def __init__(self, attributes: A, link: LinkControl) -> None:
        self._attributes = attributes
        self._link = link

    def change(self, attributes: A) -> None:
        """Is told something else."""
        self._attributes = attributes

    async def data(self, chunk: Chunk, forward: Forward) -> None:
        """Passes a chunk on, by default at once."""
        await forward(chunk)

    async def end(self) -> None:
        """Returns when the end of the stream may be passed on."""

    def remove(self) -> None:
        """The toxic was taken away."""

    def stop(self) -> None:
        """The connection is over."""


class _Latency(Effect[Latency]):
    async def data(self, chunk: Chunk, forward: Forward) -> None:
        told = self._attributes
        delay = told.latency + self._link.random.randint(-told.jitter, told.jitter)
        await self._link.pause(chunk.arrived + delay / 1000 - _now())
        await forward(chunk)


class _Bandwidth(Effect[Bandwidth]):
    def __init__(self, attributes: Bandwidth, link: LinkControl) -> None:
        super().__init__(attributes, link)
        self._free_at = 0.0

    async def data(self, chunk: Chunk, forward: Forward) -> None:
        rate = 1000 * self._attributes.rate
        size = max(1, int(rate * _BANDWIDTH_SECONDS))
        if rate == 0:
            await self._link.pause(math.inf)
            size = len(chunk.data)
        for start in range(0, len(chunk.data), size):
            part = chunk.data[start : start + size]
            if rate:
                self._free_at = max(self._free_at, _now()) + len(part) / rate
                await self._link.pause(self._free_at - _now())
            await forward(Chunk(part, chunk.arrived))


class _SlowClose(Effect[SlowClose]):
    async def end(self) -> None:
        await self._link.pause(self._attributes.delay / 1000)


class _Timeout(Effect[Timeout]):
    def __init__(self, attributes: Timeout, link: LinkControl) -> None:
        super().__init__(attributes, link)
        self._timer = self._started()

    def _started(self) -> asyncio.TimerHandle | None:
        seconds = self._attributes.timeout / 1000
        if not seconds:
            return None
        return asyncio.get_running_loop().call_later(seconds, self._link.close)

    def change(self, attributes: Timeout) -> None:
        self.stop()
        super().change(attributes)
        self._timer = self._started()

    async def data(self, chunk: Chunk, forward: Forward) -> None:
        pass

    async def end(self) -> None:
        self._link.close()
        await _for_ever()

    def remove(self) -> None:
        # What it swallowed is lost, so the stream can't go on.
        self.stop()
        self._link.close()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


class _ResetPeer(Effect[ResetPeer]):
    def __init__(self, attributes: ResetPeer, link: LinkControl) -> None:
        super().__init__(attributes, link)
        self._timer: asyncio.TimerHandle | None = None

    def _start(self) -> None:
        if self._timer is None:
            seconds = self._attributes.timeout / 1000
            self._timer = asyncio.get_running_loop().call_later(seconds, self._link.reset)

    async def data(self, chunk: Chunk, forward: Forward) -> None:
        self._start()

    async def end(self) -> None:
        self._start()
        await _for_ever()

    def remove(self) -> None:
        # As above: what it swallowed is lost.
        if self._timer is not None:
            self.stop()
            self._link.reset()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


class _Slicer(Effect[Slicer]):
    """Cuts where the random numbers say, however the stream happens to be read."""

    def __init__(self, attributes: Slicer, link: LinkControl) -> None:
        super().__init__(attributes, link)
        self._missing = 0

    async def data(self, chunk: Chunk, forward: Forward) -> None:
        rest = chunk.data
        while rest:
            told = self._attributes
            if not self._missing:
                variation = self._link.random.randint(-told.size_variation, told.size_variation)
                self._missing = told.average_size + variation
            part, rest = rest[: self._missing], rest[self._missing :]
            self._missing -= len(part)
            await forward(Chunk(part, chunk.arrived))
            if not self._missing:
                await self._link.pause(told.delay / 1_000_000)


class _LimitData(Effect[LimitData]):
    def __init__(self, attributes: LimitData, link: LinkControl) -> None:
        super().__init__(attributes, link)
        self._passed = 0

    async def data(self, chunk: Chunk, forward: Forward) -> None:
        part = chunk.data[: max(0, self._attributes.bytes - self._passed)]
        if part:
            self._passed += len(part)
            await forward(Chunk(part, chunk.arrived))
        if self._passed >= self._attributes.bytes:
            self._link.close()


_EFFECTS: dict[type[Attributes], type[Effect[Any]]] = {
    Bandwidth: _Bandwidth,
    Latency: _Latency,
    LimitData: _LimitData,
    ResetPeer: _ResetPeer,
    Slicer: _Slicer,
    SlowClose: _SlowClose,
    Timeout: _Timeout,
}


def effect_of(toxic: Toxic, link: LinkControl) -> Effect[Any]:
    """What a toxic does to a stream, from now on."""
    return _EFFECTS[type(toxic.attributes)](toxic.attributes, link)


def _now() -> float:
    return asyncio.get_running_loop().time()


async def _for_ever() -> None:
    """Waits until cancelled."""
    await asyncio.get_running_loop().create_future()
