"""The last check before the socket holds a narrowed client to its caveats, even if the component
lies: the listener gets no connection."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import pytest

import guests
from ron_app_sdk_py import RonClient, RonSandboxError
from ron_app_sdk_py.engine.guest import Guest
from ron_app_sdk_py.engine.runtime import Runtime
from servers import Request, answering, on_a_thread, reply

NOTHING = guests.answer("\0")


@pytest.fixture
def listener() -> Iterator[tuple[str, list[Request]]]:
    seen: list[Request] = []
    with on_a_thread(answering(seen, reply("200 OK", b"{}"))) as url:
        yield url, seen


def liar(method: str, url: str, body: str = "") -> Runtime:
    """A component that accepts every setting, and answers each call by sending this."""
    send = f"\x001\0send\x001\0{method}\0{url}\0\0\0\x000\0{body}\0"
    return guests.guest(
        open=guests.answer("\x000\0opened\x001\0"),
        derive=guests.answer("\x000\0opened\x002\0"),
        begin=guests.answer(send),
        feed=guests.answer("\x001\0done\x001\x001\x00id\0"),
        cancel=NOTHING,
        close=NOTHING,
    )


@pytest.mark.parametrize(
    ("method", "path", "body", "reason"),
    [
        ("GET", "/app/feed/1?x=1", "", None),
        ("POST", "/app/feed/1", "", "method_not_allowed"),
        ("GET", "/app/feedback", "", "path_not_allowed"),
        ("GET", "/app/feed%2F..%2Fadmin", "", "leaves"),
        ("GET", "/app/feed/%252e%252e/admin", "", "leaves"),
        ("GET", "/app", "", "path_not_allowed"),
        ("GET", "/app/feed", "1\0bytes\x000102030405", "bytes_exceed"),
    ],
    ids=lambda value: str(value).replace("\0", " "),
)
@pytest.mark.parametrize("call", ["request", "subscribe"])
async def test_a_lying_component_sends_nothing_beyond_the_caveats(
    listener: tuple[str, list[Request]],
    method: str,
    path: str,
    body: str,
    reason: str | None,
    call: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url, seen = listener
    lying = functools.partial(Guest, runtime=liar(method, url + path, body))
    monkeypatch.setattr("ron_app_sdk_py.calls.sessions.Guest", lying)
    async with RonClient(url) as client:
        narrow = client.with_caveat(methods=["GET"], path_prefix="/feed", max_bytes=4)
        if reason is None:
            if call == "request":
                assert await narrow.get("/feed/1") == b"{}"
            else:
                async for _ in narrow.subscribe("/feed/1"):
                    pass
            assert len(seen) == 1
            return
        # A component that lies of the method too is refused for that.
        asked = (
            narrow.request(method, "/feed/1")
            if call == "request"
            else anext(narrow.subscribe("/feed/1"))
        )
        with pytest.raises(RonSandboxError) as caught:
            await asked
        assert caught.value.code == "guard"
        assert reason in caught.value.message or (call, method) == ("subscribe", "POST")
        assert seen == []
