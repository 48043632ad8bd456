"""The answers that RON's servers make themselves: JSON, text, nothing, and problems."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

NOT_FOUND = "not found"
TOO_LONG = "Failed to buffer the request body: length limit exceeded"
"""What axum's body extractor says: ``protocol.md`` 1.13."""


def json_answer(
    value: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """JSON as serde writes it: no spaces, and no charset in the type."""
    return web.Response(
        status=status,
        body=json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(),
        headers={"content-type": "application/json", **(headers or {})},
    )


def text_answer(text: str, status: int = 200) -> web.Response:
    """``text/plain; charset=utf-8``."""
    return web.Response(status=status, text=text)


def empty_answer(status: int, headers: Mapping[str, str] | None = None) -> web.Response:
    """No body and no type."""
    return web.Response(status=status, headers=headers)


def problem(
    status: int,
    code: str,
    message: str,
    *,
    retryable: bool,
    retry_after_ms: int | None = None,
    reason: str | None = None,
) -> web.Response:
    """The envelope of gateway and omnigate: ``protocol.md`` 2.2, G1 and O1 to O6 but O5.

    Args:
        status: the HTTP status.
        code: the problem's code.
        message: a sentence.
        retryable: whether the same request may succeed later.
        retry_after_ms: when given, told in the body, and in ``Retry-After`` in seconds, rounded up.
        reason: a short name of the cause.
    """
    value: dict[str, Any] = {"code": code, "message": message, "retryable": retryable}
    headers = {}
    if retry_after_ms is not None:
        value["retry_after_ms"] = retry_after_ms
        headers["retry-after"] = str(-(-retry_after_ms // 1000))
    if reason is not None:
        value["reason"] = reason
    return json_answer(value, status, headers)
