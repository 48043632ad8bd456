"""The arguments that calls take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypedDict

from .idempotency import IdempotencyKey

QueryValue = str | int | float | bool | None
Query = Mapping[str, QueryValue | Iterable[QueryValue]] | Iterable[tuple[str, QueryValue]]
"""Parameters: a mapping, whose values may be lists, or pairs. None is left out, booleans become
``true`` and ``false``."""

FieldMap = Mapping[str, str] | Iterable[tuple[str, str]]
"""Header fields: a mapping or pairs."""


class CallOptions(TypedDict, total=False):
    """Keyword arguments of every call."""

    query: Query | None
    """More parameters, after those that the path has."""

    headers: FieldMap | None
    """Fields beside the client's own; credentials, framing and ``x-ron-*`` are reserved."""

    timeout: float | None
    """Seconds for the whole call, instead of the configured time."""

    retries: int | None
    """Attempts after the first, instead of the configured number."""


class ContentOptions(CallOptions, total=False):
    """Keyword arguments of calls that may have content."""

    json: Any
    """The content, to be encoded as JSON; None is sent as ``null``."""

    content: bytes | str | None
    """The content as bytes or text, instead of ``json``."""

    idem: bool | str | IdempotencyKey
    """True to send a fresh ``Idempotency-Key``, the key to send, or what it is derived from. A call
    with a key may be tried again after the server has seen it."""
