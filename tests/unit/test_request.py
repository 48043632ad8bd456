"""From arguments to a call: what Python checks itself."""

from __future__ import annotations

import enum
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from ron_app_sdk_py.config import ClientConfig
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


class Colour(int, enum.Enum):
    RED = 1


class Half(float):
    """As numpy's, which says ``np.float64(0.5)``."""

    def __repr__(self) -> str:
        return "Half(0.5)"


class Long(bytes):
    def __len__(self) -> int:
        return 1_000_000


def test_numbers_are_written_as_numbers_whatever_their_type_says() -> None:
    query: Any = {"a": Colour.RED, "b": Half(0.5), "c": [Colour.RED, True]}
    assert Request("GET", "/", query=query).query == [
        ("a", "1"),
        ("b", "0.5"),
        ("c", "1"),
        ("c", "true"),
    ]
    config = ClientConfig(max_queue=Colour.RED, timeout=Half(0.5))
    settings, faults = config.settings(["max_queue", "timeout"])
    assert (settings, faults) == ([("max-queue", "1"), ("overall-timeout", "500000000")], [])


def test_content_has_the_length_that_it_has() -> None:
    assert Request("POST", "/", content=Long(b"abc")).begin().body_length == 3


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (1e-12, 1),
        (0.1, 100_000_000),
        (3, 3_000_000_000),
        (1e10, 2**63),
        (1.7e308, 2**63),
        (10**300, 2**63),
    ],
)
def test_a_time_out_may_be_as_short_or_long_as_a_number(seconds: float, expected: int) -> None:
    options = dict(Request("GET", "/", timeout=seconds).begin().options)
    assert int(options["timeout"]) == expected


class Hostile:
    """Whatever is asked of it, it fails; its text would be a secret."""

    def __repr__(self) -> str:
        raise ZeroDivisionError

    __str__ = __repr__

    def __hash__(self) -> int:
        return 1


class Unpairable(dict[str, str]):
    def items(self) -> Any:
        return [1, 2]


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
        ({"query": ["ab"]}, "query is list"),
        ({"query": "abcd"}, "query is str"),
        ({"query": Unpairable()}, "query is Unpairable"),
        ({"query": {Hostile(): 1}}, "query name Hostile"),
        ({"query": {"a": Hostile()}}, "'a' is Hostile"),
        ({"query": {"a": 10**5000}}, "too many digits"),
        ({"headers": ["ab"]}, "headers is list"),
        ({"headers": Unpairable()}, "headers is Unpairable"),
        ({"headers": {Hostile(): "a"}}, "header Hostile"),
        ({"headers": {("authorization", "hunter22"): "a"}}, "header tuple"),
        ({"headers": {"a" * 100_000: 1}}, "maps to int"),
        ({"idem": b"order-17"}, "idem is bytes"),
        ({"idem": 1}, "idem is int"),
        ({"timeout": 0}, "timeout is 0"),
        ({"timeout": -0.0}, "timeout is -0.0"),
        ({"timeout": -1}, "timeout is -1"),
        ({"timeout": -float("inf")}, "timeout is -inf"),
        ({"timeout": True}, "timeout is bool"),
        ({"timeout": 10**400}, "more than 20 digits"),
        ({"timeout": -(10**5000)}, "more than 20 digits"),
        ({"timeout": float("inf")}, "timeout is inf"),
        ({"timeout": float("nan")}, "timeout is nan"),
        ({"timeout": Fraction(1, 2)}, "timeout is Fraction"),
        ({"timeout": Decimal(1)}, "timeout is Decimal"),
        ({"timeout": "1"}, "timeout is str"),
    ],
)
def test_what_cannot_be_sent_is_named(arguments: dict[str, Any], word: str) -> None:
    with pytest.raises(RonRequestError, match=word) as caught:
        Request("POST", "/", **arguments).begin()
    assert "hunter22" not in caught.value.message
    assert len(caught.value.message) < 300


@pytest.mark.parametrize("name", ["method", "path"])
def test_method_and_path_are_text(name: str) -> None:
    arguments: dict[str, Any] = {"method": "GET", "path": "/"} | {name: b"x"}
    with pytest.raises(RonRequestError, match=f"{name} is bytes"):
        Request(**arguments).begin()
