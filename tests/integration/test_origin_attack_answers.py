"""Nothing that a gateway answers leads a client to another host."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from attacks import DOORS, Client, enter, opened, outcome, urls_of
from certificates import Authority
from other_host import NAME, OtherHost
from ron_app_sdk_py import ClientConfig, RonClient, RonClientSync, RonProblem, RonRequestError
from servers import TOKEN, Handler, Request, raw_server, read_request, reply
from stream_servers import END, chunk, chunked_head, event

REDIRECTS = (300, 301, 302, 303, 305, 307, 308)
STREAMS = [door for door in DOORS if "stream" in door]
CALLS = [door for door in DOORS if door not in STREAMS]

clients = pytest.mark.parametrize("kind", [RonClient, RonClientSync])

Answer = Callable[[Request], bytes]


def answered_by(seen: list[Request], answer: Answer) -> Handler:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            seen.append(await read_request(reader))
            writer.write(answer(seen[-1]))

    return handler


def locations_of(other_host: OtherHost, here: str) -> list[str]:
    """References by which a redirect leads to another host, or may seem to."""
    authorities = (
        other_host.authority,
        f"{NAME}:{other_host.port}",
        f"localhost:{other_host.port}",
    )
    found = urls_of(other_host.authority)
    found += [f"http://{here}@{other_host.authority}/app/x", f"http://{here}.{NAME}/app/x"]
    found += [f"http://{authority}/app/x" for authority in authorities]
    found += [f"//{authority}/app/x" for authority in authorities]
    # What the answer's fields can't hold, or what would be a path of the gateway.
    is_sent = (url for url in found if not any(c in url for c in "\r\n\0"))
    return [url for url in is_sent if not url.startswith(("/.//", "/%", "/x#"))]


@clients
@pytest.mark.parametrize("status", REDIRECTS)
async def test_a_call_follows_no_redirect(
    other_host: OtherHost, transport: str, kind: type[Client], status: int
) -> None:
    seen: list[Request] = []
    locations = ["/app/y", "y"]

    def answer(_request: Request) -> bytes:
        location = locations[len(seen) - 1].encode().decode("latin-1")
        return reply(f"{status} Elsewhere", b"", f"location: {location}")

    async with raw_server(answered_by(seen, answer)) as url:
        locations += locations_of(other_host, url.removeprefix("http://"))
        async with opened(kind, url, token=TOKEN, transport=transport, retries=0) as client:
            for number, _ in enumerate(locations, 1):
                door = CALLS[number % len(CALLS)]
                with pytest.raises(RonProblem) as caught:
                    await enter(client, DOORS[door], "/x")
                assert (caught.value.code, caught.value.status) == ("redirect", status)
                assert len(seen) == number


@clients
@pytest.mark.parametrize("door", STREAMS)
async def test_a_stream_follows_no_redirect_to_another_host(
    other_host: OtherHost, transport: str, kind: type[Client], door: str
) -> None:
    seen: list[Request] = []
    locations: list[str] = []

    def answer(_request: Request) -> bytes:
        location = locations[len(seen) - 1].encode().decode("latin-1")
        status = REDIRECTS[len(seen) % len(REDIRECTS)]
        return reply(f"{status} Elsewhere", b"", f"location: {location}")

    async with raw_server(answered_by(seen, answer)) as url:
        locations += locations_of(other_host, url.removeprefix("http://"))
        assert len(locations) > 40
        async with opened(kind, url, token=TOKEN, transport=transport, retries=0) as client:
            for number, location in enumerate(locations, 1):
                with pytest.raises(RonProblem) as caught:
                    await enter(client, DOORS[door], "/x")
                assert caught.value.code == "redirect", location
                assert len(seen) == number, location


@clients
@pytest.mark.parametrize("door", ["get", "stream"])
async def test_no_redirect_leads_from_https_to_plain_http(
    other_host: OtherHost, transport: str, kind: type[Client], door: str, tmp_path: Any
) -> None:
    authority = Authority(tmp_path / "authority")
    seen: list[Request] = []
    locations = [
        f"http://localhost:{other_host.port}/app/x",
        f"//localhost:{other_host.port}/app/x",
    ]

    def answer(_request: Request) -> bytes:
        return reply("307 Elsewhere", b"", f"location: {locations[len(seen) - 1]}")

    async with raw_server(answered_by(seen, answer), tls=authority.server()) as url:
        here = url.replace("127.0.0.1", "localhost")
        locations.append(here.replace("https:", "http:") + "/app/x")
        config = ClientConfig(base_url=here, token=TOKEN, tls_ca=authority.file)
        async with opened(kind, config=config, transport=transport) as client:
            for _ in range(3):
                with pytest.raises(RonProblem, match="redirect"):
                    await enter(client, DOORS[door], "/x")
    assert len(seen) == 3


def _fields_of(other_host: OtherHost) -> list[str]:
    """Fields by which servers name other hosts, passwords or protocols."""
    url = other_host.url
    return [
        f"location: {url}/app/x",
        f"content-location: {url}/app/x",
        f"refresh: 0; url={url}/app/x",
        f"link: <{url}/app/x>; rel=next, <{url}>; rel=preload; as=fetch, <{url}>; rel=preconnect",
        f'alt-svc: http/1.1="{other_host.authority}"; ma=86400, h3=":{other_host.port}"',
        f'www-authenticate: Bearer realm="{url}", Macro realm="{url}", Basic realm="x"',
        f'proxy-authenticate: Basic realm="{url}"',
        f"set-cookie: session=stolen; Domain={NAME}; Path=/",
        f'report-to: {{"endpoints":[{{"url":"{url}"}}]}}',
        f"origin-agent-cluster: ?1; {url}",
        "strict-transport-security: max-age=31536000",
        "upgrade: h2c",
        "clear-site-data: *",
    ]


@clients
@pytest.mark.parametrize("status", [200, 201, 202, 300, 401, 403, 407, 421, 426, 503, 511])
async def test_no_field_of_an_answer_leads_elsewhere_and_none_is_sent_back(
    other_host: OtherHost, transport: str, kind: type[Client], status: int
) -> None:
    seen: list[Request] = []
    fields = _fields_of(other_host)
    page = json.dumps({"items": [], "next": other_host.url, "url": other_host.url}).encode()

    def answer(request: Request) -> bytes:
        is_stream = ("accept", "text/event-stream") in [(n.lower(), v) for n, v in request[1]]
        if status == 200 and is_stream:
            return b"HTTP/1.1 204 No Content\r\n" + "\r\n".join([*fields, "", ""]).encode()
        return reply(f"{status} x", page, "content-type: application/json", *fields)

    async with (
        raw_server(answered_by(seen, answer)) as url,
        opened(kind, url, token=TOKEN, transport=transport, retries=0) as client,
    ):
        for door in DOORS:
            error = await outcome(client, DOORS[door], "/x")
            assert error is None or status != 200, door
    here = url.removeprefix("http://")
    assert {dict(fields)["Host"] for _, fields, _ in seen} == {here}
    for _, sent, _ in seen:
        assert not {name.lower() for name, _ in sent} & {"cookie", "proxy-authorization", "upgrade"}
        for name, value in sent:
            assert "stolen" not in value, name
            assert name.lower() != "authorization" or value.endswith(TOKEN)


@clients
@pytest.mark.parametrize("token_name", ["next_page_token", "next_cursor", "next"])
async def test_no_page_names_a_next_one_elsewhere(
    other_host: OtherHost, transport: str, kind: type[Client], token_name: str
) -> None:
    """A token is a parameter of the query, whatever it looks like."""
    seen: list[Request] = []
    tokens = [
        *urls_of(other_host.authority),
        "../../x",
        "a&path=/healthz",
        "a#b",
        "a b",
        "a HTTP/1.1\r\nHost: other.example\r\n\r\n",
        "é",
    ]

    def answer(_request: Request) -> bytes:
        page: dict[str, Any] = {"items": [len(seen)]}
        if len(seen) <= len(tokens):
            page[token_name] = tokens[len(seen) - 1]
        return reply("200 OK", json.dumps(page).encode(), "content-type: application/json")

    async with (
        raw_server(answered_by(seen, answer)) as url,
        opened(kind, url, token=TOKEN, transport=transport) as client,
    ):
        for door in ("pages", "facet's pages"):
            seen.clear()
            error = await outcome(client, DOORS[door], "/items")
            # Some tokens can't be sent.
            assert error is None or isinstance(error, RonRequestError)
            targets = [first.split(" ")[1] for first, _, _ in seen]
            plane = "/app/users/items" if "facet" in door else "/app/items"
            assert {target.partition("?")[0] for target in targets} == {plane}
            assert all(target.count("&") == 0 for target in targets)


@clients
async def test_no_event_of_a_stream_leads_elsewhere(
    other_host: OtherHost, transport: str, kind: type[Client]
) -> None:
    seen: list[Request] = []
    said = "".join(
        event(other_host.url, other_host.url, type_=type_, retry=1)
        for type_ in ("redirect", "reconnect", "endpoint", "location", "error")
    )

    def answer(_request: Request) -> bytes:
        if len(seen) > 2:
            return b"HTTP/1.1 204 No Content\r\n\r\n"
        return chunked_head() + chunk(said) + END

    async with (
        raw_server(answered_by(seen, answer)) as url,
        opened(kind, url, token=TOKEN, transport=transport) as client,
    ):
        for subscribe in (
            lambda client, path: client.subscribe(path, max_events=50),
            lambda client, path: client.node.subscribe(path, max_events=50),
        ):
            seen.clear()
            await enter(client, subscribe, "/x")
            assert len(seen) == 3
    assert {dict(fields)["Host"] for _, fields, _ in seen} == {url.removeprefix("http://")}
