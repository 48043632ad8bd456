"""The engine's limits, and recovery from what the component does wrong."""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import Any

import pytest
from wasmtime import WasmtimeError

import guests
from clocks import StoppedClock
from processes import ONLY_PUBLIC_API
from ron_app_sdk_py import (
    ClientConfig,
    RonClient,
    RonClosedError,
    RonNetworkError,
    RonRequestError,
    RonSandboxError,
    RonTooLargeError,
)
from ron_app_sdk_py.calls.calls import Calls
from ron_app_sdk_py.calls.limits import Limits
from ron_app_sdk_py.engine.guest import Begin, Guest
from ron_app_sdk_py.engine.instance import Instance
from ron_app_sdk_py.engine.messages import Abort, Done, Failed, Opened, Output, Read, Send
from ron_app_sdk_py.engine.runtime import shared
from ron_app_sdk_py.request import Request
from ron_app_sdk_py.transport.aiohttp_ import AiohttpTransport
from ron_app_sdk_py.transport.protocol import TransportSettings
from servers import TOKEN

SETTINGS = [("base-url", "http://127.0.0.1:8080"), ("token", TOKEN)]
LIMITS = Limits.of(ClientConfig())
GET = Begin("GET", "/hello", None, [], [], [])


@pytest.fixture(params=[True, False], ids=["fast", "public"])
def guest(request: pytest.FixtureRequest) -> Guest:
    """The real component, by way of the private bindings and of the public API."""
    made = Guest(StoppedClock(), private_api=request.param)
    assert made.instance.fast == (request.param and not os.environ.get(ONLY_PUBLIC_API))
    assert made.open(1, SETTINGS).items == [Opened(0, 1)]
    return made


def test_both_ways_into_the_component_give_the_same(guest: Guest) -> None:
    (send,) = guest.begin(1, 7, GET).items
    assert isinstance(send, Send)
    assert send.url == "http://127.0.0.1:8080/app/hello"
    assert dict(send.headers)["authorization"] == f"Bearer {TOKEN}"
    # The first two words of ChaCha12 for a key of zeros, as a UUIDv4: the same on every machine.
    assert dict(send.headers)["x-request-id"] == "53f955076a9a449b9583265f12ce1f81"
    assert guest.response(7, 1, 200, [("x", "\xe9\xff")]).items == [
        Done(7, 1, 1, dict(send.headers)["x-request-id"])
    ]


def test_the_same_inputs_give_the_same_outputs() -> None:
    outputs = []
    for _ in range(2):
        guest = Guest(StoppedClock())
        outputs.append(
            [
                guest.open(1, SETTINGS),
                guest.begin(1, 2, GET),
                guest.response(2, 1, 503, [("retry-after", "1")]),
                guest.data(2, 1, b'{"code":"x"}', end=True),
            ]
        )
    assert outputs[0] == outputs[1]


def test_a_body_of_any_bytes_crosses_whole(guest: Guest) -> None:
    guest.begin(1, 7, GET)
    assert guest.response(7, 1, 500, []).items == [Read(7, 1, 64 * 1024)]
    content = '{"message":"é😀'.encode() + b"\\u0000\\n" + b'"}\0\r\n\xff'
    assert guest.data(7, 1, content, end=False).items == [Read(7, 1, 64 * 1024 - len(content))]
    (failed,) = guest.data(7, 1, b"", end=True).items
    assert isinstance(failed, Failed)
    assert failed.kind == "problem"


def test_the_deadline_is_the_wake_up_time_and_a_tick_then_ends_the_call(guest: Guest) -> None:
    clock = guest._clock
    assert isinstance(clock, StoppedClock)
    output = guest.begin(1, 7, Begin("GET", "/x", None, [("timeout", "500")], [], []))
    assert output.wake_at == clock.now + 500
    clock.now += 499
    assert guest.tick() == (output.wake_at, [])
    clock.now += 1
    abort, failed = guest.tick().items
    assert abort == Abort(7, 1)
    assert isinstance(failed, Failed)
    assert failed.kind == "timeout"
    assert guest.tick().wake_at is None


def test_what_is_asked_for_one_thing_answers_nothing_else(guest: Guest) -> None:
    """Where only one item is looked for, another would be lost, and its call never end."""
    clock = guest._clock
    assert isinstance(clock, StoppedClock)
    guest.begin(1, 7, Begin("GET", "/x", None, [("timeout", "500")], [], []))
    clock.now += 500
    assert guest.stats()["calls"] == 1
    assert guest.derive(1, 2, []).items == [Opened(0, 2)]
    assert guest.open(3, SETTINGS).items == [Opened(0, 3)]
    assert [type(item) for item in guest.tick().items] == [Abort, Failed]


def test_the_end_of_one_call_sends_the_next_that_waited(guest: Guest) -> None:
    guest.open(2, [*SETTINGS, ("max-concurrency", "1")])
    guest.begin(2, 7, GET)
    assert guest.begin(2, 8, GET).items == []
    done, send = guest.response(7, 1, 200, []).items
    assert isinstance(done, Done)
    assert isinstance(send, Send)
    assert (done.call, send.call, send.exchange) == (7, 8, 2)


def test_derived_sessions_share_places_and_end_with_their_root(guest: Guest) -> None:
    guest.open(2, [*SETTINGS, ("max-concurrency", "1")])
    assert guest.derive(2, 3, [("overall-timeout", "700")]).items == [Opened(0, 3)]
    output = guest.begin(3, 7, GET)
    assert output.wake_at == 1_700
    assert guest.begin(2, 8, GET).items == []
    items = guest.close(2).items
    assert [item.call for item in items if isinstance(item, Failed)] == [7, 8]
    (refused,) = guest.begin(3, 9, GET).items
    assert isinstance(refused, Failed)
    assert refused.kind == "closed"


def test_cancel_and_close_leave_nothing_behind(guest: Guest) -> None:
    guest.begin(1, 7, GET)
    assert guest.cancel(7).items == [Abort(7, 1)]
    assert guest.cancel(7).items == []
    guest.begin(1, 8, GET)
    guest.close(1)
    assert guest.response(8, 2, 200, []).items == []  # it crossed with the abort
    counts = guest.stats()
    assert {counts[name] for name in ("sessions", "calls", "exchanges")} == {0}


@pytest.mark.parametrize(
    ("export", "message"),
    [
        ("begin", b"1\0"),
        ("begin", b"x\x001\0"),
        ("begin", b"1\x001\x001\0"),
        ("begin", b"1\x001\x001\x007\0GET\0/\0\x000\x000\x000\0extra\0"),
        ("begin", b"1\x001\x001\x007\0GET\0/\0\x001\0no-such-option\x001\x000\x000\0"),
        ("begin", b"1\x001\x001\x000\0GET\0/\0\x000\x000\x000\0"),
        ("begin", b"1\x001\x001\x007\0GET\0/\0\x000\x00999999999999\0"),
        ("feed", b"1\x001\x007\0nonsense\0"),
        ("feed", b"1\x001\x007\0response\x001\x0070000\x000\0"),
        ("open", b"1\x001\0zz\x002\x000\0"),
        ("open", b"1\x001\0" + b"0" * 64 + b"\x001\x000\0"),
        ("open", b"1\x001\0" + b"0" * 64 + b"\x002\x001\0no-such-setting\x001\0"),
        ("derive", b"1\x001\x0099\x002\x000\0"),
        ("close", b"1\x001\x001\0extra\0"),
        ("stats", b""),
    ],
)
def test_a_malformed_message_is_answered_and_changes_nothing(
    guest: Guest, export: str, message: bytes
) -> None:
    answer = guest.instance.call(export, message)
    assert "\0error\0abi\0" in answer
    assert not guest.instance.dead
    (send,) = guest.begin(1, 70, GET).items
    assert isinstance(send, Send)


@pytest.mark.parametrize(
    ("behaviour", "code"),
    [
        (guests.TRAP, "trap"),
        (guests.LOOP, "fuel"),
        (guests.answer("garbage"), "abi"),
    ],
)
@pytest.mark.parametrize("private_api", [True, False])
def test_after_a_fault_the_instance_is_dead(behaviour: str, code: str, private_api: bool) -> None:
    runtime = guests.guest(stats=behaviour)
    guest = Guest(runtime=runtime, private_api=private_api)
    guest.instance._fuel = 10_000_000
    with pytest.raises(RonSandboxError) as caught:
        guest.stats()
    assert caught.value.code == code
    with pytest.raises(RonSandboxError) as again:
        guest.stats()
    assert again.value.code == "dead"


@pytest.mark.parametrize("version", ["", "2", "1.0", "é" * 100])
def test_a_component_of_another_abi_is_refused(version: str) -> None:
    with pytest.raises(RonSandboxError, match="ABI") as caught:
        Instance(guests.guest(abi_version=guests.answer(version)))
    assert caught.value.code == "abi"


def test_memory_is_bounded() -> None:
    with pytest.raises(RonSandboxError, match="memory") as caught:
        Instance(shared(), memory_bytes=64 * 1024)
    assert caught.value.code == "instantiate"


async def test_after_a_trap_the_next_call_runs_on_a_fresh_instance(node: str) -> None:
    async with RonClient(node, token=TOKEN) as client:
        assert (await client.get("/hello"))["ok"]
        first = client._calls._sessions.guest
        assert first is not None
        slow = asyncio.create_task(client.get("/delay", query={"ms": 10_000}))
        await asyncio.sleep(0.1)
        first.instance._fuel = 100
        with pytest.raises(RonSandboxError) as caught:
            await client.get("/hello")
        assert caught.value.code == "fuel"
        with pytest.raises(RonSandboxError, match="in flight") as lost:
            await slow
        # What was sent is told, though the component can't tell it any more.
        assert (lost.value.attempts, caught.value.attempts) == (1, 0)
        response = await client.request("POST", "/echo", json={})
        assert response.status == 200
        assert client._calls._sessions.guest is not first
        assert client._calls.stats()["calls"] == 0


async def test_a_refused_message_keeps_no_item_from_the_other_calls(
    node: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with RonClient(node) as client:
        slow = asyncio.create_task(client.get("/delay", query={"ms": 10_000}))
        await asyncio.sleep(0.1)
        (call,) = client._calls._in_flight
        refused = Failed(0, "abi", '{"code":"c","message":"m"}')
        other = Failed(call, "network", '{"code":"other","message":"m"}')
        guest = client._calls._sessions.guest
        assert guest is not None
        monkeypatch.setattr(guest, "tick", lambda: Output(None, [refused, other]))
        client._calls._tick()
        with pytest.raises(RonNetworkError) as caught:
            await asyncio.wait_for(slow, 5)
        assert caught.value.code == "other"


async def test_an_interrupted_crossing_discards_the_instance(node: str) -> None:
    async with RonClient(node) as client:
        guest = client._calls._sessions.guest
        assert guest is not None
        calls = guest.instance._calls

        def interrupted(message: bytes, fuel: int) -> str:
            calls["begin"] = whole
            raise KeyboardInterrupt

        whole, calls["begin"] = calls["begin"], interrupted
        with pytest.raises(KeyboardInterrupt):
            await client.get("/hello")
        assert guest.instance.dead
        assert (await client.get("/hello"))["ok"]


@pytest.mark.parametrize("export", ["begin", "cancel", "close", "derive", "feed"])
@pytest.mark.parametrize("how", [KeyboardInterrupt, WasmtimeError("wasm trap")], ids=repr)
async def test_whatever_crossing_loses_the_instance_every_call_on_it_hears_of_it(
    node: str, export: str, how: Any
) -> None:
    """Those that wait for a place too, which no network would ever wake."""
    config = ClientConfig(base_url=node, max_concurrency=1)
    async with RonClient(config=config) as client:
        derived = client.with_options(timeout=9)
        slow = asyncio.create_task(client.get("/delay", query={"ms": 9_000}))
        waiting = asyncio.create_task(client.get("/hello"))
        ended = asyncio.create_task(client.get("/hello"))
        while not client._calls._sessions.guest or client._calls.stats()["calls"] < 3:
            await asyncio.sleep(0)
        guest = client._calls._sessions.guest

        def raising(message: bytes, fuel: int) -> str:
            raise how

        guest.instance._calls[export] = raising
        with contextlib.suppress(KeyboardInterrupt, RonSandboxError):
            match export:
                case "begin":
                    await client.get("/hello")
                case "cancel":
                    # As a cancelled call does; but there a KeyboardInterrupt would end the loop.
                    client._calls._drop(client._calls._in_flight[max(client._calls._in_flight)])
                case "close":
                    await derived.close()
                case "derive":
                    client.with_options(timeout=5)
                case "feed":
                    client._calls._tick()
        assert guest.instance.dead
        ended.cancel()
        outcomes = await asyncio.wait_for(
            asyncio.gather(slow, waiting, ended, return_exceptions=True), 30
        )
        assert [type(outcome) for outcome in outcomes[:2]] == [RonSandboxError, RonSandboxError]
        assert all("in flight" in str(outcome) for outcome in outcomes[:2])
        assert (await client.get("/hello"))["ok"]
        assert client._calls.stats()["calls"] == 0


async def test_a_call_on_a_closed_session_says_so() -> None:
    calls = Calls(lambda: AiohttpTransport(TransportSettings()))
    session = calls.open(SETTINGS)
    calls.close_session(session)
    with pytest.raises(RonClosedError):
        await calls.perform(session, LIMITS, Request("GET", "/x"))
    await calls.close_loop()


@pytest.mark.parametrize(
    "arguments",
    [
        {"query": {"q": "x" * 70_000_000}},
        {"query": [("a", "b")] * 300_000},
        {"headers": {"q": "x" * 70_000_000}},
        {"path": "/" + "x" * 70_000_000},
        {"method": "G" * 70_000_000},
        {"idem": "k" * 70_000_000},
    ],
    ids=lambda arguments: next(iter(arguments)),
)
async def test_arguments_larger_than_the_component_s_memory_never_reach_it(
    node: str, arguments: dict[str, Any]
) -> None:
    async with RonClient(node) as client:
        guest = client._calls._sessions.guest
        with pytest.raises(RonTooLargeError):
            await client.request(**({"method": "GET", "path": "/x"} | arguments))
        assert client._calls._sessions.guest is guest
        assert (await client.get("/hello"))["ok"]


async def test_a_refused_field_leaves_the_instance_usable(node: str) -> None:
    async with RonClient(node) as client:
        guest = client._calls._sessions.guest
        with pytest.raises(RonRequestError):
            await client.get("/\0")
        assert client._calls._sessions.guest is guest
        assert (await client.get("/hello"))["ok"]
