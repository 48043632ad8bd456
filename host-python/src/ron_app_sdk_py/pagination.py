"""Going through the pages of a collection.

Nothing is open between two pages. So an iteration may be left at any point, and where it ended in
an error or was cancelled, the same page is asked for again when it goes on.
"""

from __future__ import annotations

import copy
import hashlib
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, Self, TypeVar
from urllib.parse import unquote_plus

from .defaults import MAX_PAGES
from .errors import RonParseError, RonRequestError, RonTooLargeError
from .options import FieldMap, Query
from .page import Page, Resume, page_of, resume_with
from .redact import Redactor
from .request import Request, whole_number
from .response import Response

T = TypeVar("T")

_LARGEST_CAP = 2**63 - 1


class BasePages(Generic[T]):
    """What both kinds of pages have in common: where they stand, and what is asked for next.

    Args:
        redactor: keeps the credential out of messages.
        path: the path of the collection.
        model: what each item is to be, or None.
        options: see :class:`~.options.PageOptions`.
    """

    def __init__(
        self,
        redactor: Redactor,
        path: str,
        model: Any,
        *,
        query: Query | None = None,
        headers: FieldMap | None = None,
        timeout: float | None = None,
        retries: int | None = None,
        page_size: int | None = None,
        page_token: str | None = None,
        cursor: str | None = None,
        after: str | None = None,
        max_pages: int | None = None,
        max_items: int | None = None,
    ) -> None:
        self._first = Request(
            "GET", path, query=query, headers=headers, timeout=timeout, retries=retries
        )
        # What is wrong with it is said here, not at the first page.
        self._first.begin()
        if page_size is not None:
            size = whole_number("page_size", page_size, least=1)
            # Servers know either (`protocol.md` 8.1).
            self._first.query += [("limit", size), ("page_size", size)]
        for name, cap in (("max_pages", max_pages), ("max_items", max_items)):
            if cap is not None:
                whole_number(name, cap, most=_LARGEST_CAP)
        self._max_pages, self._max_items = max_pages, max_items
        if model is not None:
            from .decoding import decoder

            decoder(model)
        self._model = model
        self._shown_path = f"{redactor.scrub(path.partition('?')[0])!a:.80}"
        self._at = _start(page_token=page_token, cursor=cursor, after=after)
        self._seen = set() if self._at is None else {_digest(*self._at)}
        self._page: Page[T] = Page([])
        self._is_begun = False
        self._index = 0
        self._pages_begun = 0
        self._items_taken = 0
        self._ended = False
        self._in_use = threading.Lock()

    @property
    def resume(self) -> Resume:
        """The arguments with which another ``paginate`` of the same path goes on, as in
        ``paginate(path, **pages.resume)``.

        It begins with the page that was begun and is not used up, else with the next one; at the
        end, with the last one again, to which something may have been added. So nothing is lost,
        and items of one page may come again. A page is used up when something is asked for after
        its last item.
        """
        return {} if self._at is None else resume_with(*self._at)

    @property
    def _is_capped(self) -> bool:
        return self._max_items is not None and self._items_taken >= self._max_items

    @property
    def _rest(self) -> int:
        """How many items of the page nobody has taken."""
        return len(self._page.items) - self._index

    def _has_item(self) -> bool:
        return self._rest > 0 and not self._is_capped

    def _take_item(self) -> T:
        item = self._page.items[self._index]
        self._index += 1
        self._items_taken += 1
        return item

    def _take_page(self) -> Page[T]:
        self._items_taken += self._rest
        self._index += self._rest
        return self._page

    @contextmanager
    def _turning(self) -> Iterator[Request | None]:
        """While a page is asked for: the request for it, or None if there is to be no other.

        Raises:
            RonRequestError: somebody else is asking for it.
            RonParseError: the next page was there before.
            RonTooLargeError: there are more than can be meant.
        """
        if not self._in_use.acquire(blocking=False):
            raise RonRequestError(
                "another task or thread asks for the next of these pages; let one at a time take "
                "them, or call paginate() for each",
                code="pages_in_use",
            )
        try:
            yield self._next_request()
        finally:
            self._in_use.release()

    def _next_request(self) -> Request | None:
        if self._rest:
            # The page has more items than were to be taken.
            return None
        self._use_up()
        if self._ended or self._is_capped or self._pages_begun == self._max_pages:
            return None
        if self._max_pages is None and self._pages_begun >= MAX_PAGES:
            raise RonTooLargeError(
                f"{self._shown_path} has more than {MAX_PAGES} pages; ask for larger ones with "
                "page_size, or set max_pages",
                code="too_many_pages",
            )
        # Middleware may change it.
        request = copy.copy(self._first)
        request.headers, request.query = list(request.headers), list(request.query)
        if self._at is not None:
            name, _ = self._at
            request.path = _without(request.path, name)
            request.query = [pair for pair in request.query if pair[0] != name] + [self._at]
        return request

    def _use_up(self) -> None:
        page = self._page
        if not self._is_begun:
            return
        if page.next_page_token is None:
            self._ended = True
        else:
            at = (page.parameter, page.next_page_token)
            digest = _digest(*at)
            if digest in self._seen:
                raise RonParseError(
                    f"a page of {self._shown_path} names a next page that was there before, which "
                    "would go on for ever",
                    code="repeated_page",
                )
            self._seen.add(digest)
            self._at = at
        self._is_begun = False

    def _begin(self, response: Response) -> None:
        self._page = page_of(response, self._shown_path, self._model)
        self._is_begun, self._index = True, 0
        self._pages_begun += 1

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._shown_path}, {self._pages_begun} pages begun)"


class Pages(BasePages[T]):
    """The items of all pages, to be iterated over with ``async for``; :meth:`pages` gives the pages
    themselves.

    Nothing is sent before that, and each page is asked for when it is needed. One task at a time
    may take items; an iteration goes on where the one before was left.

    Raises:
        RonParseError: from the iteration. An answer is no page (code ``invalid_page``), an item is
            not what ``model`` says (``invalid_model``), or a page names one that was there before
            as the next (``repeated_page``).
        RonTooLargeError: from the iteration. There are more than 10,000 pages and no ``max_pages``.
        RonError: from the iteration. A call failed.
    """

    def __init__(
        self, perform: Callable[[Request], Awaitable[Response]], *where: Any, **options: Any
    ) -> None:
        super().__init__(*where, **options)
        self._perform = perform

    def pages(self) -> PageIterator[T]:
        """The pages from here on, whole: also one of which items were taken, and the one by which
        ``max_items`` is reached."""
        return PageIterator(self)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        while not self._has_item():
            if not await self._turn():
                raise StopAsyncIteration
        return self._take_item()

    async def _turn(self) -> bool:
        """Begins the next page, if there is to be one."""
        with self._turning() as request:
            if request is not None:
                self._begin(await self._perform(request))
            return request is not None


class PageIterator(Generic[T]):
    """Pages one after another, to be iterated over with ``async for``."""

    def __init__(self, pages: Pages[T]) -> None:
        self._pages = pages

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Page[T]:
        pages = self._pages
        if pages._has_item() or await pages._turn():
            return pages._take_page()
        raise StopAsyncIteration


def _start(**tokens: str | None) -> tuple[str, str] | None:
    """The parameter and the token of the first page, if one was given.

    Raises:
        RonRequestError: several were, or one that is no text.
    """
    given = [(name, token) for name, token in tokens.items() if token is not None]
    for name, token in given:
        if not isinstance(token, str):
            raise RonRequestError(
                f"{name} is {type(token).__name__}; give the str that the server sent",
                code=f"invalid_{name}",
            )
    if len(given) > 1:
        names = " and ".join(name for name, _ in given)
        raise RonRequestError(
            f"{names} are both given; give the one that the server knows", code="invalid_page_token"
        )
    return given[0] if given else None


def _digest(parameter: str, token: str) -> bytes:
    """What stands for a token among those that were there: tokens may be long."""
    return hashlib.blake2b(f"{parameter}={token}".encode(errors="surrogatepass")).digest()[:16]


def _without(path: str, name: str) -> str:
    """The path without a parameter that its query may have."""
    path, mark, query = path.partition("?")
    parts = query.split("&")
    kept = [part for part in parts if unquote_plus(part.partition("=")[0]) != name]
    return f"{path}{mark}{'&'.join(kept)}" if kept else path
