"""Event streams: how many events a second a reader takes, and what each costs it."""

from __future__ import annotations

import gc
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from typing import Any

from .children import child
from .event_source import EVENT
from .report import Budget, Row, Section, median, ratio
from .rounds import Stage, check

_CHUNKS = {"one event a chunk": 1, "4 KiB chunks": 4096, "64 KiB chunks": 65536}
_EVENTS = 20_000
_WARM_UP = 2_000
_LEAST_PER_SECOND = 300_000
_DATA = EVENT.split(b"data: ")[1].strip().decode()

Figures = dict[str, list[float]]
"""By candidate, one figure a round."""


class _Clock:
    """Times the events behind the first ones: ``reached`` is told of each."""

    def __init__(self) -> None:
        self.events = 0
        self._started = (0.0, 0.0)
        self.wall = 0.0
        self.cpu = 0.0

    def reached(self, data: str) -> bool:
        """Whether that was the last one."""
        self.events += 1
        if self.events == _WARM_UP:
            check("a stream", data, _DATA)
            self._started = time.perf_counter(), time.process_time()
        elif self.events == _WARM_UP + _EVENTS:
            wall, cpu = self._started
            self.wall = (time.perf_counter() - wall) / _EVENTS * 1e6
            self.cpu = (time.process_time() - cpu) / _EVENTS * 1e6
            return True
        return False


def measure(stage: Stage) -> Section:
    """Events of 200 bytes from another process, read by this client, httpx2, aiohttp with lines put
    together by hand, and launchdarkly-eventsource."""
    section = Section(f"event streams: {_EVENTS:,} events of 200 bytes, by readers")
    rounds = stage.settings.fewer(6).rounds
    with child("event_source") as source:
        base = f"http://127.0.0.1:{source.ask()}"
        for name, size in _CHUNKS.items():
            wall: Figures = {}
            cpu: Figures = {}
            order = list(_READERS.items())
            for _ in range(rounds):
                for reader, read in order:
                    gc.collect()
                    clock = _Clock()
                    read(stage, f"{base}/app/events/{size}", clock)
                    wall.setdefault(reader, []).append(clock.wall)
                    cpu.setdefault(reader, []).append(clock.cpu)
                order.reverse()
            section.figures[name] = {"wall µs an event": wall, "CPU µs an event": cpu}
            section.rows += _rows(name, wall, cpu)
    return section


def _rows(name: str, wall: Figures, cpu: Figures) -> Iterator[Row]:
    budget = Budget(f"≥ {_LEAST_PER_SECOND:,}", least=_LEAST_PER_SECOND)
    for reader in wall:
        is_bound = reader == "ours" and name == "4 KiB chunks"
        per_second = 1e6 / median(wall[reader])
        yield Row(f"{name}, {reader}", per_second, "a second", budget if is_bound else None)
        yield Row(f"{name}, {reader}: CPU an event", median(cpu[reader]), "µs")
    for reader in wall:
        if reader != "ours":
            yield Row(f"{name}, CPU: {reader} / ours", ratio(cpu, reader, "ours"))


def _ours(stage: Stage, url: str, clock: _Clock) -> None:
    from ron_app_sdk_py import RonClient

    base, _, path = url.partition("/app")

    async def read() -> None:
        async with RonClient(base) as client, client.subscribe(path) as events:
            async for event in events:
                if clock.reached(event.data):
                    return

    stage.runner.run(read())


def _httpx2(stage: Stage, url: str, clock: _Clock) -> None:
    import httpx2

    async def read() -> None:
        async with httpx2.AsyncClient() as client, client.sse(url) as events:
            async for event in events:
                if clock.reached(event.data):
                    return

    stage.runner.run(read())


def _aiohttp(stage: Stage, url: str, clock: _Clock) -> None:
    import aiohttp

    async def read() -> None:
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            async with aclosing(_events_of_lines(response.content)) as events:
                async for data in events:
                    if clock.reached(data):
                        break
            response.close()

    stage.runner.run(read())


async def _events_of_lines(lines: Any) -> AsyncGenerator[str, None]:
    """What a program does that has no reader of event streams: the data of each."""
    data: list[str] = []
    async for line in lines:
        text = line.decode().rstrip("\r\n")
        if text.startswith("data:"):
            data.append(text[5:].removeprefix(" "))
        elif not text and data:
            yield "\n".join(data)
            data = []


def _launchdarkly(_: Stage, url: str, clock: _Clock) -> None:
    from ld_eventsource import SSEClient

    client = SSEClient(url)
    try:
        for event in client.events:
            if clock.reached(event.data):
                return
    finally:
        client.close()


_READERS: dict[str, Callable[[Stage, str, _Clock], None]] = {
    "ours": _ours,
    "httpx2": _httpx2,
    "aiohttp, by lines": _aiohttp,
    "launchdarkly-eventsource": _launchdarkly,
}
