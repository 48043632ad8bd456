"""Subscriptions of the synchronous client over real sockets."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from event_streams import LIMIT, Source, event
from held_calls import assert_nothing_is_left
from ron_app_sdk_py import (
    Event,
    RonClient,
    RonClientSync,
    RonClosedError,
    RonRequestError,
    Subscription,
    SubscriptionSync,
)
from servers import on_a_thread

THREE = b"".join(event(number, f"id-{number}") for number in range(3))
NUMBERS = ["0", "1", "2"]


def taking(url: str, **options: Any) -> list[str]:
    with RonClientSync(url) as client, client.subscribe("/x", **options) as subscription:
        return [one.data for one in subscription]


def test_events_may_be_iterated_over_or_given_to_a_callback_without_await(transport: str) -> None:
    source = Source(THREE)
    with on_a_thread(source) as url, RonClientSync(url, transport=transport) as client:
        taken: list[str] = []
        for one in client.subscribe("/x", max_events=3):
            taken.append(one.data)
        counters = client.subscribe("/x", lambda one: taken.append(one.data), max_events=3).run()
        assert taken == NUMBERS * 2
        assert counters.events == 3
        assert_nothing_is_left(client)
        assert source.open == 0 or wait_for(lambda: source.open == 0)


def wait_for(condition: Callable[[], bool]) -> bool:
    gone = threading.Event()
    for _ in range(LIMIT * 100):
        if condition():
            return True
        gone.wait(0.01)
    return False


def test_leaving_the_iteration_without_await_closes_the_socket(transport: str) -> None:
    source = Source(THREE)
    with on_a_thread(source) as url, RonClientSync(url, transport=transport) as client:
        for _ in client.subscribe("/x"):
            break
        assert wait_for(lambda: source.gone == 1)
        assert_nothing_is_left(client)
        with client.subscribe("/x") as subscription:
            next(subscription)
        assert wait_for(lambda: source.gone == 2)
        assert (subscription.state, list(subscription)) == ("closed", [])
        assert_nothing_is_left(client)


def test_threads_may_have_subscriptions_at_the_same_time_and_pass_one_on() -> None:
    source = Source(THREE)
    with on_a_thread(source) as url, RonClientSync(url) as client:
        subscription = client.subscribe("/x", max_events=3)
        taken: list[str] = []

        def take_one() -> None:
            taken.append(next(subscription).data)

        for _ in range(3):
            thread = threading.Thread(target=take_one)
            thread.start()
            thread.join(LIMIT)
        assert taken == NUMBERS
        results: list[list[str]] = []
        threads = [
            threading.Thread(target=lambda: results.append(taking(url, max_events=3)))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LIMIT)
        assert results == [NUMBERS] * 4


def test_closing_from_another_thread_ends_who_waits_without_await(transport: str) -> None:
    source = Source(THREE)
    with on_a_thread(source) as url, RonClientSync(url, transport=transport) as client:
        subscription = client.subscribe("/x")
        taken: list[str] = []

        def take() -> None:
            taken.extend(one.data for one in subscription)
            taken.append("ended")

        thread = threading.Thread(target=take)
        thread.start()
        assert wait_for(lambda: subscription.counters.events == 3)
        with pytest.raises(RonRequestError) as caught:
            list(subscription)
        assert caught.value.code == "subscription_in_use"
        subscription.close()
        thread.join(LIMIT)
        assert taken == [*NUMBERS, "ended"]
        assert wait_for(lambda: source.gone == 1)
        # And where nobody waits.
        other = client.subscribe("/x")
        next(other)
        thread = threading.Thread(target=other.close)
        thread.start()
        thread.join(LIMIT)
        assert wait_for(lambda: source.gone == 2)
        assert list(other) == []
        assert_nothing_is_left(client)


async def test_it_may_be_used_inside_a_running_loop_without_await() -> None:
    source = Source(THREE)
    with on_a_thread(source) as url, RonClientSync(url) as client:
        subscription = client.subscribe("/x")
        assert [next(subscription).data for _ in range(3)] == NUMBERS
        del subscription
        gc.collect()
        assert await asyncio.to_thread(wait_for, lambda: source.gone == 1)
        assert_nothing_is_left(client)


def test_closing_the_client_ends_its_subscriptions_without_await() -> None:
    source = Source(THREE)
    with on_a_thread(source) as url:
        client = RonClientSync(url)
        subscription, other = client.subscribe("/x"), client.subscribe("/x")
        next(other)
        outcomes: list[object] = []

        def take() -> None:
            try:
                for one in subscription:
                    outcomes.append(one.data)
            except RonClosedError as error:
                outcomes.append(type(error))

        thread = threading.Thread(target=take)
        thread.start()
        assert wait_for(lambda: subscription.counters.events == 3)
        client.close()
        thread.join(LIMIT)
        assert outcomes == [*NUMBERS, RonClosedError]
        with pytest.raises(RonClosedError):
            list(other)
        assert wait_for(lambda: source.open == 0)


INTERRUPT = """
import os, signal, sys, threading
from ron_app_sdk_py import RonClientSync
# What runs in the background of a shell is born deaf to it.
signal.signal(signal.SIGINT, signal.default_int_handler)
client = RonClientSync(sys.argv[1])
subscription = client.subscribe("/x")
try:
    for event in subscription:
        if event.data == "2":
            threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
except KeyboardInterrupt:
    print("interrupted", subscription.state)
    print(client._calls.stats()["calls"], client.metrics.in_flight)
client.close()
"""


def test_a_keyboard_interrupt_ends_who_waits_and_closes_the_socket() -> None:
    source = Source(THREE)
    with on_a_thread(source) as url:
        done = subprocess.run(
            [sys.executable, "-c", INTERRUPT, url],
            capture_output=True,
            text=True,
            timeout=LIMIT,
            env=os.environ,
            check=True,
        )
        assert done.stdout == "interrupted closed\n0 0\n"
        assert wait_for(lambda: source.gone == 1)


@pytest.mark.parametrize("kind", [RonClient, RonClientSync])
def test_who_has_no_callback_can_t_have_events_given_to_it(kind: type) -> None:
    client = kind("http://127.0.0.1:1")
    subscription: Any = client.subscribe("/x")

    def wait() -> None:
        if isinstance(subscription, SubscriptionSync):
            subscription.run()
        else:
            assert isinstance(subscription, Subscription)
            asyncio.run(asyncio.wait_for(subscription, LIMIT))

    with pytest.raises(RonRequestError, match="callback"):
        wait()


def test_the_synchronous_client_refuses_what_it_can_t_do() -> None:
    async def later(_: Event) -> None:
        raise AssertionError

    client = RonClientSync("http://127.0.0.1:1")
    with pytest.raises(RonRequestError, match="callback is async"):
        client.subscribe("/x", later)
    with pytest.raises(RonRequestError, match=r"drop_oldest.*RonClient"):
        client.subscribe("/x", overflow="drop_oldest")
