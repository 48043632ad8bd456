"""One page of a collection, read from an answer.

Servers have three forms (``protocol.md`` 10, row 4): ``items`` with ``next_page_token``, asked for
by ``page_token``; ``items`` with ``next_cursor``, asked for by ``cursor``; and a chat's
``messages`` with ``cursor``, asked for by ``after`` (``protocol.md`` 7).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Generic, TypedDict, TypeVar

from .errors import RonParseError
from .response import Response

T = TypeVar("T")

_FORMS = {
    "items": (("next_page_token", "page_token"), ("next_cursor", "cursor")),
    "messages": (("cursor", "after"),),
}
"""What the items are called, and for each the tokens and the parameters that they are sent as."""

_KINDS = {dict: "an object", list: "an array", str: "a string", bool: "a boolean"}


class Resume(TypedDict, total=False):
    """Arguments of ``paginate`` with which another process goes on: none, or one of these. They are
    plain data, which can be stored as JSON."""

    page_token: str
    """The token of a ``next_page_token``."""

    cursor: str
    """The token of a ``next_cursor``."""

    after: str
    """The id of a chat's message."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page, whichever form the server sent.

    Attributes:
        items: what it holds; of a chat, its messages.
        next_page_token: the token of the next page, or None if this is the last one.
        raw: the whole answer, decoded.
        parameter: the query parameter that asks for the next page with its token.
    """

    items: list[T]
    next_page_token: str | None = None
    raw: dict[str, Any] = field(default_factory=dict, repr=False)
    parameter: str = "page_token"

    @property
    def next_cursor(self) -> str | None:
        """The token of the next page, under its name in earlier versions of this SDK."""
        return self.next_page_token

    @property
    def resume(self) -> Resume | None:
        """What ``paginate`` is to be given to begin with the next page; None if there is none."""
        return resume_with(self.parameter, self.next_page_token) if self.next_page_token else None


def resume_with(parameter: str, token: str) -> Resume:
    """The arguments for a query parameter and its token."""
    resume: Any = {parameter: token}
    arguments: Resume = resume
    return arguments


def page_of(response: Response, shown_path: str, model: Any) -> Page[Any]:
    """Reads a page.

    Args:
        response: the answer.
        shown_path: what was asked for, as it may be shown.
        model: what each item is to be, or None for whatever it is.

    Raises:
        RonParseError: it is no page; names what is wrong.
    """

    def no_page(what: str) -> RonParseError:
        return response.unreadable(
            f"the answer of {shown_path} {what}: it is no page", code="invalid_page"
        )

    if not response.content:
        raise no_page("is empty")
    answer = response.json()
    if not isinstance(answer, dict):
        raise no_page(f"is {_kind(answer)}, not an object")
    name = "messages" if "items" not in answer and "messages" in answer else "items"
    items = answer.get(name)
    if not isinstance(items, list):
        raise no_page(f"has no array {name!r}")
    token, parameter = None, _FORMS[name][0][1]
    for token_name, token_parameter in _FORMS[name]:
        value = answer.get(token_name)
        if value is not None and not isinstance(value, str):
            raise no_page(f"has a {token_name!r} that is {_kind(value)}, not a string")
        if value:
            token, parameter = value, token_parameter
            break
    if name == "messages" and not items:
        # There is no last message to go on after, whatever the cursor says.
        token = None
    if model is not None:
        from .decoding import decoder

        items = decoder(model, name)(response)
    return Page(items, token, answer, parameter)


def _kind(value: object) -> str:
    """What a decoded value is in JSON."""
    return "null" if value is None else _KINDS.get(type(value), "a number")
