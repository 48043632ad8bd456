"""A steady load for a while: rate, latencies, growth of memory.

Each candidate has a process of its own, so that its memory is its own. They work in turn, a slice
each.
"""

from __future__ import annotations

import array
import asyncio
import gc
import json
import sys
import time
from contextlib import ExitStack
from typing import Any

from .candidates import CLIENTS, Client
from .children import child, resident_bytes
from .report import Row, Section, median
from .rounds import Stage, check
from .servers import HELLO, HELLO_PATH

TASKS = 32
"""Tasks of the load, each of which makes its next call when its last was answered."""

_NAMES = ("httpx", "aiohttp", "ours")
_SLICES = 6


def measure(stage: Stage) -> Section:
    """Loads each candidate."""
    seconds = stage.settings.seconds
    slices: dict[str, list[dict[str, Any]]] = {name: [] for name in _NAMES}
    with ExitStack() as stack:
        children = {
            name: stack.enter_context(child("sustained", name, stage.base)) for name in _NAMES
        }
        for process in children.values():
            # The first slice is the warm-up: memory is compared with what it leaves.
            process.ask(str(min(2.0, seconds / _SLICES)))
        for _ in range(_SLICES):
            for name, process in children.items():
                slices[name].append(process.ask(str(seconds / _SLICES)))
    section = Section(f"small GETs by {TASKS} tasks for {seconds:g} s", figures=dict(slices))
    for name, parts in slices.items():
        latencies = sorted(value for part in parts for value in part.pop("milliseconds"))
        rate = median([part["calls"] / part["seconds"] for part in parts])
        figures = {
            "rate": rate,
            "p50": latencies[len(latencies) // 2],
            "p99": latencies[len(latencies) * 99 // 100],
            "max": latencies[-1],
            "growth": parts[-1]["resident"] - parts[0]["resident_before"],
        }
        section.figures[name] = {"slices": parts, **figures}
        section.rows += [
            Row(f"{name}: rate", rate, "a second"),
            *(Row(f"{name}: {which}", figures[which], "ms") for which in ("p50", "p99", "max")),
            Row(f"{name}: growth of resident memory", figures["growth"] / 1000, "kB"),
        ]
    for one, other in (("ours", "httpx"), ("ours", "aiohttp")):
        value = section.figures[one]["rate"] / section.figures[other]["rate"]
        section.rows.append(Row(f"{one} / {other} (rate)", value))
    return section


async def _load(client: Client, seconds: float) -> dict[str, Any]:
    """Loads a client for a while."""
    latencies = array.array("f")
    resident = resident_bytes()
    started = time.perf_counter()
    ends = started + seconds

    async def share() -> None:
        before = time.perf_counter()
        while before < ends:
            await client.get(HELLO_PATH)
            after = time.perf_counter()
            latencies.append((after - before) * 1000)
            before = after

    async with asyncio.TaskGroup() as group:
        for _ in range(TASKS):
            group.create_task(share())
    took = time.perf_counter() - started
    after = resident_bytes() - latencies.itemsize * len(latencies)
    return {
        "calls": len(latencies),
        "seconds": took,
        "milliseconds": latencies.tolist(),
        "resident_before": resident,
        "resident": after,
    }


def _serve(name: str, base: str) -> None:
    """Loads a client for as long as each line says."""
    with asyncio.Runner() as runner:

        async def make() -> Client:
            return CLIENTS[name](base, TASKS)

        client = runner.run(make())
        check(name, runner.run(client.get(HELLO_PATH)), HELLO)
        for line in sys.stdin:
            print(json.dumps(runner.run(_load(client, float(line)))), flush=True)
            gc.collect()


if __name__ == "__main__":
    _serve(*sys.argv[1:])
