"""The framing of docs/abi.md on the Python side."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ron_app_sdk_py.engine.messages import (
    Abort,
    Connected,
    Disconnected,
    Done,
    Events,
    Failed,
    Opened,
    Output,
    Read,
    Send,
    Stats,
    block,
    decode,
    encode,
    pair_labels,
)
from ron_app_sdk_py.errors import RonRequestError, RonSandboxError


def test_an_output_is_taken_apart_item_by_item() -> None:
    text = (
        "9\0"
        "7\0send\x001\0GET\0http://h/app/x\x003\0\x005\x001\0accept\0\xe9\0\0"
        "7\0send\x002\0POST\0http://h/app/x\0\0\0\x000\x002\0bytes\x006162\0held\x003\0"
        "8\0abort\x001\0"
        "7\0read\x002\x00100\0"
        "7\0done\x002\x003\0rid\0"
        "7\0error\0closed\0{}\0"
        "0\0opened\x001\0"
        "0\0stats\x001\0calls\x004\0"
    )
    assert decode(text) == Output(
        9,
        [
            Send(7, 1, "GET", "http://h/app/x", 3, None, 5, [("accept", "\xe9")], None),
            Send(
                7,
                2,
                "POST",
                "http://h/app/x",
                None,
                None,
                None,
                [],
                [("bytes", "6162"), ("held", "3")],
            ),
            Abort(8, 1),
            Read(7, 2, 100),
            Done(7, 2, 3, "rid"),
            Failed(7, "closed", "{}"),
            Opened(0, 1),
            Stats(0, {"calls": 4}),
        ],
    )


def test_the_items_of_a_stream_are_taken_apart_into_columns() -> None:
    text = (
        "\0"
        "7\0connected\0rid\0false\0"
        "7\0events\0id\x1an\x003\x004\x002\0message\0a\x1anb\x1as\0\0\0\0note\0i\x1a0\x00250\0"
        "7\0events\0\x000\x000\x000\0"
        "7\0lost\x005\0true\0network\0{}\0"
        "7\0lost\0\0false\0stream\0{}\0"
    )
    assert decode(text) == Output(
        None,
        [
            Connected(7, "rid", False),
            Events(
                7,
                "id\n",
                3,
                4,
                ["message", ""],
                ["a\nb\x1a", "note"],
                ["", "i\0"],
                [None, 250],
            ),
            Events(7, "", 0, 0, [], [], [], []),
            Disconnected(7, 5, True, "network", "{}"),
            Disconnected(7, None, False, "stream", "{}"),
        ],
    )


ESCAPES = {"\x1a": "\x1as", "\0": "\x1a0", "\n": "\x1an", "\r": "\x1ar"}
ANY = st.text(st.sampled_from("ab\0\n\r\x1a\xe9\u2028"), max_size=8)


@given(st.lists(st.tuples(ANY, ANY, ANY, st.none() | st.integers(0, 10**9))), ANY)
def test_whatever_the_fields_of_events_hold_comes_whole(
    events: list[tuple[str, str, str, int | None]], last: str
) -> None:
    def escaped(text: str) -> str:
        return "".join(ESCAPES.get(character, character) for character in text)

    fields = ["", "7", "events", escaped(last), "0", "0", str(len(events))]
    for *texts, retry in events:
        fields += [*map(escaped, texts), "" if retry is None else str(retry)]
    (item,) = decode("\0".join(fields) + "\0").items
    assert isinstance(item, Events)
    assert item.last_event_id == last
    assert [*zip(item.types, item.data, item.ids, item.retries, strict=True)] == events


def test_an_id_that_events_share_is_unescaped_once_and_held_once() -> None:
    """Thousands of events may have an id of a mebibyte."""
    messages = [
        *("message", "1", "a\x1asb", ""),
        *("", "a comment", "", ""),
        *("message", "2", "\x1a=", ""),
        *("message", "3", "c", "5"),
        *("message", "4", "\x1a=", ""),
    ]
    text = "\0".join(["", "7", "events", "c", "0", "0", "5", *messages, ""])
    (events,) = decode(text).items
    assert isinstance(events, Events)
    assert events.ids == ["a\x1ab", "", "a\x1ab", "c", "c"]
    assert events.ids[0] is events.ids[2]


@pytest.mark.parametrize(
    "text",
    [
        "\0007\0connected\0rid\0maybe\0",
        "\0007\0lost\0x\0true\0network\0{}\0",
        "\0007\0events\0\x000\x000\x001\0a\0b\0c\0",
        "\0007\0events\0\x000\x000\x00-1\0",
        "\0007\0events\0\x000\x000\x0099999999999999999999\0",
        "\0007\0events\0\x000\x000\x001\0a\0b\0c\0x\0",
        "\0007\0events\0\x1ax\x000\x000\x000\0",
        "\0007\0events\0\x000\x000\x001\0a\0b\x1a\0c\0\0",
        "",
        "x",
        "\0x",
        "nonsense\0",
        "\x001\0",
        "\x001\0unheard-of\0",
        "\0x\0abort\x001\0",
        "\x001\0abort\0x\0",
        "\x001\0abort\0",
        "\x001\0send\x001\0GET\0u\0\0\0\x0099999999999\0\0",
        "\x001\0send\x001\0GET\0u\0\0\0\x00-1\0\0",
        "\x000\0stats\x001\0calls\0many\0",
        "-1\0",
        f"{2**64}\0",
        "\x001\0timeline\0\x001\0-1\x000\0\0\0\0",
        f"\x001\0timeline\0\x001\x000\0{10**400}\0\0\0\0",
        "\x001\0timeline\0\x001\x000\x000\0\0\0-1\0",
        "\x001\0timeline\0\x0099999999999\x000\x000\0\0\0\0",
    ],
)
def test_a_malformed_output_is_a_sandbox_error(text: str) -> None:
    with pytest.raises(RonSandboxError) as caught:
        decode(text)
    assert caught.value.code == "abi"


@given(st.text())
def test_no_output_raises_anything_else(text: str) -> None:
    with contextlib.suppress(RonSandboxError):
        decode(text)


@pytest.mark.parametrize("bad", ["a\0b", "a\nb", "a\rb", "\ud800"])
def test_a_field_that_would_break_the_framing_is_named_and_its_value_is_not(bad: str) -> None:
    pairs = [("x-key", "hunter2222" + bad)]
    fields = ["1", *block(pairs)]
    with pytest.raises(RonRequestError) as caught:
        encode(fields, pair_labels("header", pairs))
    assert "the value of header 'x-key'" in caught.value.message
    assert "hunter2222" not in caught.value.message
    assert f"U+{ord(bad.strip('ab')):04X}" in caught.value.message


PLAIN = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n"))


@given(st.lists(PLAIN, min_size=1))
def test_what_is_encoded_has_exactly_its_fields(fields: list[str]) -> None:
    assert encode(fields).decode().split("\0")[:-1] == fields
