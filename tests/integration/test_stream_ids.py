"""The last event id as a field of a request: what ids of any kind do to a subscription."""

from __future__ import annotations

import pytest

from ron_app_sdk_py import RonClient, RonError, RonTooLargeError
from stream_servers import event, serving, stream

TRANSPORTS = ["aiohttp", "httpx2"]


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize(
    ("id_", "sent"),
    [
        (" 1", "1"),
        ("\t1 2 \t ", "1 2"),
        ("  ", None),
        ("é €", "é €"),
        ("a\x85b", "a\x85b"),
        ("a\x01b", None),
        ("a\x7f", None),
        ("x: y", "x: y"),
        ("x" * 60_000, "x" * 60_000),
    ],
)
async def test_an_id_is_sent_as_far_as_a_field_can_hold_it(
    transport: str, id_: str, sent: str | None
) -> None:
    """White space at its ends is none of a field's value; control characters are never sent. The
    subscription goes on all the same."""
    lost: list[RonError] = []
    async with (
        serving(stream(event("1", id_)), stream(event("2", "b"))) as served,
        RonClient(served.url, transport=transport) as client,
    ):
        subscription = client.subscribe("/x", reconnect_delay=0.1, on_error=lost.append)
        assert [item.id async for item in subscription] == [id_, "b"]
        assert served.ids == [None, sent, "b"]
    assert [error.code for error in lost] == ["stream_ended"] * 2


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_an_id_too_long_for_a_field_ends_it_with_an_error_that_says_so(
    transport: str,
) -> None:
    async with (
        serving(stream(event("1", "x" * 65_500))) as served,
        RonClient(served.url, transport=transport) as client,
    ):
        subscription = client.subscribe("/x")
        assert (await anext(subscription)).data == "1"
        with pytest.raises(RonTooLargeError, match="last event id") as caught:
            await anext(subscription)
        assert caught.value.code == "last_event_id_too_large"
        assert len(served.seen) == 1


async def test_an_id_of_the_callers_is_no_longer_either() -> None:
    async with RonClient("http://127.0.0.1:1") as client:
        with pytest.raises(RonTooLargeError) as caught:
            await anext(client.subscribe("/x", last_event_id="x" * 70_000))
        assert caught.value.code == "last_event_id_too_large"
