"""Pages of the synchronous client."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar

from .page import Page
from .pagination import BasePages
from .request import Request
from .response import Response

T = TypeVar("T")


class PagesSync(BasePages[T]):
    """As :class:`Pages`, for :class:`RonClientSync`: an iterator of items. One thread at a time may
    take them."""

    def __init__(self, perform: Callable[[Request], Response], *where: Any, **options: Any) -> None:
        super().__init__(*where, **options)
        self._perform = perform

    def pages(self) -> PageIteratorSync[T]:
        """See :meth:`Pages.pages`."""
        return PageIteratorSync(self)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        while not self._has_item():
            if not self._turn():
                raise StopIteration
        return self._take_item()

    def _turn(self) -> bool:
        """Begins the next page, if there is to be one."""
        with self._turning() as request:
            if request is not None:
                self._begin(self._perform(request))
            return request is not None


class PageIteratorSync(Generic[T]):
    """An iterator of pages."""

    def __init__(self, pages: PagesSync[T]) -> None:
        self._pages = pages

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Page[T]:
        pages = self._pages
        if pages._has_item() or pages._turn():
            return pages._take_page()
        raise StopIteration
