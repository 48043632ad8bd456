"""Going through pages, on real sockets."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from pydantic import BaseModel

from paged_servers import JSON, Answers, Collection
from ron_app_sdk_py import (
    Middleware,
    Page,
    Request,
    RonClient,
    RonClientSync,
    RonError,
    RonNetworkError,
    RonParseError,
    RonProblem,
    RonRequestError,
    RonTooLargeError,
    iter_pages,
    pagination,
)
from ron_app_sdk_py.types import U64
from servers import TOKEN, connections_to, on_a_thread, raw_server, read_request, reply
from shared_vectors import Case, read, title
from suspensions import Moment, Observed, task_of

VECTORS = read("pagination.json")
THREE = [
    {"items": [1, 2], "next_page_token": "b"},
    {"items": [3], "next_page_token": "c"},
    {"items": [4, 5]},
]


@pytest.mark.parametrize("case", VECTORS["pages"], ids=title)
async def test_a_page_is_what_the_vectors_say(case: Case) -> None:
    answer = reply("200 OK", case["content"].encode(), JSON)
    async with raw_server(Answers([answer])) as url, RonClient(url) as client:
        page = await anext(client.iter_pages("/x"))
    assert page.items == case["items"]
    assert page.next_page_token == page.next_cursor == case["next_page_token"]
    assert page.parameter == case["parameter"]
    token = case["next_page_token"]
    assert page.resume == (None if token is None else {case["parameter"]: token})
    assert page.raw == json.loads(case["content"].removeprefix("\ufeff"))


@pytest.mark.parametrize("case", VECTORS["refused"], ids=title)
async def test_what_is_no_page_is_named_without_what_it_holds(case: Case) -> None:
    answer = reply("200 OK", case["content"].encode(), JSON)
    async with raw_server(Answers([answer])) as url, RonClient(url) as client:
        with pytest.raises(RonParseError, match="'/things'") as caught:
            await anext(client.paginate("/things?secret=hunter22"))
    assert caught.value.code == "invalid_page"
    assert (caught.value.attempts, len(caught.value.timeline)) == (1, 1)
    assert caught.value.request_id
    for word in case["named"]:
        assert word in str(caught.value)
    assert "hunter22" not in str(caught.value)


@pytest.mark.parametrize("case", VECTORS["walks"], ids=title)
@pytest.mark.parametrize("whole_pages", [False, True], ids=["items", "pages"])
async def test_a_walk_is_what_the_vectors_say(case: Case, whole_pages: bool) -> None:
    server = Answers(case["answers"])
    start: dict[str, Any] = case.get("start", {})
    items: list[Any] = []
    async with raw_server(server) as url, RonClient(url) as client:
        pages = client.paginate("/x", query=case.get("query"), **start)
        assert server.queries == []
        error = None
        try:
            if whole_pages:
                async for page in pages.pages():
                    items += page.items
            else:
                async for item in pages:
                    items.append(item)
        except RonParseError as caught:
            error = caught.code
    assert server.queries == case["queries"]
    assert error == case.get("error")
    if whole_pages and "max_items" in start:
        assert items[: len(case["items"])] == case["items"]
    else:
        assert items == case["items"]
        assert pages.resume == case["resume"]


@pytest.mark.parametrize("case", VECTORS["walks"], ids=title)
def test_a_walk_of_the_synchronous_client_is_the_same(case: Case) -> None:
    server = Answers(case["answers"])
    start: dict[str, Any] = case.get("start", {})
    items: list[Any] = []
    with on_a_thread(server) as url, RonClientSync(url) as client:
        pages = client.paginate("/x", query=case.get("query"), **start)
        error = None
        try:
            items.extend(pages)
        except RonParseError as caught:
            error = caught.code
    assert server.queries == case["queries"]
    assert error == case.get("error")
    assert items == case["items"]
    assert pages.resume == case["resume"]


async def test_an_iteration_goes_on_where_another_was_left() -> None:
    server = Answers(THREE)
    async with raw_server(server) as url, RonClient(url) as client:
        pages = client.paginate("/x")
        async for item in pages:
            if item == 2:
                break
        # The consumer may not be done with the last item of the page.
        assert pages.resume == {}
        assert await anext(pages) == 3
        assert pages.resume == {"page_token": "b"}
        assert [item async for item in pages] == [4, 5]
        assert [item async for item in pages] == []
        assert pages.resume == {"page_token": "c"}
    assert len(server.queries) == 3


async def test_whole_pages_begin_with_the_one_whose_items_were_begun() -> None:
    server = Answers(THREE)
    async with raw_server(server) as url, RonClient(url) as client:
        pages = client.paginate("/x")
        assert await anext(pages) == 1
        assert [page.items async for page in pages.pages()] == [[1, 2], [3], [4, 5]]
    assert len(server.queries) == 3


async def test_whole_pages_end_with_that_by_which_the_cap_is_reached() -> None:
    server = Answers(THREE)
    async with raw_server(server) as url, RonClient(url) as client:
        capped = client.iter_pages("/x", max_items=1)
        assert [page.items async for page in capped] == [[1, 2]]
    assert len(server.queries) == 1


@pytest.mark.parametrize("count", range(6))
async def test_resuming_after_any_item_loses_none(count: int) -> None:
    async with raw_server(Answers(THREE)) as url, RonClient(url) as client:
        pages = client.paginate("/x")
        taken = [await anext(pages) for _ in range(count)]
    later = {None: 0, "b": 1, "c": 2}[pages.resume.get("page_token")]
    async with raw_server(Answers(THREE[later:])) as url, RonClient(url) as client:
        rest = [item async for item in client.paginate("/x", **pages.resume)]
    assert [*taken, *(item for item in rest if item not in taken)] == [1, 2, 3, 4, 5]


async def test_after_an_error_the_same_page_is_asked_for_again() -> None:
    problem = reply("500 Internal", b'{"code":"c"}', JSON)
    server = Answers([THREE[0], problem, {"rows": []}, *THREE[1:]])
    async with raw_server(server) as url, RonClient(url, retries=0) as client:
        pages = client.paginate("/x")
        items = [await anext(pages), await anext(pages)]
        with pytest.raises(RonProblem):
            await anext(pages)
        assert pages.resume == {"page_token": "b"}
        with pytest.raises(RonParseError):
            await anext(pages)
        items += [item async for item in pages]
    assert items == [1, 2, 3, 4, 5]
    assert server.queries[1:4] == [[["page_token", "b"]]] * 3


async def cancelled_at(suspension: int, moment: Moment) -> int:
    """Goes through pages, cancelled at a suspension, and then on: how many suspensions the first
    part had."""

    async def take() -> None:
        async for item in pages:
            items.append(item)

    items: list[int] = []
    collection = Collection()
    collection.pages = [([1, 2], "page_token"), ([3], "after"), ([4, 5], "cursor")]
    async with raw_server(collection) as url:
        async with RonClient(url) as client:
            pages = client.paginate("/x")
            work = Observed(take(), {suspension}, lambda: task.cancel(), moment)
            task = task_of(work)
            await asyncio.wait([task])
            assert task.cancelled() == (suspension > 0)
            assert client.metrics.in_flight == 0
            await take()
            assert items == [1, 2, 3, 4, 5]
        await asyncio.sleep(0)
        assert connections_to(int(url.rpartition(":")[2])) == 0
    return work.suspensions


@pytest.mark.parametrize("moment", ["waiting", "woken"])
async def test_cancelled_at_any_suspension_it_leaves_nothing_open_and_goes_on(
    moment: Moment,
) -> None:
    # The first run compiles the component and imports the transport.
    await cancelled_at(0, moment)
    suspensions = await cancelled_at(0, moment)
    assert suspensions > 3
    for suspension in range(1, suspensions + 1):
        assert await cancelled_at(suspension, moment) >= suspension


async def test_two_tasks_may_not_ask_at_the_same_time() -> None:
    release = asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            await release.wait()
            writer.write(reply("200 OK", b'{"items":[1,2]}', JSON))

    async with raw_server(slow) as url, RonClient(url) as client:
        pages = client.paginate("/x")
        first = asyncio.create_task(anext(pages))
        await asyncio.sleep(0)
        with pytest.raises(RonRequestError, match="one at a time") as caught:
            await anext(pages)
        assert caught.value.code == "pages_in_use"
        release.set()
        assert await first == 1
        assert await anext(pages) == 2


async def test_the_options_of_a_call_are_those_of_each_page() -> None:
    seen: list[Request] = []

    class Adding(Middleware):
        async def before_request(self, request: Request) -> None:
            request.query.append(("once", "1"))
            request.headers.append(("X-Once", "1"))
            seen.append(request)

    server = Answers(THREE)
    async with raw_server(server) as url, RonClient(url) as client:
        client.add_middleware(Adding())
        pages = client.paginate("/x", headers={"X-A": "b"}, timeout=7, retries=1)
        assert [item async for item in pages] == [1, 2, 3, 4, 5]
    assert [(request.timeout, request.retries) for request in seen] == [(7, 1)] * 3
    for _, fields, _ in server.requests:
        names = [name.lower() for name, _ in fields]
        assert (names.count("x-a"), names.count("x-once")) == (1, 1)
    assert [query.count(["once", "1"]) for query in server.queries] == [1, 1, 1]


async def test_a_token_takes_the_place_of_one_in_the_path() -> None:
    server = Answers([{"items": [1], "next_cursor": "b"}, {"items": [2]}])
    async with raw_server(server) as url, RonClient(url) as client:
        pages = client.paginate("/x?cursor=a&q=%20&%63ursor=z&r")
        assert [item async for item in pages] == [1, 2]
    assert server.queries[1] == [["q", " "], ["r", ""], ["cursor", "b"]]
    assert server.requests[1][0].startswith("GET /app/x?q=%20&r&cursor=b ")


async def test_the_number_of_pages_is_bounded_where_the_caller_sets_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pagination, "MAX_PAGES", 2)
    async with raw_server(Answers(THREE)) as url, RonClient(url) as client:
        pages = client.paginate("/x")
        assert [await anext(pages) for _ in range(3)] == [1, 2, 3]
        with pytest.raises(RonTooLargeError, match="more than 2 pages") as caught:
            await anext(pages)
        assert caught.value.code == "too_many_pages"
    async with raw_server(Answers(THREE)) as url, RonClient(url) as client:
        assert [item async for item in client.paginate("/x", max_pages=3)] == [1, 2, 3, 4, 5]


async def test_no_page_is_asked_for_where_none_is_wanted() -> None:
    server = Answers(THREE)
    async with raw_server(server) as url, RonClient(url) as client:
        for cap in ("max_pages", "max_items"):
            options: Any = {cap: 0}
            assert [item async for item in client.paginate("/x", **options)] == []
    assert server.queries == []


@pytest.mark.parametrize(
    ("options", "code", "named"),
    [
        ({"page_token": "a", "cursor": "b"}, "invalid_page_token", "page_token and cursor"),
        ({"cursor": "a", "after": "b"}, "invalid_page_token", "cursor and after"),
        ({"page_token": 7}, "invalid_page_token", "page_token is int"),
        ({"cursor": b"a"}, "invalid_cursor", "cursor is bytes"),
        ({"page_size": 0}, "invalid_page_size", "page_size is 0"),
        ({"page_size": "9"}, "invalid_page_size", "page_size is str"),
        ({"max_pages": -1}, "invalid_max_pages", "max_pages is -1"),
        ({"max_items": 1.5}, "invalid_max_items", "max_items is float"),
        ({"max_items": True}, "invalid_max_items", "max_items is bool"),
        ({"timeout": 0}, "invalid_timeout", "timeout is 0"),
        ({"retries": -1}, "invalid_retries", "retries is -1"),
        ({"headers": 7}, "invalid_headers", "headers is int"),
        ({"query": {"a": b""}}, "invalid_query", "'a' is bytes"),
        ({"model": "M"}, "unusable_model", "model is str"),
    ],
)
def test_arguments_that_are_no_good_are_refused_at_once(
    options: Any, code: str, named: str
) -> None:
    with RonClientSync("http://127.0.0.1:1") as client:
        with pytest.raises(RonRequestError, match=named) as caught:
            client.paginate("/x", **options)
        assert caught.value.code == code
        with pytest.raises(RonRequestError, match="path is int"):
            client.paginate(7)  # type: ignore[call-overload]
        with pytest.raises(TypeError, match="json"):
            client.paginate("/x", json=1)  # type: ignore[call-overload]


class Item(BaseModel):
    size: U64


async def test_a_model_is_that_of_each_item() -> None:
    large = 2**64 - 1
    answers = [
        {"items": [{"size": large}], "next_cursor": "a", "more": 1},
        {"messages": [{"size": str(large)}], "items_of_others": None},
    ]
    async with raw_server(Answers(answers)) as url, RonClient(url) as client:
        pages = [page async for page in client.iter_pages("/x", model=Item)]
    assert [page.items for page in pages] == [[Item(size=large)]] * 2
    assert pages[0].raw == answers[0]


async def test_an_item_that_is_none_is_named_by_its_place() -> None:
    answer = {"items": [{"size": 1}, {"size": "hunter22"}, {"size": -1}]}
    async with raw_server(Answers([answer])) as url, RonClient(url) as client:
        with pytest.raises(RonParseError, match=r"Item: items\[1\]\.size: Input should") as caught:
            await anext(client.paginate("/x", model=Item))
    assert caught.value.code == "invalid_model"
    assert "hunter22" not in str(caught.value)


async def test_no_error_of_a_page_shows_the_credential() -> None:
    answers = [
        {"items": 1},
        {"items": [{TOKEN: "x"}]},
        # It would be a parameter of the next request.
        {"items": [], "next_cursor": TOKEN},
    ]
    shown, codes = [], []
    async with raw_server(Answers(answers)) as url, RonClient(url, token=TOKEN) as client:
        for path, model in (("x", None), ("x", dict[str, int]), ("x", None), (TOKEN, None)):
            pages = client.paginate(f"/{path}", model=model)
            with pytest.raises(RonError) as caught:
                [item async for item in pages]
            codes.append(caught.value.code)
            shown += [repr(caught.value), str(caught.value), repr(pages)]
    assert codes == ["invalid_page", "invalid_model", "secret_in_url", "secret_in_url"]
    assert "[redacted]" in shown[3]
    assert not any(TOKEN[:8] in text for text in shown)


async def test_a_page_that_is_too_large_to_ask_for_says_so() -> None:
    answer = {"items": [1], "next_cursor": "x" * 100_000}
    async with raw_server(Answers([answer])) as url, RonClient(url) as client:
        pages = client.paginate("/x")
        assert await anext(pages) == 1
        with pytest.raises(RonTooLargeError, match="65536"):
            await anext(pages)


def test_the_synchronous_client_goes_through_pages_too() -> None:
    with on_a_thread(Answers(THREE)) as url, RonClientSync(url) as client:
        pages = client.paginate("/x", page_size=2)
        assert next(pages) == 1
        assert [page.items for page in pages.pages()] == [[1, 2], [3], [4, 5]]
        with pytest.raises(StopIteration):
            next(pages)
    with RonClientSync("http://127.0.0.1:1", retries=0) as client:
        failing = client.iter_pages("/x")
        for _ in range(2):
            with pytest.raises(RonNetworkError):
                next(failing)


async def test_pages_are_gone_through_on_any_client_that_is_derived() -> None:
    async with raw_server(Answers(THREE)) as url, RonClient(url) as client:
        pages = client.with_options(timeout=5).paginate("/x")
        assert [item async for item in pages] == [1, 2, 3, 4, 5]


async def test_the_function_of_earlier_versions_goes_through_pages() -> None:
    server = Answers([{"items": [1], "next_cursor": "a"}, {"items": [2]}])
    async with raw_server(server) as url, RonClient(url) as client:
        found: list[Page[Any]] = [page async for page in iter_pages(client, "/x", query={"q": 1})]
    assert [page.items for page in found] == [[1], [2]]
    fixed = [["q", "1"], ["limit", "100"], ["page_size", "100"]]
    assert server.queries == [fixed, [*fixed, ["cursor", "a"]]]
