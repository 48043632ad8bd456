"""Writes to nodes that forget: warned of once, before anything is sent."""

from __future__ import annotations

import asyncio
import threading
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest

from processes import run_python
from ron_app_sdk_py import (
    Middleware,
    RonAmnesiaWarning,
    RonClient,
    RonClientSync,
    RonProblem,
    RonTimeoutError,
)
from ron_app_sdk_py import Request as Call
from ron_app_sdk_py.devnode.server import running
from ron_app_sdk_py.devnode.settings import Settings
from ron_app_sdk_py.testing.embedded import devnode
from servers import TOKEN, raw_server, read_request, reply

JSON = "content-type: application/json"
FORGETS = reply(
    "200 OK",
    b'{"profile":"micronode","version":"0.1.0","capabilities":["storage_mem_amnesia"]}',
    JSON,
)
STATUS = "GET /api/v1/status"
MICRONODE = Settings(profile="micronode", security="dev_allow")


@contextmanager
def told() -> Iterator[list[warnings.WarningMessage]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield caught


def categories(caught: list[warnings.WarningMessage]) -> list[type[Warning]]:
    return [warning.category for warning in caught]


@asynccontextmanager
async def forgetful(
    before_status: Callable[[], Awaitable[None]] | None = None, status: bytes = FORGETS
) -> AsyncIterator[tuple[str, list[str]]]:
    """A node that says that it forgets and takes everything: its URL, and its requests."""
    seen: list[str] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            first, _, _ = await read_request(reader)
            request = first.removesuffix(" HTTP/1.1")
            seen.append(request)
            if request == STATUS:
                if before_status is not None:
                    await before_status()
                writer.write(status)
            else:
                writer.write(reply("201 Created"))

    async with raw_server(handler) as url:
        yield url, seen


async def test_the_first_write_of_many_at_once_is_warned_of_after_one_question() -> None:
    async with forgetful() as (url, seen), RonClient(url) as client:
        with told() as caught:
            await asyncio.gather(*(client.node.kv.put("b", str(n), b"") for n in range(30)))
            await client.node.kv.put("b", "k", b"")
    assert categories(caught) == [RonAmnesiaWarning]
    assert seen.count(STATUS) == 1
    assert seen[0] == STATUS
    assert len(seen) == 32


def test_threads_at_once_are_warned_once_after_one_question() -> None:
    asked: list[str] = []

    class Watching(Middleware):
        def before_request(self, request: Call) -> None:
            if request.path == "/api/v1/status":
                asked.append(request.path)

    with devnode(MICRONODE) as url, RonClientSync(url) as client, told() as caught:
        client.add_middleware(Watching())
        start = threading.Barrier(8)

        def write(number: int) -> None:
            start.wait(30)
            for key in range(5):
                assert client.node.kv.put("b", f"{number}-{key}", b"")

        threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert client.node.kv.get("b", "7-4") == b""
    assert categories(caught) == [RonAmnesiaWarning]
    assert asked == ["/api/v1/status"]


async def test_derived_clients_share_the_warning_and_what_is_known() -> None:
    async with forgetful() as (url, seen), RonClient(url) as client:
        derived = client.with_options(timeout=5)
        with told() as caught:
            await derived.node.kv.put("b", "k", b"")
            await client.node.kv.put("b", "k", b"")
            await derived.with_options(retries=0).post("/x")
    assert categories(caught) == [RonAmnesiaWarning]
    assert seen.count(STATUS) == 1


async def test_another_root_client_is_warned_itself() -> None:
    async with forgetful() as (url, _):
        with told() as caught:
            for _ in range(2):
                async with RonClient(url) as client:
                    await client.node.kv.put("b", "k", b"")
    assert categories(caught) == [RonAmnesiaWarning] * 2


WRITES: list[Callable[[RonClient], Awaitable[object]]] = [
    lambda client: client.post("/x", json=1),
    lambda client: client.put("/x", json=1),
    lambda client: client.patch("/x", json=1),
    lambda client: client.delete("/x"),
    lambda client: client.call("POST", "x"),
    lambda client: client.facet("f").post("/x"),
    lambda client: client.node.request("PUT", "/v1/kv/b/k", content=b""),
    lambda client: client.node.request("PUT", "v1/kv/b/k", content=b""),
    lambda client: client.node.request("POST", "/paid/o", content=b""),
    lambda client: client.node.request("PUT", "/paid/o", content=b""),
    lambda client: client.node.request("POST", "/assets/image", content=b""),
]
OTHERS: list[Callable[[RonClient], Awaitable[object]]] = [
    lambda client: client.get("/x"),
    lambda client: client.call("HEAD", "/x"),
    lambda client: client.node.kv.get("b", "k"),
    lambda client: client.node.kv.delete("b", "k"),
    lambda client: client.node.request("POST", "/v1/ping"),
    lambda client: client.node.request("GET", "/paid/o/estimate"),
    lambda client: client.node.facet("f").post("/x"),
]


@pytest.mark.parametrize("write", WRITES)
async def test_what_stores_something_is_warned_of_once_the_node_is_known_to_forget(
    write: Callable[[RonClient], Awaitable[object]],
) -> None:
    async with forgetful() as (url, _), RonClient(url) as client:
        with told() as caught:
            await write(client)
        assert caught == []  # Nobody has asked the node yet.
        await client.node.profile()
        with told() as caught:
            await write(client)
            await write(client)
        assert categories(caught) == [RonAmnesiaWarning]


@pytest.mark.parametrize("other", OTHERS)
async def test_what_stores_nothing_is_not(
    other: Callable[[RonClient], Awaitable[object]],
) -> None:
    async with forgetful() as (url, _), RonClient(url) as client:
        await client.node.profile()
        with told() as caught:
            await other(client)
        assert caught == []


async def test_a_warning_that_is_an_error_takes_the_place_of_each_write() -> None:
    """None is lost silently: what was not sent was raised."""
    async with forgetful() as (url, seen), RonClient(url) as client:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for _ in range(3):
                with pytest.raises(RonAmnesiaWarning):
                    await client.node.kv.put("b", "k", b"")
            with pytest.raises(RonAmnesiaWarning):
                await client.post("/x")
        assert seen == [STATUS]
        with told() as caught:
            await client.node.kv.put("b", "k", b"")
        assert categories(caught) == [RonAmnesiaWarning]
        assert client._calls.metrics().in_flight == 0


def test_a_write_of_the_synchronous_client_is_not_lost_either() -> None:
    with devnode(MICRONODE) as url, RonClientSync(url) as client:
        with pytest.raises(RonAmnesiaWarning):  # pytest makes errors of warnings.
            client.node.kv.put("b", "k", b"")
        assert client.node.kv.get("b", "k") is None


@pytest.mark.parametrize("profile", ["gateway", "macronode"])
async def test_a_node_that_is_not_known_to_forget_is_not_warned_of(profile: str) -> None:
    async with running(settings=Settings(profile=profile)) as url, RonClient(url) as client:
        with told() as caught:
            await client.node.profile()
            for write in (client.post("/nope"), client.node.kv.put("b", "k", b"")):
                with pytest.raises(RonProblem):
                    await write
        assert caught == []


async def test_a_node_that_keeps_now_what_it_forgot_before_is_not_warned_of() -> None:
    kept = reply("200 OK", b'{"profile":"micronode","capabilities":[]}', JSON)
    async with forgetful(status=kept) as (url, _), RonClient(url) as client:
        with told() as caught:
            await client.node.kv.put("b", "k", b"")
        assert caught == []


async def test_a_write_does_not_fail_for_want_of_an_answer_and_the_next_asks_again() -> None:
    failing = reply("503 Service Unavailable")
    async with forgetful(status=failing) as (url, seen), RonClient(url, retries=0) as client:
        for _ in range(2):
            with told() as caught:
                assert await client.node.kv.put("b", "k", b"") is True
            assert caught == []
    assert seen == [STATUS, "PUT /v1/kv/b/k"] * 2


async def test_a_question_that_is_cancelled_leaves_the_others_to_ask_again() -> None:
    asked, answer = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        asked.set()
        await answer.wait()

    async with forgetful(hold) as (url, seen), RonClient(url) as client:
        with told() as caught:
            first = asyncio.create_task(client.node.kv.put("b", "1", b""))
            await asyncio.wait_for(asked.wait(), 30)
            second = asyncio.create_task(client.node.kv.put("b", "2", b""))
            third = asyncio.create_task(client.node.kv.put("b", "3", b""))
            await asyncio.sleep(0)
            third.cancel()
            first.cancel()
            gone: Any = await asyncio.gather(first, third, return_exceptions=True)
            assert [type(error) for error in gone] == [asyncio.CancelledError] * 2
            assert await asyncio.wait_for(second, 30) is True
            answer.set()
            assert await client.node.kv.put("b", "4", b"") is True
    assert "PUT /v1/kv/b/2" in seen
    assert categories(caught) == [RonAmnesiaWarning]


async def test_a_node_that_never_says_what_it_is_holds_a_write_up_no_longer_than_a_call() -> None:
    async def never() -> None:
        await asyncio.Event().wait()

    async with (
        forgetful(never) as (url, seen),
        RonClient(url, timeout=0.3, retries=0) as client,
    ):
        with told():
            assert await asyncio.wait_for(client.node.kv.put("b", "k", b""), 30) is True
        with pytest.raises(RonTimeoutError):
            await client.node.profile()
    assert seen == [STATUS, "PUT /v1/kv/b/k", STATUS]


async def test_the_question_has_no_credential() -> None:
    credentials: dict[str, bool] = {}

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            first, fields, _ = await read_request(reader)
            names = {name.lower() for name, _ in fields}
            credentials[first.split()[1]] = "authorization" in names
            writer.write(FORGETS if "status" in first else reply("201 x"))

    async with raw_server(handler) as url, RonClient(url, token=TOKEN) as client:
        with told():
            await client.node.kv.put("b", "k", b"")
    assert credentials == {"/api/v1/status": False, "/v1/kv/b/k": True}


@pytest.mark.linux
def test_a_child_does_not_wait_for_its_parents_question() -> None:
    """It is forked while the parent asks."""
    code = """
import os, sys, threading, warnings
from ron_app_sdk_py import Middleware, RonAmnesiaWarning, RonClientSync
from ron_app_sdk_py.devnode.settings import Settings
from ron_app_sdk_py.testing.embedded import devnode

warnings.simplefilter("ignore", RonAmnesiaWarning)
asking, go_on = threading.Event(), threading.Event()

class Held(Middleware):
    def before_request(self, request):
        if request.path == "/api/v1/status" and os.getpid() == parent:
            asking.set()
            go_on.wait(30)

parent = os.getpid()
with devnode(Settings(profile="micronode", security="dev_allow")) as url:
    client = RonClientSync(url)
    client.add_middleware(Held())
    thread = threading.Thread(target=lambda: client.node.kv.put("b", "k", b""))
    thread.start()
    assert asking.wait(30)
    child = os.fork()
    if child == 0:
        done = client.node.kv.put("b", "child", b"")
        os._exit(0 if done else 1)
    _, status = os.waitpid(child, 0)
    go_on.set()
    thread.join()
    print("child", os.waitstatus_to_exitcode(status), client.node.kv.get("b", "child"))
    client.close()
"""
    done = run_python(code)
    assert done.stdout == "child 0 b''\n", done.stderr
