"""What narrowed clients are left, alone: times, methods, paths, sizes."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ron_app_sdk_py import RonCapabilityError, RonRequestError, RonSandboxError
from ron_app_sdk_py.calls.guard import Guard
from ron_app_sdk_py.capabilities.caveats import BytesLe, Exp, Method, PathPrefix, Tenant
from ron_app_sdk_py.capabilities.expiry import expires_at_ns
from ron_app_sdk_py.capabilities.narrowing import Arguments, Narrowing
from ron_app_sdk_py.capabilities.rights import Rights, app_path, prefix_segments, sent_method

SECOND = 10**9
NOW = 1_700_000_000 * SECOND + 5


@pytest.mark.parametrize(
    ("expiry", "seconds"),
    [
        ("1s", 1),
        ("10m", 600),
        ("2h", 7_200),
        ("30d", 2_592_000),
        (7, 7),
        (0.5, 0.5),
        (timedelta(minutes=3), 180),
    ],
)
def test_an_expiry_is_a_time_from_now(expiry: Any, seconds: float) -> None:
    assert expires_at_ns(expiry, NOW) == NOW + int(seconds * SECOND)


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=-7))])
def test_or_a_point_in_time_with_a_zone(zone: timezone) -> None:
    point = datetime.fromtimestamp(1_700_000_600, zone)
    assert expires_at_ns(point, NOW) == 1_700_000_600 * SECOND


@pytest.mark.parametrize(
    ("expiry", "shown"),
    [
        ("0", "'0'"),
        ("-5m", "'-5m'"),
        ("1y", "'1y'"),
        ("abc", "'abc'"),
        ("", "''"),
        ("0m", "'0m'"),
        ("10", "'10'"),
        ("1.5h", "'1.5h'"),
        ("10 m", "'10 m'"),
        ("10m\n", r"'10m\n'"),
        ("١٠m", r"'\u0661\u0660m'"),
        ("x" * 1_000, "'xxx"),
        ("9" * 17 + "d", "year"),
        (0, "0"),
        (-5, "-5"),
        (10**5_000, "more than 20 digits"),
        (0.0, "0.0"),
        (-0.1, "-0.1"),
        (1e-10, "1e-10"),
        (1e300, "1e+300"),
        (math.nan, "nan"),
        (math.inf, "inf"),
        (True, "True"),
        (None, "NoneType"),
        (b"10m", "bytes"),
        (timedelta(0), "0:00:00"),
        (timedelta(seconds=-1), "-1 day"),
        (datetime(2099, 1, 1), "time zone"),
        (datetime(2023, 11, 14, tzinfo=UTC), "in the past"),
        (datetime(9999, 1, 1, tzinfo=UTC), "2553"),
    ],
    ids=lambda value: f"{value!a:.20}" if isinstance(value, str) else type(value).__name__,
)
def test_what_is_no_expiry_is_refused_with_the_forms_that_are(expiry: Any, shown: str) -> None:
    with pytest.raises(RonRequestError) as caught:
        expires_at_ns(expiry, NOW)
    assert caught.value.code == "invalid_expiry"
    assert shown in caught.value.message
    assert "such as '10m'" in caught.value.message
    assert len(caught.value.message) < 300


def asked(
    left: tuple[str, ...] | None = None, *, in_tokens: bool = False, **given: Any
) -> Narrowing:
    return Narrowing.of(Arguments(**given), left, NOW, in_tokens=in_tokens)


def test_reading_is_get_head_and_options_and_in_tokens_get_and_head() -> None:
    assert asked(readonly=True).rights.methods == ("GET", "HEAD", "OPTIONS")
    assert asked(readonly=True, in_tokens=True).rights.methods == ("GET", "HEAD")
    assert asked(("POST", "GET"), readonly=True).rights.methods == ("GET",)
    assert asked(readonly=True, methods=["post", "get"]).rights.methods == ("GET",)


def test_methods_are_what_is_sent_each_once() -> None:
    assert asked(methods=["get", "GET", "purge"]).rights.methods == ("GET", "purge")


@pytest.mark.parametrize(
    ("given", "left", "named"),
    [
        ({"readonly": True, "methods": ["POST"]}, None, "of POST that leaves none"),
        ({"readonly": True}, ("POST", "PUT"), "of POST, PUT that leaves none"),
        ({"methods": []}, None, "methods is empty"),
    ],
)
def test_caveats_that_leave_no_call_are_contradictory(
    given: dict[str, Any], left: tuple[str, ...] | None, named: str
) -> None:
    with pytest.raises(RonCapabilityError) as caught:
        asked(left, **given)
    assert caught.value.code == "contradictory"
    assert named in caught.value.message


@pytest.mark.parametrize(
    ("given", "code", "named"),
    [
        ({}, "invalid_caveat", "no caveat is given"),
        ({"readonly": 1}, "invalid_caveat", "readonly is int; give a bool"),
        ({"methods": "GET"}, "invalid_argument", "methods is str; give a list"),
        ({"methods": 5}, "invalid_argument", "methods is int"),
        ({"methods": ["GET", 5]}, "invalid_argument", "methods[1] is int"),
        ({"methods": ["GET,PUT"]}, "invalid_method", "'GET,PUT'"),
        ({"methods": ["G\0T"]}, "invalid_method", r"'G\x00T'"),
        ({"max_bytes": -1}, "invalid_max_bytes", "max_bytes is -1"),
        ({"max_bytes": True}, "invalid_max_bytes", "max_bytes is bool"),
        ({"max_bytes": 1.5}, "invalid_max_bytes", "max_bytes is float"),
        ({"path_prefix": 5}, "invalid_caveat", "path_prefix is int"),
        ({"path_prefix": "/a\0"}, "invalid_path", "U+0000"),
        ({"path_prefix": "/\ud800"}, "invalid_path", "U+D800"),
        ({"tenant": 5}, "invalid_caveat", "tenant is int"),
        ({"tenant": ""}, "invalid_caveat", "tenant is empty"),
    ],
)
def test_an_argument_that_is_no_caveat_is_named(
    given: dict[str, Any], code: str, named: str
) -> None:
    with pytest.raises(RonRequestError) as caught:
        asked(**given)
    assert caught.value.code == code
    assert named in caught.value.message


def test_the_same_is_said_to_the_component_and_in_a_token() -> None:
    narrowing = asked(
        in_tokens=True, expiry=1.5, readonly=True, path_prefix="f%65ed/", max_bytes=9, tenant="t"
    )
    assert dict(narrowing.settings()) == {
        "caveat-expires-at": str(NOW + 1_500_000_000),
        "caveat-methods": "GET,HEAD",
        "caveat-path-prefix": "f%65ed/",
        "caveat-max-bytes": "9",
    }
    assert narrowing.caveats() == (
        Exp(1_700_000_001),
        Method(["GET", "HEAD"]),
        PathPrefix("/app/feed"),
        BytesLe(9),
        Tenant("t"),
    )


@pytest.mark.parametrize(
    ("prefix", "inside", "outside"),
    [
        ("/app/feed", ["/app/feed", "/app/feed/", "/app/feed/x", "/app/f%65ed/x"], ["/app/Feed"]),
        ("/feed", ["/app/feed/x", "/app/feed//x"], ["/app", "/app/feedback", "/app//feed"]),
        ("feed//", ["/app/feed"], ["/app/x/feed", "/app/feed%3Fx", "/app/feed;x"]),
        ("/f%2565ed", ["/app/feed"], ["/app/f"]),
        ("/app", ["/app", "/app/x"], ["/apple", "/", ""]),
        ("/", ["/app/x"], ["/healthz"]),
        ("app", ["/app/app/x"], ["/app/x"]),
        ("/ü/a", ["/app/%C3%BC/a"], ["/app/%C3/a", "/app/%FC/a"]),
    ],
)
def test_a_prefix_is_one_of_whole_decoded_segments(
    prefix: str, inside: list[str], outside: list[str]
) -> None:
    rights = Rights(path_prefixes=(prefix,))
    for path in inside:
        assert rights.denial("GET", path, 0) is None, path
        assert rights.denial("GET", path, 0, node=True) == "path_not_allowed"
    for path in outside:
        assert rights.denial("GET", path, 0) == "path_not_allowed", path


@pytest.mark.parametrize(
    "path",
    [
        "/app/feed/../x",
        "/app/feed/%2e%2E/x",
        "/app/feed/%252e%252e/x",
        "/app/feed/.%20/x",
        "/app/feed%2F..%2Fx",
        "/app/feed/..;a/x",
        "/app/feed/%25252525252e",
        "/app/feed/%ff",
    ],
)
def test_no_path_leaves_its_prefix_again(path: str) -> None:
    rights = Rights(path_prefixes=("/feed",))
    assert rights.denial("GET", path, 0) == "path_not_allowed"


def test_each_right_is_looked_at_and_the_first_that_lacks_is_named() -> None:
    rights = Rights(NOW + 1, ("GET", "POST"), ("/feed",), 10)
    for method, path, length, reason in [
        ("POST", "/app/feed", 10, None),
        ("POST", "/app/feed", 11, "bytes_exceed"),
        ("get", "/app/feed", 0, "method_not_allowed"),
        ("PUT", "/app/x", 11, "method_not_allowed"),
        ("GET", "/app/x", 11, "path_not_allowed"),
    ]:
        assert rights.denial(method, path, length) == reason
    assert not rights.have_ended(NOW)
    assert rights.have_ended(NOW + 1)
    assert Rights().denial("PURGE", "/healthz", 2**40, node=True) is None
    assert not Rights().have_ended(2**70)


rights = st.builds(
    Rights,
    st.none() | st.integers(NOW, NOW + 4),
    st.none() | st.lists(st.sampled_from(["GET", "PUT", "POST"]), unique=True).map(tuple),
    st.lists(st.sampled_from(["/", "/a", "/a/b", "/b", "/%61"]), max_size=2).map(tuple),
    st.none() | st.integers(0, 4),
)


@given(
    rights,
    rights,
    st.sampled_from(["GET", "PUT", "HEAD"]),
    st.sampled_from(["/app", "/app/a", "/app/a/b/c", "/app/%61/b", "/app/ab", "/x"]),
    st.integers(0, 5),
    st.integers(NOW - 1, NOW + 5),
    st.booleans(),
)
def test_what_is_narrowed_permits_just_what_both_permit(
    one: Rights, other: Rights, method: str, path: str, length: int, now: int, node: bool
) -> None:
    def permits(left: Rights) -> bool:
        denial = left.denial(method, path, length, node=node)
        return denial is None and not left.have_ended(now)

    assert permits(one.narrowed(other)) == (permits(one) and permits(other))


@given(st.text(max_size=30))
def test_no_path_and_no_method_breaks_the_check(text: str) -> None:
    assert prefix_segments(text) is None or prefix_segments(text)[0] == "app"  # type: ignore[index]
    assert app_path(text).startswith("/app")
    assert sent_method(text) in (text, text.upper())


def test_the_guard_refuses_what_the_component_should_have_refused() -> None:
    guard = Guard(
        "https://gw.example/ron/app", Rights(NOW + 2, ("GET",), ("/feed",), 3), lambda: NOW
    )
    base = "https://gw.example/ron"
    guard.check_rights("GET", f"{base}/app/feed/x?y=../z", 3, node=False)
    for method, path, length, node in [
        ("POST", "/app/feed", 0, False),
        ("GET", "/app/feedback", 0, False),
        ("GET", "/app/feed", 4, False),
        ("GET", "/app/feed", 0, True),
    ]:
        with pytest.raises(RonSandboxError) as caught:
            guard.check_rights(method, base + path, length, node=node)
        assert caught.value.code == "guard"


def test_a_time_that_is_over_by_now_is_no_lie_of_the_component() -> None:
    now = [NOW]
    guard = Guard("https://gw.example", Rights(NOW + 2), lambda: now[0])
    guard.check_rights("GET", "https://gw.example/app", 0, node=False)
    now[0] += 2
    for check in (
        guard.check_time,
        lambda: guard.check_rights("GET", "https://gw.example/app", 0, node=False),
    ):
        with pytest.raises(RonCapabilityError) as caught:
            check()
        assert caught.value.code == "expired"
    Guard("https://gw.example").check_rights("GET", "https://gw.example/app", 0, node=False)
