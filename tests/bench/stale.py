"""What idle connections that servers have dropped cost: calls that fail, and time to recover."""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from pathlib import Path

from processes import nginx
from ron_app_sdk_py import ClientConfig, RonClient, RonError
from vanishing import vanishing_server

from .report import Row, Section, at_most, median
from .rounds import Stage

_KEEP_ALIVE = 0.1
_CALLS = 200
_VANISHINGS = 5
_CHANCE = random.Random(1)


def measure(stage: Stage) -> Section:
    """GETs after idle gaps longer than the server's patience, about as long, and on connections
    whose packets are dropped."""
    section = Section("idle connections that the server has dropped")
    for transport in ("aiohttp", "httpx2"):
        for what, least, most in (("longer than", 1.1, 1.5), ("about", 0.97, 1.03)):
            failed, retried = stage.runner.run(_after_gaps(transport, least, most))
            gap = f"{transport}: {_CALLS} GETs after gaps {what} nginx's keep-alive"
            section.rows.append(Row(f"{gap}, failed", failed, "", at_most(0)))
            section.rows.append(Row(f"{gap}, sent twice", retried))
        for timeout in (10.0, 3.0):
            times = stage.runner.run(_after_vanishing(transport, timeout))
            section.figures[f"{transport}: recovery_seconds, timeout {timeout:g}"] = times
            text = f"{transport}: GET on a connection that has vanished, timeout {timeout:g} s"
            section.rows.append(Row(text, median(times), "s", at_most(timeout, "s")))
    return section


async def _after_gaps(transport: str, least: float, most: float) -> tuple[int, int]:
    """How many calls fail, and how many need another attempt."""
    failed = retried = 0
    with tempfile.TemporaryDirectory() as folder:
        site = "location / { default_type text/plain; return 200 ok; }"
        server = f"keepalive_timeout {_KEEP_ALIVE * 1000:.0f}ms; {site}"
        with nginx(Path(folder), server) as port:
            async with RonClient(f"http://127.0.0.1:{port}", transport=transport) as client:
                for _ in range(_CALLS):
                    try:
                        response = await client.request("GET", "/x")
                        retried += response.attempts > 1
                    except RonError:
                        failed += 1
                    await asyncio.sleep(_KEEP_ALIVE * _CHANCE.uniform(least, most))
    return failed, retried


async def _after_vanishing(transport: str, timeout: float) -> list[float]:
    """Seconds of calls, each on a connection that has just vanished."""
    times = []
    with vanishing_server() as server:
        config = ClientConfig(base_url=server.url, timeout=timeout)
        async with RonClient(config=config, transport=transport) as client:
            for _ in range(_VANISHINGS):
                await client.get("/x")
                server.vanish()
                started = time.perf_counter()
                await client.get("/x")
                times.append(time.perf_counter() - started)
    return times
