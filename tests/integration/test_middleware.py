"""Middleware: what it may change, what it sees, and what stops it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from ron_app_sdk_py import (
    Attempt,
    CallRecord,
    Middleware,
    Request,
    Response,
    RonClient,
    RonClientSync,
    RonConnectError,
    RonError,
    RonProblem,
    RonRequestError,
)
from servers import TOKEN, raw_server, read_request, reply

OK = reply("200 OK", b'{"ok":true}', "content-type: application/json")


class Recording:
    """A server that answers well and keeps what it was sent."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, dict[str, str], bytes]] = []

    async def handler(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            first, fields, content = await read_request(reader)
            self.seen.append((first, {name.lower(): value for name, value in fields}, content))
            writer.write(OK)


async def test_a_request_may_be_changed_whole_before_it_is_checked() -> None:
    class Rewriting(Middleware):
        async def before_request(self, request: Request) -> None:
            request.method = "PUT"
            request.path = "/b"
            request.query.append(("added", "é"))
            request.headers.append(("X-Added", "1"))
            request.content = b"other"

    server = Recording()
    async with raw_server(server.handler) as url, RonClient(url, token=TOKEN) as client:
        client.add_middleware(Rewriting())
        assert await client.post("/a", json={}) == {"ok": True}
    ((first, fields, content),) = server.seen
    assert first == "PUT /app/b?added=%C3%A9 HTTP/1.1"
    assert fields["x-added"] == "1"
    assert fields["content-length"] == "5"
    assert content == b"other"


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"path": "/../x"}, "dot segment"),
        ({"path": "//evil.example/"}, "names another host"),
        ({"path": 7}, "path is int"),
        ({"headers": [("Authorization", "Bearer other")]}, "Authorization"),
        ({"headers": [("x-ron-token", "a")]}, "x-ron-token"),
        ({"headers": [("a", "b\r\nc: d")]}, "header 'a'"),
        ({"headers": 3}, "headers"),
        ({"query": [("a", object())]}, "query parameter 'a'"),
        ({"headers": (pair for pair in [("Cookie", "a=b")])}, "Cookie"),
        ({"content": 3}, "content is int"),
        ({"method": "CONNECT"}, "CONNECT"),
        ({"idem": b"k"}, "idem is bytes"),
        ({"idem": "a b"}, "idempotency key"),
        ({"timeout": -1}, "timeout"),
    ],
    ids=repr,
)
async def test_the_guards_run_after_middleware(change: dict[str, Any], word: str) -> None:
    class Breaking:
        def before_request(self, request: Request) -> None:
            for name, value in change.items():
                setattr(request, name, value)

    server = Recording()
    async with raw_server(server.handler) as url, RonClient(url, token=TOKEN) as client:
        client.add_middleware(Breaking())
        with pytest.raises(RonRequestError, match=word):
            await client.get("/x")
        assert server.seen == []
        assert client._calls.stats()["calls"] == 0


async def test_an_attempt_shows_no_credential_and_takes_fields() -> None:
    attempts: list[Attempt] = []

    class Tracing(Middleware):
        def before_attempt(self, attempt: Attempt) -> None:
            attempts.append(attempt)
            attempt.add_header("traceparent", "00-a-b-01")

        async def after_attempt(self, attempt: Attempt) -> None:
            await asyncio.sleep(0)
            assert attempt.duration > 0

    server = Recording()
    async with raw_server(server.handler) as url, RonClient(url, token=TOKEN) as client:
        client.add_middleware(Tracing())
        await client.get("/x")
    ((_, fields, _),) = server.seen
    assert fields["traceparent"] == "00-a-b-01"
    assert fields["authorization"] == f"Bearer {TOKEN}"
    (attempt,) = attempts
    assert (attempt.number, attempt.status, attempt.failure) == (1, 200, None)
    assert attempt.url.endswith("/app/x")
    assert attempt.headers["authorization"] == "[redacted]"
    assert TOKEN not in f"{attempt!r}{attempt.headers.raw()}"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Authorization", "Bearer x"),
        ("COOKIE", "a=b"),
        ("Host", "evil.example"),
        ("content-length", "0"),
        ("Transfer-Encoding", "chunked"),
        ("proxy-authorization", "x"),
        ("X-Forwarded-For", "1.2.3.4"),
        ("X-RON-Token", "x"),
        ("x-http-method-override", "DELETE"),
        ("X-Original-URL", "/admin"),
        ("a b", "x"),
        ("", "x"),
        ("a", "x\r\nb: c"),
        ("a", "\0"),
        ("a", "é"),
    ],
)
async def test_a_field_that_an_attempt_may_not_have_is_never_sent(name: str, value: str) -> None:
    class Adding:
        def before_attempt(self, attempt: Attempt) -> None:
            attempt.add_header(name, value)

    server = Recording()
    async with raw_server(server.handler) as url, RonClient(url, token=TOKEN) as client:
        client.add_middleware(Adding())
        with pytest.raises(RonRequestError, match="middleware adds the header") as caught:
            await client.get("/x")
        assert TOKEN not in str(caught.value)
        assert server.seen == []
        assert client._calls.stats()["calls"] == 0


async def test_the_last_added_is_the_innermost_and_answers_pass_through_all(node: str) -> None:
    order: list[str] = []

    class Named:
        def __init__(self, name: str) -> None:
            self.name = name

        def before_request(self, request: Request) -> None:
            order.append(f"{self.name} before")

        async def after_response(self, request: Request, response: Response) -> None:
            order.append(f"{self.name} {response.status}")

        def after_error(self, request: Request, error: RonError) -> None:
            order.append(f"{self.name} {error.code}")

    async with RonClient(node) as client:
        client.add_middleware(Named("outer"))
        client.add_middleware(Named("inner"))
        await client.get("/hello")
        with pytest.raises(RonProblem):
            await client.get("/problem")
    before = ["outer before", "inner before"]
    failed = ["inner upstream_unavailable", "outer upstream_unavailable"]
    assert order == [*before, "inner 200", "outer 200", *before, *failed]


async def test_a_failed_attempt_tells_its_failure() -> None:
    failures: list[str | None] = []

    class Watching(Middleware):
        def after_attempt(self, attempt: Attempt) -> None:
            failures.append(attempt.failure)

    async with RonClient("http://127.0.0.1:1", retries=1) as client:
        client.add_middleware(Watching())
        with pytest.raises(RonConnectError):
            await client.get("/x")
    assert failures == ["connection-refused"] * 2


@pytest.mark.parametrize("method", ["before_request", "before_attempt", "after_attempt"])
async def test_what_middleware_raises_ends_the_call_and_leaves_nothing(
    node: str, method: str
) -> None:
    class Raising:
        pass

    async def fail(*_: object) -> None:
        raise ZeroDivisionError

    middleware = Raising()
    setattr(middleware, method, fail)
    async with RonClient(node) as client:
        client.add_middleware(middleware)
        with pytest.raises(ZeroDivisionError):
            await client.get("/hello")
        stats = client._calls.stats()
        assert (stats["calls"], stats["exchanges"]) == (0, 0)


async def test_derived_clients_have_the_middleware_of_their_parent_and_keep_theirs(
    node: str,
) -> None:
    seen: list[str] = []

    class Counting:
        def __init__(self, name: str) -> None:
            self.name = name

        def before_request(self, request: Request) -> None:
            seen.append(self.name)

    async with RonClient(node) as client:
        client.add_middleware(Counting("root"))
        derived = client.with_options(timeout=5)
        derived.add_middleware(Counting("derived"))
        await client.get("/hello")
        assert seen == ["root"]
        await derived.get("/hello")
        assert seen == ["root", "root", "derived"]


def test_the_synchronous_client_runs_it_too(node: str) -> None:
    class Adding:
        async def before_request(self, request: Request) -> None:
            request.query.append(("name", "facet"))

    with RonClientSync(node) as client:
        client.add_middleware(Adding())
        assert client.get("/hello")["message"] == "hello, facet"


async def test_middleware_may_call_the_client_that_it_belongs_to(node: str) -> None:
    class Nested:
        calls = 0

        async def before_request(self, request: Request) -> None:
            self.calls += 1
            if self.calls == 1:
                await client.get("/healthz")

    async with RonClient(node) as client:
        client.add_middleware(Nested())
        assert (await client.get("/hello"))["ok"]


def test_middleware_of_the_synchronous_client_may_call_it_too(node: str) -> None:
    class Nested:
        calls = 0

        def before_request(self, request: Request) -> None:
            self.calls += 1
            if self.calls == 1:
                client.get("/healthz")

    with RonClientSync(node) as client:
        client.add_middleware(Nested())
        assert client.get("/hello")["ok"]


async def test_a_request_that_is_changed_after_its_call_began_changes_nothing() -> None:
    kept: list[Request] = []

    class Meddling(Middleware):
        def before_request(self, request: Request) -> None:
            kept.append(request)

        def before_attempt(self, attempt: Attempt) -> None:
            request: Any = kept[-1]
            request.method = request.path = request.headers = request.query = None
            request.content = "b" * 7
            request.node = "include"

    records: list[CallRecord] = []
    server = Recording()
    async with raw_server(server.handler) as url, RonClient(url, token=TOKEN) as client:
        client.add_middleware(Meddling())
        client.add_metrics_hook(records.append)
        assert await client.post("/a", content=b"a" * 7) == {"ok": True}
    ((first, _, content),) = server.seen
    assert (first, content) == ("POST /app/a HTTP/1.1", b"a" * 7)
    assert (records[0].method, records[0].path) == ("POST", "/a")


async def test_a_class_in_place_of_its_instance_is_refused(node: str) -> None:
    async with RonClient(node) as client:
        with pytest.raises(RonRequestError, match="give an instance"):
            client.add_middleware(Middleware)


@pytest.mark.parametrize("thing", [object(), 3, "before_request", None])
async def test_what_is_no_middleware_is_refused(node: str, thing: object) -> None:
    async with RonClient(node) as client:
        with pytest.raises(RonRequestError, match="none of the methods"):
            client.add_middleware(thing)
