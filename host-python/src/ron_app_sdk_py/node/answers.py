"""What servers' answers about themselves have in common: ``protocol.md`` 9."""

from __future__ import annotations

from typing import Any

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


def text(value: object) -> str | None:
    """The value if it is text."""
    return value if isinstance(value, str) else None
