"""Every call of the vectors arrives at a real server as they say, over either transport."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ron_app_sdk_py import ClientConfig, RonClient
from servers import Request, answering, raw_server, reply
from shared_vectors import Case, read, title

CALLS = read("calls.json")
MADE = {
    "<request-id>": r"[0-9a-f]{32}",
    "<uuid>": r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
}
"""What stands for values that are made anew for each call: RFC 9562, section 5.4."""

OF_TRANSPORTS = {"host", "connection", "content-length"}


async def perform(client: RonClient, case: Case) -> None:
    """Makes the call; what the server answers is of no interest."""
    options: dict[str, Any] = {"query": case["query"], "headers": case["headers"]}
    if case["content_length"] is not None:
        options["content"] = b"x" * case["content_length"]
    keyed = case["idempotency"] or {}
    if keyed:
        options["idem"] = keyed.get("key", True)
    method, path, is_node = case["method"], case["path"], case["plane"] == "node"
    if is_node:
        options["credential"] = case["credential"]
    if "stream" in case:
        if case["stream"]["last_event_id"]:
            options["last_event_id"] = case["stream"]["last_event_id"]
        subscribe = client.node.subscribe if is_node else client.subscribe
        # The answer, 204, ends it.
        assert [event async for event in subscribe(path, method=method, **options)] == []
    elif is_node:
        await client.node.request(method, path, **options)
    else:
        await client.request(method, path, **options)


@pytest.mark.parametrize("case", CALLS["calls"], ids=title)
async def test_a_call_arrives_as_the_vectors_say(transport: str, case: Case) -> None:
    seen: list[Request] = []
    config = ClientConfig(token=case["token"], user_agent=CALLS["user_agent"], retries=0)
    async with (
        raw_server(answering(seen, reply("204 No Content"))) as url,
        RonClient(url + case["prefix"], config=config, transport=transport) as client,
    ):
        await perform(client, case)
    ((first, fields, content),) = seen
    sent = case["sent"]
    assert first == f"{sent['method']} {sent['target']} HTTP/1.1"
    found = [(name.lower(), value) for name, value in fields]
    lengths = [value for name, value in found if name == "content-length"]
    # Where there need be none, none says as much as 0.
    given_length = [] if sent["content_length"] is None else [str(sent["content_length"])]
    assert lengths == given_length or (given_length, lengths) == ([], ["0"])
    assert len(content) == (sent["content_length"] or 0)
    assert [value for name, value in found if name == "host"] == [url.partition("://")[2]]
    given = sorted(field for field in found if field[0] not in OF_TRANSPORTS)
    assert [name for name, _ in given] == [name for name, _ in sent["headers"]]
    made: dict[str, str] = {}
    for (name, value), (_, expected) in zip(given, sent["headers"], strict=True):
        if expected in MADE:
            assert re.fullmatch(MADE[expected], value), name
            assert made.setdefault(expected, value) == value, name
        else:
            assert value == expected, name
