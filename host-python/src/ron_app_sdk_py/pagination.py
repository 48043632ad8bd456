"""Pages: answers that hold some items and the token of the next page.

Servers have three ways (``protocol.md`` 10, row 4): ``items`` with ``next_page_token``, asked for
by ``page_token``; ``items`` with ``next_cursor``, asked for by ``cursor``; and ``messages`` with
``cursor``, asked for by the same.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from .client import RonClient
from .defaults import MAX_PAGES
from .errors import RonParseError, RonTooLargeError
from .options import Query
from .request import query_pairs

_FORMS = (
    ("items", "next_page_token", "page_token"),
    ("items", "next_cursor", "cursor"),
    ("messages", "cursor", "cursor"),
)


@dataclass(frozen=True, slots=True)
class Page:
    """One page.

    Attributes:
        items: what it holds.
        next_cursor: the token of the next page, or None if this is the last one.
        raw: the whole answer.
        parameter: the query parameter that asks for the next page with its token.
    """

    items: list[Any]
    next_cursor: str | None = None
    raw: dict[str, Any] = field(default_factory=dict, repr=False)
    parameter: str = "page_token"


async def iter_pages(
    client: RonClient, path: str, *, page_size: int = 100, query: Query | None = None
) -> AsyncIterator[Page]:
    """Goes through all pages of a collection.

    Args:
        client: the client to ask with.
        path: the path of the collection.
        page_size: how many items to ask for at a time, as ``limit`` and as ``page_size``, since
            servers know either.
        query: more parameters, for every page.

    Yields:
        The pages in order. It ends after the page without a token.

    Raises:
        RonParseError: an answer is no page, or its token is that of an earlier page.
        RonTooLargeError: there are more than 10,000 pages.
        RonError: a call failed.
    """
    fixed = [*query_pairs(query), ("limit", str(page_size)), ("page_size", str(page_size))]
    turning: list[tuple[str, str]] = []
    seen: set[str] = set()
    for _ in range(MAX_PAGES):
        page = page_of(path, await client.get(path, query=[*fixed, *turning]))
        yield page
        token = page.next_cursor
        if token is None:
            return
        if token in seen:
            raise RonParseError(
                f"{path.partition('?')[0]!a:.80} names a next page that was there before, which "
                "would go on for ever",
                code="repeated_page",
            )
        seen.add(token)
        turning = [(page.parameter, token)]
    raise RonTooLargeError(
        f"{path.partition('?')[0]!a:.80} has more than {MAX_PAGES} pages; ask for larger ones",
        code="too_many_pages",
    )


def page_of(path: str, answer: Any) -> Page:
    """Reads a page.

    Raises:
        RonParseError: it is none; names what is wrong.
    """
    if not isinstance(answer, dict):
        raise _no_page(path, f"is {type(answer).__name__}, not an object")
    items_name = "messages" if "items" not in answer and "messages" in answer else "items"
    items = answer.get(items_name)
    if not isinstance(items, list):
        raise _no_page(path, f"has no list {items_name!r}")
    for name, token_name, parameter in _FORMS:
        token = answer.get(token_name) if name == items_name else None
        if token is None or token == "":
            continue
        if not isinstance(token, str):
            raise _no_page(path, f"has a {token_name!r} that is {type(token).__name__}, not text")
        return Page(items, token, answer, parameter)
    return Page(items, None, answer)


def _no_page(path: str, what: str) -> RonParseError:
    return RonParseError(
        f"the answer of {path.partition('?')[0]!a:.80} {what}: it is no page", code="invalid_page"
    )
