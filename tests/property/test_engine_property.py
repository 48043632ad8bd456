"""Whatever goes into the component, an answer comes out and the instance lives."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ron_app_sdk_py.engine.guest import Begin, Guest
from ron_app_sdk_py.engine.messages import Done, Failed, Read, Send
from ron_app_sdk_py.errors import RonRequestError, from_report

IDS = itertools.count(2)

TEXT = st.text(max_size=20)
PATHS = st.lists(
    st.sampled_from(
        [
            "/",
            ".",
            "..",
            "%2e",
            "%2E",
            "%25",
            "2e",
            "%2f",
            "\\",
            "%5c",
            "a",
            "é",
            "?",
            "#",
            "\t",
            "%09",
        ]
    ),
    max_size=10,
).map("".join)
PAIRS = st.lists(st.tuples(TEXT, TEXT), max_size=3)
LATIN_1 = st.text(st.characters(max_codepoint=255, exclude_characters="\0\r\n"), max_size=20)


@pytest.fixture(scope="module")
def guest() -> Guest:
    made = Guest()
    base, token = ("base-url", "https://gw.example/ron"), ("token", "property-test-token")
    made.open(1, [base, token, ("retries", "0")])
    return made


@given(
    method=st.sampled_from(["GET", "POST", "get", "TRACE"]) | TEXT,
    path=PATHS | TEXT,
    query=PAIRS,
    headers=PAIRS,
    length=st.none() | st.integers(0, 2**40),
)
def test_any_call_is_sent_to_the_app_plane_or_refused(
    guest: Guest,
    method: str,
    path: str,
    query: list[tuple[str, str]],
    headers: list[tuple[str, str]],
    length: int | None,
) -> None:
    call = next(IDS)
    try:
        output = guest.begin(1, call, Begin(method, path, length, [], query, headers))
    except RonRequestError:
        return
    assert not guest.instance.dead
    match output.items:
        case [Send() as send]:
            assert send.url.startswith("https://gw.example/ron/app")
            assert send.url.isascii()
            assert " " not in send.url
            assert send.body == (
                None if length is None else [("held", str(length))] if length else []
            )
            authorization = [value for name, value in send.headers if name == "authorization"]
            assert authorization == ["Bearer property-test-token"]
            guest.cancel(call)
        case [Failed(kind="request" | "too-large") as failed]:
            assert "property-test-token" not in failed.report
        case [Failed(call=0, kind="abi")]:
            # Only a header value beyond latin-1, which the client refuses before.
            assert any(ord(c) > 255 for _, value in headers for c in value)
        case other:
            raise AssertionError(other)


@given(
    status=st.integers(100, 999) | st.sampled_from([408, 429, 502, 503, 504]),
    headers=st.lists(st.tuples(LATIN_1, LATIN_1), max_size=5),
    content=st.binary(max_size=300),
    end=st.booleans(),
)
def test_any_answer_is_a_result_or_an_error(
    guest: Guest, status: int, headers: list[tuple[str, str]], content: bytes, end: bool
) -> None:
    # A session of its own: an answer may slow the whole client down.
    session = call = next(IDS)
    guest.open(session, [("base-url", "https://gw.example"), ("retries", "0")])
    (send,) = guest.begin(session, call, Begin("GET", "/x", None, [], [], [])).items
    assert isinstance(send, Send)
    items = guest.response(call, send.exchange, status, headers).items
    if isinstance(items[-1], Read):
        items = guest.data(call, send.exchange, content, end=end).items
    if isinstance(items[-1], Read):
        items = guest.failure(call, send.exchange, "connection-terminated", "").items
    last = items[-1]
    assert isinstance(last, Done | Failed)
    if isinstance(last, Failed):
        assert from_report(last.kind, json.loads(last.report)).code
    assert guest.stats()["calls"] == 0
    guest.close(session)


@given(
    message=st.binary(max_size=200),
    export=st.sampled_from(["open", "derive", "begin", "feed", "cancel", "stats"]),
)
def test_any_message_is_answered(guest: Guest, message: bytes, export: str) -> None:
    text = message.decode("utf-8", "ignore").encode()
    assert guest.instance.call(export, text)
    assert not guest.instance.dead
