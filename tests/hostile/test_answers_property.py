"""Whatever a component answers: decoded or refused, reported as an error that can be shown, and the
end of the call that it answers."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import pickle
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import guests
from hostile.lies import PROBLEM
from ron_app_sdk_py import ClientConfig, RonClient, RonError, RonSandboxError
from ron_app_sdk_py.calls.reports import report_error
from ron_app_sdk_py.defaults import MAX_ANSWER_FIELDS
from ron_app_sdk_py.engine.messages import Failed, decode
from ron_app_sdk_py.errors import _BY_KIND
from servers import TOKEN, raw_server

_OF_CALLS = ("send", "read", "abort", "done", "error", "opened", "stats")
KINDS = (
    *_OF_CALLS,
    "log",
    "timeline",
    "connected",
    "events",
    "lost",
    "start",
    "credential",
)
COUNTS = ("", "0", "1", "2", "-1", "9" * 30)
WORDS = st.sampled_from([*COUNTS, "true", "GET", "{}", "\x1a", *KINDS])
NUMBERS = st.sampled_from([-1, 0, 1, 2, 2**64])


@given(st.lists(WORDS | st.text(max_size=5), max_size=30).map("\0".join) | st.text())
@example("\0" * (MAX_ANSWER_FIELDS + 1))
def test_any_answer_is_an_output_or_a_sandbox_error(text: str) -> None:
    for whole in (text, text + "\0", "\0" + text + "\0"):
        with contextlib.suppress(RonSandboxError):
            decode(whole)


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*PROBLEM, "x"]), inner, max_size=5)
    ),
    max_leaves=8,
)
SOUND = {"code": "c", "message": "m", "attempts": 1, "request_id": "r", "phase": "read"}
REPORTS = st.builds(
    lambda report, problem: SOUND | report | problem,
    st.dictionaries(st.sampled_from([*SOUND, "problem"]), JSON, max_size=2),
    st.dictionaries(st.sampled_from([*PROBLEM]), JSON, max_size=2).map(
        lambda members: {"problem": PROBLEM | members}
    )
    | st.just({}),
)


@given(st.sampled_from([*_BY_KIND, "problem", "timeout", "no-such-kind"]), REPORTS | JSON)
def test_any_report_is_an_error_that_can_be_shown_and_pickled(kind: str, report: Any) -> None:
    error = report_error(Failed(1, kind, json.dumps(report)))
    assert str(error)
    assert repr(error) == repr(pickle.loads(pickle.dumps(error)))


def items(url: str, other: str) -> st.SearchStrategy[tuple[object, ...]]:
    """Items, sound and unsound, for the call that runs."""
    call = st.sampled_from([1, 1, 1, 1, 0, 2])
    urls = st.sampled_from([f"{url}/app/hello", f"{url}/app/nothing", f"{other}/app/x", "/"])
    send = st.tuples(
        call,
        st.just("send"),
        NUMBERS,
        st.sampled_from(["GET", "GET", "GET", "PUT"]),
        urls,
        *[st.sampled_from(["", 1, 10**9, 2**63])] * 3,
        st.just(0),
        st.just(""),
    )
    error = st.just(json.dumps(SOUND))
    return (
        send
        | st.tuples(call, st.just("read"), NUMBERS, NUMBERS)
        | st.tuples(call, st.just("abort"), NUMBERS)
        | st.tuples(call, st.just("done"), NUMBERS | st.just(""), NUMBERS, st.just("id"))
        | st.tuples(call, st.just("error"), st.sampled_from([*_BY_KIND]), error)
        | st.tuples(call, st.just("timeline"), st.just(""), st.just(0))
        | st.tuples(call, st.sampled_from(["start", "credential"]), st.just("missing"))
        | st.tuples(call, st.just("connected"), st.just("id"), st.just("true"))
        | st.tuples(call, st.just("events"), *[st.just(0)] * 4)
        | st.tuples(call, st.just("log"), st.just("info"), st.just("m"), st.just(0))
    )


class Liar:
    """Answers in place of an instance of the component.

    Attributes:
        dead: as of an instance.
    """

    def __init__(self, answers: Iterator[str]) -> None:
        self.dead = False
        self._answers = answers

    def call(self, export: str, message: bytes) -> str:
        if export in ("cancel", "close"):
            return guests.message()
        return next(self._answers)

    def is_held_here(self) -> bool:
        return False


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(st.data())
def test_any_answers_end_the_call_in_time_and_reach_no_other_origin(
    node: str, transport: str, data: st.DataObject
) -> None:
    reached: list[object] = []
    complaints: list[object] = []

    async def run() -> None:
        async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            reached.append(reader)

        asyncio.get_running_loop().set_exception_handler(
            lambda _loop, context: complaints.append(context)
        )
        async with raw_server(handler) as other:
            output = st.lists(items(node, other), max_size=3).map(lambda few: guests.message(*few))
            answers = itertools.cycle(data.draw(st.lists(output, min_size=1, max_size=6)))
            config = ClientConfig(base_url=node, token=TOKEN, timeout=0.05)
            async with RonClient(config=config, transport=transport) as client:
                guest = client._calls._sessions.guest
                assert guest is not None
                guest.instance = Liar(answers)  # type: ignore[assignment]
                with contextlib.suppress(RonError):
                    async with asyncio.timeout(30):
                        await client.get("/hello")
                assert not client._calls._in_flight

    asyncio.run(run())
    assert (reached, complaints) == ([], [])


async def test_counts_without_what_metrics_tell_do_no_harm(
    node: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with RonClient(node) as client:
        guest = client._calls._sessions.guest
        monkeypatch.setattr(guest, "stats", lambda: {"calls": 0})
        assert client.metrics.budget == 500
