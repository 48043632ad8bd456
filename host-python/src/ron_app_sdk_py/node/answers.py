"""What servers' answers about themselves have in common: ``protocol.md`` 9."""

from __future__ import annotations

from typing import Any

from ..errors import RonParseError
from ..response import Response

UNAVAILABLE = (503, 504)
"""Statuses with which a node says that it is unwell or not ready."""


def said(response: Response) -> dict[str, Any]:
    """The answer's JSON object; empty if it is something else.

    Raises:
        RonParseError: it says that it is JSON and is none.
    """
    value = response.value()
    return value if isinstance(value, dict) else {}


def refuse_page(path: str, response: Response) -> None:
    """Refuses a web page: no RON server tells its state in one, but whatever else is at an address
    does, with a 200 too.

    Raises:
        RonParseError: it is one (code ``not_a_node``).
    """
    if response.media_type == "text/html":
        raise RonParseError(
            f"{path} is answered with a web page, as by no RON server; "
            "check that base_url names one",
            code="not_a_node",
            attempts=response.attempts,
            request_id=response.request_id,
        )


def text(value: object) -> str | None:
    """The value if it is text."""
    return value if isinstance(value, str) else None
