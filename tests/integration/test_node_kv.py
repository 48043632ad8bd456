"""The key-value store of a micronode."""

from __future__ import annotations

import asyncio
import warnings
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micronodes import micronode
from ron_app_sdk_py import (
    RonAmnesiaWarning,
    RonAuthError,
    RonClient,
    RonClientSync,
    RonProblem,
    RonRequestError,
    RonTooLargeError,
)
from ron_app_sdk_py.devnode import omnigate
from ron_app_sdk_py.devnode.listening import listening
from ron_app_sdk_py.devnode.server import running
from ron_app_sdk_py.devnode.settings import Settings
from ron_app_sdk_py.node.segments import segment
from ron_app_sdk_py.request import Request as Outgoing
from ron_app_sdk_py.testing.embedded import devnode
from servers import TOKEN, Request, answering, raw_server, reply

MIB = 1024 * 1024

pytestmark = pytest.mark.filterwarnings("ignore::ron_app_sdk_py.RonAmnesiaWarning")

REFUSED_NAMES: list[tuple[Any, str]] = [
    ("", "is empty"),
    (".", "a step in the path"),
    ("..", "a step in the path"),
    (" .. ", "a step in the path"),
    ("a/b", "holds '/'"),
    ("a?b", "holds '?'"),
    ("a#b", "holds '#'"),
    ("a\\b", "holds '\\\\'"),
    ("a\0", "U+0000"),
    ("a\n", "U+000A"),
    ("a\x7f", "U+007F"),
    ("a\x85", "U+0085"),
    ("a\ud800", "U+D800"),
    (b"a", "is bytes"),
    (None, "is NoneType"),
    (7, "is int"),
]


async def test_what_is_written_is_read_and_deleted() -> None:
    async with micronode() as url, RonClient(url, token=TOKEN) as client:
        kv = client.node.kv
        assert await kv.get("b", "k") is None
        assert await kv.put("b", "k", b"\0\xff") is True
        assert await kv.put("b", "k", "é") is False
        assert await kv.get("b", "k") == "é".encode()
        assert await kv.put("b", "empty", b"") is True
        assert await kv.get("b", "empty") == b""
        assert await kv.delete("b", "k") is True
        assert await kv.delete("b", "k") is False
        assert await kv.get("b", "k") is None


def test_the_synchronous_client_does_the_same() -> None:
    settings = Settings(profile="micronode", security="dev_allow")
    with devnode(settings) as url, RonClientSync(url) as client:
        kv = client.node.kv
        assert kv.put("b", "k", "text") is True
        assert kv.get("b", "k") == b"text"
        assert kv.delete("b", "k") is True
        assert kv.get("b", "k") is None


@pytest.mark.parametrize(
    "name",
    [
        "a",
        "ä ö",
        "100%",
        "a%20b",
        "a b",
        "~",
        "…",
        "a;b",
        "a:b@c",
        "+",
        "'\"",
        "...",
        "a&b=c",
        "%25",
    ],
)
async def test_a_name_arrives_as_it_is(name: str) -> None:
    async with micronode() as url, RonClient(url) as client:
        await client.node.kv.put(name, "k", b"1")
        await client.node.kv.put("b", name, b"2")
        assert await client.node.kv.get(name, "k") == b"1"
        assert await client.node.kv.get("b", name) == b"2"
        assert await client.node.kv.get(name + "x", "k") is None


@pytest.mark.parametrize(("name", "named"), REFUSED_NAMES, ids=lambda value: ascii(value))
async def test_a_name_that_would_not_arrive_is_refused_before_anything_is_sent(
    name: Any, named: str
) -> None:
    seen: list[Request] = []
    async with raw_server(answering(seen, reply("200 OK"))) as url, RonClient(url) as client:
        kv = client.node.kv
        for call in (kv.get, kv.delete):
            with pytest.raises(RonRequestError) as caught:
                await call(name, "k")
            assert caught.value.code == "invalid_bucket"
            assert named in caught.value.message
        for content in (b"", "x"):
            with pytest.raises(RonRequestError) as caught:
                await kv.put("b", name, content)
            assert caught.value.code == "invalid_key"
            assert named in caught.value.message
    assert seen == []


@pytest.mark.parametrize("name", ["%2e%2e", "%2F", "%00", "%252525252e"])
async def test_what_hides_in_a_name_is_refused_by_the_component(name: str) -> None:
    seen: list[Request] = []
    async with raw_server(answering(seen, reply("200 OK"))) as url, RonClient(url) as client:
        with pytest.raises(RonRequestError):
            await client.node.kv.get("b", name)
    assert seen == []


@given(st.text(max_size=20))
def test_a_name_is_one_segment_or_refused(name: str) -> None:
    try:
        encoded = segment("key", name)
    except RonRequestError:
        return
    assert encoded.isascii()
    assert encoded
    assert not set("/?#\\") & set(encoded)


@pytest.mark.parametrize("content", [None, 1, {"a": 1}, ["x"], bytearray(b"x"), "\ud800"])
async def test_content_of_a_wrong_type_is_refused(content: Any) -> None:
    seen: list[Request] = []
    async with raw_server(answering(seen, reply("200 OK"))) as url, RonClient(url) as client:
        with pytest.raises(RonRequestError) as caught:
            await client.node.kv.put("b", "k", content)
    assert caught.value.code == "invalid_body"
    assert seen == []


@pytest.mark.parametrize("large", [b"x" * (MIB + 1), "ä" * (MIB // 2) + "x"], ids=type)
async def test_more_than_nodes_take_is_refused_whatever_the_client_may_send(large: Any) -> None:
    async with micronode() as url, RonClient(url) as client:
        larger = client.with_options(max_request_bytes=4 * MIB)
        for sender in (client, larger):
            with pytest.raises(RonTooLargeError, match=str(MIB + 1)) as caught:
                await sender.node.kv.put("b", "k", large)
            assert caught.value.code == "content_too_large"
        assert await client.node.kv.put("b", "k", b"x" * MIB) is True


@pytest.mark.parametrize(
    ("security", "token", "status", "text"),
    [
        ("deny_all", None, 401, "missing capability macaroon"),
        ("external", None, 401, "missing capability macaroon"),
        ("deny_all", TOKEN, 403, "capability not allowed by policy"),
        ("external", TOKEN, 403, "capability not allowed by policy"),
    ],
)
async def test_a_node_that_denies_is_an_auth_error(
    security: str, token: str | None, status: int, text: str
) -> None:
    """403 and not 401 shows that the credential went out with the scheme that nodes know."""
    async with micronode(security=security) as url, RonClient(url, token=token) as client:
        for call in (
            client.node.kv.get("b", "k"),
            client.node.kv.put("b", "k", b""),
            client.node.kv.delete("b", "k"),
        ):
            with pytest.raises(RonAuthError) as caught:
                await call
            assert caught.value.status == status
            assert TOKEN not in repr(caught.value)


@pytest.mark.parametrize("kind", ["gateway", "macronode", "omnigate"])
async def test_a_server_without_a_store_has_not_lost_a_key(kind: str) -> None:
    server = (
        listening(omnigate.application(Settings()), "127.0.0.1", 0)
        if kind == "omnigate"
        else running(settings=Settings(profile=kind))
    )
    async with server as url, RonClient(url) as client:
        for call in (client.node.kv.get, client.node.kv.delete):
            with pytest.raises(RonRequestError, match=f"of the kind {kind}") as caught:
                await call("b", "k")
            assert caught.value.code == "not_micronode"
        with pytest.raises(RonProblem) as problem:
            await client.node.kv.put("b", "k", b"")
        assert problem.value.status == 404


async def test_what_an_unknown_server_does_not_have_is_its_problem() -> None:
    seen: list[Request] = []
    handler = answering(seen, reply("404 Not Found"))
    async with raw_server(handler) as url, RonClient(url) as client:
        with pytest.raises(RonProblem) as caught:
            await client.node.kv.get("b", "k")
        assert caught.value.status == 404
        asked = len(seen)
        with pytest.raises(RonProblem):
            await client.node.kv.get("b", "k")
        assert len(seen) == asked + 1


async def test_a_write_has_a_length_and_no_encoding() -> None:
    seen: list[Request] = []
    async with (
        raw_server(answering(seen, reply("201 x"))) as url,
        RonClient(url, token=TOKEN) as client,
    ):
        for content in (b"", b"abc"):
            assert await client.node.kv.put("b", "k", content) is True
    writes = [(fields, body) for first, fields, body in seen if first.startswith("PUT /v1/kv/b/k")]
    assert [body for _, body in writes] == [b"", b"abc"]
    for fields, body in writes:
        given = {name.lower(): value for name, value in fields}
        assert given["content-length"] == str(len(body))
        assert given["authorization"] == f"Macro {TOKEN}"
        assert "content-encoding" not in given
        assert "transfer-encoding" not in given


class Coding:
    """Middleware that says that content is encoded."""

    async def before_request(self, request: Outgoing) -> None:
        request.headers.append(("Content-Encoding", "gzip"))


async def test_nobody_adds_an_encoding_to_what_goes_to_the_store() -> None:
    seen: list[Request] = []
    async with (
        raw_server(answering(seen, reply("201 x"))) as url,
        RonClient(url, token=TOKEN) as client,
    ):
        coded = {"content-encoding": "gzip"}
        with pytest.raises(RonRequestError, match="content-encoding") as caught:
            await client.node.request("PUT", "/v1/kv/b/k", content=b"x", headers=coded)
        assert caught.value.code == "reserved_header"
        await client.put("/v1/kv/b/k", content=b"x", headers=coded)
        client.add_middleware(Coding())
        for call in (client.node.kv.get("b", "k"), client.node.kv.delete("b", "k")):
            with pytest.raises(RonRequestError, match="content-encoding"):
                await call
    assert [first.split()[1] for first, _, _ in seen] == ["/app/v1/kv/b/k"]


async def test_many_at_once_do_not_disturb_each_other() -> None:
    async with micronode() as url, RonClient(url) as client:
        kv = client.node.kv
        written = await asyncio.gather(*(kv.put("b", f"k{n}", str(n)) for n in range(50)))
        assert written == [True] * 50
        read = await asyncio.gather(*(kv.get("b", f"k{n}") for n in range(50)))
        assert read == [str(n).encode() for n in range(50)]


async def test_the_first_write_warns_of_a_node_that_forgets() -> None:
    async with micronode() as url, RonClient(url) as client:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            await client.node.kv.put("b", "k", b"")
            await client.node.kv.put("b", "k", b"")
    assert [warning.category for warning in told] == [RonAmnesiaWarning]
