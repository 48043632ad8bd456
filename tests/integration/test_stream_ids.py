"""The last event id as a field of a request: what ids of any kind do to a subscription."""

from __future__ import annotations

import pytest

from ron_app_sdk_py import RonClient, RonError
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
        ("x" * 4_000, "x" * 4_000),
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
