"""Measures the client against httpx, httpx2 and aiohttp, interleaved in one run.

The server is nginx in a process of its own. Every round measures each candidate in turn, so that
a change of the machine's speed hits all alike: rounds are short and many. Figures are medians of
rounds, and ratios are medians of the rounds' ratios. Prints a table and writes
``build/bench.json``.

Environment: ``ROUNDS`` (default 41), ``CALLS`` a round (default 100).
"""

from __future__ import annotations

import asyncio
import functools
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import httpx2

from processes import nginx
from ron_app_sdk_py import ClientConfig, RonClient
from ron_app_sdk_py.calls.calls import Calls
from ron_app_sdk_py.calls.limits import Limits
from ron_app_sdk_py.engine.artifact import FOLDER
from ron_app_sdk_py.request import Request
from ron_app_sdk_py.transport import TransportRequest, TransportSettings

ROUNDS = int(os.environ.get("ROUNDS", "41"))
CALLS = int(os.environ.get("CALLS", "100"))
TOKEN = "bench-token-0123456789"
ANSWER = b'{"ok":true,"message":"hello","n":42}'
HEADERS = [
    ("Server", "nginx/1.22.1"),
    ("Date", "Sun, 22 Nov 2026 15:37:16 GMT"),
    ("Content-Type", "application/json"),
    ("Content-Length", str(len(ANSWER))),
    ("Connection", "keep-alive"),
]
ROOT = Path(__file__).parents[2]

Work = Callable[[], Awaitable[Any]]


class CannedResponse:
    """An answer without a network."""

    status = 200
    headers = HEADERS

    async def read_all(self, max_bytes: int) -> bytes:
        return ANSWER

    async def read(self, max_bytes: int) -> bytes:
        return b""

    def abort(self) -> None:
        pass


class CannedTransport:
    """Answers at once: what is left is the engine."""

    def __init__(self, settings: TransportSettings) -> None:
        pass

    async def send(self, request: TransportRequest) -> CannedResponse:
        return CannedResponse()

    async def close(self) -> None:
        pass


async def measure(candidates: dict[str, Work]) -> dict[str, list[float]]:
    """Microseconds a call, by candidate, one figure a round."""
    figures: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(ROUNDS):
        for name, work in candidates.items():
            for _ in range(20):
                await work()
            started = time.perf_counter()
            for _ in range(CALLS):
                await work()
            figures[name].append((time.perf_counter() - started) / CALLS * 1e6)
    return figures


async def run() -> dict[str, list[float]]:
    """All candidates against one server."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        location = f"location /app/ {{ return 200 '{ANSWER.decode()}'; }}"
        server = f"keepalive_requests 1000000; default_type application/json; {location}"
        base = f"http://127.0.0.1:{stack.enter_context(nginx(folder, server))}"
        url = f"{base}/app/hello"
        authorization = {"authorization": f"Bearer {TOKEN}"}
        raw_httpx = await stack.enter_async_context(httpx.AsyncClient(headers=authorization))
        raw_httpx2 = await stack.enter_async_context(httpx2.AsyncClient(headers=authorization))
        raw_aiohttp = await stack.enter_async_context(aiohttp.ClientSession(headers=authorization))
        ours = await stack.enter_async_context(RonClient(base, token=TOKEN))
        over_httpx2 = RonClient(base, token=TOKEN, transport="httpx2")
        await stack.enter_async_context(over_httpx2)

        async def with_httpx() -> Any:
            return (await raw_httpx.get(url)).json()

        async def with_httpx2() -> Any:
            return (await raw_httpx2.get(url)).json()

        async def with_aiohttp() -> Any:
            async with raw_aiohttp.get(url) as response:
                return json.loads(await response.read())

        candidates: dict[str, Work] = {
            "httpx": with_httpx,
            "httpx2": with_httpx2,
            "aiohttp": with_aiohttp,
            "ours": lambda: ours.get("/hello"),
            "ours over httpx2": lambda: over_httpx2.get("/hello"),
        }
        config = ClientConfig(base_url=base, token=TOKEN, max_request_bytes=4 * 1024 * 1024)
        settings, _faults = config.settings(("base_url", "token", "max_request_bytes"))
        limits = Limits.of(config)
        content = b"x" * 1024 * 1024
        for name, private_api in (("fast", True), ("public", False)):
            calls = Calls(
                functools.partial(CannedTransport, TransportSettings()), private_api=private_api
            )
            session = calls.open(settings)
            stack.push_async_callback(calls.close_loop)

            async def canned(
                calls: Calls = calls, session: Any = session, content: bytes | None = None
            ) -> Any:
                method = "GET" if content is None else "POST"
                request = Request(method, "/hello", content=content)
                return (await calls.perform(session, limits, request)).value()

            candidates[f"engine {name}"] = canned
            candidates[f"engine {name} 1 MiB"] = functools.partial(canned, content=content)
        for name, work in candidates.items():
            answer = await work()
            assert answer == json.loads(ANSWER), name
        return await measure(candidates)


def process_seconds(code: str) -> float:
    """Median wall time of a fresh Python process, less that of one that does nothing."""

    def once(text: str) -> float:
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", text], check=True)
        return time.perf_counter() - started

    once(code)
    pairs = [once(code) - once("pass") for _ in range(5)]
    return statistics.median(pairs)


def sizes() -> dict[str, int]:
    """Sizes of what is shipped, in bytes."""
    with tempfile.TemporaryDirectory() as out:
        subprocess.run(
            [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", out,
             str(ROOT / "host-python")],
            check=True,
            capture_output=True,
        )  # fmt: skip
        (wheel,) = Path(out).iterdir()
        return {
            "ron_host.wasm": (FOLDER / "ron_host.wasm").stat().st_size,
            "wheel": wheel.stat().st_size,
        }


def main() -> None:
    """Measures, prints, writes."""
    figures = asyncio.run(run())
    median = {name: statistics.median(values) for name, values in figures.items()}

    def ratio(one: str, other: str) -> str:
        pairs = zip(figures[one], figures[other], strict=True)
        return f"{statistics.median(a / b for a, b in pairs):.2f}"

    first_call = (
        "import asyncio\n"
        "from ron_app_sdk_py import RonClient, RonConnectError\n"
        "async def main():\n"
        "    async with RonClient('http://127.0.0.1:1') as client:\n"
        "        try: await client.get('/x')\n"
        "        except RonConnectError: pass\n"
        "asyncio.run(main())"
    )
    rows: list[tuple[str, str, str]] = [
        ("engine, canned transport, fast path", f"{median['engine fast']:.0f} µs", "≤ 45 µs"),
        ("the same with a body of 1 MiB", f"{median['engine fast 1 MiB']:.0f} µs", "≤ 45 µs"),
        ("engine, canned transport, public API", f"{median['engine public']:.0f} µs", "≤ 75 µs"),
        ("the same with a body of 1 MiB", f"{median['engine public 1 MiB']:.0f} µs", "≤ 75 µs"),
        ("small GET, httpx.AsyncClient", f"{median['httpx']:.0f} µs", ""),
        ("small GET, aiohttp", f"{median['aiohttp']:.0f} µs", ""),
        ("small GET, ours", f"{median['ours']:.0f} µs", ""),
        (
            "httpx / ours",
            ratio("httpx", "ours"),
            "gate ≥ 2.8, goal 3.5",
        ),
        ("ours / aiohttp", ratio("ours", "aiohttp"), ""),
        ("small GET, httpx2.AsyncClient", f"{median['httpx2']:.0f} µs", ""),
        ("small GET, ours over httpx2", f"{median['ours over httpx2']:.0f} µs", ""),
        ("ours over httpx2 / httpx2", ratio("ours over httpx2", "httpx2"), "≤ 1.05"),
    ]
    cold = {
        "import of the package": process_seconds("import ron_app_sdk_py"),
        "cold process to the end of its first call": process_seconds(first_call),
    }
    for (name, seconds), budget in zip(cold.items(), ("≤ 15 ms", "≤ 250 ms"), strict=True):
        rows.append((name, f"{seconds * 1000:.0f} ms", budget))
    shipped = sizes()
    rows += [
        ("zipped wheel", f"{shipped['wheel'] / 1000:.0f} kB", "≤ 400 kB"),
        ("ron_host.wasm", f"{shipped['ron_host.wasm'] / 1000:.0f} kB", "≤ 450 kB"),
    ]

    versions = {name: version(name) for name in ("wasmtime", "aiohttp", "httpx", "httpx2")}
    print(
        f"CPython {platform.python_version()}, {os.cpu_count()} cores, nginx on loopback, medians "
        f"of {ROUNDS} rounds of {CALLS} calls, {versions}\n"
    )
    print("| what | measured | budget |\n|---|---|---|")
    for row in rows:
        print("| " + " | ".join(row) + " |")
    out = ROOT / "build" / "bench.json"
    out.parent.mkdir(exist_ok=True)
    report = {
        "python": platform.python_version(),
        "versions": versions,
        "rounds": ROUNDS,
        "calls": CALLS,
        "microseconds": figures,
        "cold_seconds": cold,
        "bytes": shipped,
    }
    out.write_text(json.dumps(report, indent=1))
    print(f"\nall figures: {out.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
