"""The development node answers recorded requests as the real gateway and omnigate answered them."""

from __future__ import annotations

import asyncio
import json
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import recorded_app
from rawhttp import Answer, exchange
from ron_app_sdk_py.devnode import omnigate
from ron_app_sdk_py.devnode.listening import listening
from ron_app_sdk_py.devnode.policy import STOCK
from ron_app_sdk_py.devnode.server import running
from ron_app_sdk_py.devnode.settings import Quota, Settings
from servers import ROOT, refusing_port

_LINES = (ROOT / "tests/vectors/gateway_exchanges.jsonl").read_text("utf-8").splitlines()
RECORDED: list[dict[str, Any]] = [json.loads(line) for line in _LINES[1:]]
GROUPS: dict[str, list[dict[str, Any]]] = defaultdict(list)
for _exchange in RECORDED:
    GROUPS[_exchange["group"]].append(_exchange)

ABSENT = {
    "/metrics": "the numbers of a process that does not exist would be made up",
    "/o/": "objects are svc-storage's",
    "/paid/": "paid storage is a product",
    "/identity/": "identities are a product",
    "/wallet/": "wallets are a product",
    "/crab/": "resolving crab:// is a product",
    "/sites/": "sites are a product",
    "/chat/": "chat is a product",
    "/content/": "paid views are a product",
    "/dev/": "the gateway has them only with SVC_GATEWAY_DEV_ROUTES",
    "/app/%2e%2e/%2e%2e/ops/metrics": "as /metrics",
    "/v1/index/search": "the index is a service of its own",
}
"""Beginnings of the targets that the node does not have, and why."""

NOT_REPLAYED = {
    81: "HTTP/2, which aiohttp does not speak",
    84: "hyper's limit for a whole header section; aiohttp has limits for a line and a count",
    86: "not HTTP: aiohttp's own words of refusal differ from hyper's silence",
    93: "an answer to time passing, as is the next",
    94: "its bucket had filled a little in between",
    185: "omnigate's other listener, for its metrics",
    186: "omnigate's other listener, for its metrics",
    189: "/app/hello is a route of the node's own",
}
"""Lines of the recording that can't be compared, and why."""

MIB = 1024 * 1024
REPEATED = "a" * 60_000
HEX_ID = re.compile("[0-9a-f]{32}")
COUNTED_ID = re.compile("r-[0-9a-f]{16}")
UNCOMPARED_FIELDS = {"date", "connection"}

Make = Callable[[], AbstractAsyncContextManager[str]]


@asynccontextmanager
async def _before_recorded_app() -> AsyncIterator[str]:
    async with (
        listening(recorded_app.application(), "127.0.0.1", 0) as app,
        running(settings=Settings(upstream=app + recorded_app.PREFIX)) as node,
    ):
        yield node


@asynccontextmanager
async def _before_nothing() -> AsyncIterator[str]:
    with refusing_port() as port:
        settings = Settings(upstream=f"http://127.0.0.1:{port}/v1/app")
        async with running(settings=settings) as node:
            yield node


def _site(folder: Path) -> Path:
    for line in GROUPS["gateway-app"]:
        if line["status"] == 200 and line["target"].startswith("/app/site/"):
            name = line["target"].removeprefix("/app/site/") or "index.html"
            (folder / name).write_text(line["body"], "utf-8")
    return folder


def _node(group: str, folder: Path) -> Make:
    """The node as it was configured when the group was recorded."""
    if group == "gateway-502":
        return _before_nothing
    if group in ("gateway-headers", "gateway-upstream", "gateway-sse"):
        return _before_recorded_app
    if group == "omnigate-direct":
        return lambda: listening(omnigate.application(Settings()), "127.0.0.1", 0)
    settings = {
        "gateway-app": Settings(app_static_dir=_site(folder)),
        "gateway-bodycap": Settings(max_body_bytes=MIB, max_content_length=MIB),
        "gateway-policy": Settings(policy=STOCK),
        "gateway-ratelimit-global": Settings(max_inflight=2, global_quota=Quota(qps=0, burst=5)),
    }
    return partial(running, settings=settings.get(group, Settings()))


def _is_absent(recorded: dict[str, Any]) -> bool:
    target: str = recorded["target"]
    return target.startswith(tuple(ABSENT))


async def _replayed(url: str, recorded: dict[str, Any]) -> Answer:
    length = recorded.get("content_length", 0)
    if recorded.get("chunked"):  # Between omnigate's limit and the gateway's, and over both.
        length = 1_200_000 if recorded["line"] == 34 else 2_200_000
    head = b"" if "body" not in recorded else _body_head(recorded)
    fields = [(name, _whole(value)) for name, value in recorded["fields"]]
    return await asyncio.to_thread(
        exchange,
        url,
        recorded["method"],
        _whole(recorded["target"]),
        [*fields, ("User-Agent", "curl/7.88.1")],
        head.ljust(length, b"x"),
        chunked=recorded.get("chunked", False),
    )


def _whole(text: str) -> str:
    return re.sub(r"<\.\.\.a( repeated\.\.\.>)?", REPEATED, text)


def _body_head(recorded: dict[str, Any]) -> bytes:
    """The request's body, where the recorded app repeated it."""
    if not recorded["body"].startswith('{"method"'):
        return b""
    head: str = json.loads(recorded["body"])["body_head"]
    return head.encode()


def _compare(answer: Answer, recorded: dict[str, Any]) -> None:
    expected = dict(recorded["answer_fields"])
    given = dict(answer.fields)
    assert answer.status == recorded["status"]
    assert given.keys() - UNCOMPARED_FIELDS == expected.keys() - UNCOMPARED_FIELDS
    _compare_ids(given, expected, {name.lower(): value for name, value in recorded["fields"]})
    for name in (
        expected.keys()
        - UNCOMPARED_FIELDS
        - {
            "x-request-id",
            "x-correlation-id",
            "server",  # It tells a version of Python.
            "content-length",  # It follows from the body.
        }
    ):
        assert given[name] == expected[name], name
    if "body" in recorded:
        _compare_bodies(answer, recorded)
    elif expected.get("content-encoding") == "gzip":
        assert answer.body == recorded_app.PACKED


def _compare_ids(given: dict[str, str], expected: dict[str, str], sent: dict[str, str]) -> None:
    if "x-request-id" in expected:
        minted = HEX_ID if HEX_ID.fullmatch(expected["x-request-id"]) else COUNTED_ID
        asked = sent.get("x-request-id")
        assert given["x-request-id"] == asked or (
            asked is None and minted.fullmatch(given["x-request-id"])
        )
    if "x-correlation-id" in expected:
        asked = sent.get("x-correlation-id")
        assert given["x-correlation-id"] == asked or (
            asked is None and HEX_ID.fullmatch(given["x-correlation-id"])
        )
        same = expected["x-request-id"] == expected["x-correlation-id"]
        assert (given["x-request-id"] == given["x-correlation-id"]) is same


def _compare_bodies(answer: Answer, recorded: dict[str, Any]) -> None:
    if recorded["method"] == "HEAD" or not recorded["body"].startswith("{"):
        assert answer.body == recorded["body"].encode()
        return
    given, expected = answer.json(), json.loads(recorded["body"])
    if recorded["target"] == "/version":
        assert given.keys() == expected.keys() | {"note"}
        assert isinstance(given["built_at_unix"], int)
        assert {name: given[name] for name in ("name", "version")} == {
            name: expected[name] for name in ("name", "version")
        }
    elif "raw_path" in expected:
        assert _comparable_echo(given) == _comparable_echo(expected)
    else:
        # JSON of the servers themselves is the same to the byte; the app's is Python's in both.
        assert answer.body == recorded["body"].encode()


def _comparable_echo(echo: dict[str, Any]) -> dict[str, Any]:
    fields = sorted(
        (name.lower(), value if name.lower() not in ("host", "x-request-id") else "…")
        for name, value in echo["headers"]
        if (name, value) != ("Content-Length", "0")  # aiohttp adds it where hyper says nothing.
    )
    return echo | {"headers": fields}


@pytest.mark.parametrize("group", sorted(GROUPS.keys() - {"gateway-loadshed", "omnigate-admin"}))
async def test_recorded_requests_get_the_recorded_answers(group: str, tmp_path: Path) -> None:
    compared = 0
    async with _node(group, tmp_path)() as node, _before_recorded_app() as echoing:
        for recorded in GROUPS[group]:
            if _is_absent(recorded) or recorded["line"] in NOT_REPLAYED:
                continue
            url = echoing if recorded["target"].startswith("/app/echo") else node
            if recorded["line"] == 28:  # Recorded after a reload that was not.
                await asyncio.to_thread(exchange, node, "POST", "/app/site/reload")
            answer = await _replayed(url, recorded)
            try:
                _compare(answer, recorded)
            except AssertionError as difference:
                difference.add_note(f"line {recorded['line']}: {recorded}, but {answer}")
                raise
            compared += 1
    absent = sum(map(_is_absent, GROUPS[group]))
    assert compared or absent == len(GROUPS[group])


async def test_load_is_shed_as_recorded() -> None:
    shed, admitted = GROUPS["gateway-loadshed"]
    async with running(settings=Settings(max_inflight=2)) as url:
        port = int(url.rpartition(":")[2])
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        for _, writer in held:
            writer.write(b"GET /app/delay?ms=60000 HTTP/1.1\r\nHost: node\r\n\r\n")
        async with asyncio.timeout(30):
            while (answer := await _replayed(url, shed)).status == 200:
                await asyncio.sleep(0.01)
        _compare(answer, shed)
        for _, writer in held:
            writer.close()
        async with asyncio.timeout(30):
            while (answer := await _replayed(url, admitted)).status == 503:
                await asyncio.sleep(0.01)
        _compare(answer, admitted)


async def test_every_recorded_exchange_is_replayed_or_has_a_reason() -> None:
    lines = {recorded["line"] for recorded in RECORDED}
    assert NOT_REPLAYED.keys() <= lines
    assert all(any(r["target"].startswith(begin) for r in RECORDED) for begin in ABSENT)
    replayed = [
        recorded
        for recorded in RECORDED
        if not _is_absent(recorded) and recorded["line"] not in NOT_REPLAYED
    ]
    assert (len(RECORDED), len(replayed)) == (116, 85)


async def test_routes_said_to_be_absent_are() -> None:
    async with running() as url:
        for recorded in filter(_is_absent, RECORDED):
            if recorded["group"].startswith("omnigate"):
                continue
            answer = await asyncio.to_thread(exchange, url, recorded["method"], recorded["target"])
            assert (answer.status, answer.body) == (404, b""), recorded["target"]
