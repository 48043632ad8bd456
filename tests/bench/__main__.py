"""Measures, prints, writes: ``python -m bench``."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from importlib.metadata import version

from servers import ROOT

from . import (
    at_once,
    cold,
    command,
    engine,
    footprint,
    gaps,
    sequential,
    sizes,
    stale,
    storm,
    streams,
    sustained,
)
from .report import Section, table
from .rounds import Stage
from .servers import node
from .settings import Settings

PARTS: dict[str, Callable[[Stage], Section]] = {
    "engine": engine.measure,
    "small-get": sequential.small_get,
    "post": sequential.post_small,
    "post-large": sequential.post_large,
    "health": sequential.health,
    "at-once": at_once.few,
    "at-once-many": at_once.many,
    "sustained": sustained.measure,
    "storm": storm.measure,
    "streams": streams.measure,
    "cold": cold.measure,
    "command": command.measure,
    "memory": footprint.measure,
    "loop": gaps.measure,
    "stale": stale.measure,
    "sizes": sizes.measure,
}
"""What can be measured, by the names that ``ONLY`` takes."""

_LIBRARIES = ("wasmtime", "aiohttp", "httpx", "httpx2", "pyreqwest", "launchdarkly-eventsource")
_FILE = ROOT / "build" / "bench.json"


def main() -> None:
    """The whole."""
    settings = Settings.from_environment(PARTS)
    sections: dict[str, Section] = {}
    seconds: dict[str, float] = {}
    with node() as base, asyncio.Runner() as runner:
        for part in settings.parts:
            print(f"{part} …", file=sys.stderr, flush=True)
            started = time.perf_counter()
            sections[part] = PARTS[part](Stage(settings, base, runner))
            seconds[part] = time.perf_counter() - started
    versions = {name: version(name) for name in _LIBRARIES}
    shown = ", ".join(f"{name} {number}" for name, number in versions.items())
    print(
        f"CPython {platform.python_version()}, {os.cpu_count()} cores, nginx on loopback; {shown}; "
        f"medians of {settings.rounds} rounds of {settings.calls} calls, or fewer; "
        f"{sum(seconds.values()):.0f} s\n"
    )
    print(table(list(sections.values())))
    _FILE.parent.mkdir(exist_ok=True)
    report = {
        "python": platform.python_version(),
        "versions": versions,
        "settings": asdict(settings),
        "seconds": seconds,
        "parts": {name: asdict(section) for name, section in sections.items()},
    }
    _FILE.write_text(json.dumps(report, indent=1))
    print(f"\nall figures: {_FILE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
