"""Subscriptions over real sockets: how events are taken, and what is left of them."""

from __future__ import annotations

import asyncio
import gc
import pickle
import subprocess
import sys
import warnings
from typing import Any

import pytest

from event_streams import HEAD, LIMIT, Source, endless, event, serving, until
from held_calls import assert_nothing_is_left
from ron_app_sdk_py import (
    Attempt,
    CallRecord,
    Event,
    Middleware,
    Request,
    RonBufferingWarning,
    RonClient,
    RonClientSync,
    RonClosedError,
    RonError,
    RonNetworkError,
    RonProblem,
    RonRequestError,
    RonSandboxError,
    RonStreamError,
    RonTimeoutError,
    RonTooLargeError,
    Subscription,
)
from servers import TOKEN, on_a_thread, reply
from suspensions import Moment, Observed, task_of

THREE = b"".join(event(number, f"id-{number}") for number in range(3))
NUMBERS = ["0", "1", "2"]


async def take_all(subscription: Subscription) -> None:
    """Takes events to the end."""
    async for _ in subscription:
        pass


async def test_events_may_be_iterated_over_or_given_to_either_kind_of_callback(
    transport: str,
) -> None:
    async with serving(THREE) as (url, source), RonClient(url, transport=transport) as client:
        taken: list[list[Event]] = [[], [], [], []]

        async def later(event: Event) -> None:
            await asyncio.sleep(0)
            taken[2].append(event)

        async for one in client.subscribe("/x", max_events=3):
            taken[0].append(one)
        counters = await client.subscribe("/x", taken[1].append, max_events=3)
        await client.subscribe("/x", later, max_events=3)
        async with client.subscribe("/x", max_events=3) as subscription:
            async for one in subscription:
                taken[3].append(one)
        assert all(events == taken[0] for events in taken)
        assert taken[0] == [Event("message", str(n), f"id-{n}") for n in range(3)]
        assert (counters.events, counters.connections) == (3, 1)
        assert counters.bytes_received == len(THREE)
        await until(lambda: source.gone == 4)
        assert_nothing_is_left(client)


async def test_nothing_is_sent_before_somebody_waits_for_an_event() -> None:
    async with serving(THREE) as (url, source), RonClient(url) as client:
        subscription = client.subscribe("/x")
        await asyncio.sleep(0.05)
        assert (source.requests, subscription.state) == ([], "connecting")
        assert (await anext(subscription)).data == "0"
        assert (len(source.requests), subscription.state) == (1, "open")
        subscription.close()
        assert subscription.state == "closed"
        # And of one that is closed before, nothing ever.
        closed = client.subscribe("/x")
        closed.close()
        assert [one async for one in closed] == []
        assert len(source.requests) == 1


async def test_the_request_is_that_of_an_event_stream(transport: str) -> None:
    async with serving(THREE) as (url, source):
        async with RonClient(url, token=TOKEN, transport=transport) as client:
            await client.subscribe(
                "/x", lambda _: None, last_event_id="ü–17", query={"a": 1}, max_events=1
            )
        first, fields, content = source.requests[0]
        assert (first, content) == ("GET /app/x?a=1 HTTP/1.1", b"")
        sent = source.fields(0)
        assert sent["accept"] == "text/event-stream"
        assert sent["cache-control"] == "no-cache"
        assert sent["last-event-id"].encode("latin-1").decode() == "ü–17"
        assert sent["authorization"] == f"Bearer {TOKEN}"
        assert len(fields) == len(sent)


async def test_content_is_sent_on_every_connection(transport: str) -> None:
    async with serving(THREE, ends=True) as (url, source):
        async with RonClient(url, transport=transport) as client:
            await client.subscribe(
                "/x",
                lambda _: None,
                method="POST",
                json={"q": 1},
                idem=True,
                max_events=6,
                reconnect_delay=0.1,
            )
        assert [content for _, _, content in source.requests] == [b'{"q":1}'] * 2
        assert source.requests[0][0] == "POST /app/x HTTP/1.1"
        for name in ("idempotency-key", "x-request-id"):
            assert source.fields(0)[name] == source.fields(1)[name]


async def test_events_comments_and_losses_are_told_in_the_order_of_the_wire(transport: str) -> None:
    told: list[object] = []
    script = b": a\n" + event(0) + b": b\n: c\n" + event(1) + b": d\n"
    async with (
        serving(script, ends=True) as (url, _),
        RonClient(url, transport=transport) as client,
    ):
        subscription = client.subscribe(
            "/x",
            lambda one: told.append(one.data),
            on_comment=lambda text: told.append(text.strip()),
            on_error=told.append,
            reconnect_delay=0.1,
            max_events=3,
        )
        await subscription
        once = ["a", "0", "b", "c", "1", "d"]
        assert told[:6] == once
        assert isinstance(told[6], RonStreamError)
        assert told[6] is subscription.last_error
        assert told[7:9] == ["a", "0"]
        assert subscription.counters.comments == sum(text in set("abcd") for text in told)


async def test_a_subscription_goes_on_after_the_last_event_id(transport: str) -> None:
    again = event(2, "id-2") + event(3, "id-3")
    async with (
        serving(THREE, again, ends=True) as (url, source),
        RonClient(url, transport=transport) as client,
    ):
        subscription = client.subscribe("/x", reconnect_delay=0.1, max_events=4)
        ids = []
        async for one in subscription:
            ids.append((one.data, subscription.last_event_id))
        assert ids == [(str(n), f"id-{n}") for n in range(4)]
        assert source.fields(1)["last-event-id"] == "id-2"
        assert subscription.counters.duplicates == 1
        assert subscription.counters.connections == 2
        assert client.metrics.retries == 1


async def test_the_last_event_id_is_that_of_what_was_taken() -> None:
    # The id alone is no event, but counts once all before it is taken.
    async with serving(THREE + b"id: last\n\n") as (url, _), RonClient(url) as client:
        subscription = client.subscribe("/x", last_event_id="before")
        assert subscription.last_event_id == "before"
        assert (await anext(subscription)).id == subscription.last_event_id == "id-0"
        assert (await anext(subscription)).id == subscription.last_event_id == "id-1"
        subscription.close()
        assert subscription.last_event_id == "id-1"
        whole = client.subscribe("/x")
        for _ in range(3):
            await anext(whole)
        assert whole.last_event_id == "last"
        whole.close()


@pytest.mark.parametrize("when", ["connecting", "open", "waiting"])
async def test_cancelling_who_waits_closes_the_socket_at_once(transport: str, when: str) -> None:
    answers = when != "connecting"
    script, head = (THREE, HEAD) if answers else (b"", b"")
    async with (
        serving(script, ends=when == "waiting", head=head) as (url, source),
        RonClient(url, transport=transport, timeout=LIMIT) as client,
    ):
        subscription = client.subscribe("/x", reconnect_delay=30)

        async def take() -> None:
            async for _ in subscription:
                pass

        task = asyncio.create_task(take())
        await until(lambda: subscription.state == when and source.requests)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert subscription.state == "closed"
        await until(lambda: source.open == 0)
        assert_nothing_is_left(client)
        assert client.metrics.errors == 1
        with pytest.raises(StopAsyncIteration):
            await anext(subscription)


@pytest.mark.parametrize("moment", ["waiting", "woken"])
@pytest.mark.parametrize("overflow", ["wait", "drop_oldest"])
@pytest.mark.parametrize("how", ["cancel", "close", "close the client"])
async def test_a_subscription_may_be_ended_at_each_of_its_suspensions(
    transport: str,
    how: str,
    overflow: Any,
    moment: Moment,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def end(number: int) -> bool:
        """Whether it was suspended as often."""

        def interfere() -> None:
            if how == "cancel":
                task.cancel()
            elif how == "close":
                subscription.close()
            else:
                closing.append(asyncio.ensure_future(client.close()))

        closing: list[asyncio.Future[None]] = []
        client = RonClient(url, transport=transport)
        subscription = client.subscribe("/x", overflow=overflow, reconnect_delay=0.1, max_events=4)
        observed = Observed(take_all(subscription), [number], interfere, moment)
        task = task_of(observed)
        await asyncio.wait([task], timeout=LIMIT)
        if observed.suspensions >= number:
            assert task.cancelled() == (how == "cancel")
            error = None if how == "cancel" else task.exception()
            # It may have been woken by the last event, before the client's end is begun.
            whole = how == "close" or subscription.counters.events == 4
            assert isinstance(error, RonClosedError) or (
                error is None and (whole or how == "cancel")
            )
            await asyncio.gather(*closing)
        else:
            assert subscription.counters.events == 4
        assert_nothing_is_left(client)
        await until(lambda: source.open == 0)
        await client.close()
        return observed.suspensions >= number

    async with serving(THREE, ends=True) as (url, source):
        number = 1
        while await end(number):
            number += 1
        assert number > (4 if overflow == "wait" else 2)
        await until(lambda: len(asyncio.all_tasks()) == 1)
    # Nothing has gone wrong unseen.
    gc.collect()
    assert not caplog.records


async def test_leaving_the_iteration_closes_the_socket(transport: str) -> None:
    async with serving(THREE) as (url, source), RonClient(url, transport=transport) as client:
        async for _ in client.subscribe("/x"):
            break
        await until(lambda: source.gone == 1)
        await until(lambda: client.metrics.in_flight == 0)
        assert_nothing_is_left(client)
        assert client.metrics.errors == 0
        # One that is part of a cycle goes when it is collected.
        subscription = client.subscribe("/x")
        await anext(subscription)
        # A circle, which only the collector of garbage opens.
        subscription.itself = subscription  # type: ignore[attr-defined]
        del subscription
        gc.collect()
        await until(lambda: source.gone == 2)
        assert_nothing_is_left(client)


@pytest.mark.parametrize("overflow", ["wait", "drop_oldest"])
@pytest.mark.parametrize("whence", ["task", "thread", "context"])
async def test_closing_from_elsewhere_ends_who_waits_with_no_event(
    transport: str, whence: str, overflow: Any
) -> None:
    async with serving(THREE) as (url, source), RonClient(url, transport=transport) as client:
        subscription = client.subscribe("/x", overflow=overflow)
        taken: list[str] = []

        async def take() -> str:
            async for one in subscription:
                taken.append(one.data)
            return "ended"

        task = asyncio.create_task(take())
        await until(lambda: len(taken) == 3)
        if whence == "task":
            await subscription.aclose()
        elif whence == "thread":
            await asyncio.to_thread(subscription.close)
        else:
            async with subscription:
                pass
        assert await asyncio.wait_for(task, LIMIT) == "ended"
        await until(lambda: source.gone == 1)
        assert subscription.state == "closed"
        assert_nothing_is_left(client)
        assert client.metrics.errors == 0


@pytest.mark.parametrize("overflow", ["wait", "drop_oldest"])
async def test_closing_the_client_ends_its_subscriptions(transport: str, overflow: Any) -> None:
    async with serving(THREE) as (url, source):
        client = RonClient(url, transport=transport)
        waiting = client.subscribe("/x", overflow=overflow)
        for _ in range(3):
            await anext(waiting)
        task = asyncio.create_task(anext(waiting))
        # Nobody waits for an event of this one, and it has some.
        paused = client.subscribe("/x", overflow=overflow)
        await anext(paused)
        await client.close()
        with pytest.raises(RonClosedError):
            await asyncio.wait_for(task, LIMIT)
        assert client.metrics.in_flight == 0
        await until(lambda: source.gone == 2)
        with pytest.raises(RonClosedError):
            await take_all(paused)
        with pytest.raises(StopAsyncIteration):
            await anext(paused)
        with pytest.raises(RonClosedError):
            await anext(client.subscribe("/x"))


async def test_a_slow_consumer_slows_the_server(transport: str) -> None:
    async with serving(endless) as (url, source), RonClient(url, transport=transport) as client:
        subscription = client.subscribe("/x")
        assert (await anext(subscription)).data == "0"
        written = -1
        async with asyncio.timeout(LIMIT):
            while source.written != written:
                written = source.written
                await asyncio.sleep(0.3)
        # What the client has read is little, what both systems hold is theirs to say.
        assert subscription.counters.bytes_received <= 256 * 1024
        stopped_at = source.written // 1024
        for number in range(1, stopped_at + 1000):
            assert (await anext(subscription)).data == str(number)
        assert source.written > written
        subscription.close()
        await until(lambda: source.gone == 1)


async def test_a_consumer_that_pauses_does_not_find_the_server_silent(transport: str) -> None:
    async def slowly(_: Source, writer: asyncio.StreamWriter) -> None:
        writer.write(event(0))
        await goes_on.wait()
        writer.write(event(1))

    goes_on = asyncio.Event()
    async with (
        serving(slowly) as (url, source),
        RonClient(url, transport=transport, timeout=0.5) as client,
    ):
        subscription = client.subscribe("/x", idle_timeout=0.3)
        assert (await anext(subscription)).data == "0"
        await asyncio.sleep(1)
        goes_on.set()
        await asyncio.sleep(0.1)
        assert (await anext(subscription)).data == "1"
        assert (len(source.requests), subscription.last_error) == (1, None)
        # Who waits does.
        error = asyncio.create_task(anext(subscription))
        await until(lambda: subscription.last_error is not None)
        assert isinstance(subscription.last_error, RonTimeoutError)
        assert subscription.last_error.phase == "read"
        error.cancel()
        await asyncio.wait([error])


async def test_what_arrived_before_the_connection_broke_is_given_first(transport: str) -> None:
    async def cut(_: Source, writer: asyncio.StreamWriter) -> None:
        for part in (event(0), event(1) + event(2)):
            writer.write(b"%x\r\n%s\r\n" % (len(part), part))
            await writer.drain()
            await goes_on.wait()

    goes_on = asyncio.Event()
    head = HEAD.replace(b"connection: close", b"transfer-encoding: chunked")
    async with (
        serving(cut, ends=True, head=head) as (url, source),
        RonClient(url, transport=transport) as client,
    ):
        subscription = client.subscribe("/x", reconnect=False)
        assert (await anext(subscription)).data == "0"
        goes_on.set()
        await until(lambda: source.open == 0)
        await asyncio.sleep(0.1)
        assert [(await anext(subscription)).data for _ in range(2)] == ["1", "2"]
        with pytest.raises(RonStreamError) as caught:
            await anext(subscription)
        assert isinstance(caught.value.last_error, RonNetworkError)


async def test_white_space_around_an_event_s_id_keeps_nobody_from_going_on(transport: str) -> None:
    async with (
        serving(b"id:  a \ndata: 0\n\n", event(1), ends=True) as (url, source),
        RonClient(url, transport=transport) as client,
    ):
        subscription = client.subscribe("/x", reconnect_delay=0.1, max_events=2)
        assert [one.id async for one in subscription] == [" a "] * 2
        assert source.fields(1)["last-event-id"] == "a"


async def test_a_stream_may_be_silent_for_longer_than_a_call(transport: str) -> None:
    async def late(_: Source, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(1.2)
        writer.write(event("late"))

    async with serving(late) as (url, source):
        client = RonClient(url, transport=transport)
        async with client.with_options(timeout=0.6, read_timeout=0.5) as hurried:
            subscription = hurried.subscribe("/x", idle_timeout=LIMIT)
            assert (await anext(subscription)).data == "late"
            assert len(source.requests) == 1
            subscription.close()
        await client.close()


async def test_what_is_dropped_of_a_queue_is_the_oldest_and_counted(transport: str) -> None:
    async def many(_: Source, writer: asyncio.StreamWriter) -> None:
        writer.write(event("first"))
        await goes_on.wait()
        writer.write(b"".join(event(number, number) for number in range(1000)))

    goes_on = asyncio.Event()
    async with serving(many) as (url, source), RonClient(url, transport=transport) as client:
        subscription = client.subscribe("/x", overflow="drop_oldest", max_queue=100)
        assert (await anext(subscription)).data == "first"
        goes_on.set()
        await until(lambda: subscription.counters.dropped == 900)
        assert subscription.last_event_id == ""
        taken = [(await anext(subscription)).data for _ in range(100)]
        assert taken == [str(number) for number in range(900, 1000)]
        assert subscription.last_event_id == "999"
        assert subscription.counters.events == 101
        subscription.close()
        await until(lambda: source.gone == 1)
        await until(lambda: len(asyncio.all_tasks()) == 1)
        assert_nothing_is_left(client)


async def test_who_reads_ahead_is_told_of_the_end_after_the_events() -> None:
    async with serving(THREE, ends=True) as (url, _), RonClient(url) as client:
        subscription = client.subscribe("/x", overflow="drop_oldest", reconnect=False)
        assert [one.data async for one in subscription] == NUMBERS
        too_long = client.subscribe("/x", overflow="drop_oldest", max_line_bytes=7)
        with pytest.raises(RonTooLargeError):
            async for _ in too_long:
                pass
        assert_nothing_is_left(client)


async def test_cancelling_who_waits_ends_the_task_that_reads_ahead(
    transport: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(THREE) as (url, source), RonClient(url, transport=transport) as client:
        subscription = client.subscribe("/x", overflow="drop_oldest")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(take_all(subscription), 0.2)
        await until(lambda: source.gone == 1)
        await until(lambda: len(asyncio.all_tasks()) == 1)
        gc.collect()
        assert not caplog.records
        assert_nothing_is_left(client)


async def test_two_tasks_may_not_wait_at_the_same_time() -> None:
    async with serving(b"") as (url, source), RonClient(url) as client:
        for overflow in ("wait", "drop_oldest"):
            subscription = client.subscribe("/x", overflow=overflow)
            first = asyncio.create_task(anext(subscription))
            # Bound at once, because of the loop; mypy does not infer types of defaults.
            await until(lambda s=subscription: s.state == "open")  # type: ignore[misc]
            with pytest.raises(RonRequestError) as caught:
                await anext(subscription)
            assert caught.value.code == "subscription_in_use"
            assert not first.done()
            subscription.close()
            with pytest.raises(StopAsyncIteration):
                await first
        fresh = client.subscribe("/x")
        tasks = [asyncio.create_task(anext(fresh)) for _ in range(2)]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        (refused,) = done
        assert isinstance(refused.exception(), RonRequestError)
        fresh.close()
        await asyncio.wait(tasks)
        await until(lambda: source.open == 0)


async def test_tasks_may_take_turns(transport: str) -> None:
    async with serving(THREE) as (url, _), RonClient(url, transport=transport) as client:
        subscription = client.subscribe("/x", max_events=3)
        taken = []
        while True:
            try:
                taken.append((await asyncio.create_task(anext(subscription))).data)
            except StopAsyncIteration:
                break
        assert taken == NUMBERS


@pytest.mark.parametrize("overflow", ["wait", "drop_oldest"])
def test_a_subscription_belongs_to_one_event_loop(overflow: Any) -> None:
    with on_a_thread(Source(THREE)) as url, asyncio.Runner() as one, asyncio.Runner() as other:
        client = RonClient(url)
        subscription = client.subscribe("/x", overflow=overflow)

        async def take() -> Event:
            return await anext(subscription)

        for number in NUMBERS:
            assert one.run(take()).data == number
        with pytest.raises(RonRequestError, match="another event loop") as caught:
            other.run(take())
        assert caught.value.code == "subscription_in_use"
        one.close()
        # One that is dropped after its loop is ended when a call begins.
        subscription.close()
        assert client.metrics.in_flight == 0
        other.run(client.close())


@pytest.mark.parametrize("policy", ["raise", "continue"])
async def test_what_a_callback_raises_ends_the_subscription_or_is_counted(
    policy: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(one: Event) -> None:
        taken.append(one.data)
        if one.data == "1":
            raise LookupError("mine")

    taken: list[str] = []
    async with serving(THREE) as (url, source), RonClient(url) as client:
        subscription = client.subscribe("/x", fail, max_events=3, on_callback_error=policy)
        if policy == "raise":
            with pytest.raises(LookupError, match="mine"):
                await subscription
            assert taken == ["0", "1"]
        else:
            counters = await subscription
            assert (taken, counters.events, counters.callback_errors) == (NUMBERS, 3, 1)
            assert "the callback of a subscription failed" in caplog.text
        await until(lambda: source.gone == 1)
        assert_nothing_is_left(client)


@pytest.mark.parametrize("which", ["on_comment", "on_error"])
@pytest.mark.parametrize("overflow", ["wait", "drop_oldest"])
async def test_what_a_notice_raises_ends_the_subscription(which: str, overflow: Any) -> None:
    def fail(_: object) -> None:
        raise LookupError("mine")

    async with (
        serving(b": hi\n" + THREE, ends=which == "on_error") as (url, source),
        RonClient(url) as client,
    ):
        # An option whose name is a parameter of the test.
        subscription = client.subscribe("/x", overflow=overflow, **{which: fail})  # type: ignore[arg-type]
        with pytest.raises(LookupError, match="mine"):
            async for _ in subscription:
                pass
        assert subscription.state == "closed"
        await until(lambda: source.open == 0)
        assert_nothing_is_left(client)


@pytest.mark.parametrize("credential", [True, False])
async def test_streams_beside_the_app_plane_get_the_credential_only_if_asked_for(
    transport: str, credential: bool
) -> None:
    async with serving(THREE) as (url, source):
        async with RonClient(url, token=TOKEN, transport=transport) as client:
            subscription = client.node.subscribe(
                "/registry/stream", lambda _: None, credential=credential, max_events=1
            )
            await subscription
        assert source.requests[0][0] == "GET /registry/stream HTTP/1.1"
        assert ("authorization" in source.fields(0)) == credential
        with RonClientSync(url) as sync:
            refused: Any = "yes"
            with pytest.raises(RonRequestError, match="credential"):
                sync.node.subscribe("/x", credential=refused)


async def test_the_end_of_a_subscription_is_told_as_an_error_with_its_cause(transport: str) -> None:
    async with (
        serving(b"", ends=True) as (url, source),
        RonClient(url, transport=transport) as client,
    ):
        subscription = client.subscribe("/x", max_reconnects=1, reconnect_delay=0.1)
        with pytest.raises(RonStreamError) as caught:
            await anext(subscription)
        error = caught.value
        assert error.code == "reconnects_exhausted"
        assert error.last_error is subscription.last_error is error.__cause__
        assert isinstance(error.last_error, RonStreamError)
        assert error.last_error.last_error is None
        assert pickle.loads(pickle.dumps(error)).last_error.code == "stream_ended"
        assert len(source.requests) == 2
        with pytest.raises(StopAsyncIteration):
            await anext(subscription)
        assert_nothing_is_left(client)


async def test_a_problem_ends_the_subscription(transport: str) -> None:
    body = b'{"code":"missing","message":"no such stream"}'
    async with (
        serving(body, head=reply("404 Not", body)[: -len(body)]) as (url, _),
        RonClient(url, transport=transport) as client,
    ):
        subscription = client.subscribe("/x")
        with pytest.raises(RonProblem) as caught:
            await anext(subscription)
        assert (caught.value.status, caught.value.code) == (404, "missing")
        assert caught.value.request_id is not None
        assert subscription.state == "closed"


async def test_a_lost_connection_keeps_what_the_transport_knows_of_it(transport: str) -> None:
    async def cut(_: Source, writer: asyncio.StreamWriter) -> None:
        writer.write(b"5\r\n: hi\n\r\n")
        await writer.drain()

    head = HEAD.replace(b"connection: close", b"transfer-encoding: chunked")
    async with (
        serving(cut, ends=True, head=head) as (url, _),
        RonClient(url, transport=transport) as client,
    ):
        with pytest.raises(RonStreamError) as caught:
            await anext(client.subscribe("/x", reconnect=False))
        lost = caught.value.last_error
        assert isinstance(lost, RonNetworkError)
        assert lost.reason == "closed"


@pytest.mark.parametrize("state", ["open", "waiting"])
async def test_a_restart_makes_another_connection_at_once(transport: str, state: str) -> None:
    async with (
        serving(THREE, ends=state == "waiting") as (url, source),
        RonClient(url, transport=transport) as client,
    ):
        subscription = client.subscribe("/x", reconnect_delay=30)
        subscription.restart()  # nothing to restart yet
        for _ in range(3):
            await anext(subscription)
        task = asyncio.create_task(anext(subscription))
        await until(lambda: subscription.state == state)
        await asyncio.sleep(0.01)
        await asyncio.to_thread(subscription.restart)
        assert (await asyncio.wait_for(task, 20)).data == "0"
        assert len(source.requests) == 2
        # While nobody waits it is done when somebody does.
        subscription.restart()
        await asyncio.sleep(0.05)
        assert len(source.requests) == 2
        assert [(await anext(subscription)).data for _ in range(3)] == ["1", "2", "0"]
        assert len(source.requests) == 3
        subscription.close()
        subscription.restart()
        await until(lambda: source.open == 0)


async def test_the_longest_duration_frees_the_socket_of_a_consumer_that_pauses(
    transport: str,
) -> None:
    async with serving(THREE) as (url, source), RonClient(url, transport=transport) as client:
        subscription = client.subscribe("/x", max_duration=0.3)
        assert (await anext(subscription)).data == "0"
        await until(lambda: source.gone == 1)
        await until(lambda: client.metrics.in_flight == 0)
        assert [one.data async for one in subscription] == ["1", "2"]
        assert_nothing_is_left(client)
        assert client.metrics.errors == 0


async def test_a_gateway_that_holds_answers_back_is_warned_of_once(transport: str) -> None:
    head = reply("200 OK", THREE, "content-type: text/event-stream")[: -len(THREE)]
    async with (
        serving(THREE, head=head, ends=True) as (url, _),
        RonClient(url, transport=transport) as client,
    ):
        with pytest.warns(RonBufferingWarning, match=r"node\.subscribe") as told:
            await client.subscribe("/x", lambda _: None, max_events=6, reconnect_delay=0.1)
        assert len(told) == 1
        # A warning that is an error ends it and leaves nothing.
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(RonBufferingWarning):
                await anext(client.subscribe("/x"))
        assert_nothing_is_left(client)


async def test_metrics_and_hooks_count_a_stream_as_one_call() -> None:
    records: list[CallRecord] = []
    async with serving(THREE, ends=True) as (url, _), RonClient(url) as client:
        client.add_metrics_hook(records.append)
        subscription = client.subscribe("/x?secret=1", max_events=6, reconnect_delay=0.1)
        async for _ in subscription:
            assert client.metrics.in_flight == 1
            assert records == []
        metrics = client.metrics
        assert (metrics.calls, metrics.errors, metrics.in_flight) == (1, 0, 0)
        assert (metrics.attempts, metrics.retries) == (2, 1)
        (record,) = records
        assert (record.method, record.path, record.status) == ("GET", "/x", 200)
        assert (record.error, record.attempts) == (None, 2)
        assert record.bytes_received == subscription.counters.bytes_received
        assert record.request_id == subscription.request_id is not None
        with pytest.raises(RonTooLargeError):
            await anext(client.subscribe("/y", max_event_bytes=1))
        assert records[1].error == "event_too_large"


async def test_middleware_is_around_a_stream_and_sees_its_connections() -> None:
    class Seeing(Middleware):
        def before_request(self, request: Request) -> None:
            seen.append(f"request {request.path}")
            request.path = "/y"
            request.headers.append(("X-Tenant", "blue"))

        def before_attempt(self, attempt: Attempt) -> None:
            attempt.add_header("x-attempt", str(attempt.number))

        def after_attempt(self, attempt: Attempt) -> None:
            seen.append(f"attempt {attempt.number} {attempt.status}")

        def after_response(self, *_: object) -> None:
            seen.append("never")  # there is no one answer

        async def after_error(self, request: Request, error: RonError) -> None:
            seen.append(f"error {request.path} {error.code}")

    seen: list[str] = []
    async with serving(b"", ends=True) as (url, source), RonClient(url) as client:
        client.add_middleware(Seeing())
        for overflow in ("wait", "drop_oldest"):
            seen.clear()
            subscription = client.subscribe(
                "/x",
                max_reconnects=1,
                reconnect_delay=0.1,
                overflow=overflow,
            )
            with pytest.raises(RonStreamError):
                await anext(subscription)
            assert seen == [
                "request /x",
                "attempt 1 200",
                "attempt 2 200",
                "error /y reconnects_exhausted",
            ]
            assert client.metrics.errors == client.metrics.calls
        assert source.fields(1)["x-attempt"] == "2"
        assert source.fields(0)["x-tenant"] == source.fields(1)["x-tenant"] == "blue"
        assert source.requests[0][0] == "GET /app/y HTTP/1.1"


@pytest.mark.parametrize("overflow", ["wait", "drop_oldest"])
async def test_middleware_hears_of_an_error_when_the_consumer_does(overflow: Any) -> None:
    class Hearing(Middleware):
        def after_error(self, request: Request, error: RonError) -> None:
            heard.append(error.code)
            raise LookupError("mine")

    heard: list[str] = []
    async with serving(THREE) as (url, _):
        client = RonClient(url)
        client.add_middleware(Hearing())
        subscription = client.subscribe("/x", overflow=overflow)
        await anext(subscription)
        await client.close()
        assert client.metrics.in_flight == 0
        assert [(await anext(subscription)).data for _ in range(2)] == ["1", "2"]
        assert heard == []
        with pytest.raises(LookupError, match="mine"):
            await anext(subscription)
        assert heard == ["closed"]
        with pytest.raises(StopAsyncIteration):
            await anext(subscription)


@pytest.mark.parametrize("overflow", ["wait", "drop_oldest"])
async def test_a_trap_of_the_component_ends_the_streams_on_it(
    transport: str, overflow: Any
) -> None:
    async with serving(THREE) as (url, source), RonClient(url, transport=transport) as client:
        waiting = client.subscribe("/x", overflow=overflow)
        for _ in range(3):
            await anext(waiting)
        task = asyncio.create_task(anext(waiting))
        paused = client.subscribe("/x", overflow=overflow)
        await anext(paused)
        guest = client._calls._sessions.guest
        assert guest is not None
        guest.instance._fuel = 100
        with pytest.raises(RonSandboxError):
            await client.get("/x")
        with pytest.raises(RonSandboxError, match="in flight"):
            await asyncio.wait_for(task, LIMIT)
        await until(lambda: source.gone == 2)
        with pytest.raises(RonSandboxError, match="in flight"):
            await take_all(paused)
        assert (await anext(client.subscribe("/x"))).data == "0"
        assert client.metrics.in_flight <= 1


FORK = """
import asyncio, os, sys
from ron_app_sdk_py import RonClient, RonClientSync, RonClosedError

async def main(url):
    client = RonClient(url)
    ours = client.subscribe("/x")
    await anext(ours)
    theirs = RonClientSync(url).subscribe("/x")
    await asyncio.to_thread(next, theirs)
    child = os.fork()
    if not child:
        for _ in range(2):
            await anext(ours), next(theirs)
        outcomes = []
        try:
            await anext(ours)
        except RonClosedError as error:
            outcomes.append("parent" in error.message)
        try:
            next(theirs)
        except RonClosedError as error:
            outcomes.append("parent" in error.message)
        ours.close(), theirs.close()
        del ours, theirs
        os._exit(0 if outcomes == [True, True] else 1)
    assert os.waitpid(child, 0)[1] == 0
    for _ in range(2):
        await anext(ours), await asyncio.to_thread(next, theirs)
    print(len(input()), flush=True)
    for taker in (ours.__anext__(), asyncio.to_thread(next, theirs)):
        print((await taker).data)
    ours.close(), theirs.close()
    await client.close()

asyncio.run(main(sys.argv[1]))
"""


async def test_a_forked_child_leaves_the_parent_s_stream_alone() -> None:
    async def more(_: Source, writer: asyncio.StreamWriter) -> None:
        writer.write(THREE)
        await goes_on.wait()
        writer.write(event("after the fork"))

    goes_on = asyncio.Event()
    async with serving(more) as (url, source):
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-W",
            "ignore::DeprecationWarning",
            "-c",
            FORK,
            url,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"go on\n")
        async with asyncio.timeout(LIMIT):
            assert await process.stdout.readline() == b"5\n"
            assert source.gone == 0
            goes_on.set()
            said = await process.stdout.read()
            assert await process.wait() == 0
        assert said.split(b"\n") == [b"after the fork", b"after the fork", b""]
