"""Calls one after the other: small GET, POST, health."""

from __future__ import annotations

import functools
import time
from contextlib import ExitStack

from .candidates import CLIENTS, SYNC_CLIENTS, Client, SyncClient
from .report import Budget, Row, Section, at_most, medians, ratio, ratios
from .rounds import Burst, Stage, check, microseconds
from .servers import HEALTH, HELLO, HELLO_PATH, UPLOAD_PATH

_HTTPX = Budget("≥ 2.8, goal 3.5", least=2.8)


def small_get(stage: Stage) -> Section:
    """A small GET, asynchronous and synchronous."""
    settings = stage.settings
    section = Section("small GET")
    bursts: dict[str, Burst] = {}
    with ExitStack() as stack:
        clients = stack.enter_context(stage.clients([*CLIENTS]))
        for name, client in clients.items():
            work = functools.partial(client.get, HELLO_PATH)
            stage.check(name, work, HELLO)
            bursts[name] = stage.one_by_one(work)
        for name, make in SYNC_CLIENTS.items():
            sync_client = make(stage.base)
            stack.callback(sync_client.close)
            check(name, sync_client.get(HELLO_PATH), HELLO)
            bursts[name] = _synchronous(sync_client)
        figures = microseconds(bursts, rounds=settings.rounds, calls=settings.calls)
    section.figures = {"microseconds": figures}
    section.rows = [
        *medians(figures),
        Row("httpx / ours", ratio(figures, "httpx", "ours"), budget=_HTTPX),
        *ratios(figures, ("httpx2", "ours"), ("ours", "aiohttp"), ("ours", "pyreqwest")),
        Row(
            "ours over httpx2 / httpx2",
            ratio(figures, "ours over httpx2", "httpx2"),
            budget=at_most(1.05),
        ),
        *ratios(figures, ("httpx sync", "ours sync")),
    ]
    return section


def post(stage: Stage, size: int, name: str, calls: int, rounds: int) -> Section:
    """A POST of that many bytes, which the server reads to the end."""
    section = Section(f"POST of {name}")
    content = b"\xa5" * size
    bursts: dict[str, Burst] = {}
    with stage.clients([*CLIENTS]) as clients:
        for client_name, client in clients.items():
            _check_upload(stage, client_name, client, content)
            work = functools.partial(client.post, UPLOAD_PATH, content)
            bursts[client_name] = stage.one_by_one(work)
        figures = microseconds(bursts, rounds=rounds, calls=calls, warm_up=3)
    section.figures = {"microseconds": figures}
    pairs = (("httpx", "ours"), ("ours", "aiohttp"), ("ours over httpx2", "httpx2"))
    section.rows = [*medians(figures), *ratios(figures, *pairs)]
    return section


def post_small(stage: Stage) -> Section:
    """A POST of 32 KiB."""
    settings = stage.settings.fewer(2)
    return post(stage, 32 * 1024, "32 KiB", max(1, settings.calls // 2), settings.rounds)


def post_large(stage: Stage) -> Section:
    """A POST of 1 MiB."""
    settings = stage.settings.fewer(2)
    return post(stage, 1024 * 1024, "1 MiB", max(1, settings.calls // 10), settings.rounds)


def health(stage: Stage) -> Section:
    """``client.node.health()`` against a GET of the same."""
    settings = stage.settings.fewer(2)
    section = Section("/healthz: `client.node.health()` against the same GET")
    bursts: dict[str, Burst] = {}
    with stage.clients(["httpx", "aiohttp", "ours"]) as clients:
        for name, client in clients.items():
            stage.check(name, client.health, HEALTH["ok"])
            bursts[name] = stage.one_by_one(client.health)
        figures = microseconds(bursts, rounds=settings.rounds, calls=settings.calls)
    section.figures = {"microseconds": figures}
    pairs = (("httpx", "ours"), ("ours", "aiohttp"))
    section.rows = [*medians(figures), *ratios(figures, *pairs)]
    return section


def _check_upload(stage: Stage, name: str, client: Client, content: bytes) -> None:
    """Checks that the server has read the content before it answered: it tells the size of what it
    read, head included."""

    async def all_read() -> bool:
        received: int = (await client.post(UPLOAD_PATH, content))["received"]
        return len(content) < received < len(content) + 2048

    stage.check(name, all_read, True)


def _synchronous(client: SyncClient) -> Burst:
    def calls(count: int) -> float:
        started = time.perf_counter()
        for _ in range(count):
            client.get(HELLO_PATH)
        return time.perf_counter() - started

    return calls
