"""A process that starts, makes one call and ends; with and without a compiled component at hand."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tempfile
import time

from ron_app_sdk_py.engine.cache import VARIABLE

from .candidates import TOKEN
from .report import Row, Section, at_most, median
from .rounds import Stage, check
from .servers import HELLO

_WARM = "ours"
_FIRST = "ours, with nothing compiled yet"

# Each prints a line: seconds of imports, seconds of client and call, the answer.
_NOTHING = "print((0.0, 0.0, None), flush=True)"
_IMPORT = """
import time
started = time.perf_counter()
import {module}
print((time.perf_counter() - started, 0.0, None), flush=True)
"""
_CALL = """
import sys, time
base, token = sys.argv[1:]
started = time.perf_counter()
import asyncio
{imports}
imported = time.perf_counter()
async def main():
    {call}
answer = asyncio.run(main())
print((imported - started, time.perf_counter() - imported, answer), flush=True)
"""
_OURS = _CALL.format(
    imports="from ron_app_sdk_py import RonClient",
    call="""async with RonClient(base, token=token) as client:
        return await client.get("/hello")""",
)
_HTTPX = _CALL.format(
    imports="import httpx",
    call="""headers = dict(authorization="Bearer " + token)
    async with httpx.AsyncClient(headers=headers) as client:
        return (await client.get(base + "/app/hello")).json()""",
)
_AIOHTTP = _CALL.format(
    imports="import aiohttp",
    call="""headers = dict(authorization="Bearer " + token)
    async with aiohttp.ClientSession(headers=headers) as client:
        return await (await client.get(base + "/app/hello")).json()""",
)


def measure(stage: Stage) -> Section:
    """Starts processes in turn."""
    imports = ("ron_app_sdk_py", "httpx", "aiohttp")
    programs = {
        "interpreter alone": _NOTHING,
        **{f"`import {module}`": _IMPORT.format(module=module) for module in imports},
        _WARM: _OURS,
        _FIRST: _OURS,
        "httpx": _HTTPX,
        "aiohttp": _AIOHTTP,
    }
    whole: dict[str, list[float]] = {name: [] for name in programs}
    imported: dict[str, list[float]] = {name: [] for name in programs}
    called: dict[str, list[float]] = {name: [] for name in programs}
    with tempfile.TemporaryDirectory() as folder:
        for round_ in range(1 + stage.settings.fewer(6).rounds):
            for name, program in programs.items():
                cache = f"{folder}/{round_ if name == _FIRST else 'warm'}"
                figures = _run(program, stage.base, cache)
                # The first round fills the caches, the machine's among them.
                if round_ > 0:
                    for kept, figure in zip((whole, imported, called), figures, strict=True):
                        kept[name].append(figure * 1000)
    section = Section("cold process, from its start to its first answer")
    section.figures = {"milliseconds": whole, "imports": imported, "client_and_call": called}
    for name in programs:
        if name.startswith("`import"):
            budget = at_most(15, "ms") if "ron" in name else None
            section.rows.append(Row(name, median(imported[name]), "ms", budget))
            continue
        budget = at_most(250, "ms") if name == _WARM else None
        section.rows.append(Row(name, median(whole[name]), "ms", budget))
        if any(called[name]):
            section.rows += [
                Row(f"{name}: of that, imports", median(imported[name]), "ms"),
                Row(f"{name}: of that, client and call", median(called[name]), "ms"),
            ]
    return section


def _run(program: str, base: str, cache: str) -> tuple[float, float, float]:
    """Seconds to the first line of a process, of its imports, of its client and call."""
    started = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-c", program, base, TOKEN],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, VARIABLE: cache},
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        took = time.perf_counter() - started
        if process.wait(60) != 0 or not line:
            raise SystemExit(f"a cold process ended with {process.returncode}:\n{program}")
    imported, called, answer = ast.literal_eval(line)
    check("a cold process", answer, HELLO if called else None)
    return took, imported, called
