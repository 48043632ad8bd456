"""What the development node's omnigate admits, refuses and serves."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from rawhttp import Answer, exchange
from ron_app_sdk_py.devnode import omnigate
from ron_app_sdk_py.devnode.listening import listening
from ron_app_sdk_py.devnode.policy import DEMO, STOCK, Policy
from ron_app_sdk_py.devnode.server import running
from ron_app_sdk_py.devnode.settings import Quota, Settings

EMPTY = Quota(qps=0, burst=0)
BOTTOMLESS = Quota(qps=1, burst=1_000_000)


async def call(
    url: str,
    method: str,
    target: str,
    fields: tuple[tuple[str, str], ...] = (),
    body: bytes = b"",
    *,
    chunked: bool = False,
) -> Answer:
    return await asyncio.to_thread(exchange, url, method, target, fields, body, chunked=chunked)


async def test_the_outermost_layer_that_refuses_is_the_one_that_answers() -> None:
    """Each layer is opened in turn; the request offends against all of them."""
    offence = (("Content-Encoding", "br"), ("X-Correlation-Id", "mine"))
    settings = Settings(
        max_inflight=0,
        ip_quota=EMPTY,
        global_quota=EMPTY,
        max_content_length=10,
        max_body_bytes=1,
        policy=STOCK,
    )
    answers = []
    for opened, sent in (
        ({}, offence),
        ({"max_inflight": 1}, offence),
        ({"ip_quota": BOTTOMLESS}, offence),
        ({"global_quota": BOTTOMLESS}, offence),
        ({}, (("Content-Encoding", "gzip"),)),
        ({"max_content_length": 1_000}, (("Content-Encoding", "gzip"),)),
        ({"max_body_bytes": 1_000}, ()),
        ({"policy": None}, (("X-Correlation-Id", "mine"),)),
    ):
        settings = replace(settings, **opened)
        async with running(settings=settings) as url:
            answers.append(await call(url, "POST", "/app/nowhere", sent, b"xx"))
    refusals = [(answer.status, answer.json().get("message")) for answer in answers if answer.body]
    assert refusals == [
        (503, "server is shedding load; please retry"),
        (429, "IP quota exceeded"),
        (429, "Global rate limit"),
        (415, "Content-Encoding not allowed by policy"),
        (413, "compressed body exceeds allowed expansion budget"),
        (413, "request body too large"),
        (403, "Access denied"),
    ]
    assert answers[-1].status == 404
    correlated = [answer.field("x-correlation-id") for answer in answers]
    assert correlated == [None] * 7 + ["mine"]
    caps = [answer.field("x-omnigate-cap") for answer in answers]
    assert caps == [None] + ["1"] * 7


@pytest.mark.parametrize(
    ("policy", "method", "reason"),
    [
        (STOCK, "GET", None),
        (STOCK, "HEAD", None),
        (STOCK, "POST", "default"),
        (STOCK, "PATCH", "default"),
        (STOCK, "OPTIONS", "default"),
        (STOCK, "PUT", "put blocked"),
        (STOCK, "DELETE", "delete blocked"),
        (DEMO, "POST", None),
        (DEMO, "PUT", "put blocked"),
    ],
)
def test_the_policies_are_those_of_the_shipped_bundles(
    policy: Policy, method: str, reason: str | None
) -> None:
    assert policy.denial(method) == reason


async def test_each_address_has_a_quota_of_its_own_and_the_nameless_share_one() -> None:
    async with running(settings=Settings(ip_quota=Quota(qps=0, burst=1))) as url:
        sent: list[tuple[tuple[str, str], ...]] = [
            (),
            (("X-Forwarded-For", "a, b"),),
            (("X-Forwarded-For", "a"),),
            (("X-Real-IP", "a"),),
            (("X-Real-IP", "c"),),
            (("X-Forwarded-For", "local"),),
        ]
        answers = [await call(url, "GET", "/app/healthz", fields) for fields in sent]
    assert [answer.status for answer in answers] == [200, 200, 429, 429, 200, 429]
    assert answers[2].field("retry-after") == "1"
    assert answers[2].json()["retry_after_ms"] == 50


async def test_interactive_requests_have_headroom() -> None:
    interactive = (("X-Omnigate-Priority", "interactive"),)
    async with running(settings=Settings(max_inflight=0, headroom=1)) as url:
        assert (await call(url, "GET", "/app/healthz")).status == 503
        answer = await call(url, "GET", "/app/healthz", interactive)
        assert (answer.status, answer.field("x-omnigate-cap")) == (200, "1")
    async with running(settings=Settings(max_inflight=16)) as url:
        answer = await call(url, "GET", "/app/healthz", interactive)
        assert answer.field("x-omnigate-cap") == "18"


async def test_a_place_in_the_queue_is_given_back_whatever_happens() -> None:
    async with running(settings=Settings(max_inflight=1, headroom=0)) as url:
        for target in ("/app/healthz", "/app/nowhere", "/app/delay?ms=x", "/app/site/x") * 2:
            assert (await call(url, "GET", target)).status != 503


async def test_a_correlation_id_that_is_not_ascii_is_replaced() -> None:
    async with running() as url:
        answer = await call(url, "GET", "/app/healthz", (("X-Correlation-Id", "é"),))
    assert len(answer.field("x-correlation-id") or "") == 32


async def test_a_body_without_a_length_is_refused_once_it_is_too_long() -> None:
    application = omnigate.application(Settings(max_body_bytes=1_000))
    async with listening(application, "127.0.0.1", 0) as url:
        fits = await call(url, "POST", "/v1/app/echo", (), b"x" * 1_000, chunked=True)
        over = await call(url, "POST", "/v1/app/echo", (), b"x" * 1_001, chunked=True)
    assert (fits.status, len(fits.body)) == (200, 1_000)
    assert (over.status, over.body) == (
        413,
        b"Failed to buffer the request body: length limit exceeded",
    )


async def test_a_path_that_leaves_the_app_plane_reaches_omnigates_other_routes() -> None:
    async with running() as url:
        assert (await call(url, "GET", "/app/%2e%2e/ping")).json() == {"ok": True}
        health = await call(url, "GET", "/app/%2e%2e/%2e%2e/healthz")
        assert health.json() == {"config": True, "omnigate": True}
        slept = await call(url, "GET", "/app/%2e%2e/sleep?ms=1")
        assert slept.json() == {"ok": True, "slept_ms": 1}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "secret.txt").write_text("secret")
    site = tmp_path / "site"
    (site / "sub").mkdir(parents=True)
    (site / "index.html").write_text("<p>index")
    (site / "sub" / "a b.CSS").write_text("a {}")
    (site / "sub" / "style.css").write_text("b {}")
    return site


async def test_a_site_is_served_from_its_folder_only(folder: Path) -> None:
    async with running(settings=Settings(app_static_dir=folder)) as url:
        for target in ("/app/site", "/app/site/", "/app/site/index.html"):
            index = await call(url, "GET", target)
            assert (index.status, index.body) == (200, b"<p>index")
            assert index.field("content-type") == "text/html; charset=utf-8"
            assert index.field("cache-control") == "no-store"
            assert index.field("x-ron-reload-gen") == "0"
        style = await call(url, "GET", "/app/site/sub/style.css")
        assert style.field("content-type") == "text/css; charset=utf-8"
        unknown = await call(url, "GET", "/app/site/sub/a%20b.CSS")
        assert unknown.field("content-type") == "application/octet-stream"
        for target, status, text in (
            ("/app/site/sub", 404, b"not found"),
            ("/app/site/nope", 404, b"not found"),
            ("/app/site/a%00b", 404, b"not found"),
            ("/app/site/..%255csecret.txt", 400, b"invalid path"),
            ("/app/site/%252e%252e%252fsecret.txt", 400, b"invalid path"),
            ("/app/site/x%252f..%252f..%252fsecret.txt", 400, b"invalid path"),
            (f"/app/site/{folder.parent}/secret.txt", 400, b"invalid path"),
            ("/app/site/c:secret.txt", 400, b"invalid path"),
        ):
            answer = await call(url, "GET", target)
            assert (answer.status, answer.body) == (status, text), target
            assert answer.field("content-type") == "text/plain; charset=utf-8"
        escaped = await call(url, "GET", "/app/site/%2e%2e/secret.txt")
        assert (escaped.status, escaped.body) == (404, b"")


async def test_reloads_are_counted_and_need_a_post(folder: Path) -> None:
    async with running(settings=Settings(app_static_dir=folder)) as url:
        reloads = [(await call(url, "POST", "/app/site/reload")).json() for _ in range(2)]
        assert reloads == [{"ok": True, "generation": 1}, {"ok": True, "generation": 2}]
        assert (await call(url, "GET", "/app/site")).field("x-ron-reload-gen") == "2"
        refused = await call(url, "GET", "/app/site/reload")
        assert (refused.status, refused.field("allow")) == (405, "POST")


async def test_without_a_folder_there_is_no_site() -> None:
    async with running() as url:
        for method, target in (
            ("GET", "/app/site"),
            ("GET", "/app/site/"),
            ("GET", "/app/site/x"),
            ("POST", "/app/site/reload"),
        ):
            answer = await call(url, method, target)
            assert (answer.status, answer.body) == (404, b"not found")
            assert answer.field("x-correlation-id")
