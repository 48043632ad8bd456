"""What the schemas allow goes over real sockets, through the component, and comes out as it was."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import schemas
from ron_app_sdk_py import Event, Page, RonClient, RonParseError, RonProblem
from servers import raw_server, read_request, reply

PROBLEM = schemas.read("problem")
EVENT = schemas.read("event")
PAGE = schemas.read("page")

UNDERSTOOD = {
    "code",
    "corr_id",
    "correlationId",
    "correlation_id",
    "detail",
    "details",
    "error",
    "http",
    "kind",
    "message",
    "problem",
    "reason",
    "retry_after",
    "retry_after_ms",
    "retryable",
    "status",
    "title",
    "type",
}
"""Members that say something of their own in a server's object; all others are extensions."""


def served(answer: bytes, use: Callable[[RonClient], Any]) -> Any:
    """What ``use`` makes of a client whose server gives this answer."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            writer.write(answer)

    async def run() -> Any:
        async with raw_server(handler) as url, RonClient(url, retries=0) as client:
            return await use(client)

    return asyncio.run(run())


@settings(deadline=None, max_examples=40)
@given(schemas.instances(PROBLEM))
def test_a_problem_of_the_schema_is_told_as_it_is(instance: dict[str, Any]) -> None:
    more = {name: value for name, value in instance["extensions"].items() if name not in UNDERSTOOD}
    # The body of a redirect is not read.
    expected = {**instance, "status": max(instance["status"], 400), "extensions": more}
    said = {name: value for name, value in expected.items() if name not in ("status", "extensions")}
    body = json.dumps({**more, **said}).encode()

    async def problem_of(client: RonClient) -> RonProblem:
        try:
            await client.get("/x")
        except RonProblem as problem:
            return problem
        raise AssertionError("the call succeeded")

    answer = reply(f"{expected['status']} Status", body, "content-type: application/json")
    found = served(answer, problem_of).problem.model_dump()
    schemas.validator(PROBLEM).validate(found)
    assert found == expected


@settings(deadline=None, max_examples=40)
@given(st.lists(schemas.instances(EVENT), min_size=1, max_size=4))
def test_events_of_the_schema_are_told_as_they_are(given_events: list[dict[str, Any]]) -> None:
    blocks = []
    for event in given_events:
        lines = [f"event: {event['type']}", f"id: {event['id']}"]
        lines += [f"data: {line}" for line in event["data"].split("\n")]
        if event["retry"] is not None:
            lines.append(f"retry: {event['retry']}")
        blocks.append("\n".join(lines) + "\n\n")
    content = "".join(blocks).encode()

    async def events_of(client: RonClient) -> list[Event]:
        count = len(given_events)
        return [event async for event in client.subscribe("/x", max_events=count)]

    # Without a length, which would tell of a gateway that holds answers back.
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
    found = served(head + content, events_of)
    instances = [{name: getattr(event, name) for name in EVENT["properties"]} for event in found]
    assert instances == given_events


def page_of(answer: Any) -> Page[Any]:
    """The page that a client makes of an answer."""

    async def first(client: RonClient) -> Page[Any]:
        async for page in client.iter_pages("/x"):
            return page
        raise AssertionError("there is no page")

    content = json.dumps(answer).encode()
    page: Page[Any] = served(reply("200 OK", content, "content-type: application/json"), first)
    return page


MORE = st.dictionaries(
    schemas.TEXT.filter(lambda name: name not in ("messages", "next_cursor", "cursor")),
    schemas.JSON,
    max_size=3,
)


@settings(deadline=None, max_examples=40)
@given(schemas.instances(PAGE), MORE)
def test_a_page_of_the_schema_is_read_as_it_is(
    instance: dict[str, Any], more: dict[str, Any]
) -> None:
    answer = {**more, **instance}
    answer |= {} if "next_page_token" in instance else {"next_page_token": None}
    schemas.validator(PAGE).validate(answer)
    page = page_of(answer)
    assert (page.items, page.raw) == (instance["items"], answer)
    # The empty string ends a collection as null does.
    assert page.next_page_token == (instance.get("next_page_token") or None)


@pytest.mark.parametrize(
    "wrong", [{"items": "x"}, {}, [], 3, {"items": None}, {"items": [], "next_page_token": 3}]
)
def test_what_is_no_page_is_refused_by_both(wrong: Any) -> None:
    assert not schemas.validator(PAGE).is_valid(wrong)
    with pytest.raises(RonParseError) as caught:
        page_of(wrong)
    assert caught.value.code == "invalid_page"
