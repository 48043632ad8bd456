"""The engine alone: calls over a transport that answers at once."""

from __future__ import annotations

import functools
import json
from contextlib import ExitStack
from typing import Any

from ron_app_sdk_py import ClientConfig
from ron_app_sdk_py.calls.calls import Calls
from ron_app_sdk_py.calls.limits import Limits
from ron_app_sdk_py.request import Request
from ron_app_sdk_py.transport import TransportRequest

from .candidates import TOKEN
from .report import Row, Section, at_most, median
from .rounds import Burst, Stage, microseconds
from .servers import HELLO

_ANSWER = json.dumps(HELLO, separators=(",", ":")).encode()
_HEADERS = [
    ("Server", "nginx/1.22.1"),
    ("Date", "Sun, 22 Nov 2026 15:37:16 GMT"),
    ("Content-Type", "application/json"),
    ("Content-Length", str(len(_ANSWER))),
    ("Connection", "keep-alive"),
]
_MIB = b"x" * 1024 * 1024


class _Response:
    status = 200
    headers = _HEADERS

    async def read_all(self, max_bytes: int) -> bytes:
        return _ANSWER

    async def read(self, max_bytes: int) -> bytes:
        return b""

    def abort(self) -> None:
        pass


class _Transport:
    async def send(self, request: TransportRequest) -> _Response:
        return _Response()

    async def close(self) -> None:
        pass


def measure(stage: Stage) -> Section:
    """Measures it."""
    config = ClientConfig(base_url=stage.base, token=TOKEN, max_request_bytes=len(_MIB))
    settings, _faults = config.settings(("base_url", "token", "max_request_bytes"))
    limits = Limits.of(config)
    section = Section("engine and glue, canned transport")
    bursts: dict[str, Burst] = {}
    with ExitStack() as stack:
        for path, private_api in (("fast path", True), ("public API", False)):
            calls = Calls(_Transport, private_api=private_api)
            session = calls.open(settings)
            stack.callback(_close, stage, calls)

            async def call(calls: Calls, session: Any, content: bytes | None) -> Any:
                method = "GET" if content is None else "POST"
                request = Request(method, "/hello", content=content)
                return (await calls.perform(session, limits, request)).value()

            for what, content in (("small GET", None), ("POST of 1 MiB", _MIB)):
                work = functools.partial(call, calls, session, content)
                stage.check(path, work, HELLO)
                bursts[f"{what}, {path}"] = stage.one_by_one(work)
        figures = microseconds(bursts, rounds=stage.settings.rounds, calls=stage.settings.calls)
    section.figures = {"microseconds": figures}
    for name, values in figures.items():
        budget = at_most(45 if "fast" in name else 75, "µs")
        section.rows += [
            Row(name, median(values), "µs", budget),
            Row(f"{name}, the quickest round", min(values), "µs"),
        ]
    return section


def _close(stage: Stage, calls: Calls) -> None:
    stage.runner.run(calls.close_loop())
