"""Going through pages."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import parse_qsl

import pytest

from ron_app_sdk_py import Page, RonClient, RonParseError, RonTooLargeError, iter_pages, pagination
from servers import raw_server, read_request, reply


async def pages_of(answers: dict[str | None, Any], parameter: str) -> tuple[list[Page], list[Any]]:
    """The pages of a server that has these answers by token, and the queries that it was asked."""
    queries: list[Any] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            first, _, _ = await read_request(reader)
            query = parse_qsl(first.split()[1].partition("?")[2])
            queries.append(query)
            body = json.dumps(answers[dict(query).get(parameter)]).encode()
            writer.write(reply("200 OK", body, "content-type: application/json"))

    async with raw_server(handler) as url, RonClient(url) as client:
        pages = [page async for page in iter_pages(client, "/x", page_size=2, query={"q": "é"})]
    return pages, queries


@pytest.mark.parametrize(
    ("items", "next_", "parameter"),
    [
        ("items", "next_page_token", "page_token"),
        ("items", "next_cursor", "cursor"),
        ("messages", "cursor", "cursor"),
    ],
)
async def test_pages_are_turned_in_the_way_of_the_server(
    items: str, next_: str, parameter: str
) -> None:
    answers: dict[str | None, Any] = {
        None: {items: [1, 2], next_: "a&b"},
        "a&b": {items: [], next_: "c"},
        "c": {items: [3], next_: None, "more": True},
    }
    pages, queries = await pages_of(answers, parameter)
    assert [page.items for page in pages] == [[1, 2], [], [3]]
    assert [page.next_cursor for page in pages] == ["a&b", "c", None]
    assert pages[-1].raw["more"] is True
    fixed = [("q", "é"), ("limit", "2"), ("page_size", "2")]
    assert queries == [fixed, [*fixed, (parameter, "a&b")], [*fixed, (parameter, "c")]]


@pytest.mark.parametrize("end", [{}, {"next_page_token": None}, {"next_page_token": ""}])
async def test_a_page_without_a_token_is_the_last(end: dict[str, Any]) -> None:
    pages, _ = await pages_of({None: {"items": [1], **end}}, "page_token")
    assert len(pages) == 1


async def test_a_token_that_repeats_ends_it() -> None:
    answers: dict[str | None, Any] = {
        None: {"items": [], "next_cursor": "a"},
        "a": {"items": [], "next_cursor": "b"},
        "b": {"items": [], "next_cursor": "a"},
    }
    with pytest.raises(RonParseError, match="for ever") as caught:
        await pages_of(answers, "cursor")
    assert caught.value.code == "repeated_page"


async def test_the_number_of_pages_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pagination, "MAX_PAGES", 2)
    answers: dict[str | None, Any] = {
        None: {"items": [], "next_cursor": "a"},
        "a": {"items": [], "next_cursor": "b"},
    }
    with pytest.raises(RonTooLargeError, match="more than 2 pages"):
        await pages_of(answers, "cursor")


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        ([], "is list"),
        ("x", "is str"),
        (None, "is NoneType"),
        ({}, "no list 'items'"),
        ({"items": {}}, "no list 'items'"),
        ({"messages": 3}, "no list 'messages'"),
        ({"items": [], "next_cursor": 7}, "'next_cursor' that is int"),
    ],
)
async def test_what_is_no_page_is_named(answer: Any, word: str) -> None:
    with pytest.raises(RonParseError, match=word) as caught:
        await pages_of({None: answer}, "cursor")
    assert caught.value.code == "invalid_page"
