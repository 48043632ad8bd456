"""Narrowed clients: what is left of a client's rights, through the component and real sockets."""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ron_app_sdk_py import (
    CapabilityToken,
    ClientConfig,
    RonCapabilityError,
    RonClient,
    RonClientSync,
    RonClosedError,
    RonError,
    RonRequestError,
    RonSandboxError,
)
from ron_app_sdk_py.capabilities import (
    BytesLe,
    Caveat,
    Exp,
    Method,
    PathPrefix,
    Scope,
    Tenant,
    Unknown,
)
from ron_app_sdk_py.credentials import AccessToken
from ron_app_sdk_py.request import Request
from ron_app_sdk_py.secret import Secret
from servers import Request as Seen
from servers import answering, on_a_thread, raw_server, read_request, reply
from shared_vectors import read

KEY = "5a" * 32
OTHER_KEY = "a5" * 32
OPAQUE = "opaque-token-0123456789"


def issued(*caveats: Caveat) -> str:
    """A token of the issuer."""
    token = CapabilityToken.mint(KEY, tid="acme", kid="k1", scope=Scope(), caveats=caveats)
    return token.text.get_secret_value()


@contextmanager
def server() -> Iterator[tuple[str, list[Seen]]]:
    """A server that takes everything: its URL, and what it has seen."""
    seen: list[Seen] = []
    with on_a_thread(answering(seen, reply("200 OK", b"{}"))) as url:
        yield url, seen


def sent_tokens(seen: list[Seen]) -> list[str]:
    values = [value for _, fields, _ in seen for name, value in fields if name == "authorization"]
    return [value.partition(" ")[2] for value in values]


def code_of(call: Callable[[], object]) -> str:
    with pytest.raises(RonCapabilityError) as caught:
        call()
    assert caught.value.attempts == 0
    return caught.value.code


async def test_a_narrowed_client_does_what_is_left_and_nothing_else() -> None:
    with server() as (url, seen):
        async with RonClient(url, token=OPAQUE) as client:
            feed = client.with_caveat(readonly=True, path_prefix="/app/feed", max_bytes=3)
            assert type(feed) is RonClient
            await feed.get("/feed/1")
            await feed.request("OPTIONS", "/app/f%65ed", content=b"123")
            sent = len(seen)
            for method, path, content, code in [
                ("POST", "/feed/1", None, "method_not_allowed"),
                ("purge", "/feed/1", None, "method_not_allowed"),
                ("GET", "/feedback", None, "path_not_allowed"),
                ("GET", "/", None, "path_not_allowed"),
                ("GET", "/feed", b"1234", "bytes_exceed"),
            ]:
                with pytest.raises(RonCapabilityError) as caught:
                    await feed.request(method, path, content=content)
                assert (caught.value.code, caught.value.attempts) == (code, 0)
            with pytest.raises(RonCapabilityError):
                await feed.node.request("GET", "/healthz")
            with pytest.raises(RonCapabilityError):
                await anext(feed.subscribe("/events"))
            assert len(seen) == sent
            await client.post("/feedback", content=b"1234")
            assert len(seen) == sent + 1


def test_both_clients_narrow_alike() -> None:
    with server() as (url, seen), RonClientSync(url, token=OPAQUE) as client:
        narrow = client.with_caveat(methods=["GET"])
        assert type(narrow) is RonClientSync
        narrow.get("/x")
        assert code_of(lambda: narrow.delete("/x")) == "method_not_allowed"
        assert len(seen) == 1
        assert sent_tokens(seen) == [OPAQUE]


def test_what_is_left_is_told() -> None:
    with RonClientSync("http://127.0.0.1:1", token=OPAQUE) as client:
        all_of_it = client.capability
        assert (all_of_it.strength, all_of_it.expires_at, all_of_it.methods) == (None, None, None)
        assert (all_of_it.path_prefixes, all_of_it.max_bytes, all_of_it.token) == ((), None, None)
        assert all_of_it.permits("PURGE", "/anything", 10**9)
        before = datetime.now(UTC)
        narrow = client.with_caveat(expiry="10m", methods=["get", "POST"], path_prefix="/a")
        again = narrow.with_caveat(readonly=True, path_prefix="/a/b", max_bytes=5)
        left = again.capability
        assert left.strength == "local"
        assert left.methods == ("GET",)
        assert left.path_prefixes == ("/a", "/a/b")
        assert left.max_bytes == 5
        assert left.expires_at is not None
        assert timedelta(minutes=9) < left.expires_at - before < timedelta(minutes=11)
        for method, path, length, permitted in [
            ("get", "/a/b", None, True),
            ("GET", "/app/a/b/c?x=/../d", 5, True),
            ("GET", "/a/b", 6, False),
            ("GET", "/a", 0, False),
            ("POST", "/a/b", 0, False),
        ]:
            assert left.permits(method, path, length) is permitted
        assert again.with_options(timeout=1).capability == left
        assert narrow.capability.methods == ("GET", "POST")
        assert client.capability == all_of_it


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"expiry": "11m"}, "exceeds_parent"),
        ({"methods": ["GET", "DELETE"]}, "exceeds_parent"),
        ({"path_prefix": "/feedback"}, "exceeds_parent"),
        ({"path_prefix": "/"}, "exceeds_parent"),
        ({"max_bytes": 11}, "exceeds_parent"),
        ({"readonly": True, "methods": ["POST"]}, "contradictory"),
        ({"methods": []}, "contradictory"),
        ({"tenant": "t"}, "strength_unavailable"),
        ({"expiry": "1m", "strength": "minted"}, "strength_unavailable"),
        ({"expiry": "1m", "strength": "delegated"}, "strength_unavailable"),
        ({"expiry": "1m", "issuer_key": KEY}, "not_a_capability"),
    ],
    ids=str,
)
def test_more_than_there_is_can_not_be_given(given: dict[str, Any], code: str) -> None:
    with RonClientSync("http://127.0.0.1:1", token=OPAQUE) as client:
        parent = client.with_caveat(
            expiry="10m", methods=["GET", "POST"], path_prefix="/feed", max_bytes=10
        )
        sessions = client._calls.stats()["sessions"]
        assert code_of(lambda: parent.with_caveat(**given)) == code
        assert client._calls.stats()["sessions"] == sessions


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({}, "invalid_caveat"),
        ({"expiry": "abc"}, "invalid_expiry"),
        ({"path_prefix": "/feed/../x"}, "invalid_path"),
        ({"path_prefix": "/feed?x"}, "invalid_path"),
        ({"path_prefix": "https://e/"}, "invalid_path"),
        ({"path_prefix": "/a\0b"}, "invalid_path"),
        ({"methods": ["TRACE"]}, "invalid_method"),
        ({"readonly": True, "strength": "strong"}, "invalid_strength"),
        ({"readonly": True, "strength": 5}, "invalid_strength"),
        ({"readonly": True, "issuer_key": "hunter2hunter2"}, "invalid_key"),
        ({"readonly": True, "issuer": "hunter2hunter2"}, "invalid_issuer"),
    ],
    ids=str,
)
def test_an_argument_that_is_none_is_refused(given: dict[str, Any], code: str) -> None:
    with RonClientSync("http://127.0.0.1:1", token=issued()) as client:
        with pytest.raises(RonRequestError) as caught:
            client.with_caveat(**given)
        assert caught.value.code == code
        assert "hunter2" not in repr(caught.value)
        assert client._calls.stats()["sessions"] == 1


def test_a_client_that_has_expired_sends_nothing_any_more() -> None:
    with server() as (url, seen), RonClientSync(url, token=OPAQUE) as client:
        brief = client.with_caveat(expiry=0.2)
        brief.get("/x")
        time.sleep(0.25)
        assert not brief.capability.permits("GET", "/x")
        assert code_of(lambda: brief.get("/x")) == "expired"
        assert code_of(lambda: next(brief.subscribe("/x"))) == "expired"
        client.get("/x")
        assert len(seen) == 2


async def test_a_stream_ends_when_its_client_expires() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: 1\n\n")
        await reader.read()

    async with raw_server(handler) as url, RonClient(url, token=OPAQUE) as client:
        brief = client.with_caveat(expiry=0.5)
        got = []
        async with asyncio.timeout(10):
            events = brief.subscribe("/events")
            got.append((await anext(events)).data)
            with pytest.raises(RonCapabilityError) as caught:
                got.append((await anext(events)).data)
        assert caught.value.code == "expired"
        assert got == ["1"]


async def test_another_credential_widens_nothing() -> None:
    with server() as (url, seen):
        async with RonClient(url, token=OPAQUE) as client:
            reading = client.with_caveat(readonly=True)
            perform = reading._perform_with("admin-token-0123456789")
            reload, status = Request("POST", "/api/v1/reload"), Request("GET", "/api/v1/status")
            reload.node = status.node = "include"
            with pytest.raises(RonCapabilityError):
                await perform(reload)
            assert seen == []
            await perform(status)
            assert sent_tokens(seen) == ["admin-token-0123456789"]


def test_what_a_client_gives_out_is_as_narrow_as_itself() -> None:
    with server() as (url, seen), RonClientSync(url, token=OPAQUE) as client:
        reading = client.with_caveat(readonly=True)
        feed = client.with_caveat(path_prefix="/feed")
        for refused in (
            lambda: reading.with_options(timeout=9).post("/feed"),
            lambda: reading.facet("feed").post("/x"),
            lambda: reading.node.kv.delete("a", "b"),
            lambda: feed.facet("other").get("/x"),
            lambda: feed.node.health(),
            lambda: feed.node.facet("feed").get("/x"),
            lambda: list(feed.paginate("/items")),
        ):
            assert code_of(refused) in ("method_not_allowed", "path_not_allowed")
        assert seen == []
        feed.facet("feed").post("/x")
        assert len(seen) == 1


async def test_a_trap_widens_nothing_and_takes_nobody_along() -> None:
    with server() as (url, seen):
        async with RonClient(url, token=OPAQUE) as client:
            narrow = client.with_caveat(methods=["GET"], path_prefix="/a").with_options(timeout=5)
            brief = client.with_caveat(expiry=0.2, readonly=True)
            briefer = brief.with_caveat(max_bytes=0)
            time.sleep(0.25)
            guest = client._calls._sessions.guest
            assert guest is not None
            guest.instance._fuel = 100
            with pytest.raises(RonSandboxError):
                await client.get("/a")
            await client.post("/a")
            await narrow.get("/a")
            for denied, method in ((narrow, "POST"), (brief, "GET"), (briefer, "GET")):
                with pytest.raises(RonCapabilityError):
                    await denied.request(method, "/a")
            assert len(seen) == 2
            await briefer.close()
            await brief.close()
            await client.get("/a")


@pytest.mark.parametrize("field", ["token", "macaroon"])
def test_a_minted_token_is_the_clients_own_extended(field: str) -> None:
    token = issued(Exp(4_000_000_000))
    config = ClientConfig.from_env({}, **{field: token})
    with server() as (url, seen), RonClientSync(url, config=config) as client:
        narrow = client.with_caveat(
            expiry="10m",
            readonly=True,
            path_prefix="/feed",
            max_bytes=9,
            tenant="t",
            issuer_key=bytes.fromhex(KEY),
        )
        narrow.get("/feed")
        client.get("/feed")
        sent, own = map(CapabilityToken.parse, sent_tokens(seen))
        assert own.text.get_secret_value() == token
        assert sent.verify(KEY)
        exp = sent.caveats[1]
        assert sent.caveats == (
            *own.caveats,
            exp,
            Method(["GET", "HEAD"]),
            PathPrefix("/app/feed"),
            BytesLe(9),
            Tenant("t"),
        )
        assert isinstance(exp, Exp)
        assert 590 < exp.time - time.time() < 601
        left = narrow.capability
        assert (left.strength, left.tenant, left.token) == ("minted", "t", sent)
        assert left.methods == ("GET", "HEAD")
        # The guards of this side hold it to the same.
        assert code_of(lambda: narrow.request("OPTIONS", "/feed")) == "method_not_allowed"
        assert code_of(lambda: narrow.get("/x")) == "path_not_allowed"
        assert len(seen) == 2


def test_the_weakest_of_the_chain_is_its_strength() -> None:
    with RonClientSync("http://127.0.0.1:1", macaroon=issued()) as client:
        minted = client.with_caveat(expiry="10m", issuer_key=KEY)
        twice = minted.with_caveat(readonly=True, issuer_key=Secret(KEY))
        assert twice.capability.strength == "minted"
        assert twice.capability.token is not None
        assert len(twice.capability.token.caveats) == 2
        local = minted.with_caveat(readonly=True)
        assert local.capability.strength == "local"
        assert local.capability.token == minted.capability.token
        assert local.with_caveat(max_bytes=1, issuer_key=KEY).capability.strength == "local"
        delegated = minted.with_caveat(readonly=True, issuer=lambda caveats: OPAQUE)
        assert delegated.capability.strength == "delegated"
        assert delegated.with_caveat(max_bytes=1).capability.strength == "local"
        asked = minted.with_caveat(readonly=True, issuer_key=KEY, strength="local")
        assert asked.capability.strength == "local"


@pytest.mark.parametrize(
    ("caveats", "given", "code"),
    [
        ((Exp(1_700_000_000),), {"readonly": True}, "expired"),
        ((Exp(1_700_000_000),), {"readonly": True, "strength": "local"}, "expired"),
        ((Exp(4_000_000_000),), {"expiry": datetime(2100, 1, 1, tzinfo=UTC)}, "exceeds_parent"),
        ((Method(["GET"]),), {"methods": ["GET", "PUT"]}, "exceeds_parent"),
        ((Method(["POST"]),), {"readonly": True}, "contradictory"),
        ((Method([]),), {"max_bytes": 1}, "contradictory"),
        ((BytesLe(4),), {"max_bytes": 5}, "exceeds_parent"),
        ((PathPrefix("/app/feed"),), {"path_prefix": "/"}, "exceeds_parent"),
        ((PathPrefix("/app/feed"),), {"path_prefix": "/x"}, "contradictory"),
        ((Tenant("a"),), {"tenant": "b"}, "contradictory"),
    ],
    ids=str,
)
def test_what_a_token_says_binds_those_minted_from_it(
    caveats: tuple[Caveat, ...], given: dict[str, Any], code: str
) -> None:
    with RonClientSync("http://127.0.0.1:1", token=issued(*caveats)) as client:
        assert code_of(lambda: client.with_caveat(issuer_key=KEY, **given)) == code


def test_what_a_token_says_is_no_hindrance_to_less() -> None:
    caveats = (Method(["get", "POST"]), PathPrefix("/app/feed/"), BytesLe(4), Exp(4_000_000_000))
    with RonClientSync("http://127.0.0.1:1", token=issued(*caveats)) as client:
        narrow = client.with_caveat(
            readonly=True, path_prefix="/feed", max_bytes=4, expiry="1d", issuer_key=KEY
        )
        assert narrow.capability.methods == ("GET",)


def test_a_key_that_did_not_mint_the_token_narrows_nothing() -> None:
    with RonClientSync("http://127.0.0.1:1", token=issued()) as client:
        with pytest.raises(RonCapabilityError) as caught:
            client.with_caveat(expiry="1m", issuer_key=OTHER_KEY)
        assert caught.value.code == "wrong_key"
        assert OTHER_KEY[:8] not in repr(caught.value)
    unknown = next(
        case["token"]
        for case in read("tokens.json")["read"]
        if case["name"] == "a caveat that is unknown"
    )
    assert isinstance(CapabilityToken.parse(unknown).caveats[0], Unknown)
    with RonClientSync("http://127.0.0.1:1", token=unknown) as client:
        assert code_of(lambda: client.with_caveat(expiry="1m", issuer_key=KEY)) == "wrong_key"
        assert client.with_caveat(expiry="1m").capability.strength == "local"


def test_without_a_token_of_its_own_nothing_is_minted() -> None:
    for config in (ClientConfig(), ClientConfig(token_provider=lambda: issued())):
        with RonClientSync(config=config) as client:
            refused = code_of(lambda: client.with_caveat(expiry="1m", issuer_key=KEY))
            assert refused == "strength_unavailable"


def test_an_issuer_is_told_all_caveats_and_gives_the_token() -> None:
    asked: list[tuple[Caveat, ...]] = []

    def issue(caveats: tuple[Caveat, ...]) -> AccessToken:
        asked.append(caveats)
        return AccessToken(issued(*caveats), expires_in=300)

    with server() as (url, seen), RonClientSync(url, token=OPAQUE) as client:
        first = client.with_caveat(path_prefix="/feed", issuer=issue)
        second = first.with_caveat(readonly=True, tenant="t", issuer=issue)
        assert asked == []
        second.get("/feed")
        second.get("/feed")
        first.post("/feed")
        client.get("/x")
        whole = (PathPrefix("/app/feed"), Method(["GET", "HEAD"]), Tenant("t"))
        assert asked == [whole, whole[:1]]
        assert sent_tokens(seen) == [issued(*whole)] * 2 + [issued(*whole[:1]), OPAQUE]
        assert code_of(lambda: second.post("/feed")) == "method_not_allowed"
        assert second.capability.strength == "delegated"
        assert second.capability.tenant == "t"
        assert second.capability.token is None
        assert code_of(lambda: second.with_caveat(tenant="u", issuer=issue)) == "contradictory"


async def test_an_issuer_may_be_asynchronous() -> None:
    async def issue(caveats: tuple[Caveat, ...]) -> str:
        await asyncio.sleep(0)
        return issued(*caveats)

    with server() as (url, seen):
        async with RonClient(url) as client:
            narrow = client.with_caveat(readonly=True, issuer=issue)
            await asyncio.gather(*(narrow.get("/x") for _ in range(5)))
    assert sent_tokens(seen) == [issued(Method(["GET", "HEAD"]))] * 5


def test_an_issuer_that_fails_fails_the_call_and_shows_nothing() -> None:
    def issue(caveats: tuple[Caveat, ...]) -> str:
        raise RuntimeError("hunter2hunter2")

    with server() as (url, seen), RonClientSync(url) as client:
        narrow = client.with_caveat(readonly=True, issuer=issue)
        with pytest.raises(RonError) as caught:
            narrow.get("/x")
        assert caught.value.code == "token_provider_failed"
        assert "hunter2" not in repr(caught.value)
        assert seen == []


async def test_a_narrowed_client_ends_with_its_parent_and_alone() -> None:
    with server() as (url, _):
        client = RonClient(url, token=issued())
        narrow = client.with_caveat(readonly=True, issuer_key=KEY)
        other = client.with_caveat(readonly=True)
        await other.close()
        with pytest.raises(RonClosedError):
            await other.get("/x")
        await narrow.get("/x")
        await client.close()
        for closed in (narrow, client):
            with pytest.raises(RonClosedError):
                await closed.get("/x")
        with pytest.raises(RonClosedError):
            client.with_caveat(readonly=True)


def test_closing_a_narrowed_client_drops_the_token_of_its_own_only() -> None:
    with server() as (url, seen), RonClientSync(url, token=issued()) as client:
        narrow = client.with_caveat(readonly=True, issuer_key=KEY)
        minted = narrow.config.token
        assert minted is not None
        assert minted.get_secret_value() != issued()
        local = narrow.with_caveat(max_bytes=1)
        local.close()
        assert narrow.capability.token is not None
        narrow.get("/x")
        narrow.close()
        with pytest.raises(RonClosedError):
            minted.get_secret_value()
        assert narrow.capability.token is None
        assert client.capability.token == CapabilityToken.parse(issued())
        client.with_caveat(expiry="1m", issuer_key=KEY).get("/x")
        assert len(seen) == 2


def test_narrowed_clients_that_nobody_uses_leave_nothing() -> None:
    with server() as (url, _), RonClientSync(url, token=issued()) as client:
        for _ in range(20):
            client.with_caveat(readonly=True, issuer_key=KEY)
        gc.collect()
        client.get("/x")
        assert client._calls.stats()["sessions"] == 1
        assert len(client._redactor._secrets) == 1


def test_nothing_shows_a_minted_token_or_the_key() -> None:
    echo = b'{"code":"x","message":"%s"}'
    with server() as (url, seen), RonClientSync(url, token=issued()) as client:
        client.with_caveat(readonly=True, issuer_key=KEY).get("/x")
    (token,) = sent_tokens(seen)
    answer = reply("400 Bad", echo % token.encode(), "content-type: application/json")
    with on_a_thread(answering([], answer)) as url, RonClientSync(url, token=issued()) as client:
        narrow = client.with_caveat(readonly=True, issuer_key=KEY)
        with pytest.raises(RonError) as caught:
            narrow.get("/x")
        shown = [
            repr(narrow),
            repr(narrow.config),
            repr(narrow.capability),
            repr(caught.value),
            str(caught.value),
            repr(dataclasses.asdict(narrow.capability.rights)),
        ]
        for text in shown:
            assert token[-30:] not in text
            assert token[:30] not in text
            assert KEY[:8] not in text
