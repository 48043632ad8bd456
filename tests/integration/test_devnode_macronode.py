"""The development node's macronode: who may change it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from rawhttp import Answer, exchange
from ron_app_sdk_py.devnode.server import running
from ron_app_sdk_py.devnode.settings import Settings

ADMIN = "admin-token-0123456789"
GUARDED = ("reload", "shutdown", "bench/run", "debug/crash")


async def ask(url: str, method: str, target: str, *fields: tuple[str, str], **more: Any) -> Answer:
    return await asyncio.to_thread(exchange, url, method, target, fields, **more)


async def test_with_a_token_nobody_gets_in_without_it() -> None:
    bad = [(), *((("Authorization", value),) for value in (f"bearer {ADMIN}", ADMIN, "Bearer x"))]
    async with running(settings=Settings(profile="macronode", admin_token=ADMIN)) as url:
        for name in GUARDED:
            for fields in bad:
                answer = await ask(url, "POST", f"/api/v1/{name}", *fields)
                assert (answer.status, answer.body) == (401, b""), (name, fields)
        right = ("Authorization", f"Bearer {ADMIN}")
        assert (await ask(url, "POST", "/api/v1/reload", right)).json() == {
            "status": "reload triggered"
        }
        assert (await ask(url, "POST", "/api/v1/shutdown", right)).status == 202
        assert (await ask(url, "POST", "/api/v1/bench/run", right)).status == 404
        # What changes nothing is for everybody.
        for path in ("/api/v1/status", "/api/v1/storage/summary", "/api/v1/storage/databases"):
            assert (await ask(url, "GET", path)).status == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        (None, 200),
        ("localhost:8080", 200),
        ("[::1]:8080", 200),
        ("127.9.9.9", 200),
        ("node.example", 403),
        ("10.0.0.1:8080", 403),
        ("192.168.1.5", 403),
    ],
)
async def test_without_a_token_the_host_decides(host: str | None, status: int) -> None:
    async with running(settings=Settings(profile="macronode")) as url:
        answer = await ask(url, "POST", "/api/v1/reload", host=host)
        assert answer.status == status


async def test_a_node_that_is_not_ready_says_when_to_ask_again() -> None:
    async with running(settings=Settings(profile="macronode", ready=False)) as url:
        answer = await ask(url, "GET", "/readyz")
        assert (answer.status, answer.field("retry-after")) == (503, "5")
        assert answer.json()["ready"] is False
        assert (await ask(url, "GET", "/api/v1/status")).json()["ready"] is False


async def test_request_ids_are_kept_or_minted() -> None:
    async with running(settings=Settings(profile="macronode")) as url:
        kept = await ask(url, "GET", "/nope", ("X-Request-Id", "mine"))
        assert kept.field("x-request-id") == "mine"
        minted = (await ask(url, "GET", "/version")).field("x-request-id")
        assert minted is not None
        assert minted.startswith("macronode-")
