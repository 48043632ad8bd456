"""The longest gap between two turns of the event loop while a large body goes through."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable
from typing import Any

from .report import Row, Section, at_most, median
from .rounds import Stage, check
from .servers import BLOB_BYTES, BLOB_PATH, UPLOAD_PATH

_NAMES = ("httpx", "httpx2", "aiohttp", "ours", "ours over httpx2")


def measure(stage: Stage) -> Section:
    """A download and an upload of 16 MiB by each candidate."""
    section = Section("longest gap between turns of the loop, body of 16 MiB")
    content = bytes(BLOB_BYTES)
    gaps: dict[str, list[float]] = {}
    times: dict[str, list[float]] = {}
    with stage.clients(_NAMES) as clients:
        work: dict[str, Callable[[], Awaitable[Any]]] = {}
        for name, client in clients.items():
            work[f"{name}: download"] = functools.partial(client.download, BLOB_PATH)
            work[f"{name}: upload"] = functools.partial(client.post, UPLOAD_PATH, content)
        for round_ in range(1 + stage.settings.fewer(4).rounds):
            for name, transfer in work.items():
                gap, took, answer = stage.runner.run(_longest_gap(transfer))
                if round_ == 0:
                    size = len(answer) if "download" in name else answer["received"]
                    check(name, size >= BLOB_BYTES, True)
                    continue
                gaps.setdefault(name, []).append(gap * 1000)
                times.setdefault(name, []).append(took * 1000)
    section.figures = {"gap_milliseconds": gaps, "transfer_milliseconds": times}
    for name, values in gaps.items():
        budget = at_most(10, "ms") if name.startswith("ours") else None
        section.rows.append(Row(name, median(values), "ms", budget))
    return section


async def _longest_gap(work: Callable[[], Awaitable[Any]]) -> tuple[float, float, Any]:
    """Seconds of the longest gap and of the whole, and the result."""
    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        last = time.perf_counter()
        while True:
            await asyncio.sleep(0)
            now = time.perf_counter()
            longest = max(longest, now - last)
            last = now

    watcher = asyncio.create_task(watch())
    await asyncio.sleep(0)
    started = time.perf_counter()
    try:
        result = await work()
    finally:
        watcher.cancel()
    return longest, time.perf_counter() - started, result
