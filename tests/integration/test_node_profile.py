"""Which server answers: every kind, and servers that are none."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from micronodes import micronode
from ron_app_sdk_py import (
    NodePlane,
    NodeProfile,
    RonAuthError,
    RonClient,
    RonClientSync,
    RonConnectError,
    RonParseError,
    RonProblem,
)
from ron_app_sdk_py.devnode import omnigate
from ron_app_sdk_py.devnode.listening import listening
from ron_app_sdk_py.devnode.server import running
from ron_app_sdk_py.devnode.settings import Settings
from ron_app_sdk_py.testing.embedded import devnode
from servers import TOKEN, raw_server, read_request, refusing_port, reply

JSON = "content-type: application/json"
TEXT = "content-type: text/plain; charset=utf-8"
Seen = list[tuple[str, str | None]]


def as_json(value: Any) -> bytes:
    return reply("200 OK", json.dumps(value).encode(), JSON)


@asynccontextmanager
async def server(
    answers: dict[str, bytes], otherwise: bytes = b""
) -> AsyncIterator[tuple[str, Seen]]:
    """A server with these answers by path; and the targets and credentials of its requests."""
    seen: Seen = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            first, fields, _ = await read_request(reader)
            target = first.split()[1]
            values = {name.lower(): value for name, value in fields}
            seen.append((target, values.get("authorization")))
            writer.write(answers.get(target, otherwise or reply("404 Not Found")))

    async with raw_server(handler) as url:
        yield url, seen


async def profile_of(answers: dict[str, bytes], otherwise: bytes = b"") -> NodeProfile:
    async with server(answers, otherwise) as (url, seen), RonClient(url, token=TOKEN) as client:
        found = await client.node.profile()
        assert {credential for _, credential in seen} == {None}
        return found


async def test_a_micronode_tells_its_planes_and_that_it_forgets() -> None:
    async with micronode() as url, RonClient(url, token=TOKEN) as client:
        found = await client.node.profile()
    assert (found.kind, found.version, found.amnesia) == ("micronode", "0.1.0", True)
    assert found.capabilities == ("admin_api_v1", "kv_v1", "storage_mem_amnesia")
    assert found.planes == tuple(
        NodePlane(name, "healthy", True, 0) for name in ("admin", "kv", "facets")
    )
    assert "gone when it ends" in found.note


async def test_a_macronode_does_not_tell_whether_it_forgets() -> None:
    async with (
        running(settings=Settings(profile="macronode", ready=False)) as url,
        RonClient(url) as client,
    ):
        found = await client.node.profile()
    assert (found.kind, found.version, found.amnesia) == ("macronode", "0.1.0", None)
    assert found.planes[0] == NodePlane("gateway", "degraded", False, 0)
    assert found.capabilities == ()
    assert "does not tell" in found.note


async def test_a_gateway_hides_what_is_behind_it() -> None:
    async with running() as url, RonClient(url) as client:
        found = await client.node.profile()
    assert (found.kind, found.version, found.amnesia) == ("gateway", "0.1.0", None)
    assert (found.capabilities, found.planes) == ((), ())
    assert "can be known" in found.note


async def test_omnigate_is_told_from_a_gateway() -> None:
    app = omnigate.application(Settings())
    async with listening(app, "127.0.0.1", 0) as url, RonClient(url) as client:
        found = await client.node.profile()
    assert (found.kind, found.version, found.amnesia) == ("omnigate", "0.1.0", None)


async def test_the_gateway_inside_of_a_macronode_is_one() -> None:
    ping = {"ok": True, "service": "svc-gateway", "profile": "macronode"}
    found = await profile_of({"/ingress/ping": as_json(ping)})
    assert (found.kind, found.version, found.amnesia) == ("macronode", None, None)
    assert "another address" in found.note


@pytest.mark.parametrize(
    "otherwise",
    [
        b"",
        reply("405 Method Not Allowed"),
        reply("301 Moved", b"", "location: /elsewhere"),
        reply("200 OK", b"<html>welcome</html>", "content-type: text/html"),
        reply("200 OK", b"{", JSON),
        reply("200 OK", b"[]", JSON),
        reply("200 OK", b"0.1.0", TEXT),
        as_json({"profile": "mininode", "name": 7, "version": [], "ok": True}),
        as_json({"profile": ["micronode"], "version": "none"}),
    ],
    ids=lambda answer: answer[-20:].decode(),
)
async def test_a_server_that_is_none_of_the_four_is_unknown(otherwise: bytes) -> None:
    found = await profile_of({}, otherwise)
    assert (found.kind, found.amnesia, found.planes) == ("unknown", None, ())
    assert found.note


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({}, NodeProfile("micronode")),
        (
            {"version": 7, "capabilities": "storage_mem_amnesia", "planes": {"a": 1}},
            NodeProfile("micronode"),
        ),
        (
            {"version": "x" * 300, "capabilities": [1, None, "kv_v1"], "planes": [1, {}, []]},
            NodeProfile("micronode", None, ("kv_v1",), False),
        ),
        (
            {
                "capabilities": ["storage_mem_amnesia"],
                "planes": [{"name": "kv", "health": 1, "ready": "yes", "restart_count": True}],
            },
            NodeProfile("micronode", None, ("storage_mem_amnesia",), True, (NodePlane("kv"),)),
        ),
    ],
)
async def test_what_a_status_says_in_other_types_is_not_taken_for_said(
    status: dict[str, Any], expected: NodeProfile
) -> None:
    found = await profile_of({"/api/v1/status": as_json({"profile": "micronode", **status})})
    assert found.note
    assert NodeProfile(
        found.kind, found.version, found.capabilities, found.amnesia, found.planes
    ) == (expected)


@pytest.mark.parametrize(("status", "error"), [(401, RonAuthError), (503, RonProblem)])
async def test_a_server_that_cannot_be_asked_is_an_error(
    status: int, error: type[RonProblem]
) -> None:
    async with server({}, reply(f"{status} x")) as (url, _), RonClient(url, retries=0) as client:
        with pytest.raises(error) as caught:
            await client.node.profile()
    assert caught.value.status == status


async def test_a_server_that_is_not_there_is_an_error() -> None:
    with refusing_port() as port:
        async with RonClient(f"http://127.0.0.1:{port}", retries=0) as client:
            with pytest.raises(RonConnectError):
                await client.node.profile()


async def test_each_time_the_node_is_asked_anew() -> None:
    async with server({}) as (url, seen), RonClient(url) as client:
        await client.node.profile()
        asked = len(seen)
        await client.node.profile()
        assert len(seen) == 2 * asked


def test_the_synchronous_client_finds_out_too() -> None:
    with devnode(Settings(profile="micronode")) as url, RonClientSync(url) as client:
        assert client.node.profile().kind == "micronode"
        assert client.node.facets() == ()


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        ([], "has no list 'loaded'"),
        ({"loaded": 1}, "has no list 'loaded'"),
        ({"loaded": [1]}, "no text loaded[0].id"),
        ({"loaded": [{"id": "a", "kind": 1}]}, "no text loaded[0].kind"),
        ({"loaded": [{"id": "a", "kind": "echo"}]}, "no list loaded[0].routes"),
        (
            {"loaded": [{"id": "a", "kind": "echo", "routes": [{"method": "GET"}]}]},
            "no text loaded[0].routes[0].path",
        ),
        (
            {"loaded": [{"id": "a", "kind": "proxy", "routes": [], "upstream": "x"}]},
            "loaded[0].upstream that is str",
        ),
    ],
)
async def test_a_list_of_facets_of_another_shape_names_the_place(answer: Any, named: str) -> None:
    async with server({"/facets/meta": as_json(answer)}) as (url, _), RonClient(url) as client:
        with pytest.raises(RonParseError) as caught:
            await client.node.facets()
    assert caught.value.code == "invalid_facets"
    assert named in caught.value.message
