"""Whatever the pages of a collection are, each item comes once and in order, nothing is lost by
stopping, and a server that goes round in circles is left."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from examples import examples
from paged_servers import Collection
from ron_app_sdk_py import PagesSync, RonClientSync, RonParseError
from servers import on_a_thread

PAGES = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from(["page_token", "cursor", "after"])),
    min_size=1,
    max_size=8,
)
"""How many items each page has, and its form."""


class Scene:
    """A client, and a server whose collection changes from example to example."""

    def __init__(self, client: RonClientSync, collection: Collection) -> None:
        self.client = client
        self._collection = collection

    def set(self, pages: list[tuple[int, str]], loops_to: int | None = None) -> Collection:
        """Fills the collection with items that are numbers in order."""
        # A chat's page without messages is the last one of a collection.
        sizes = [max(size, 1) if form == "after" else size for size, form in pages]
        numbers = iter(range(sum(sizes)))
        self._collection.pages = [
            ([next(numbers) for _ in range(size)], form)
            for size, (_, form) in zip(sizes, pages, strict=True)
        ]
        self._collection.loops_to = loops_to
        self._collection.asked = 0
        return self._collection


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    collection = Collection()
    with on_a_thread(collection) as url, RonClientSync(url) as client:
        yield Scene(client, collection)


def until_an_error(pages: PagesSync[Any]) -> Iterator[Any]:
    with suppress(RonParseError):
        yield from pages


@given(pages=PAGES)
@settings(max_examples=examples(100), deadline=None)
def test_each_item_comes_once_and_in_order(scene: Scene, pages: list[tuple[int, str]]) -> None:
    collection = scene.set(pages)
    items = [item for page in collection.pages for item in page[0]]
    assert list(scene.client.paginate("/x")) == items
    assert collection.asked == len(pages)
    found = list(scene.client.iter_pages("/x"))
    assert [(page.items, page.parameter) for page in found[:-1]] == collection.pages[:-1]
    assert found[-1].items == collection.pages[-1][0]


@given(pages=PAGES, stops=st.lists(st.integers(0, 30), max_size=4), through_json=st.booleans())
@settings(max_examples=examples(100), deadline=None)
def test_stopping_anywhere_and_resuming_loses_nothing(
    scene: Scene, pages: list[tuple[int, str]], stops: list[int], through_json: bool
) -> None:
    collection = scene.set(pages)
    where = {item: page for page, (items, _) in enumerate(collection.pages) for item in items}
    resume: Any = {}
    taken: list[int] = []
    for stop in [*stops, None]:
        going = scene.client.paginate("/x", **resume, max_items=stop)
        items = list(going)
        if taken and items:
            # It goes on with the page where it stopped, not before.
            assert items[0] <= taken[-1] + 1
            assert where[items[0]] >= where[taken[-1]]
        taken += [item for item in items if not taken or item > taken[-1]]
        resume = going.resume
    assert taken == list(range(len(where)))


@given(pages=PAGES, data=st.data())
@settings(max_examples=examples(100), deadline=None)
def test_a_server_that_goes_round_in_circles_is_left(
    scene: Scene, pages: list[tuple[int, str]], data: st.DataObject
) -> None:
    # The first page has no token, so the last names another one; it is asked for as its own form
    # says, and where that differs it is another page to the client, once.
    sizes = [*pages, pages[-1]]
    collection = scene.set(sizes, loops_to=data.draw(st.integers(1, len(sizes) - 1)))
    going = scene.client.paginate("/x")
    items = list(until_an_error(going))
    with pytest.raises(RonParseError) as caught:
        next(going)
    assert caught.value.code == "repeated_page"
    count = sum(len(page[0]) for page in collection.pages)
    assert items[:count] == list(range(count))
    assert collection.asked <= 4 * len(collection.pages)
