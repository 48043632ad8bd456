"""Retries end to end: through the composed component, against real servers."""

from __future__ import annotations

import asyncio
import itertools
import pickle
import random
import time
import warnings
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

import shared_vectors
from ron_app_sdk_py import (
    ClientConfig,
    IdempotencyKey,
    RonAuthError,
    RonBusyLoopWarning,
    RonClient,
    RonClientSync,
    RonConfigError,
    RonConnectError,
    RonError,
    RonNetworkError,
    RonOverloadError,
    RonProblem,
    RonRequestError,
    RonTimeoutError,
    Timeline,
)
from ron_app_sdk_py.engine.messages import Send
from ron_app_sdk_py.request import Request as Call
from servers import (
    TOKEN,
    Request,
    raw_server,
    read_content,
    read_head,
    read_request,
    refusing_port,
    reply,
)

OK = reply("200 OK", b"done", "content-type: text/plain")
DOWN = reply("503 Down", b"")
SHED = reply("503 Shed", b'{"reason":"overloaded","message":"server is shedding load"}')
CUT = reply("200 OK", b"12345")[:-2]
LIMITED = reply(
    "429 Slow", b'{"code":"TOO_MANY_REQUESTS","message":"m","retryable":true,"retry_after_ms":50}'
)


@dataclass
class Script:
    """A server that answers each request with the next of its answers, the last one for ever. An
    answer of None closes the connection; so does one that is cut short."""

    answers: list[bytes | None]
    seen: list[Request] = field(default_factory=list)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            self.seen.append(await read_request(reader))
            answer = self.answers[min(len(self.seen), len(self.answers)) - 1]
            if answer is None:
                return
            writer.write(answer)
            if answer is CUT:
                return

    def values(self, name: str) -> list[str]:
        """The values of a field, one for each request that has it."""
        return [
            value for _, fields, _ in self.seen for given, value in fields if given.lower() == name
        ]


@pytest.mark.parametrize("transport", ["aiohttp", "httpx2"])
@pytest.mark.parametrize("failure", [DOWN, None, CUT], ids=["503", "closed", "cut"])
@pytest.mark.parametrize("keyed", [True, False], ids=["keyed", "not keyed"])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST", "PATCH"])
async def test_what_may_be_repeated_is_repeated_and_nothing_else(
    method: str, keyed: bool, failure: bytes | None, transport: str
) -> None:
    script = Script([failure, failure, OK])
    async with raw_server(script) as url, RonClient(url, transport=transport) as client:
        body = b"content" if method in ("PUT", "POST", "PATCH") else None
        work = client.request(method, "/x", content=body, idem=keyed)
        if keyed or method in ("GET", "PUT", "DELETE"):
            response = await work
            assert (response.text, response.attempts) == ("done", 3)
            assert [attempt.status for attempt in response.timeline][-1] == 200
            assert response.timeline.stopped is None
            assert len(script.seen) == 3
            assert len(set(script.values("x-request-id"))) == 1
            assert len(set(script.values("idempotency-key"))) == int(keyed)
            assert {content for _, _, content in script.seen} == {body or b""}
        else:
            with pytest.raises(RonError) as caught:
                await work
            assert caught.value.timeline.stopped == "not idempotent"
            assert len(script.seen) == caught.value.attempts == 1


@pytest.mark.parametrize("transport", ["aiohttp", "httpx2"])
@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 1_048_576])
@pytest.mark.parametrize("how", ["answered", "closed", "answered half way"])
async def test_a_body_is_sent_again_byte_for_byte(transport: str, size: int, how: str) -> None:
    body = random.Random(size).randbytes(size)
    received: list[bytes] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            _, fields = await read_head(reader)
            if how == "answered half way" and len(received) < 2:
                received.append(await reader.readexactly(size // 2))
                writer.write(DOWN)
                await writer.drain()
                return
            received.append(await read_content(reader, fields))
            if how == "closed" and len(received) < 3:
                return
            writer.write(OK if len(received) == 3 else DOWN)

    async with raw_server(handler) as url, RonClient(url, transport=transport) as client:
        response = await client.request("PUT", "/x", content=body)
    assert response.attempts == len(received) == 3
    assert received[-1] == body
    assert all(body.startswith(part) for part in received)


@pytest.mark.parametrize("transport", ["aiohttp", "httpx2"])
async def test_what_was_never_sent_is_repeated_whatever_the_method(transport: str) -> None:
    with refusing_port() as port:
        async with RonClient(f"http://127.0.0.1:{port}", transport=transport) as client:
            with pytest.raises(RonConnectError) as caught:
                await client.post("/x", json={})
    assert [attempt.error for attempt in caught.value.timeline] == ["connection_refused"] * 3
    assert caught.value.timeline.stopped == "attempts used up"


@pytest.mark.parametrize(
    ("answer", "stopped"),
    [
        (reply("404 Not", b""), "server said no"),
        (reply("500 Oops", b""), "server said no"),
        (reply("503 Down", b'{"code":"x","message":"m","retryable":false}'), "server said no"),
        (reply("403 No", b'{"code":"x","message":"m","retryable":true}'), "server said no"),
        (reply("302 Away", b"", "location: /y"), "server said no"),
        (b"SSH-2.0-x\r\n\r\n", "not retryable"),
        (reply("503 Down", b"", "retry-after: 61"), "wait too long"),
        (reply("503 Down", b"", "retry-after: " + "9" * 40), "wait too long"),
        (reply("503 Down", b"", "retry-after: Fri, 31 Dec 9999 23:59:59 GMT"), "wait too long"),
        (reply("503 Down", b"", "retry-after: 11"), "deadline"),
    ],
)
async def test_what_would_fail_again_is_asked_once(answer: bytes, stopped: str) -> None:
    script = Script([answer])
    async with raw_server(script) as url, RonClient(url) as client:
        with pytest.raises(RonError) as caught:
            await client.get("/x")
    assert caught.value.timeline.stopped == stopped
    assert len(script.seen) == caught.value.attempts == 1


@pytest.mark.parametrize(
    "value",
    ["inf", "nan", "1e3", "+5", "-5", "５", "0x10", "Sun, 06 Nov 1994 08:49:37 GMT", "soon", "0"],
)
async def test_a_retry_after_that_is_none_or_past_delays_nothing(value: str) -> None:
    field = f"retry-after: {value}".encode()
    answer = DOWN.replace(b"\r\n\r\n", b"\r\n" + field + b"\r\n\r\n")
    async with raw_server(Script([answer, OK])) as url, RonClient(url) as client:
        response = await client.request("GET", "/x")
    first, _ = response.timeline
    assert first.wait is not None
    assert first.wait < 0.1


async def test_the_servers_wish_is_the_least_wait() -> None:
    script = Script([reply("503 Down", b'{"code":"x","message":"m","retry_after_ms":300}'), OK])
    async with raw_server(script) as url, RonClient(url) as client:
        started = time.monotonic()
        response = await client.request("GET", "/x")
        assert time.monotonic() - started >= 0.3
    first, second = response.timeline
    assert first.wait == 0.3
    assert second.start >= first.start + first.duration + 0.3
    assert client.metrics.retries == 1


async def test_retries_are_set_by_call_by_client_and_by_configuration() -> None:
    script = Script([DOWN])
    async with raw_server(script) as url:
        for config, derived, call, expected in [
            (None, None, None, 3),
            (0, None, None, 1),
            (0, 1, None, 2),
            (4, 1, 0, 1),
            (0, 0, 3, 4),
        ]:
            script.seen.clear()
            async with RonClient(config=ClientConfig(base_url=url, retries=config)) as client:
                used = client if derived is None else client.with_options(retries=derived)
                with pytest.raises(RonProblem) as caught:
                    await used.get("/x", retries=call)
            assert len(script.seen) == caught.value.attempts == expected


async def test_linear_waits_grow_by_the_same_amount_and_others_double() -> None:
    async with raw_server(Script([DOWN])) as url, RonClient(url, retries=6) as client:
        linear = client.with_options(backoff="linear")
        for used, ceilings in ((client, [0.1, 0.2, 0.4, 0.8]), (linear, [0.1, 0.2, 0.3, 0.4])):
            with pytest.raises(RonProblem) as caught:
                await used.get("/x", retries=4)
            waits = [attempt.wait for attempt in caught.value.timeline]
            assert waits.pop() is None
            for wait, ceiling in zip(waits, ceilings, strict=True):
                assert wait is not None
                assert 0 <= wait < ceiling


@pytest.mark.parametrize("value", [-1, 101, 2**40, 10**30, True, 1.5, "2"])
async def test_a_number_of_retries_that_is_none_is_refused_with_the_bound(value: Any) -> None:
    refusal = "retries is .*; give a whole number" + " from 0 to 100" * (type(value) is int)
    with pytest.raises(RonConfigError, match=refusal):
        RonClient("http://127.0.0.1:1", retries=value)
    async with RonClient("http://127.0.0.1:1") as client:
        with pytest.raises(RonConfigError, match=refusal):
            client.with_options(retries=value)
        with pytest.raises(RonRequestError, match=refusal) as caught:
            await client.get("/x", retries=value)
        assert caught.value.code == "invalid_retries"
        with pytest.raises(RonConfigError, match="backoff is 'fast'; give 'exponential'"):
            client.with_options(backoff="fast")


async def test_no_answer_in_time_ends_the_call_with_its_timeline() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        await asyncio.sleep(60)

    async with raw_server(handler) as url:
        config = ClientConfig(base_url=url, read_timeout=0.2, timeout=0.5)
        async with RonClient(config=config) as client:
            with pytest.raises(RonTimeoutError) as caught:
                await client.get("/x")
    error = caught.value
    assert error.phase in ("overall", "read")
    assert error.timeline.stopped == "deadline"
    assert error.timeline.attempts[0].error == "read_timeout"


async def test_an_error_tells_the_reason_of_its_own_attempt_only() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        if next(requests):
            await asyncio.sleep(60)

    requests = itertools.count()
    async with raw_server(handler) as url, RonClient(url) as client:
        with pytest.raises(RonTimeoutError) as caught:
            await client.get("/x", timeout=1)
        assert [attempt.error for attempt in caught.value.timeline] == [
            "connection_terminated",
            "overall_timeout",
        ]
        assert caught.value.reason is None
        assert caught.value.__notes__ == [str(caught.value.timeline)]


async def test_a_timeline_prints_pickles_and_stands_in_the_traceback() -> None:
    async with raw_server(Script([DOWN, None, OK])) as url, RonClient(url) as client:
        response = await client.request("GET", "/x")
        lines = str(response.timeline).splitlines()
        assert len(lines) == 3
        assert lines[0].startswith("attempt 1 at 0.0")
        assert "503 http_503 after" in lines[0]
        assert "then waited" in lines[0]
        assert "connection_terminated after" in lines[1]
        assert "200 after" in lines[2]
        assert pickle.loads(pickle.dumps(response)).timeline == response.timeline
    script = Script([DOWN])
    async with raw_server(script) as url, RonClient(url, retries=1) as client:
        with pytest.raises(RonProblem) as caught_problem:
            await client.get("/x")
    error = caught_problem.value
    assert error.__notes__ == [str(error.timeline)]
    assert str(error.timeline).endswith("no other attempt: attempts used up")
    again = pickle.loads(pickle.dumps(error))
    assert again.timeline == error.timeline
    assert again.timeline.stopped == "attempts used up"
    assert str(Timeline()) == "no attempt"


async def test_no_secret_is_in_a_timeline() -> None:
    body = f'{{"code":"{TOKEN}","message":"{TOKEN}","retryable":true}}'.encode()
    script = Script([reply("503 x", body)])
    async with raw_server(script) as url, RonClient(url, token=TOKEN) as client:
        with pytest.raises(RonProblem) as caught:
            await client.get("/x")
    error = caught.value
    assert len(error.timeline) == 3
    assert TOKEN not in repr(error.timeline) + str(error.timeline) + "".join(error.__notes__)
    assert TOKEN.encode() not in pickle.dumps(error)


async def test_a_budget_that_is_empty_leaves_one_request_a_call() -> None:
    script = Script([DOWN])
    async with raw_server(script) as url, RonClient(url) as client:
        assert client.metrics.budget == 500
        derived = client.with_options(timeout=9)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RonBusyLoopWarning)
            stopped = []
            for used in [client, derived] * 15:
                with pytest.raises(RonProblem) as caught:
                    await used.get("/x")
                stopped.append(caught.value.timeline.stopped)
        assert stopped.count("budget empty") > 10
        assert stopped[-1] == "budget empty"
        assert client.metrics.budget < 14
        assert len(script.seen) == 30 + 500 // 14
        script.answers = [OK]
        before = client.metrics.budget
        await client.get("/x")
        assert client.metrics.budget == before + 1


async def test_a_retry_that_was_never_sent_costs_nothing() -> None:
    script = Script([reply("503 Down", b'{"code":"x","message":"m","retry_after_ms":5000}')])
    async with raw_server(script) as url, RonClient(url) as client:
        call = asyncio.create_task(client.get("/x"))
        while client.metrics.budget == 500:
            await asyncio.sleep(0.001)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert client.metrics.budget == 500
    assert len(script.seen) == 1


async def test_throttling_slows_the_whole_client_and_only_that() -> None:
    script = Script([LIMITED, OK])
    async with raw_server(script) as url, RonClient(url) as client, RonClient(url) as other:
        with pytest.raises(RonProblem):
            await client.post("/x")
        started = time.monotonic()
        await other.get("/x")
        assert (await client.request("GET", "/y")).timeline.attempts[0].start >= 0.01
        assert time.monotonic() - started >= 0.03
        assert client.metrics.budget == 500


async def test_a_call_that_the_pause_would_outlast_fails_at_once_and_says_so() -> None:
    hour = reply("429 Slow", b"", "retry-after: 3600")
    script = Script([hour, OK])
    async with raw_server(script) as url, RonClient(url) as client:
        with pytest.raises(RonProblem) as caught:
            await client.get("/x")
        assert caught.value.retry_after == 3600
        assert caught.value.timeline.stopped == "wait too long"
        with pytest.raises(RonOverloadError, match="slow down") as refused:
            await client.get("/x", timeout=2)
        assert (refused.value.code, refused.value.attempts) == ("throttled", 0)
        assert len(script.seen) == 1


async def test_shed_load_halves_what_is_under_way_and_successes_bring_it_back() -> None:
    now, most = 0, [0]

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal now
        while True:
            await read_request(reader)
            now += 1
            most[-1] = max(most[-1], now)
            await asyncio.sleep(0.03)
            shed = now > 8
            now -= 1
            writer.write(SHED if shed else OK)

    async with raw_server(handler) as url:
        config = ClientConfig(base_url=url, max_concurrency=16, retries=10, timeout=60)
        async with RonClient(config=config) as client:
            await asyncio.gather(*(client.get("/x") for _ in range(16)))
            assert most == [16]
            # The pace is what the server could bear, so that nothing is shed any more.
            retries = client.metrics.retries
            assert retries > 0
            await asyncio.gather(*(client.get("/x") for _ in range(4)))
            assert client.metrics.retries == retries


async def test_a_program_that_hammers_on_failures_is_warned_once() -> None:
    script = Script([DOWN])
    async with raw_server(script) as url, RonClient(url, retries=0) as client:

        async def hammer() -> None:
            for _ in range(100):
                with pytest.raises(RonProblem):
                    await client.get("/x")

        with pytest.warns(RonBusyLoopWarning, match="wait longer") as caught:
            await hammer()
        assert len(caught) == 1


async def test_a_warning_that_is_an_error_leaves_nothing_behind() -> None:
    script = Script([DOWN])
    async with raw_server(script) as url, RonClient(url, retries=0) as client:
        with warnings.catch_warnings():
            warnings.simplefilter("error", RonBusyLoopWarning)
            outcomes = []
            for _ in range(30):
                with pytest.raises((RonProblem, RonBusyLoopWarning)) as caught:
                    await client.get("/x")
                outcomes.append(caught.type)
            assert outcomes.count(RonBusyLoopWarning) == 1
        metrics = client.metrics
        assert metrics.in_flight == 0
        assert metrics.calls == metrics.errors == len(script.seen)


async def test_nobody_is_warned_who_waits_or_asks_for_what_is_not_there() -> None:
    script = Script([reply("404 Not", b"")])
    async with raw_server(script) as url, RonClient(url, retries=0) as client:
        for _ in range(50):
            with pytest.raises(RonProblem):
                await client.get("/x")
        script.answers = [DOWN]
        for _ in range(25):
            with pytest.raises(RonProblem):
                await client.get("/x")
            await asyncio.sleep(0.02)
        results = await asyncio.gather(
            *(client.get("/x") for _ in range(60)), return_exceptions=True
        )
        assert all(isinstance(result, RonProblem) for result in results)


def test_the_synchronous_client_retries_as_the_other_does() -> None:
    with refusing_port() as port, RonClientSync(f"http://127.0.0.1:{port}", retries=1) as client:
        with pytest.raises(RonNetworkError) as caught:
            client.get("/x")
        assert caught.value.attempts == 2
        with pytest.raises(RonNetworkError) as caught:
            client.get("/x", retries=0)
        assert caught.value.attempts == 1


@pytest.mark.parametrize(
    "case", shared_vectors.read("idempotency.json")["derived"], ids=lambda case: str(case["name"])
)
async def test_a_derived_key_is_that_of_the_vectors(case: shared_vectors.Case) -> None:
    scheme, _, token = (case["authorization"] or "").partition(" ")
    assert scheme in ("", "Bearer")
    async with RonClient(case["base_url"], token=token or None, allow_insecure_http=True) as client:
        guest = client._calls._sessions.usable_guest()
        key = IdempotencyKey.derive(case["name"])
        path = case["path"].replace("caf%C3%A9", "café")
        output = guest.begin(client._session.id, 1, Call(case["method"], path, idem=key).begin())
        (send,) = output.items
        assert isinstance(send, Send)
        assert dict(send.headers)["idempotency-key"] == case["key"]


async def test_a_derived_key_is_the_same_in_another_process_and_of_nobody_else() -> None:
    script = Script([OK])
    async with raw_server(script) as url:
        for token in (TOKEN, TOKEN, "another-token-0123456789"):
            async with RonClient(url, token=token) as client:
                for name in ("order-17", "order-18"):
                    await client.post("/orders", idem=IdempotencyKey.derive(name))
        async with RonClient(url, token=TOKEN) as client:
            await client.post("/other", idem=IdempotencyKey.derive("order-17"))
            with pytest.raises(RonRequestError, match="1 to 1024"):
                await client.post("/orders", idem=IdempotencyKey.derive(""))
            for make in (IdempotencyKey.derive, IdempotencyKey):
                with pytest.raises(RonRequestError, match="is int"):
                    make(cast(Any, 17))
            for name in ("a\0b", "a\r\nb", "\ud800", "\U0001f680" * 257):
                with pytest.raises(RonRequestError, match="idempotency"):
                    await client.post("/orders", idem=IdempotencyKey(name))
            await client.post("/orders", idem=IdempotencyKey("\U0001f680" * 256))
    keys = script.values("idempotency-key")
    assert keys[0:2] == keys[2:4]
    assert len(set(keys)) == 6


async def test_a_refused_credential_is_not_tried_again() -> None:
    script = Script([reply("401 No", b'{"code":"x","message":"m","retryable":true}')])
    async with raw_server(script) as url, RonClient(url, token=TOKEN) as client:
        with pytest.raises(RonAuthError):
            await client.get("/x")
    assert len(script.seen) == 1
