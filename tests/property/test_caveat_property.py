"""Narrowed clients through the component and a real socket: none does what its parent could not,
and what one may do is what it says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from examples import examples
from ron_app_sdk_py import RonCapabilityError, RonClientSync
from ron_app_sdk_py.base import BaseClient
from ron_app_sdk_py.engine.guest import SystemClock
from servers import TOKEN, Request, answering, on_a_thread, reply

FEW = settings(max_examples=examples(60), deadline=None)


class MovedClock(SystemClock):
    """The wall clock is where it is put."""

    wall = 1_700_000_000

    def wall_ns(self) -> int:
        return self.wall * 10**9


@contextmanager
def clients() -> Iterator[tuple[RonClientSync, MovedClock, list[Request]]]:
    seen: list[Request] = []
    clock = MovedClock()
    with (
        on_a_thread(answering(seen, reply("200 OK"))) as url,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(BaseClient, "_clock", clock)
        with RonClientSync(url, token=TOKEN) as client:
            yield client, clock, seen


@pytest.fixture(scope="module")
def narrowing() -> Iterator[tuple[RonClientSync, MovedClock, list[Request]]]:
    with clients() as made:
        yield made


caveats = st.fixed_dictionaries(
    {},
    optional={
        "expiry": st.integers(1, 4),
        "readonly": st.just(True),
        "methods": st.lists(
            st.sampled_from(["GET", "get", "POST", "HEAD", "purge"]), min_size=1, max_size=3
        ),
        "path_prefix": st.sampled_from(["/", "/app", "/a", "a/b", "/a/b/", "/%61", "/ab", "/ü"]),
        "max_bytes": st.integers(0, 3),
    },
).filter(bool)
requests = st.tuples(
    st.sampled_from(["GET", "HEAD", "OPTIONS", "POST", "Purge", "purge"]),
    st.sampled_from(["/", "/a", "/a/b", "/app/a/b/c", "/ab", "/a%2Db", "/%61/b?x=/y", "/ü", "/A"]),
    st.sampled_from([None, b"", b"1", b"1234"]),
)


@FEW
@given(
    steps=st.lists(caveats, min_size=1, max_size=4),
    calls=st.lists(requests, max_size=4),
    time=st.integers(0, 5),
)
def test_no_narrowed_client_does_what_its_parent_could_not(
    narrowing: tuple[RonClientSync, MovedClock, list[Request]],
    steps: list[dict[str, Any]],
    calls: list[tuple[str, str, bytes | None]],
    time: int,
) -> None:
    root, clock, seen = narrowing
    clock.wall = 1_700_000_000
    chain = [root]
    for step in steps:
        try:
            chain.append(chain[-1].with_caveat(**step))
        except RonCapabilityError as error:
            assert error.code in ("exceeds_parent", "contradictory")  # noqa: PT017
    clock.wall += time
    for method, path, content in calls:
        allowed = True
        for client in chain:
            before = len(seen)
            does = does_it(client, method, path, content)
            assert len(seen) - before == does
            assert client.capability.permits(method, path, len(content or b"")) == does
            assert allowed or not does
            allowed = does


def does_it(client: RonClientSync, method: str, path: str, content: bytes | None) -> bool:
    try:
        client.request(method, path, content=content)
    except RonCapabilityError as error:
        assert error.attempts == 0  # noqa: PT017
        return False
    return True
