"""A caller's own httpx2 client as the transport."""

from __future__ import annotations

import base64
import subprocess
import sys
from typing import Any, cast

import httpx2
import pytest

from ron_app_sdk_py import (
    RonClient,
    RonClosedError,
    RonConfigError,
    RonConnectError,
    RonDnsError,
    RonNetworkError,
    RonProblem,
    RonTimeoutError,
    RonTooLargeError,
)
from ron_app_sdk_py.transport import httpx2_transport
from servers import TOKEN, Request, answering, raw_server, reply, unused_port

OK = reply("200 OK", b'{"ok":true}', "content-type: application/json")
SECRET = "hunter22-hunter22"


async def test_a_mock_answers_and_sees_what_is_sent() -> None:
    seen: list[httpx2.Request] = []

    def handler(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(200, json={"got": request.content.decode()})

    async with httpx2.AsyncClient(transport=httpx2.MockTransport(handler)) as mock:
        transport = httpx2_transport(mock)
        async with RonClient("https://gw.example", token=TOKEN, transport=transport) as client:
            for _ in range(2):
                assert await client.post("/%7ex?a=%41", content="hi") == {"got": "hi"}
        assert not mock.is_closed
    assert seen[0].method == "POST"
    assert seen[0].url.host == "gw.example"
    assert seen[0].headers["authorization"] == f"Bearer {TOKEN}"


async def test_what_the_client_would_add_does_not_reach_the_wire() -> None:
    seen: list[Request] = []
    cookie = "set-cookie: session=secret; path=/"
    answer = reply("200 OK", b"{}", cookie)
    async with (
        raw_server(answering(seen, answer)) as url,
        httpx2.AsyncClient(
            headers={"x-unasked": "1", "user-agent": "theirs"}, params={"unasked": "1"}
        ) as theirs,
    ):
        by_name = url.replace("127.0.0.1", "localhost")
        async with RonClient(by_name, transport=httpx2_transport(theirs)) as client:
            for _ in range(2):
                response = await client.request("purge", "/%7ea/é?x=%41&y", content=b"z")
    assert [first for first, _, _ in seen] == ["purge /app/%7ea/%C3%A9?x=%41&y HTTP/1.1"] * 2
    given = {name.lower(): value for name, value in seen[1][1]}
    assert given == {
        "host": by_name.removeprefix("http://"),
        "content-length": "1",
        "accept": "application/json, */*;q=0.8",
        "accept-encoding": "identity",
        "user-agent": "ron-app-sdk-py/0.1.0",
        "x-request-id": response.request_id,
        "x-correlation-id": response.request_id,
    }


async def test_a_redirect_is_not_followed_even_if_the_client_is_told_to_later() -> None:
    seen: list[Request] = []
    answer = reply("307 Temporary Redirect", b"", "location: /app/other")
    async with raw_server(answering(seen, answer)) as url, httpx2.AsyncClient() as theirs:
        transport = httpx2_transport(theirs)
        theirs.follow_redirects = True
        theirs.auth = ("user", SECRET)
        async with RonClient(url, transport=transport) as client:
            with pytest.raises(RonProblem, match="redirect"):
                await client.get("/x")
    ((_, fields, _),) = seen
    assert base64.b64encode(f"user:{SECRET}".encode()).decode() not in str(fields)


async def nothing(*_: Any) -> None:
    pass


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({"follow_redirects": True}, ["follow_redirects", "False"]),
        ({"auth": ("user", SECRET)}, ["auth", "token"]),
        ({"cookies": {"session": SECRET}}, ["cookies", "remove"]),
        ({"base_url": f"https://user:{SECRET}@other.example/"}, ["base_url"]),
        ({"base_url": "/v1"}, ["base_url"]),
        ({"event_hooks": {"response": [nothing]}}, ["event_hooks", "remove"]),
        ({"follow_redirects": True, "cookies": {"a": SECRET}}, ["follow_redirects", "cookies"]),
    ],
)
async def test_a_client_that_does_more_than_it_is_told_is_refused_by_name(
    settings: dict[str, Any], names: list[str]
) -> None:
    async with httpx2.AsyncClient(**settings) as theirs:
        with pytest.raises(RonConfigError) as caught:
            httpx2_transport(theirs)
    for name in names:
        assert name in caught.value.message
    assert SECRET not in str(caught.value)


async def test_a_closed_client_and_what_is_no_client_are_refused() -> None:
    theirs = httpx2.AsyncClient()
    await theirs.aclose()
    with pytest.raises(RonConfigError, match="closed"):
        httpx2_transport(theirs)
    with httpx2.Client() as synchronous:
        for other, name in ((synchronous, "Client"), ("httpx2", "str"), (None, "NoneType")):
            with pytest.raises(RonConfigError, match=f"{name}; give an httpx2.AsyncClient"):
                httpx2_transport(other)


async def test_a_client_that_is_closed_later_is_named() -> None:
    async with httpx2.AsyncClient() as mock:
        client = RonClient("https://gw.example", transport=httpx2_transport(mock))
    with pytest.raises(RonClosedError, match="httpx2 client was closed"):
        await client.get("/hello")
    await client.close()


async def test_a_url_that_is_too_long_for_the_library_is_an_error_of_ours() -> None:
    def never(request: httpx2.Request) -> httpx2.Response:
        raise AssertionError

    async with (
        httpx2.AsyncClient(transport=httpx2.MockTransport(never)) as mock,
        RonClient("https://gw.example", transport=httpx2_transport(mock)) as client,
    ):
        with pytest.raises(RonNetworkError, match="URI-too-long"):
            await client.get("/" + "x" * 65_525)


async def test_failures_are_told_as_by_the_other_transports() -> None:
    async with httpx2.AsyncClient() as theirs:
        transport = httpx2_transport(theirs)
        async with RonClient(f"http://127.0.0.1:{unused_port()}", transport=transport) as client:
            with pytest.raises(RonConnectError, match="refused"):
                await client.get("/x")
        async with RonClient("https://no-such-host.invalid", transport=transport) as client:
            with pytest.raises(RonDnsError):
                await client.get("/x")
        async with (
            raw_server(answering([], b"garbage\r\n\r\n")) as url,
            RonClient(url, transport=transport) as client,
        ):
            with pytest.raises(RonNetworkError) as caught:
                await client.get("/x")
            assert caught.value.code == "http_protocol_error"
        answer = b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 300 + b"\r\n"
        async with (
            raw_server(answering([], answer)) as url,
            RonClient(url, transport=transport) as client,
        ):
            with pytest.raises(RonTooLargeError):
                await client.get("/x")


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (httpx2.ConnectError, RonConnectError),
        (httpx2.ConnectTimeout, RonTimeoutError),
        (httpx2.ReadTimeout, RonTimeoutError),
        (httpx2.ReadError, RonNetworkError),
        (httpx2.RemoteProtocolError, RonNetworkError),
        (httpx2.ProxyError, RonNetworkError),
        (httpx2.UnsupportedProtocol, RonNetworkError),
    ],
)
async def test_a_failure_that_a_mock_raises_becomes_an_error_without_its_text(
    raised: type[httpx2.TransportError], kind: type[RonNetworkError]
) -> None:
    def handler(request: httpx2.Request) -> httpx2.Response:
        raise raised(SECRET, request=request)

    async with httpx2.AsyncClient(transport=httpx2.MockTransport(handler)) as mock:
        transport = httpx2_transport(mock)
        async with RonClient("https://gw.example", transport=transport) as client:
            with pytest.raises(kind) as caught:
                await client.get("/x")
    assert SECRET not in f"{caught.value!r}{caught.value}{caught.value.__notes__}"
    assert caught.value.__cause__ is None


def test_without_the_extra_the_error_names_it_and_the_default_works() -> None:
    code = """
import sys
sys.modules["httpcore2"] = sys.modules["httpx2"] = None
from ron_app_sdk_py import RonClient, RonConfigError
from ron_app_sdk_py.transport import httpx2_transport
RonClient()
for make in (lambda: RonClient(transport="httpx2"), lambda: httpx2_transport(object())):
    try:
        make()
    except RonConfigError as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert len(lines) == 2
    assert all("pip install 'ron-app-sdk-py[httpx2]'" in line for line in lines)


def test_an_unknown_transport_is_refused_by_name() -> None:
    for transport, name in (("requests", "'requests'"), (httpx2.AsyncClient(), "AsyncClient")):
        with pytest.raises(RonConfigError, match=f"transport is {name}.*aiohttp.*httpx2"):
            RonClient(transport=cast(Any, transport))
