"""The last check before the socket, alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import shared_vectors
from ron_app_sdk_py.calls.guard import RESERVED, RESERVED_PREFIXES, Guard, check_added
from ron_app_sdk_py.errors import RonError, RonSandboxError

BASES = [
    ("https://gw.example", "https://gw.example/"),
    ("https://GW.example:443/", "https://gw.example/"),
    ("https://gw.example/ron/app", "https://gw.example/ron/"),
    ("http://127.0.0.1:8080/app/", "http://127.0.0.1:8080/"),
    ("http://[::1]:80", "http://[::1]/"),
    ("HTTPS://gw.example:8443", "https://gw.example:8443/"),
]


@pytest.mark.parametrize(("base_url", "root"), BASES)
def test_what_stays_in_the_plane_passes(base_url: str, root: str) -> None:
    guard = Guard(base_url)
    for target in ("app", "app/", "app/x", "app/.well-known/a..b", "app/%7ex?q=/../x", "app?a=1"):
        guard.check(root + target, [("authorization", "x"), ("accept", "*/*")], node=False)
    for target in ("healthz", "", "app/x"):
        guard.check(root + target, [], node=True)


@pytest.mark.parametrize(("base_url", "root"), BASES)
def test_what_leaves_the_plane_or_the_origin_is_stopped(base_url: str, root: str) -> None:
    guard = Guard(base_url)
    for url in (
        "https://evil.example/app/x",
        root.replace("//", "//user@") + "app/x",
        root[:-1] + ".evil.example/app/x",
        root + "apple",
        root + "healthz",
        root + "app/../x",
        root + "app/%2e%2E/x",
        root + "app/.%2e",
        root + "app/./x",
        "/app/x",
        "",
    ):
        with pytest.raises(RonSandboxError) as caught:
            guard.check(url, [], node=False)
        assert caught.value.code == "guard"
    for url in ("https://evil.example/healthz", root + "../x", root + "x/%2e%2e/y"):
        with pytest.raises(RonSandboxError):
            guard.check(url, [], node=True)


@pytest.mark.parametrize("odd", [" ", "\t", "\r\n", "\0", "\x7f", "\\", "#", "é", "\udcff"])
@pytest.mark.parametrize("node", [True, False])
def test_a_url_that_is_not_encoded_is_stopped(odd: str, node: bool) -> None:
    for url in (f"https://e/app/x{odd}y", f"https://e/app/x?a={odd}", f"https://e/app/x{odd}"):
        with pytest.raises(RonSandboxError) as caught:
            Guard("https://e").check(url, [], node=node)
        assert caught.value.code == "guard"


@pytest.mark.parametrize(
    ("added", "code"),
    [
        ([("Idempotency-Key", "a")], "reserved_header"),
        ([("x-request-id", "a")], "reserved_header"),
        ([("X-Correlation-Id", "a")], "reserved_header"),
        ([("Accept", "a")], "reserved_header"),
        ([("a", " b")], "invalid_header"),
        ([("a", "b\t")], "invalid_header"),
        ([("a", "b" * 65_536)], "request_headers_too_large"),
        ([(f"a{number}", "b") for number in range(10_000)], "request_headers_too_large"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_middleware_adds_to_an_attempt_is_new_clean_and_bounded(
    added: list[tuple[str, str]], code: str
) -> None:
    present = [("accept", "*/*")]
    with pytest.raises(RonError) as caught:
        check_added(added, present)
    assert caught.value.code == code
    check_added([("traceparent", "00-a-b-01"), ("a", "b\tc"), ("empty", "")], present)


@pytest.mark.parametrize("name", ["Cookie", "host", "Content-Length", "TE", "transfer-encoding"])
def test_a_field_of_the_transports_is_stopped_even_from_the_component(name: str) -> None:
    with pytest.raises(RonSandboxError):
        Guard("https://e").check("https://e/app/x", [(name, "x")], node=False)


def test_the_reserved_names_are_those_of_the_component() -> None:
    vectors = shared_vectors.read("headers.json")
    assert set(vectors["reserved"]) == RESERVED
    assert sorted(vectors["reserved_prefixes"]) == sorted(RESERVED_PREFIXES)


@given(st.text(max_size=40))
def test_no_path_of_another_origin_passes(rest: str) -> None:
    guard = Guard("https://gw.example")
    for prefix in ("http://gw.example", "https://gw.example.evil", "https://gw.example:444", "//"):
        with pytest.raises(RonSandboxError):
            guard.check(prefix + "/app/" + rest, [], node=False)
