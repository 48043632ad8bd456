"""One stream of a connection: from a socket through the effects of toxics to another socket."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import functools
import math
import random
import socket
from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol

from .effects import Chunk, Effect, Forward, effect_of
from .models import Toxic

_READ_BYTES = 64 * 1024
_BUFFER_BYTES = 1024 * 1024
"""What a stream may hold back. A source that sends more has to wait, as it does on a real wire."""
_CHUNK_BYTES = 200
"""What a chunk takes beside its data, about."""


class Endings(Protocol):
    """How a stream can end its connection."""

    def close(self) -> None:
        """Closes both sockets."""

    def reset(self) -> None:
        """Sends both sides a RST."""


class _Applied(NamedTuple):
    """A toxic, and its effect unless the connection was spared."""

    toxic: Toxic
    effect: Effect[Any] | None


class Link:
    """One stream. Two tasks run it, :meth:`read` and :meth:`write`.

    Args:
        source: what is read.
        destination: what is written.
        connection: what ends both.
        seed: of everything random about the stream.
    """

    def __init__(
        self, source: socket.socket, destination: socket.socket, connection: Endings, seed: str
    ) -> None:
        self.random = random.Random(seed)  # noqa: S311 - faults are no secrets
        self.close = connection.close
        self.reset = connection.reset
        self._source = source
        self._destination = destination
        self._buffer = _Buffer()
        self._applied: dict[str, _Applied] = {}
        self._changed = asyncio.Event()

    def apply(self, toxics: Iterable[Toxic]) -> None:
        """Has these toxics act from now on. Those that acted already keep their state."""
        before = self._applied
        self._applied = {}
        for toxic in toxics:
            applied = before.pop(toxic.name, None)
            if applied is None or applied.toxic is not toxic:
                effect = self._drawn(toxic, None if applied is None else applied.effect)
                applied = _Applied(toxic, effect)
            self._applied[toxic.name] = applied
        for _, effect in before.values():
            if effect is not None:
                effect.remove()
        self._changed.set()

    def _drawn(self, toxic: Toxic, effect: Effect[Any] | None) -> Effect[Any] | None:
        """The effect that a new or changed toxic has: none if the draw spares the connection."""
        if self.random.random() >= toxic.toxicity:
            if effect is not None:
                effect.remove()
            return None
        if effect is None:
            return effect_of(toxic, self)
        effect.change(toxic.attributes)
        return effect

    def _effects(self) -> list[Effect[Any]]:
        return [effect for _, effect in self._applied.values() if effect is not None]

    async def pause(self, seconds: float) -> None:
        """Waits, or less if toxics change."""
        if seconds > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None if seconds == math.inf else seconds):
                    await self._changed.wait()

    async def read(self) -> None:
        """Reads the source to its end.

        Raises:
            OSError: the source is lost.
        """
        loop = asyncio.get_running_loop()
        while data := await loop.sock_recv(self._source, _READ_BYTES):
            await self._buffer.put(Chunk(data, loop.time()))
        await self._buffer.put(None)

    async def write(self) -> None:
        """Passes on what was read, and the end as a half close.

        Raises:
            OSError: the destination is lost.
        """
        while (chunk := await self._buffer.get()) is not None:
            await self._through_effects()(chunk)
        self._changed.clear()
        for effect in self._effects():
            await effect.end()
        with contextlib.suppress(OSError):
            self._destination.shutdown(socket.SHUT_WR)

    def _through_effects(self) -> Forward:
        """The way of one chunk. If toxics change meanwhile, nothing holds it up any more."""
        self._changed.clear()
        forward: Forward = self._send
        for effect in reversed(self._effects()):
            forward = functools.partial(effect.data, forward=forward)
        return forward

    async def _send(self, chunk: Chunk) -> None:
        await asyncio.get_running_loop().sock_sendall(self._destination, chunk.data)

    def stop(self) -> None:
        """Ends what effects still have in mind."""
        for effect in self._effects():
            effect.stop()


class _Buffer:
    """What was read and not passed on yet, for one reader and one writer. None is the end."""

    def __init__(self) -> None:
        self._chunks: collections.deque[Chunk | None] = collections.deque()
        self._size = 0
        self._filled = asyncio.Event()
        self._taken = asyncio.Event()

    async def put(self, chunk: Chunk | None) -> None:
        while self._size >= _BUFFER_BYTES:
            self._taken.clear()
            await self._taken.wait()
        self._chunks.append(chunk)
        self._size += self._cost(chunk)
        self._filled.set()

    async def get(self) -> Chunk | None:
        while not self._chunks:
            self._filled.clear()
            await self._filled.wait()
        chunk = self._chunks.popleft()
        self._size -= self._cost(chunk)
        self._taken.set()
        return chunk

    @staticmethod
    def _cost(chunk: Chunk | None) -> int:
        return _CHUNK_BYTES + (0 if chunk is None else len(chunk.data))
