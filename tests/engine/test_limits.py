"""What the component may take at most: enough for all that it must do, and an end for all else."""

from __future__ import annotations

import itertools
import json
import string
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import pytest

from processes import run_python
from ron_app_sdk_py.defaults import (
    GUEST_FUEL,
    GUEST_STACK_BYTES,
    MAX_REQUEST_HEAD_BYTES,
    MAX_REQUEST_HEADER_BYTES,
    MAX_RESPONSE_HEADER_BYTES,
    MAX_RESPONSE_HEADER_FIELDS,
)
from ron_app_sdk_py.engine import settings
from ron_app_sdk_py.engine.artifact import load
from ron_app_sdk_py.engine.guest import Begin, Guest
from ron_app_sdk_py.engine.messages import Events, Failed, Item, Output, Pairs, Read, Send
from ron_app_sdk_py.engine.runtime import Runtime, compiled

MARGIN = 3
"""How many times the dearest crossing the fuel is good for."""

ERROR_BYTES = 1024 * 1024
"""``MAX_ERROR_BYTES`` of ``core``."""

HOUR = str(3600 * 10**9)

JSON = [("content-type", "application/problem+json")]


@pytest.fixture(scope="module")
def cramped() -> Iterator[Runtime]:
    """The component with a quarter of the stack."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "GUEST_STACK_BYTES", GUEST_STACK_BYTES // 4)
        yield compiled(load())


@pytest.fixture
def guest(cramped: Runtime) -> Guest:
    made = Guest(runtime=cramped)
    made.open(1, [("base-url", "http://127.0.0.1:8080"), ("token", "a-token-of-some-length")])
    return made


def fuel_spent(guest: Guest) -> int:
    """What the last crossing took."""
    return GUEST_FUEL - guest.instance._store.get_fuel()


def short_names() -> Iterable[str]:
    for length in itertools.count(1):
        for letters in itertools.product(string.ascii_letters, repeat=length):
            yield "".join(letters)


def filled(before: str, units: Iterable[str], after: str, *, between: str = ",") -> bytes:
    """As many of these as fit into an error answer."""
    room = ERROR_BYTES - len(before) - len(after)
    taken = []
    for unit in units:
        room -= len(unit) + len(between)
        if room < 0:
            break
        taken.append(unit)
    return (before + between.join(taken) + after).encode()


HOSTILE = {
    "names in an envelope": filled('{"error":{', (f'"{n}":0' for n in short_names()), "}}"),
    "names": filled("{", (f'"{n}":0' for n in short_names()), "}"),
    "names of objects": filled("{", (f'"{n}":{{"":0}}' for n in short_names()), "}"),
    "numbers": filled('{"code":"x","details":[', itertools.repeat("0"), "]}"),
    "objects": filled('{"code":"x","details":[', itertools.repeat('{"":0}'), "]}"),
    "long numbers": filled('{"code":"x","details":[', itertools.repeat("0." + "1" * 290), "]}"),
    "nested as deep as may be": filled(
        '{"code":"x","details":[', ["[" * 95 + "]" * 95] * 9999, "]}"
    ),
    "nested deeper": filled("", itertools.repeat("["), "", between=""),
    "objects nested deeper": filled("", itertools.repeat('{"":'), "", between=""),
    "escapes": filled('{"message":"', itertools.repeat("\\u0001"), '"}', between=""),
    "line ends": filled('{"message":"', itertools.repeat("\\n"), '"}', between=""),
    "the credential": filled(
        '{"message":"', itertools.repeat("a-token-of-some-length"), '"}', between=""
    ),
    "what is almost the credential": filled(
        '{"message":"', itertools.repeat("a-token-of-some-lengt!"), '"}', between=""
    ),
    "no text at all": b"\xff" * ERROR_BYTES,
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
def test_no_error_answer_of_a_hostile_server_comes_near_the_fuel_s_end(
    guest: Guest, content: bytes
) -> None:
    guest.begin(1, 7, Begin("GET", "/x", None, [], [], []))
    guest.response(7, 1, 500, JSON)
    assert isinstance(guest.data(7, 1, content, end=True).items[-1], Failed)
    assert fuel_spent(guest) * MARGIN < GUEST_FUEL


def at_most(pairs: int, name: str, value: str) -> Pairs:
    return [(name, value)] * pairs


ROOM = MAX_REQUEST_HEAD_BYTES - 200
LARGEST = {
    "path": Begin("GET", "/" + "x" * ROOM, None, [], [], []),
    "encoded path": Begin("GET", "/" + "%25" * (ROOM // 3), None, [], [], []),
    "path of non-ASCII": Begin("GET", "/" + "\u20ac" * (ROOM // 3), None, [], [], []),
    "parameters": Begin("GET", "/x", None, [], at_most(ROOM // 4, "a", "b"), []),
    "empty parameters": Begin("GET", "/x", None, [], at_most(ROOM // 2, "", ""), []),
    "fields": Begin("GET", "/x", None, [], [], at_most(ROOM // 4, "a", "b")),
    "empty fields": Begin("GET", "/x", None, [], [], at_most(ROOM // 3, "a", "")),
    "fields within the limit": Begin(
        "GET", "/x", None, [], [], at_most(MAX_REQUEST_HEADER_BYTES // 40, "a", "b")
    ),
    "options": Begin("GET", "/x", None, at_most(ROOM // 10, "timeout", "1"), [], []),
    "method": Begin("G" * ROOM, "/x", None, [], [], []),
}


@pytest.mark.parametrize("begin", LARGEST.values(), ids=LARGEST.keys())
def test_no_arguments_of_a_call_come_near_the_fuel_s_end(guest: Guest, begin: Begin) -> None:
    guest.begin(1, 7, begin)
    assert fuel_spent(guest) * MARGIN < GUEST_FUEL


EACH = MAX_RESPONSE_HEADER_BYTES // MAX_RESPONSE_HEADER_FIELDS
HEADS: dict[str, Pairs] = {
    "many of a name that is read": at_most(MAX_RESPONSE_HEADER_FIELDS, "retry-after", "9" * EACH),
    "non-ASCII": [(f"x-{n}", "\xe9" * EACH) for n in range(MAX_RESPONSE_HEADER_FIELDS)],
    "one long": [("x", "v" * MAX_RESPONSE_HEADER_BYTES)],
    "more than a transport lets through": at_most(
        MAX_RESPONSE_HEADER_FIELDS, "x", "v" * MAX_RESPONSE_HEADER_BYTES
    ),
}


@pytest.mark.parametrize("headers", HEADS.values(), ids=HEADS.keys())
def test_no_head_of_an_answer_comes_near_the_fuel_s_end(guest: Guest, headers: Pairs) -> None:
    guest.begin(1, 7, Begin("GET", "/x", None, [], [], []))
    guest.response(7, 1, 503, headers)
    assert fuel_spent(guest) * MARGIN < GUEST_FUEL


def test_the_end_of_every_call_at_once_does_not_come_near_the_fuel_s_end(guest: Guest) -> None:
    output = Output(None, [])
    for call in range(1, 1101):
        output = guest.begin(1, call, Begin("GET", "/x", None, [], [], []))
    assert output.items == []  # it waits in the queue
    assert len([item for item in guest.close(1).items if isinstance(item, Failed)]) == 1100
    assert fuel_spent(guest) * MARGIN < GUEST_FUEL


def code_of(failed: Failed) -> str:
    code: str = json.loads(failed.report)["code"]
    return code


def subscribed(guest: Guest, call: int, options: Pairs) -> int:
    """The exchange of a stream that is open."""
    begin = Begin("GET", "/x", None, [("stream", "events"), *options], [], [])
    (send,) = guest.begin(1, call, begin).items
    assert isinstance(send, Send)
    guest.response(call, send.exchange, 200, [("content-type", "text/event-stream")])
    return send.exchange


class Bytes(NamedTuple):
    """What a server sends, and what comes of it."""

    content: bytes
    messages: int
    options: Pairs = ()
    code: str | None = None


def filled_up(unit: bytes, size: int) -> bytes:
    return unit * (size // len(unit))


READ = 64 * 1024
"""``STREAM_READ_BYTES`` of ``core``."""

MIB = 1024 * 1024
LARGEST_EVENT = 15 * MIB
"""``LARGEST_EVENT_BYTES`` of ``core``."""

RAISED = [("max-line-bytes", str(LARGEST_EVENT)), ("max-event-bytes", str(LARGEST_EVENT))]
COMMENTS = [("comments", "true")]
TINY_EVENTS = filled_up(b"data\n\n", READ)
NEARLY_A_MIB, NEARLY_ALL = MIB - 10, LARGEST_EVENT - 10

STREAMS = {
    "comments": Bytes(filled_up(b":\n", READ), READ // 2, COMMENTS),
    "comments that nobody wants": Bytes(filled_up(b":\n", READ), 0),
    "comments of no text": Bytes(filled_up(b":\xff\n", READ), READ // 3, COMMENTS),
    "empty lines": Bytes(filled_up(b"\n", READ), 0),
    "events": Bytes(TINY_EVENTS, READ // 6),
    "events with types": Bytes(filled_up(b"event:a\ndata\n\n", READ), READ // 14),
    "events with ids": Bytes(b"".join(b"id:%04d\ndata\n\n" % n for n in range(4500)), 4500),
    "reconnection times": Bytes(filled_up(b"retry:1\ndata\n\n", READ), READ // 14),
    "events to escape": Bytes(filled_up(b"data:\x1a\n\n", READ), READ // 8),
    "events of no text": Bytes(filled_up(b"data:\xff\n\n", READ), READ // 8),
    "heartbeats that nobody wants": Bytes(
        filled_up(b"event:heartbeat\ndata\n\n", READ), 0, [("drop-heartbeats", "true")]
    ),
    "a large id": Bytes(b"id:%b\n\n" % (b"i" * NEARLY_A_MIB) + TINY_EVENTS, READ // 6),
    "a large id to escape": Bytes(b"id:%b\n\n" % (b"\x1a" * NEARLY_A_MIB) + TINY_EVENTS, READ // 6),
    "a large id of no text": Bytes(
        b"id:%b\n\n" % (b"\xff" * NEARLY_A_MIB) + TINY_EVENTS, READ // 6
    ),
    "large ids, one after the other": Bytes(b"id:%b\ndata\n\n" % (b"\xff" * NEARLY_A_MIB) * 3, 3),
    "a large type to escape": Bytes(b"event:%b\ndata\n\n" % (b"\x1a" * NEARLY_A_MIB), 1),
    "large data": Bytes(b"data:%b\n\n" % (b"x" * NEARLY_A_MIB), 1),
    "large data to escape": Bytes(b"data:%b\n\n" % (b"\x1a" * NEARLY_A_MIB), 1),
    "large data of no text": Bytes(b"data:%b\n\n" % (b"\xff" * NEARLY_A_MIB), 1),
    "large data of line ends": Bytes(filled_up(b"data\n", 5 * NEARLY_A_MIB) + b"\n", 1),
    "the largest data": Bytes(b"data:%b\n\n" % (b"x" * NEARLY_ALL), 1, RAISED),
    "the largest data, one byte to escape": Bytes(
        b"data:%b\x1a\n\n" % (b"x" * (NEARLY_ALL - 1)), 1, RAISED
    ),
    "the largest data, not ASCII": Bytes(
        b"data:%b\n\n" % ("\u00e9".encode() * (NEARLY_ALL // 2)), 1, RAISED
    ),
    "the largest data in a million lines": Bytes(
        b"data:%b\n" % (b"x" * 14) * 1_000_000 + b"\n", 1, RAISED
    ),
    "the largest data to escape": Bytes(b"data:%b\n\n" % (b"\x1a" * (8 * MIB - 10_000)), 1, RAISED),
    "more to escape": Bytes(b"data:%b\n\n" % (b"\x1a" * NEARLY_ALL), 0, RAISED, "streams_full"),
    "the largest data of no text": Bytes(b"data:%b\n\n" % (b"\xff" * (5 * MIB)), 1, RAISED),
    "more of no text": Bytes(
        b"data:%b\n\n" % (b"\xff" * (5 * MIB + 1)), 0, RAISED, "event_too_large"
    ),
    "the largest id": Bytes(b"id:%b\ndata\n\n" % (b"i" * NEARLY_ALL), 0, RAISED, "streams_full"),
    "the largest comment": Bytes(b":%b\n" % (b"x" * NEARLY_ALL), 1, [*RAISED, *COMMENTS]),
}


@pytest.mark.parametrize(
    ("content", "messages", "options", "code"), STREAMS.values(), ids=STREAMS.keys()
)
def test_no_bytes_of_a_stream_come_near_the_fuel_s_end(
    guest: Guest, content: bytes, messages: int, options: Pairs, code: str | None
) -> None:
    exchange = subscribed(guest, 7, options)
    given, ends = 0, []
    for at in range(0, len(content), READ):
        items = guest.data(7, exchange, content[at : at + READ], end=False).items
        assert fuel_spent(guest) * MARGIN < GUEST_FUEL
        given += sum(len(item.data) for item in items if isinstance(item, Events))
        ends += [code_of(item) for item in items if isinstance(item, Failed)]
    assert (given, ends) == (messages, [code] if code else [])


def of_all_kinds(call: int) -> bytes:
    """Half events and large ids, of text and of no text, in sizes that differ."""
    size = (100, 5_000, 60_000, 300_000, NEARLY_A_MIB)[call % 5]
    half = filled_up((b"data:xxxxxxx\n", b"data:\xff\n", b"data\n")[call % 3], size)
    kinds = (
        half,
        b"id:%b\ndata\n\n" % (b"\xff" * size) + half,
        half + b"id:%b\n\n" % (b"i" * (size // 3)) + half,
        b"data:%b\n\n" % (b"\xff" * size),
    )
    return kinds[call % 4]


MANY_STREAMS: dict[str, tuple[int, Callable[[int], bytes]]] = {
    "half lines": (20, lambda _: b"data:" + b"x" * NEARLY_A_MIB),
    "half events": (1_000, lambda _: b"data:xxx\n" * 5_000),
    "half events of line ends": (20, lambda _: b"data\n" * NEARLY_A_MIB),
    "ids": (20, lambda _: b"id:%b\n\n" % (b"i" * NEARLY_A_MIB)),
    "ids of no text": (20, lambda _: b"id:%b\n\n" % (b"\xff" * NEARLY_A_MIB)),
    "ids that can be sent": (500, lambda _: b"id:%b\n\n" % (b"i" * 60_000)),
    "all of them": (300, of_all_kinds),
}


@pytest.mark.parametrize(("count", "content"), MANY_STREAMS.values(), ids=MANY_STREAMS.keys())
def test_the_memory_is_enough_for_what_many_streams_leave_unfinished(
    count: int, content: Callable[[int], bytes]
) -> None:
    """Those for which there is no room end; the others can go on."""
    guest = Guest()
    guest.open(1, [("base-url", "http://127.0.0.1:8080")])
    left = {call: memoryview(content(call)) for call in range(1, count + 1)}
    exchanges = {call: subscribed(guest, call, []) for call in left}
    ends: dict[int, str] = {}
    while left:
        for call in [*left]:
            piece, left[call] = bytes(left[call][:READ]), left[call][READ:]
            items = guest.data(call, exchanges[call], piece, end=False).items
            ends |= {item.call: code_of(item) for item in items if isinstance(item, Failed)}
            if call in ends or not left[call]:
                del left[call]
    assert "streams_full" in ends.values()
    assert set(ends.values()) <= {"streams_full", "event_too_large"}
    going_on = exchanges.keys() - ends.keys()
    assert len(going_on) == guest.stats()["calls"] >= 3
    for call in going_on:
        guest.cancel(call)
    # All of the room is there again.
    exchange = subscribed(guest, 9_999, RAISED)
    content_of_one = STREAMS["the largest data"].content
    for at in range(0, len(content_of_one), READ):
        output = guest.data(9_999, exchange, content_of_one[at : at + READ], end=False)
    assert isinstance(output.items[0], Events)


def test_hundreds_of_streams_open_at_once_cost_little_and_end_together(guest: Guest) -> None:
    first = subscribed(guest, 1, [])
    guest.data(1, first, b"data: a\n\n", end=False)
    alone = fuel_spent(guest)
    for call in range(2, 501):
        subscribed(guest, call, [])
    guest.data(1, first, b"data: a\n\n", end=False)
    assert fuel_spent(guest) < alone * 2
    ended = guest.close(1).items
    assert len([item for item in ended if isinstance(item, Failed)]) == 500
    assert fuel_spent(guest) * MARGIN < GUEST_FUEL
    stats = guest.stats()
    assert (stats["calls"], stats["exchanges"]) == (0, 0)


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
def test_the_memory_is_enough_for_the_largest_error_answers_of_all_calls_at_once(
    content: bytes,
) -> None:
    guest = Guest()
    settings = {"base-url": "http://127.0.0.1:8080", "retries": "0", "overall-timeout": HOUR}
    guest.open(1, [*settings.items()])
    sent = {}
    for call in range(1, 101):
        (send,) = guest.begin(1, call, Begin("POST", "/x", None, [], [], [])).items
        assert isinstance(send, Send)
        sent[call] = send.exchange
    left = dict.fromkeys(sent, memoryview(content))
    waiting: deque[Item] = deque()
    for call, exchange in sent.items():
        waiting += guest.response(call, exchange, 500, JSON).items
    ended = 0
    # By then as many are read at once as ever will be, and some have been taken apart.
    while ended < 12:
        match waiting.popleft():
            case Read(call=call, exchange=exchange, max_bytes=most):
                piece, left[call] = bytes(left[call][:most]), left[call][most:]
                waiting += guest.data(call, exchange, piece, end=not left[call]).items
            case Failed(kind="problem"):
                ended += 1


def test_the_memory_is_enough_for_the_largest_heads_of_all_calls_at_once() -> None:
    guest = Guest()
    guest.open(1, [("base-url", "http://127.0.0.1:8080")])
    path, headers = "/" + "x" * 60_000, at_most(200, "x-a", "v" * 300)
    refused = 0
    for call in range(1, 1101):
        for item in guest.begin(1, call, Begin("GET", path, None, [], [], headers)).items:
            if isinstance(item, Failed):
                assert (item.kind, json.loads(item.report)["code"]) == ("overload", "heads_full")
                refused += 1
    assert 900 < refused < 1000
    for call in range(1, 1101):
        guest.cancel(call)
    (send,) = guest.begin(1, 2000, Begin("GET", path, None, [], [], headers)).items
    assert isinstance(send, Send)


@pytest.mark.parametrize("behaviour", ["LOOP", "FILL_LOOP", "COPY_LOOP"])
def test_a_component_that_is_stuck_is_stopped(behaviour: str) -> None:
    """docs/defaults.md says how soon; the program is given twelve times that."""
    done = run_python(
        """
        import sys
        import guests
        from ron_app_sdk_py import RonSandboxError
        from ron_app_sdk_py.engine.guest import Guest
        guest = Guest(runtime=guests.guest(stats=getattr(guests, sys.argv[1])))
        try:
            guest.stats()
        except RonSandboxError as error:
            print(error.code)
        """,
        behaviour,
    )
    assert (done.stdout, done.stderr) == ("fuel\n", "")
