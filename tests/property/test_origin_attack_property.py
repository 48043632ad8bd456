"""Whatever the path: what is sent stays in the app plane of the configured origin."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from attacks import CONTROLS, encoded, harmless, is_in_plane, steps, urls_of
from examples import examples
from processes import devnode
from ron_app_sdk_py import RonClientSync, RonError, RonRequestError
from ron_app_sdk_py.calls.guard import Guard
from ron_app_sdk_py.errors import RonSandboxError
from servers import TOKEN, on_a_thread, read_head, reply

ANSWER = reply("200 OK", b"{}", "content-type: application/json")
GATEWAY = "https://gateway.example"


class Upstream:
    """Notes the targets of what it is sent."""

    def __init__(self) -> None:
        self.targets: list[str] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            first, _ = await read_head(reader)
            self.targets.append(first.split(" ")[1])
            writer.write(ANSWER)


@pytest.fixture(scope="module")
def gateway() -> Iterator[tuple[RonClientSync, list[str]]]:
    """A client of a gateway, and the targets that this is sent."""
    upstream = Upstream()
    with on_a_thread(upstream) as url, RonClientSync(url, token=TOKEN, retries=0) as client:
        yield client, upstream.targets


@pytest.fixture(scope="module")
def proxying_gateway() -> Iterator[tuple[RonClientSync, list[str]]]:
    """A client of a gateway that decodes and parses again, and the targets that it passes on."""
    upstream = Upstream()
    with (
        on_a_thread(upstream) as url,
        devnode("--upstream", f"{url}/v1/app") as node,
        RonClientSync(node, token=TOKEN, retries=0) as client,
    ):
        yield client, upstream.targets


PIECES = st.sampled_from(
    ["/", ".", "..", "\\", "?", "#", ":", "@", ";", " ", "%", "25", "2e", "app"]
)
LAYERED = st.builds(encoded, st.sampled_from([*"./\\?#;% ", *CONTROLS]), st.integers(0, 4))
AUTHORITIES = st.sampled_from(["//", "http://", "127.0.0.1:8080", "[::1]", "other.example", "u:p@"])
BYTES = st.integers(0, 255).map(lambda byte: f"%{byte:02X}")
PATHS = st.lists(
    st.one_of(PIECES, LAYERED, AUTHORITIES, BYTES, st.text(max_size=3)), max_size=12
).map("".join)


@pytest.mark.parametrize(
    "target",
    [
        "/apple",
        "/healthz",
        "/app/%2e%2e/%2e%2e/healthz",
        "/app/..%2f..%2fops/metrics",
        "/app/x/../y",
        "/app/%252e%252e/x",
        "/app/.%09./x",
        "/app/x/..%20",
        "/app/a%2Fb",
    ],
)
def test_what_leads_out_of_the_plane_is_seen_as_that(target: str) -> None:
    """Or the other tests would prove nothing. Most are those of ``protocol.md`` 1.3."""
    assert not is_in_plane(target)


@settings(max_examples=examples(300), deadline=None)
@given(PATHS)
@example("/..%20")
@example("/.%09./x")
@example("/%252e%252e/x")
def test_whatever_the_path_what_is_sent_stays_in_the_app_plane(
    gateway: tuple[RonClientSync, list[str]], path: str
) -> None:
    client, targets = gateway
    targets.clear()
    try:
        client.get(path)
    except RonRequestError:
        assert targets == []
        return
    (target,) = targets
    assert is_in_plane(target)


@settings(max_examples=examples(100), deadline=None)
@given(PATHS)
def test_whatever_the_path_a_gateway_that_decodes_it_passes_it_on_within_the_plane(
    proxying_gateway: tuple[RonClientSync, list[str]], path: str
) -> None:
    client, targets = proxying_gateway
    targets.clear()
    try:
        client.get(path)
    except RonError:
        # The client's own, or that of a gateway which has no such route.
        assert targets == []
        return
    (target,) = targets
    assert target.startswith("/v1/app/")


@settings(max_examples=examples(1000))
@given(PATHS)
def test_what_passes_the_check_before_the_socket_stays_in_the_plane(path: str) -> None:
    """The component may lie."""
    target = "/app" + path.partition("#")[0]
    try:
        Guard(GATEWAY).check(GATEWAY + target, [], node=False)
    except RonSandboxError:
        return
    assert is_in_plane(target)


@settings(max_examples=examples(300), deadline=None)
@given(PATHS)
@example("/a%2525b")
@example("/\x85")
@example("/. .")
def test_the_check_before_the_socket_stops_nothing_that_the_component_lets_through(
    gateway: tuple[RonClientSync, list[str]], path: str
) -> None:
    client, _ = gateway
    with suppress(RonRequestError):
        client.get(path)


@pytest.mark.parametrize("path", harmless("127.0.0.1:8080"))
def test_the_check_before_the_socket_passes_what_is_harmless(
    gateway: tuple[RonClientSync, list[str]], path: str
) -> None:
    client, targets = gateway
    targets.clear()
    client.get(path)
    assert len(targets) == 1


@pytest.mark.parametrize("node", [False, True])
def test_the_check_before_the_socket_stops_each_attack_of_a_component_that_lies(
    node: bool,
) -> None:
    guard = Guard(GATEWAY)
    attacks = [*urls_of("127.0.0.1:8080"), *(f"{GATEWAY}/app{step}" for step in steps())]
    passed = []
    for url in attacks:
        with suppress(RonSandboxError):
            guard.check(url, [], node=node)
            passed.append(url)
    assert passed == []
