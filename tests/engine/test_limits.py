"""What the component may take at most: enough for all that it must do, and an end for all else."""

from __future__ import annotations

import itertools
import string
from collections.abc import Iterable, Iterator

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
from ron_app_sdk_py.engine.messages import Failed, Output, Pairs
from ron_app_sdk_py.engine.runtime import Runtime, compiled

MARGIN = 3
"""How many times the dearest crossing the fuel is good for."""

ERROR_BYTES = 1024 * 1024
"""``MAX_ERROR_BYTES`` of ``core``."""

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
