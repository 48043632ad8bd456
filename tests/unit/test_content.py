"""A body taken in part by part is the body."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ron_app_sdk_py.transport.content import Content, declared_length
from ron_app_sdk_py.transport.protocol import TransportFailure


@given(st.lists(st.binary(max_size=20)), st.none() | st.integers(0, 200))
def test_the_parts_make_the_whole_whatever_was_declared(
    parts: list[bytes], declared: int | None
) -> None:
    content = Content(1000, declared)
    for part in parts:
        content.add(part)
    assert content.value() == b"".join(parts)


@given(st.lists(st.binary(max_size=20)), st.integers(0, 100))
def test_a_body_is_refused_exactly_when_it_passes_the_limit(
    parts: list[bytes], max_bytes: int
) -> None:
    content = Content(max_bytes)
    size = 0
    for part in parts:
        size += len(part)
        if size > max_bytes:
            with pytest.raises(TransportFailure, match="HTTP-response-body-size"):
                content.add(part)
            return
        content.add(part)
    assert content.value() == b"".join(parts)


def test_a_declared_length_over_the_limit_is_refused_before_any_part() -> None:
    Content(10, 10)
    with pytest.raises(TransportFailure, match="HTTP-response-body-size"):
        Content(10, 11)


@pytest.mark.parametrize(
    ("method", "status", "fields", "length"),
    [
        ("GET", 200, [("Content-Length", "7")], 7),
        ("GET", 200, [("content-length", "seven")], None),
        ("GET", 200, [], None),
        ("HEAD", 200, [("content-length", "7")], None),
        ("GET", 304, [("content-length", "7")], None),
        ("DELETE", 204, [("content-length", "7")], None),
    ],
)
def test_a_length_counts_only_where_a_body_follows(
    method: str, status: int, fields: list[tuple[str, str]], length: int | None
) -> None:
    assert declared_length(method, status, fields) == length
