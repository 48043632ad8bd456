"""From a caller's arguments to a call of the component."""

from __future__ import annotations

import json as json_
import math
from collections.abc import Iterable, Mapping
from typing import Any

from .engine.guest import Begin
from .errors import RonRequestError

QueryValue = str | int | float | bool | None
Query = Mapping[str, QueryValue | Iterable[QueryValue]] | Iterable[tuple[str, QueryValue]]
"""Parameters: a mapping, whose values may be lists, or pairs. None is left out, booleans become
``true`` and ``false``."""

FieldMap = Mapping[str, str] | Iterable[tuple[str, str]]
"""Header fields: a mapping or pairs."""

_ENCODER = json_.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_JSON_TYPE = ("content-type", "application/json")


class Unset:
    """The type of an argument that was not given, where None means something."""


UNSET = Unset()


class Call:
    """A call and the content that stays in this process.

    Attributes:
        begin: what the component is told.
        content: the body, or None.
    """

    __slots__ = ("begin", "content")

    def __init__(
        self,
        method: str,
        path: str,
        *,
        json: Any = UNSET,
        content: bytes | str | None = None,
        query: Query | None = None,
        headers: FieldMap | None = None,
        timeout: float | None = None,
        idem: bool | str = False,
    ) -> None:
        """Checks what the component can't see; it checks the rest.

        Raises:
            RonRequestError: an argument has the wrong type, or the body can't be encoded.
        """
        for name, value in (("method", method), ("path", path)):
            if not isinstance(value, str):
                raise RonRequestError(
                    f"{name} is {type(value).__name__}; give a str", code=f"invalid_{name}"
                )
        fields = _fields(headers)
        if json is not UNSET:
            if content is not None:
                raise RonRequestError(
                    "json and content are both given; give one", code="invalid_body"
                )
            content = _encoded(json)
            if not any(name.lower() == "content-type" for name, _ in fields):
                fields.append(_JSON_TYPE)
        elif isinstance(content, str):
            content = _utf8("content", content)
        elif content is not None and not isinstance(content, bytes):
            raise RonRequestError(
                f"content is {type(content).__name__}; give bytes or str, or json=",
                code="invalid_body",
            )
        self.content = content
        self.begin = Begin(
            method,
            path,
            None if content is None else len(content),
            _options(timeout, idem),
            _parameters(query),
            fields,
        )


def nanoseconds(name: str, seconds: object) -> str:
    """A time as the component wants it.

    Raises:
        RonRequestError: it is not a positive finite number.
    """
    if (
        isinstance(seconds, bool)
        or not isinstance(seconds, int | float)
        or not math.isfinite(seconds)
        or seconds <= 0
    ):
        raise RonRequestError(
            f"{name} is {seconds!r}; give a positive number of seconds", code="invalid_timeout"
        )
    return str(min(max(1, round(seconds * 1e9)), 2**63))


def _options(timeout: float | None, idem: bool | str) -> list[tuple[str, str]]:
    options = []
    if timeout is not None:
        options.append(("timeout", nanoseconds("timeout", timeout)))
    if isinstance(idem, str):
        options.append(("idempotency-key", idem))
    elif idem:
        options.append(("idempotent", "true"))
    return options


def _encoded(value: Any) -> bytes:
    try:
        text = _ENCODER.encode(value)
    except RecursionError:
        reason = "it nests too deep"
    except (TypeError, ValueError) as error:
        reason = str(error)[:100]
    else:
        return _utf8("json", text)
    raise RonRequestError(f"json can't be encoded: {reason}", code="invalid_body")


def _utf8(name: str, text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise RonRequestError(
            f"{name} holds the lone surrogate U+{ord(text[error.start]):04X}, which is no text; "
            "decode it with the right encoding first",
            code="invalid_body",
        ) from None


def _pairs(name: str, given: Any) -> list[tuple[Any, Any]]:
    if isinstance(given, Mapping):
        return list(given.items())
    try:
        return [(key, value) for key, value in given]
    except (TypeError, ValueError):
        raise RonRequestError(
            f"{name} is {type(given).__name__}; give a mapping or pairs", code=f"invalid_{name}"
        ) from None


def _fields(headers: FieldMap | None) -> list[tuple[str, str]]:
    if headers is None:
        return []
    fields = _pairs("headers", headers)
    for name, value in fields:
        if not isinstance(name, str) or not isinstance(value, str):
            raise RonRequestError(
                f"header {name!r} maps to {type(value).__name__}; names and values are str",
                code="invalid_header",
            )
        if not value.isascii():
            odd = next(character for character in value if not character.isascii())
            raise RonRequestError(
                f"the value of header {name!r} holds {odd!a}; field values are ASCII (RFC 9110, "
                "section 5.5): percent-encode it or send it in the body",
                code="invalid_header",
            )
    return fields


def _parameters(query: Query | None) -> list[tuple[str, str]]:
    if query is None:
        return []
    parameters = []
    for name, value in _pairs("query", query):
        if not isinstance(name, str):
            raise RonRequestError(
                f"the query name {name!r} is {type(name).__name__}; give a str",
                code="invalid_query",
            )
        several = isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping)
        for single in value if several else (value,):
            if single is not None:
                parameters.append((name, _parameter(name, single)))
    return parameters


def _parameter(name: str, value: object) -> str:
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float() if math.isfinite(value):
            return repr(value)
    raise RonRequestError(
        f"the query parameter {name!r} is {type(value).__name__} {value!r:.40}; give str, int, "
        "finite float, bool or None, or a list of them",
        code="invalid_query",
    )
