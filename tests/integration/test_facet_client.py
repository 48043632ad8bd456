"""The calls of one facet: none leaves it."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micronodes import manifest, micronode
from ron_app_sdk_py import (
    NodeFacet,
    NodeFacetRoute,
    RonAuthError,
    RonBufferingWarning,
    RonClient,
    RonClientSync,
    RonRequestError,
)
from ron_app_sdk_py.facets.client import within
from ron_app_sdk_py.testing.embedded import devnode
from servers import TOKEN, on_a_thread, raw_server, read_request, reply

STREAM = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    b"9\r\ndata: a\n\n\r\n0\r\n\r\n"
)
Seen = list[tuple[str, str | None]]


@asynccontextmanager
async def server(answer: bytes = b"") -> AsyncIterator[tuple[str, Seen]]:
    """A server, its requests and their credentials."""
    seen: Seen = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            first, fields, _ = await read_request(reader)
            values = {name.lower(): value for name, value in fields}
            seen.append((first.removesuffix(" HTTP/1.1"), values.get("authorization")))
            writer.write(answer or reply("200 OK", b'{"a":1}', "content-type: application/json"))

    async with raw_server(handler) as url:
        yield url, seen


async def test_every_verb_goes_to_the_facet() -> None:
    async with server() as (url, seen), RonClient(f"{url}/ron/", token=TOKEN) as client:
        users = client.facet("users")
        assert await users.get("/list", query={"a": 1}) == {"a": 1}
        await users.post("list", json={})
        await users.put("/a b?c", content=b"")
        await users.patch("/app/users/x")
        await users.delete("/")
        await users.call("OPTIONS", "")
        assert (await users.request("GET", "?q=1")).status == 200
        await client.with_options(timeout=5).facet("a.b_c-D").get("/x")
    plane = "/ron/app/users"
    assert [request for request, _ in seen] == [
        f"GET {plane}/list?a=1",
        f"POST {plane}/list",
        f"PUT {plane}/a%20b?c",
        f"PATCH {plane}/app/users/x",
        f"DELETE {plane}/",
        f"OPTIONS {plane}",
        f"GET {plane}?q=1",
        "GET /ron/app/a.b_c-D/x",
    ]
    assert {credential for _, credential in seen} == {f"Bearer {TOKEN}"}


async def test_a_facet_of_the_node_is_called_with_the_scheme_that_nodes_know() -> None:
    async with server() as (url, seen), RonClient(url, token=TOKEN) as client:
        await client.node.facet("users").get("/list")
        await client.node.facet("users", credential=False).get("/list")
    assert seen == [
        ("GET /facets/users/list", f"Macro {TOKEN}"),
        ("GET /facets/users/list", None),
    ]


async def test_streams_of_a_facet_are_its_own_too() -> None:
    async with server(STREAM) as (url, seen), RonClient(url, token=TOKEN) as client:
        for facet in (client.facet("f"), client.node.facet("f")):
            events = [e.data async for e in facet.subscribe("/events", max_events=1)]
            assert events == ["a"]
    assert seen == [
        ("GET /app/f/events", f"Bearer {TOKEN}"),
        ("GET /facets/f/events", f"Macro {TOKEN}"),
    ]


@pytest.mark.parametrize(
    ("facet_id", "named"),
    [
        ("", "is '.', '..' or empty"),
        (".", "is '.', '..' or empty"),
        ("..", "is '.', '..' or empty"),
        ("a/b", "holds '/'"),
        ("a b", "holds ' '"),
        ("a%2fb", "holds '%'"),
        ("ä", "holds '\\xe4'"),
        ("a\n", "holds '\\n'"),
        ("a\0", "holds '\\x00'"),
        ("*", "holds '*'"),
        (":id", "holds ':'"),
        (None, "is NoneType"),
        (b"x", "is bytes"),
    ],
)
async def test_an_id_that_is_none_is_refused_at_once(facet_id: Any, named: str) -> None:
    async with RonClient("http://127.0.0.1:1") as client:
        for make in (client.facet, client.node.facet):
            with pytest.raises(RonRequestError) as caught:
                make(facet_id)
            assert caught.value.code == "invalid_facet_id"
            assert named in caught.value.message


@pytest.mark.parametrize(
    "path",
    [
        "/../x",
        "..",
        "../other/x",
        "/a/../../other",
        "/%2e%2e/x",
        "/%252e%252e/x",
        "/..%2fx",
        "/..;/x",
        "/.%09./x",
        "/a\\..\\b",
        "//evil.example/x",
        "http://evil.example/x",
        "/x#y",
        "/a%00",
        "/a%2fb",
        "/a\n",
        None,
        7,
    ],
)
async def test_a_path_that_could_leave_the_facet_is_not_sent(path: Any) -> None:
    async with server() as (url, seen), RonClient(url, token=TOKEN) as client:
        for facet in (client.facet("f"), client.node.facet("f")):
            with pytest.raises(RonRequestError) as caught:
                await facet.get(path)
            assert caught.value.code in ("invalid_path", "invalid_text")
            with pytest.raises(RonRequestError):
                async for _ in facet.subscribe(path):
                    pass
    assert seen == []


@given(st.text(max_size=30))
def test_every_path_is_under_the_facet_or_refused(path: str) -> None:
    try:
        target = within("/app/f", path)
    except RonRequestError:
        return
    assert target.startswith("/app/f")
    assert target[len("/app/f") :][:1] in ("", "/", "?")


async def test_facets_that_a_node_has_loaded_are_listed_and_called(tmp_path: Path) -> None:
    facets = {"e.toml": manifest("echoer", "echo", [("GET", "/who", {}), ("POST", "/who", {})])}
    async with micronode(facets, tmp_path) as url, RonClient(url) as client:
        routes = tuple(NodeFacetRoute(m, "/facets/echoer/who") for m in ("GET", "POST"))
        assert await client.node.facets() == (NodeFacet("echoer", "echo", routes),)
        echoer = client.node.facet("echoer")
        assert await echoer.get("/who") == {"echo": "ok"}
        assert await echoer.post("/who", json=1) == {"echo": "ok"}


@pytest.mark.parametrize("security", ["deny_all", "external"])
async def test_a_facet_of_a_node_that_denies_is_an_auth_error(
    security: str, tmp_path: Path
) -> None:
    facets = {"e.toml": manifest("e", "echo", [("GET", "/", {})])}
    async with (
        micronode(facets, tmp_path, security) as url,
        RonClient(url, token=TOKEN) as client,
    ):
        assert [facet.id for facet in await client.node.facets()] == ["e"]
        with pytest.raises(RonAuthError) as caught:
            await client.node.facet("e").get("/")
        assert caught.value.status == 401


def test_the_synchronous_client_has_facets_too() -> None:
    with devnode() as url, RonClientSync(url) as client:
        site = client.facet("hello")
        assert site.get("", query={"name": "f"}) == {"ok": True, "message": "hello, f"}
        assert repr(site) == "FacetSync('hello')"
        with pytest.warns(RonBufferingWarning):  # The gateway holds streams back.
            events = list(client.facet("events").subscribe("?n=2", max_events=2))
        assert [event.json() for event in events] == [{"i": 0}, {"i": 1}]
        with pytest.raises(RonRequestError):
            site.get("/../hello")
        with pytest.raises(RonRequestError):
            client.node.facet("..")


async def test_a_facet_ends_with_its_client_and_keeps_it_alive() -> None:
    async with server() as (url, _), RonClient(url) as client:
        derived = client.with_options(timeout=5)
        facet = derived.facet("f")
        del derived
        assert await facet.get("/x") == {"a": 1}
        assert client._calls.stats()["sessions"] == 2
        assert repr(facet) == "Facet('f')"


@dataclasses.dataclass
class Item:
    n: int


PAGES = {
    "/app/f/items?limit=1&page_size=1": {"items": [{"n": 1}], "next_page_token": "t"},
    "/app/f/items?limit=1&page_size=1&page_token=t": {"items": [{"n": 2}]},
}


async def test_pages_and_models_of_a_facet_are_its_own_too() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            first, _, _ = await read_request(reader)
            page = json.dumps(PAGES[first.split()[1]]).encode()
            writer.write(reply("200 OK", page, "content-type: application/json"))

    async with raw_server(handler) as url, RonClient(url) as client:
        pages = client.facet("f").paginate("/items", page_size=1, model=Item)
        assert [item async for item in pages] == [Item(1), Item(2)]
        with pytest.raises(RonRequestError):
            async for _ in client.facet("f").paginate("/../items"):
                pass


def test_pages_of_a_facet_of_the_synchronous_client() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            first, _, _ = await read_request(reader)
            page = json.dumps(PAGES[first.split()[1]]).encode()
            writer.write(reply("200 OK", page, "content-type: application/json"))

    with on_a_thread(handler) as url, RonClientSync(url) as client:
        assert list(client.facet("f").paginate("/items", page_size=1, model=Item)) == [
            Item(1),
            Item(2),
        ]
