"""The synchronous client where its own calls are under way on the same thread: in hooks, signal
handlers and finalizers. Nothing there may wait for what it interrupts."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import pytest

from ron_app_sdk_py import (
    Middleware,
    Request,
    RonClientSync,
    RonClosedError,
    RonOverloadError,
    thread_loops,
)

LIMIT = 60


def finished(work: Callable[[], Any]) -> Any:
    """What ``work`` returns or raises, on a thread of its own; it must not hang."""
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.append(work())
        except Exception as error:
            outcome.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(LIMIT)
    assert outcome, "it hangs"
    return outcome[0]


@pytest.mark.parametrize("hook", ["before_request", "before_attempt", "after_response", "metrics"])
def test_a_hook_may_close_the_client(node: str, hook: str) -> None:
    client = RonClientSync(node)

    class Closing(Middleware):
        pass

    if hook == "metrics":
        client.add_metrics_hook(lambda _: client.close())
    else:
        setattr(Closing, hook, lambda *_: client.close())
        client.add_middleware(Closing())
    outcome = finished(lambda: client.get("/hello"))
    ended = hook.startswith("before")
    assert isinstance(outcome, RonClosedError) if ended else outcome["ok"]
    assert isinstance(finished(lambda: client.get("/hello")), RonClosedError)
    assert client._loops._all == []


def test_a_hook_of_a_hook_may_close_the_client(node: str) -> None:
    """The inner call runs on a helper's thread, for which the outer one waits."""
    client = RonClientSync(node)

    class Closing(Middleware):
        def before_request(self, request: Request) -> None:
            if request.path == "/inner":
                client.close()
            else:
                client.get("/inner")

    client.add_middleware(Closing())
    assert isinstance(finished(lambda: client.get("/outer")), RonClosedError)


def test_a_signal_handler_may_use_the_client_or_close_it(node: str) -> None:
    """Wherever the signal comes: only inside of the component the handler is refused."""
    code = """
import signal, sys, time
from ron_app_sdk_py import RonClientSync, RonClosedError, RonOverloadError

client, outcomes = RonClientSync(sys.argv[1]), []

def handler(*_):
    if outcomes is not None:
        try:
            outcomes.append(client.get("/hello")["ok"])
        except RonOverloadError as error:
            outcomes.append(error.code == "reentered")
        signal.setitimer(signal.ITIMER_REAL, 0.0021)

client.get("/hello")
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.001)
while len(outcomes) < 300:
    client.get("/hello")
signal.setitimer(signal.ITIMER_REAL, 0)
assert all(outcomes), outcomes

signal.signal(signal.SIGALRM, lambda *_: client.close())
signal.setitimer(signal.ITIMER_REAL, 0.2)
try:
    client.get("/delay", query={"ms": 9000})
except RonClosedError:
    print("closed")
"""
    command = [sys.executable, "-W", "error", "-c", code, node]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT)
    assert (done.returncode, done.stdout, done.stderr) == (0, "closed\n", "")


@pytest.mark.parametrize("inside", [True, False], ids=["inside a loop", "without a loop"])
def test_whoever_interrupts_a_crossing_is_refused_and_may_close(node: str, inside: bool) -> None:
    """A finalizer runs wherever the collector does."""
    with RonClientSync(node) as client:
        client.get("/hello")
        derived = client.with_options(timeout=9)
        guest = client._calls._sessions.guest
        assert guest is not None
        whole, refused = guest.instance._calls["begin"], []

        def interrupted(message: bytes, fuel: int) -> str:
            guest.instance._calls["begin"] = whole
            for use in (lambda: client.get("/hello"), lambda: client.with_options(timeout=5)):
                with pytest.raises(RonOverloadError) as caught:
                    use()
                refused.append(caught.value.code)
            derived.close()
            return whole(message, fuel)

        async def within() -> Any:
            return client.get("/hello")

        guest.instance._calls["begin"] = interrupted
        outcome = finished(lambda: asyncio.run(within()) if inside else client.get("/hello"))
        assert outcome["ok"]
        assert refused == ["reentered", "reentered"]
        client.get("/hello")
        assert client._calls.stats()["sessions"] == 1
        assert not guest.instance.dead


def test_a_call_before_the_loop_of_another_runs_gets_a_helper(
    node: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RonClientSync(node) as client:
        run, inner = asyncio.Runner.run, []

        def interrupted(runner: asyncio.Runner, work: Any, **options: Any) -> Any:
            monkeypatch.setattr(asyncio.Runner, "run", run)
            inner.append(client.get("/hello")["ok"])
            return run(runner, work, **options)

        monkeypatch.setattr(asyncio.Runner, "run", interrupted)
        assert finished(lambda: client.get("/hello"))["ok"]
        assert inner == [True]


def test_helpers_never_wait_for_each_other(node: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thread_loops, "MAX_HELPER_THREADS", 3)
    depths: list[int] = []

    class Nesting(Middleware):
        def before_request(self, request: Request) -> None:
            depths.append(len(depths))
            client.get("/hello")

    with RonClientSync(node) as client:
        client.add_middleware(Nesting())
        outcome = finished(lambda: client.get("/hello"))
        assert isinstance(outcome, RonOverloadError)
        assert outcome.code == "helpers"
        assert len(depths) == 4
        client._middleware = type(client._middleware)()
        assert finished(lambda: client.get("/hello"))["ok"]


@pytest.mark.parametrize("inside", [True, False], ids=["inside a loop", "without a loop"])
def test_middleware_sees_the_context_variables_of_each_caller(node: str, inside: bool) -> None:
    variable: ContextVar[int] = ContextVar("variable")
    seen: list[int] = []

    class Watching(Middleware):
        def before_request(self, request: Request) -> None:
            seen.append(variable.get())

    with RonClientSync(node) as client:
        client.add_middleware(Watching())

        async def within() -> None:
            client.get("/hello")

        for value in (1, 2):
            variable.set(value)
            asyncio.run(within()) if inside else client.get("/hello")
    assert seen == [1, 2]


def test_a_loop_that_is_closed_before_its_call_begins_is_no_error_of_asyncio(
    node: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RonClientSync(node) as client:
        own = client._loops._own

        def closed_meanwhile() -> Any:
            monkeypatch.setattr(client._loops, "_own", own)
            loop = own()
            client.close()
            return loop

        monkeypatch.setattr(client._loops, "_own", closed_meanwhile)
        assert isinstance(finished(lambda: client.get("/hello")), RonClosedError)
