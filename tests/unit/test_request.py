"""From arguments to a call: what Python checks itself."""

from __future__ import annotations

from typing import Any

import pytest

from ron_app_sdk_py.errors import RonRequestError
from ron_app_sdk_py.request import Request


def test_queries_are_flattened() -> None:
    query = {"a": [1, "x", None, True], "b": None, "c": 1.5, "d": "é"}
    assert Request("GET", "/", query=query).query == [
        ("a", "1"),
        ("a", "x"),
        ("a", "true"),
        ("c", "1.5"),
        ("d", "é"),
    ]
    pairs = [("a", 2), ("a", False)]
    assert Request("GET", "/", query=pairs).query == [("a", "2"), ("a", "false")]


def test_json_is_compact_utf_8_and_brings_its_type() -> None:
    call = Request("POST", "/", json={"é": [1, None]})
    assert call.content == '{"é":[1,null]}'.encode()
    assert call.headers == [("content-type", "application/json")]
    own = Request("POST", "/", json=None, headers={"Content-Type": "application/x+json"})
    assert own.content == b"null"
    assert own.headers == [("Content-Type", "application/x+json")]


def test_content_is_taken_as_it_is() -> None:
    assert Request("PUT", "/", content="é").content == "é".encode()
    assert Request("PUT", "/", content=b"\xff").begin().body_length == 1
    assert Request("PUT", "/").begin().body_length is None


CYCLE: list[object] = []
CYCLE.append(CYCLE)
DEEP: list[object] = []
for _ in range(100_000):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"json": float("nan")}, "json"),
        ({"json": [float("inf")]}, "json"),
        ({"json": {1, 2}}, "set"),
        ({"json": object()}, "object"),
        ({"json": CYCLE}, "Circular"),
        ({"json": DEEP}, "deep"),
        ({"json": "\ud800"}, "U\\+D800"),
        ({"content": "\udfff"}, "U\\+DFFF"),
        ({"content": 3}, "content is int"),
        ({"json": 1, "content": b""}, "both"),
        ({"query": 3}, "query is int"),
        ({"query": {"a": {"b": 1}}}, "'a'"),
        ({"query": {"a": b"x"}}, "'a'"),
        ({"query": {"a": float("nan")}}, "'a'"),
        ({"query": {3: "a"}}, "query name 3"),
        ({"query": ["abc"]}, "query is list"),
        ({"headers": 3}, "headers is int"),
        ({"headers": {"a": 1}}, "'a' maps to int"),
        ({"headers": {"a": "é"}}, "'a'"),
        ({"headers": {"a": "😀"}}, "'a'"),
        ({"timeout": 0}, "timeout is 0"),
        ({"timeout": "1"}, "timeout is str"),
    ],
)
def test_what_cannot_be_sent_is_named(arguments: dict[str, Any], word: str) -> None:
    with pytest.raises(RonRequestError, match=word):
        Request("POST", "/", **arguments).begin()


@pytest.mark.parametrize("name", ["method", "path"])
def test_method_and_path_are_text(name: str) -> None:
    arguments: dict[str, Any] = {"method": "GET", "path": "/"} | {name: b"x"}
    with pytest.raises(RonRequestError, match=f"{name} is bytes"):
        Request(**arguments).begin()
