"""Which answers open a stream, which end it for good, and which have it connect again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from other_host import OtherHost
from ron_app_sdk_py import (
    RonAuthError,
    RonClient,
    RonError,
    RonProblem,
    RonRequestError,
    RonStreamError,
    Subscription,
)
from servers import TOKEN
from stream_servers import (
    END,
    EVENT_STREAM,
    Served,
    Step,
    answer,
    chunk,
    closing,
    event,
    head,
    serving,
    stream,
)

QUICK: dict[str, Any] = {"reconnect_delay": 0.1}
ONE = event("1").encode()
CHUNKED = "transfer-encoding: chunked"
PROBLEM = b'{"code":"some_code","message":"Some message","retryable":true}'
JSON = "content-type: application/json"


@asynccontextmanager
async def subscribed(
    *steps: Step, path: str = "/x", transport: str = "aiohttp", **options: Any
) -> AsyncIterator[tuple[Served, Subscription]]:
    """A subscription to a server that does these steps."""
    async with (
        serving(*steps) as served,
        RonClient(served.url, token=TOKEN, transport=transport) as client,
    ):
        yield served, client.subscribe(path, **QUICK | options)
        stats = client._calls.stats()
        assert (stats["calls"], stats["exchanges"]) == (0, 0)


async def data_of(subscription: Subscription) -> list[str]:
    return [item.data async for item in subscription]


async def error_of(subscription: Subscription) -> Any:
    with pytest.raises(RonError) as caught:
        await data_of(subscription)
    return caught.value


@pytest.mark.parametrize(
    "value",
    [
        "text/event-stream",
        "TEXT/EVENT-STREAM",
        "text/event-stream;charset=utf-8",
        "text/event-stream ; charset=UTF-8",
        'text/event-stream; x="a;b"',
    ],
)
async def test_a_stream_is_told_by_its_media_type_whatever_its_parameters(value: str) -> None:
    body = head(f"Content-Type: {value}") + ONE
    async with subscribed(answer(body)) as (_, subscription):
        assert await data_of(subscription) == ["1"]


async def test_a_stream_may_be_that_of_http_1_0(transport: str) -> None:
    """RFC 9112, section 6.3: it ends with its connection."""
    old = f"HTTP/1.0 200 OK\r\n{EVENT_STREAM}\r\n\r\n".encode() + ONE
    async with subscribed(answer(old), transport=transport) as (_, subscription):
        assert await data_of(subscription) == ["1"]


@pytest.mark.parametrize(
    "fields",
    [
        ["content-type: text/html; charset=utf-8"],
        ["content-type: application/json"],
        ["content-type: text/event-streams"],
        ["content-type: text/event-stream, text/html"],
        ["content-type: "],
        [],
    ],
)
async def test_an_answer_of_another_type_ends_it_for_good(
    fields: list[str], transport: str
) -> None:
    async with subscribed(answer(head(*fields) + ONE), transport=transport) as (
        served,
        subscription,
    ):
        error = await error_of(subscription)
        assert isinstance(error, RonStreamError)
        assert error.code == "wrong_content_type"
        assert "text/event-stream" in str(error)
        assert len(served.seen) == 1
        assert subscription.state == "closed"


@pytest.mark.parametrize("status", ["201 Created", "202 Accepted", "203 x", "205 x", "206 x"])
async def test_a_success_that_is_no_200_ends_it_for_good(status: str) -> None:
    step = closing(status, b"" if status.startswith("205") else ONE, EVENT_STREAM)
    async with subscribed(step) as (served, subscription):
        error = await error_of(subscription)
        assert isinstance(error, RonStreamError)
        assert error.code == "unexpected_status"
        assert status[:3] in str(error)
        assert len(served.seen) == 1


async def test_a_204_is_a_normal_end(transport: str) -> None:
    async with subscribed(answer("HTTP/1.1 204 No Content\r\n\r\n"), transport=transport) as (
        served,
        subscription,
    ):
        assert await data_of(subscription) == []
        assert subscription.last_error is None
        assert len(served.seen) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 410, 413, 418, 422, 451, 499])
async def test_a_refusal_ends_it_with_the_problem_and_no_further_request(status: int) -> None:
    """Even if its body says that it may be tried again: the request would be the same."""
    step = closing(f"{status} Refused", PROBLEM, JSON, "retry-after: 1")
    async with subscribed(step) as (served, subscription):
        error = await error_of(subscription)
        assert type(error) is (RonAuthError if status in (401, 403) else RonProblem)
        assert (error.status, error.code, error.detail) == (status, "some_code", "Some message")
        assert len(served.seen) == 1
        assert TOKEN not in f"{error!r} {error}"


async def test_a_refusal_of_a_later_connection_ends_it_too() -> None:
    async with subscribed(stream(event("1", "a")), closing("404 Not Found")) as (
        served,
        subscription,
    ):
        assert (await anext(subscription)).data == "1"
        error = await error_of(subscription)
        assert (type(error), error.status) == (RonProblem, 404)
        assert served.ids == [None, "a"]


@pytest.mark.parametrize("status", [408, 425, 500, 501, 502, 504, 599])
async def test_a_failure_of_the_server_is_followed_by_another_connection(status: int) -> None:
    errors: list[Any] = []
    async with subscribed(
        closing(f"{status} Failed", PROBLEM, JSON), stream(event("1")), on_error=errors.append
    ) as (served, subscription):
        assert await data_of(subscription) == ["1"]
        assert len(served.seen) == 3
    assert (errors[0].status, errors[0].code) == (status, "some_code")
    assert len({exchange.fields["x-request-id"] for exchange in served.seen}) == 1


@pytest.mark.parametrize("status", [429, 503])
async def test_it_waits_as_long_as_it_is_told(status: int) -> None:
    loop = asyncio.get_running_loop()
    async with subscribed(closing(f"{status} x", b"", "retry-after: 1")) as (served, subscription):
        began = loop.time()
        assert await data_of(subscription) == []
        assert loop.time() - began >= 1.0
        assert len(served.seen) == 2


@pytest.mark.parametrize("status", [429, 503])
async def test_being_told_to_wait_for_more_than_a_minute_ends_it(status: int) -> None:
    step = closing(f"{status} x", b"", "retry-after: 61")
    async with subscribed(step) as (served, subscription):
        error = await error_of(subscription)
        assert isinstance(error, RonStreamError)
        assert error.code == "wait_too_long"
        assert isinstance(error.__cause__, RonProblem)
        assert error.last_error is error.__cause__
        assert error.__cause__.status == status
        assert len(served.seen) == 1


# Redirects


def to(location: str, status: int = 307) -> Step:
    return closing(f"{status} Elsewhere", b"", f"location: {location}")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "POST", "REPORT"])
async def test_a_redirect_within_the_origin_is_followed_with_the_right_method(
    status: int, method: str
) -> None:
    """RFC 9110, section 15.4, and the Fetch standard: 303 makes a GET of all but GET, 301 and 302
    of a POST; the content goes with the method."""
    content: dict[str, Any] = {} if method == "GET" else {"json": {"a": 1}}
    async with subscribed(
        to("/app/there?q=1", status), stream(event("1")), method=method, **content
    ) as (served, subscription):
        assert await data_of(subscription) == ["1"]
    first, second, third = served.seen
    changed = (status == 303 and method != "GET") or (status in (301, 302) and method == "POST")
    assert (first.method, first.target) == (method, "/app/x")
    assert (second.method, second.target) == ("GET" if changed else method, "/app/there?q=1")
    assert second.content == (b"" if changed else first.content)
    if changed:
        assert "content-type" not in second.fields
    # Whoever connects again begins at the beginning.
    assert (third.method, third.target, third.content) == (method, "/app/x", first.content)
    for exchange in served.seen:
        assert exchange.fields["authorization"] == f"Bearer {TOKEN}"
        assert exchange.fields["accept"] == "text/event-stream"
    assert len({exchange.fields["x-request-id"] for exchange in served.seen}) == 1


@pytest.mark.parametrize("form", ["there", "./there", "/app/there", "?q=1", "//{here}/app/there"])
async def test_a_location_may_be_relative(form: str) -> None:
    async def step(exchange: Any) -> None:
        location = form.format(here=exchange.fields["host"])
        await to(location)(exchange)

    async with subscribed(step, stream(event("1"))) as (served, subscription):
        assert await data_of(subscription) == ["1"]
    assert served.seen[1].target == ("/app/x?q=1" if form == "?q=1" else "/app/there")


async def test_five_redirects_are_followed_and_a_sixth_is_not() -> None:
    async with subscribed(*[to("/app/x")] * 5, stream(event("1"))) as (served, subscription):
        assert await data_of(subscription) == ["1"]
        assert len(served.seen) == 7
    async with subscribed(*[to("/app/x")] * 20) as (served, subscription):
        error = await error_of(subscription)
        assert isinstance(error, RonStreamError)
        assert error.code == "too_many_redirects"
        assert len(served.seen) == 6


@pytest.mark.parametrize(
    "location",
    [
        "http://{other}/app/x",
        "//{other}/app/x",
        "http://{here}@{other}/app/x",
        "https://{here}/app/x",
        "http://user:secret@{here}/app/x",
        "http://localhost:{port}/app/x",
        "/other",
        "/app",
        "/",
        "/app/../x",
        "../x",
        "/app/%2e%2e/x",
        "/app/..%2fx",
        "/app/x/..%5c..%5cy",
        "/app\\..\\x",
        "ftp://{here}/app/x",
        "data:text/event-stream,data:%20x%0A%0A",
        "javascript:alert(1)",
        "http://",
        "http://[::1",
        "",
    ],
)
async def test_a_redirect_to_elsewhere_is_not_followed_and_elsewhere_hears_nothing(
    other_host: OtherHost, transport: str, location: str
) -> None:
    async def step(exchange: Any) -> None:
        here = exchange.fields["host"]
        names = {
            "here": here,
            "port": here.rpartition(":")[2],
            "other": other_host.authority,
        }
        await to(location.format(**names))(exchange)

    async with subscribed(step, transport=transport) as (served, subscription):
        if location == "":
            # An empty reference is the same document (RFC 3986, section 4.4).
            assert await data_of(subscription) == []
            assert [exchange.target for exchange in served.seen] == ["/app/x"] * 2
            return
        error = await error_of(subscription)
        assert isinstance(error, RonProblem)
        assert error.code == "redirect"
        assert len(served.seen) == 1
        assert served.connections == 1


async def test_a_redirect_to_a_url_that_holds_the_credential_is_not_followed() -> None:
    async with subscribed(to(f"/app/there?x={TOKEN}")) as (served, subscription):
        error = await error_of(subscription)
        assert (type(error), error.code) == (RonRequestError, "secret_in_url")
        assert TOKEN not in f"{error!r} {error}"
        assert len(served.seen) == 1


async def test_a_redirect_without_a_place_is_the_problem() -> None:
    async with subscribed(closing("302 Found")) as (_, subscription):
        error = await error_of(subscription)
        assert (type(error), error.code, error.status) == (RonProblem, "redirect", 302)


async def test_beside_the_app_plane_a_redirect_may_lead_anywhere_at_the_origin() -> None:
    async with (
        serving(to("/other/stream"), stream(event("1"))) as served,
        RonClient(served.url, token=TOKEN) as client,
    ):
        subscription = client.node.subscribe("/registry/stream", **QUICK)
        assert await data_of(subscription) == ["1"]
    targets = [exchange.target for exchange in served.seen]
    assert targets == ["/registry/stream", "/other/stream", "/registry/stream"]
    assert all("authorization" not in exchange.fields for exchange in served.seen)


# What is sent


async def test_a_stream_asks_for_a_stream_and_sends_its_content_each_time(transport: str) -> None:
    async with subscribed(
        stream(event("1", "ä€😀")),
        stream(event("2", "")),
        method="POST",
        json={"a": 1},
        idem=True,
        last_event_id="was",
        query={"q": "1"},
        transport=transport,
    ) as (served, subscription):
        assert await data_of(subscription) == ["1", "2"]
    first, second, third = served.seen
    for exchange in served.seen:
        assert (exchange.method, exchange.target) == ("POST", "/app/x?q=1")
        assert exchange.content == b'{"a":1}'
        assert exchange.fields["accept"] == "text/event-stream"
        assert exchange.fields["cache-control"] == "no-cache"
        assert exchange.fields["accept-encoding"] == "identity"
    for name in ("x-request-id", "idempotency-key"):
        assert len({exchange.fields[name] for exchange in served.seen}) == 1
    assert served.ids == ["was", "ä€😀", None]
    assert [first.content, second.content, third.content] == [b'{"a":1}'] * 3


async def test_a_callers_own_fields_win() -> None:
    fields = {"Accept": "text/event-stream;q=0.5", "Cache-Control": "max-age=0"}
    async with subscribed(headers=fields) as (served, subscription):
        assert await data_of(subscription) == []
    assert served.seen[0].fields["accept"] == "text/event-stream;q=0.5"
    assert served.seen[0].fields["cache-control"] == "max-age=0"


async def test_an_interim_answer_before_the_stream_is_passed_over(transport: str) -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"
    whole = early + head(EVENT_STREAM) + ONE
    async with subscribed(answer(whole), transport=transport) as (_, subscription):
        assert await data_of(subscription) == ["1"]


async def test_a_chunked_stream_on_a_kept_connection_leaves_it_usable() -> None:
    body = f"HTTP/1.1 200 OK\r\n{EVENT_STREAM}\r\n{CHUNKED}\r\n\r\n".encode() + chunk(ONE) + END
    async with subscribed(answer(body)) as (served, subscription):
        assert await data_of(subscription) == ["1"]
    assert len(served.seen) == 2
