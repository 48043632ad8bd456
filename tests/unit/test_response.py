"""What a verb makes of an answer."""

from __future__ import annotations

import pytest

from ron_app_sdk_py import Headers, RonParseError
from ron_app_sdk_py.response import Response


def response(content: bytes, content_type: str | None = "application/json") -> Response:
    headers = [] if content_type is None else [("Content-Type", content_type)]
    return Response(200, headers, content, attempts=1, request_id="rid")


@pytest.mark.parametrize(
    ("content", "content_type", "value"),
    [
        (b'{"a":1}', "application/json", {"a": 1}),
        (b"[]", "application/vnd.x+json; charset=utf-8", []),
        (b"\xef\xbb\xbf1", "Application/JSON", 1),
        ("é".encode(), "text/plain", "é"),
        (b"\xe9", "text/plain; charset=latin-1", "é"),
        (b"\xff", "text/plain", "\ufffd"),
        (b"x", 'text/plain; charset="no-such"', "x"),
        (b"\xff\x00", "application/octet-stream", b"\xff\x00"),
        (b"x", None, b"x"),
        (b"", "application/json", None),
        (b"", None, None),
        (b"9" * 4300, "application/json", int("9" * 4300)),
    ],
)
def test_the_type_decides(content: bytes, content_type: str | None, value: object) -> None:
    assert response(content, content_type).value() == value


@pytest.mark.parametrize(
    "content", [b"{", b"\xff", b"NaN", b"[Infinity]", b"[" * 200_000, b"9" * 5000, b"{}x"]
)
def test_what_is_no_json_is_a_parse_error_without_the_content(content: bytes) -> None:
    with pytest.raises(RonParseError) as caught:
        response(content).value()
    assert caught.value.request_id == "rid"
    assert len(str(caught.value)) < 300


def test_headers_are_found_in_any_case_and_shown_by_name_only() -> None:
    headers = Headers([("Set-Cookie", "secret=1"), ("set-cookie", "b=2"), ("X", "\xe9")])
    assert headers["SET-COOKIE"] == "secret=1, b=2"
    assert headers.get_all("set-cookie") == ["secret=1", "b=2"]
    assert headers.get("none") is None
    assert "x" in headers
    assert len(headers) == 2
    assert "secret" not in repr(headers)
    assert headers.raw()[2] == ("X", "\xe9")
