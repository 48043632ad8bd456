"""The admin plane of a macronode, and its token."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gates import Gate
from micronodes import micronode
from ron_app_sdk_py import (
    Attempt,
    CallRecord,
    Middleware,
    NodeAdmin,
    RonAuthError,
    RonClient,
    RonClientSync,
    RonClosedError,
    RonConfigError,
    RonError,
    RonRequestError,
    RonSandboxError,
    RonSecurityWarning,
)
from ron_app_sdk_py.devnode.server import running
from ron_app_sdk_py.devnode.settings import Settings
from ron_app_sdk_py.testing.embedded import devnode
from servers import TOKEN, raw_server, read_request, reply
from shown import texts_of

ADMIN = "admin-token-9876543210"
JSON = "content-type: application/json"
STATUS = reply("200 OK", b'{"profile":"macronode","version":"0.1.0"}', JSON)
OK = reply("200 OK", b'{"a":1}', JSON)
MACRONODE = Settings(profile="macronode", admin_token=ADMIN)

Seen = list[tuple[str, str | None, bytes]]


@asynccontextmanager
async def macronode(answer: bytes = OK) -> AsyncIterator[tuple[str, Seen]]:
    """A server that says that it is a macronode and answers all else alike: its URL, and the
    requests, their credentials and contents."""
    seen: Seen = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            first, fields, content = await read_request(reader)
            request = first.removesuffix(" HTTP/1.1")
            values = {name.lower(): value for name, value in fields}
            seen.append((request, values.get("authorization"), content))
            if request == "GET /api/v1/status":
                writer.write(STATUS)
            elif not answer:
                return
            else:
                writer.write(answer)

    async with raw_server(handler) as url:
        yield url, seen


CALLS: list[tuple[Callable[[NodeAdmin], Awaitable[Any]], str, bytes]] = [
    (lambda admin: admin.reload(), "POST /api/v1/reload", b""),
    (lambda admin: admin.shutdown(), "POST /api/v1/shutdown", b""),
    (
        lambda admin: admin.run_bench({"suite": "admin_plane"}),
        "POST /api/v1/bench/run",
        b'{"suite":"admin_plane"}',
    ),
    (lambda admin: admin.bench_run("r 1"), "GET /api/v1/bench/runs/r%201", b""),
    (lambda admin: admin.bench_result("r"), "GET /api/v1/bench/runs/r/result", b""),
    (lambda admin: admin.storage(), "GET /api/v1/storage/summary", b""),
    (lambda admin: admin.databases(), "GET /api/v1/storage/databases", b""),
    (lambda admin: admin.database("i.sled"), "GET /api/v1/storage/databases/i.sled", b""),
    (lambda admin: admin.system(), "GET /api/v1/system/summary", b""),
    (lambda admin: admin.net_accounting(), "GET /api/v1/system/net/accounting", b""),
]


async def test_the_admin_plane_is_told_neither_the_clients_credential_nor_its_passport() -> None:
    gate = Gate()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(STATUS)
        await gate(reader, writer)

    async with (
        raw_server(handler) as url,
        RonClient(url, token=TOKEN, passport="passport-0123456789") as client,
    ):
        await client.node.admin(token=ADMIN).reload()
    assert gate.seen == [("/api/v1/reload", f"Bearer {ADMIN}", None)]


async def test_every_call_has_the_admin_token_and_the_question_before_has_none() -> None:
    async with macronode() as (url, seen), RonClient(url, token=TOKEN) as client:
        admin = client.node.admin(token=ADMIN)
        for call, _, _ in CALLS:
            assert await call(admin) == {"a": 1}
        await client.get("/hello")
    sent = [(request, f"Bearer {ADMIN}", content) for _, request, content in CALLS]
    assert seen == [
        ("GET /api/v1/status", None, b""),
        *sent,
        ("GET /app/hello", f"Bearer {TOKEN}", b""),
    ]


async def test_a_macronode_lets_the_right_token_in_only() -> None:
    async with running(settings=MACRONODE) as url, RonClient(url, token=TOKEN) as client:
        admin = client.node.admin(token=ADMIN)
        assert await admin.reload() == {"status": "reload triggered"}
        assert (await admin.storage()).keys() >= {"totalBytes", "freeBytes"}
        assert await admin.databases() == []
        await admin.shutdown()
        other = client.node.admin(token=TOKEN)
        for call in (other.reload, other.shutdown):
            with pytest.raises(RonAuthError) as caught:
                await call()
            assert caught.value.status == 401
        assert await admin.reload()


async def test_a_macronode_without_a_token_takes_any_from_this_machine() -> None:
    settings = Settings(profile="macronode")
    async with running(settings=settings) as url, RonClient(url) as client:
        assert await client.node.admin(token=ADMIN).reload() == {"status": "reload triggered"}


async def test_a_macronode_without_a_token_takes_none_from_elsewhere() -> None:
    async with macronode(reply("403 Forbidden")) as (url, _), RonClient(url) as client:
        with pytest.raises(RonAuthError) as caught:
            await client.node.admin(token=ADMIN).reload()
    assert (caught.value.status, caught.value.code) == (403, "http_403")


def test_the_synchronous_client_does_the_same() -> None:
    with devnode(MACRONODE) as url, RonClientSync(url, token=TOKEN) as client:
        admin = client.node.admin(token=ADMIN)
        assert admin.reload() == {"status": "reload triggered"}
        assert admin.databases() == []
        with pytest.raises(RonAuthError):
            client.node.admin(token=TOKEN).shutdown()


@pytest.mark.parametrize("kind", ["gateway", "micronode"])
async def test_a_node_that_is_no_macronode_is_refused(kind: str) -> None:
    server = micronode() if kind == "micronode" else running()
    async with server as url, RonClient(url, token=TOKEN) as client:
        with pytest.raises(RonRequestError, match=f"of the kind {kind}") as caught:
            await client.node.admin(token=ADMIN).reload()
    assert caught.value.code == "not_macronode"


@pytest.mark.parametrize(
    "answer",
    [
        reply("404 x"),
        reply("200 OK", b'{"profile":"Macronode"}', JSON),
        reply("200 OK", b"macronode", "content-type: text/plain"),
        reply("200 OK", b"{", JSON),
    ],
)
async def test_who_does_not_say_that_it_is_a_macronode_never_sees_the_token(answer: bytes) -> None:
    seen: list[object] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            seen.append(await read_request(reader))
            writer.write(answer)

    async with raw_server(handler) as url, RonClient(url, token=TOKEN) as client:
        admin = client.node.admin(token=ADMIN)
        for call, _, _ in CALLS:
            with pytest.raises(RonRequestError) as caught:
                await call(admin)
            assert caught.value.code == "not_macronode"
    assert seen
    assert ADMIN not in repr(seen)
    assert TOKEN not in repr(seen)


async def test_the_gateway_of_a_macronode_is_not_its_admin_plane() -> None:
    ping = reply("200 OK", b'{"ok":true,"profile":"macronode"}', JSON)

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            first, _, _ = await read_request(reader)
            writer.write(ping if "/ingress/ping" in first else reply("404 x"))

    async with raw_server(handler) as url, RonClient(url) as client:
        with pytest.raises(RonRequestError, match="another address") as caught:
            await client.node.admin(token=ADMIN).reload()
    assert caught.value.code == "not_macronode"


@pytest.mark.parametrize(
    ("token", "named"),
    [(None, "NoneType"), (7, "int"), (b"x" * 9, "bytes"), ("", "token"), ("a\nb" * 5, "U+000A")],
)
async def test_a_token_that_is_no_good_is_named_and_not_shown(token: Any, named: str) -> None:
    async with RonClient("http://127.0.0.1:1", token=TOKEN) as client:
        with pytest.raises(RonConfigError, match="token") as caught:
            client.node.admin(token=token)
        assert named in caught.value.message
        assert "x" * 9 not in caught.value.message
        assert client._calls.stats()["sessions"] == 1


async def test_a_short_token_is_warned_of() -> None:
    async with RonClient("http://127.0.0.1:1", token=TOKEN) as client:
        with pytest.warns(RonSecurityWarning, match="fewer than 8"):
            client.node.admin(token="short")


@pytest.mark.parametrize("run_id", ["", "..", "a/b", "a?b", "a\0", None])
async def test_an_id_that_would_be_another_path_is_refused(run_id: Any) -> None:
    async with macronode() as (url, seen), RonClient(url) as client:
        admin = client.node.admin(token=ADMIN)
        for call in (admin.bench_run, admin.bench_result):
            with pytest.raises(RonRequestError) as caught:
                await call(run_id)
            assert caught.value.code == "invalid_run_id"
        with pytest.raises(RonRequestError) as caught:
            await admin.database(run_id)
        assert caught.value.code == "invalid_name"
    assert seen == []


async def test_a_shutdown_is_not_tried_again() -> None:
    async with macronode(reply("503 x")) as (url, seen), RonClient(url) as client:
        with pytest.raises(RonError):
            await client.node.admin(token=ADMIN).shutdown()
    assert [request for request, _, _ in seen] == ["GET /api/v1/status", "POST /api/v1/shutdown"]


async def test_the_admin_session_survives_a_trap_with_its_token() -> None:
    async with macronode() as (url, seen), RonClient(url, token=TOKEN) as client:
        admin = client.node.admin(token=ADMIN)
        await admin.reload()
        guest = client._calls._sessions.guest
        assert guest is not None
        guest.instance._fuel = 100
        with pytest.raises(RonSandboxError):
            await client.get("/hello")
        seen.clear()
        await admin.reload()
        await client.get("/hello")
    assert seen == [
        ("POST /api/v1/reload", f"Bearer {ADMIN}", b""),
        ("GET /app/hello", f"Bearer {TOKEN}", b""),
    ]


async def test_the_admin_session_ends_with_the_client_that_it_comes_from() -> None:
    async with macronode() as (url, _), RonClient(url, token=TOKEN) as client:
        derived = client.with_options(timeout=5)
        admins = [client.node.admin(token=ADMIN), derived.node.admin(token=ADMIN)]
        await derived.close()
        assert await admins[0].reload() == {"a": 1}
        with pytest.raises(RonClosedError):
            await admins[1].reload()
        with pytest.raises(RonClosedError):
            derived.node.admin(token=ADMIN)
        await client.close()
        with pytest.raises(RonClosedError):
            await admins[0].reload()


async def test_admin_sessions_that_nobody_uses_any_more_are_closed() -> None:
    async with macronode() as (url, _), RonClient(url, token=TOKEN) as client:
        for number in range(100):
            client.node.admin(token=f"{ADMIN}-{number}")
        gc.collect()
        await client.get("/hello")
        assert client._calls.stats()["sessions"] == 1
        assert client._redactor._secrets == [TOKEN]


@pytest.mark.parametrize("transport", ["aiohttp", "httpx2"])
async def test_neither_token_shows_wherever_both_come_back(
    transport: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A server, or a caller, may tell one session's token in the other's calls."""
    both = f"{TOKEN} {ADMIN}"
    details = {"code": both, "message": both, "a": [{both: [both]}], "reason": both}
    answers = [
        reply("403 x", json.dumps(details).encode(), JSON),
        reply(f"500 {both}", both.encode(), "content-type: text/plain", f"x-request-id: {both}"),
        reply("302 x", b"", f"location: https://e/?t={both}"),
        reply("200 OK", f"{{{both}".encode(), JSON),
        f"HTTP/1.1 200 OK\r\n{both} {both}\r\n\r\n".encode(),
        b"",
    ]
    caplog.set_level(logging.DEBUG)
    seen: list[object] = []

    class Watching(Middleware):
        def after_attempt(self, attempt: Attempt) -> None:
            seen.append(f"{attempt!r} {attempt.headers!r} {attempt.headers.raw()}")

    records: list[CallRecord] = []
    errors: list[BaseException] = []
    shown: list[object] = []
    for answer in answers:
        async with macronode(answer) as (url, _):
            client = RonClient(url, token=TOKEN, transport=transport, retries=0)
            client.add_middleware(Watching())
            client.add_metrics_hook(records.append)
            admin = client.node.admin(token=ADMIN)
            calls: list[Awaitable[Any]] = [
                admin.reload(),
                admin.bench_run(both),
                admin.bench_run(f"{both}/.."),
                admin.run_bench({both: {both}}),
                client.post("/x"),
                client.get(f"/{both}"),
                client.get(f"/{both}/../"),
                client.get("/x", headers={both: both}),
                client.facet("f").get(f"//{both}"),
                client.facet("f").get(f"/{both}"),
                client.node.kv.get(both, f"{both}\0"),
            ]
            for call in calls:
                with pytest.raises(RonError) as caught:
                    await call
                errors.append(caught.value)
            with pytest.raises(RonError) as caught:
                client.facet(both)
            errors.append(caught.value)
            shown += [client, client.config, admin, vars(admin), client.node, client.facet("f")]
            shown += [client._calls._sessions.all(), client._redactor]
            await client.close()
    logged = [
        record.getMessage() + repr(vars(record))
        for record in caplog.records
        if not record.name.startswith("httpcore2.")
    ]
    everything = [*logged, *seen, *records, *shown]
    everything += [text for error in errors for text in texts_of(error)]
    found = [text for text in map(str, everything) if TOKEN[:10] in text or ADMIN[:12] in text]
    assert found == []
    assert len(errors) == 12 * len(answers)
