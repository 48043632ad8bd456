"""From a caller's arguments to a call of the component."""

from __future__ import annotations

import contextlib
import copy
import json as json_
import math
from collections.abc import Iterable, Mapping
from typing import Any

from .defaults import MAX_RETRIES
from .engine.guest import Begin
from .errors import RonRequestError
from .idempotency import IdempotencyKey
from .options import FieldMap, Query
from .redact import NOTHING_SECRET

_ENCODER = json_.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_JSON_TYPE = ("content-type", "application/json")
_LONGEST_SECONDS = 2**63 / 1e9


class Unset:
    """The type of an argument that was not given, where None means something."""


UNSET = Unset()


class Request:
    """A call as the caller asked for it, before the component has checked and completed it.

    Middleware may change it in ``before_request``. It never holds the credential.

    Attributes:
        method: the method.
        path: the path, perhaps with a query.
        query: more parameters, as pairs of text.
        headers: the caller's fields, as pairs.
        content: the content, or None.
        timeout: seconds for the whole call, or None for the configured time.
        retries: attempts after the first, or None for the configured number.
        idem: True for a fresh ``Idempotency-Key``, the key, or what it is derived from.
        redactor: knows the secrets of the client, for ``repr``.
        node: for a path behind the base URL instead of the app plane: ``include`` or ``omit`` the
            credential; else None.
    """

    __slots__ = (
        "content",
        "headers",
        "idem",
        "method",
        "node",
        "path",
        "query",
        "redactor",
        "retries",
        "timeout",
    )

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
        retries: int | None = None,
        idem: bool | str | IdempotencyKey = False,
    ) -> None:
        """Brings the arguments into one form.

        Args:
            method: see the class.
            path: see the class.
            json: see :class:`~.options.ContentOptions`.
            content: see there.
            query: see there.
            headers: see there.
            timeout: see there.
            retries: see there.
            idem: see there.

        Raises:
            RonRequestError: an argument has the wrong type, or the content can't be encoded.
        """
        self.method = method
        self.path = path
        self.query = query_pairs(query)
        self.headers = _fields(headers)
        self.content: bytes | None
        if json is not UNSET:
            if content is not None:
                raise RonRequestError(
                    "json and content are both given; give one", code="invalid_body"
                )
            self.content = _encoded(json)
            if not any(name.lower() == "content-type" for name, _ in self.headers):
                self.headers.append(_JSON_TYPE)
        else:
            self.content = _content(content)
        self.timeout = timeout
        self.retries = retries
        self.idem = idem
        self.node: str | None = None
        self.redactor = NOTHING_SECRET

    def normalize(self) -> None:
        """Brings what middleware has set into one form again.

        Raises:
            RonRequestError: as the constructor.
        """
        self.query = query_pairs(self.query)
        self.headers = _fields(self.headers)
        self.content = _content(self.content)

    def as_it_is(self) -> Request:
        """A copy, for a call that has begun: who keeps this one may change it at any time."""
        return copy.copy(self)

    def begin(self, log_level: str | None = None) -> Begin:
        """What the component is told; it checks what is not checked here.

        Args:
            log_level: how much the component is to tell of its calls, or None for nothing.

        Raises:
            RonRequestError: method, path, time-out or retries have the wrong type.
        """
        for name, value in (("method", self.method), ("path", self.path)):
            if not isinstance(value, str):
                raise RonRequestError(
                    f"{name} is {type(value).__name__}; give a str", code=f"invalid_{name}"
                )
        content = self.content
        return Begin(
            self.method,
            self.path,
            None if content is None else len(content),
            self.options(log_level),
            self.query,
            self.headers,
        )

    def options(self, log_level: str | None) -> list[tuple[str, str]]:
        """The options of ``begin``.

        Raises:
            RonRequestError: one has the wrong type.
        """
        options = []
        if self.timeout is not None:
            options.append(("timeout", nanoseconds("timeout", self.timeout)))
        if self.retries is not None:
            options.append(("retries", whole_number("retries", self.retries, most=MAX_RETRIES)))
        if isinstance(self.idem, str):
            options.append(("idempotency-key", self.idem))
        elif self.idem is True:
            options.append(("idempotent", "true"))
        elif isinstance(self.idem, IdempotencyKey):
            options.append(("idempotency-name", self.idem.name))
        elif self.idem is not None and self.idem is not False:
            raise RonRequestError(
                f"idem is {type(self.idem).__name__}; give True, the key as a str, or an "
                "IdempotencyKey",
                code="invalid_idempotency_key",
            )
        if self.node is not None:
            options.append(("node", self.node))
        if log_level is not None:
            options.append(("log-level", log_level))
        return options

    def __repr__(self) -> str:
        size = 0 if self.content is None else len(self.content)
        path = self.redactor.scrub(str(self.path).partition("?")[0])
        return f"Request({self.method!r}, {path!r}, {size} bytes)"


def nanoseconds(name: str, seconds: object) -> str:
    """A time as the component wants it. More than the component's clock can hold is as much as it
    can: 292 years.

    Raises:
        RonRequestError: it is not a positive finite number.
    """
    number = math.nan
    if isinstance(seconds, int | float) and not isinstance(seconds, bool):
        try:
            number = float(seconds)
        except OverflowError:
            number = math.inf
    if not 0 < number < math.inf:
        raise RonRequestError(
            f"{name} is {_shown(seconds)}; give a positive number of seconds",
            code="invalid_timeout",
        )
    return str(max(1, round(min(number, _LONGEST_SECONDS) * 1e9)))


def whole_number(name: str, value: object, least: int = 0, most: int = 2**32 - 1) -> str:
    """A count as the component wants it.

    Raises:
        RonRequestError: it is not a whole number from ``least`` to ``most``.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise RonRequestError(
            f"{name} is {type(value).__name__}; give a whole number", code=f"invalid_{name}"
        )
    if not least <= value <= most:
        raise RonRequestError(
            f"{name} is {_shown(value)}; give a whole number from {least} to {most}",
            code=f"invalid_{name}",
        )
    return int.__repr__(value)


def _shown(value: object) -> str:
    """A number; of anything else the type, since the value may be a secret in the wrong place."""
    if type(value) is float:
        return repr(value)
    if type(value) is int:
        return repr(value) if abs(value) < 10**20 else "an int of more than 20 digits"
    return type(value).__name__


def _named(name: object) -> str:
    """A name as it may stand in a message: short and printable."""
    return f"{name!a:.60}" if isinstance(name, str) else _shown(name)


def _content(content: object) -> bytes | None:
    if content is None or type(content) is bytes:
        return content
    if isinstance(content, bytes):
        # A subclass may tell another length than it has.
        return bytes(memoryview(content))
    if isinstance(content, str):
        return _utf8("content", content)
    raise RonRequestError(
        f"content is {type(content).__name__}; give bytes or str, or json=", code="invalid_body"
    )


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
    # What it raises has all of the text.
    with contextlib.suppress(UnicodeEncodeError):
        return text.encode()
    bad = next(character for character in text if "\ud800" <= character <= "\udfff")
    raise RonRequestError(
        f"{name} holds the lone surrogate U+{ord(bad):04X}, which is no text; decode it with the "
        "right encoding first",
        code="invalid_body",
    )


def _pairs(name: str, given: Any) -> list[tuple[Any, Any]]:
    pairs = []
    try:
        for pair in given.items() if isinstance(given, Mapping) else given:
            if isinstance(pair, str):
                # Two characters would pass for a name and a value.
                raise TypeError
            key, value = pair
            pairs.append((key, value))
    except (TypeError, ValueError):
        raise RonRequestError(
            f"{name} is {type(given).__name__}; give a mapping or pairs", code=f"invalid_{name}"
        ) from None
    return pairs


def _fields(headers: FieldMap | None) -> list[tuple[str, str]]:
    if headers is None:
        return []
    fields = _pairs("headers", headers)
    for name, value in fields:
        if not isinstance(name, str) or not isinstance(value, str):
            raise RonRequestError(
                f"header {_named(name)} maps to {type(value).__name__}; names and values are str",
                code="invalid_header",
            )
        if not value.isascii():
            odd = next(character for character in value if not character.isascii())
            raise RonRequestError(
                f"the value of header {_named(name)} holds {odd!a}; field values are ASCII (RFC "
                "9110, section 5.5): percent-encode it or send it in the body",
                code="invalid_header",
            )
    return fields


def query_pairs(query: Query | None) -> list[tuple[str, str]]:
    """A query as pairs of text, not yet encoded.

    Raises:
        RonRequestError: a name or value has a type that a query can't have.
    """
    if query is None:
        return []
    parameters = []
    for name, value in _pairs("query", query):
        if not isinstance(name, str):
            raise RonRequestError(
                f"the query name {_named(name)} is {type(name).__name__}; give a str",
                code="invalid_query",
            )
        several = isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping)
        for single in value if several else (value,):
            if single is not None:
                parameters.append((name, _parameter(name, single)))
    return parameters


def _parameter(name: str, value: object) -> str:
    # Subclasses, of enumerations and of numpy, may write themselves otherwise than as numbers.
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int():
            try:
                return int.__repr__(value)
            except ValueError:
                raise RonRequestError(
                    f"the query parameter {_named(name)} is an int of too many digits; send it in "
                    "the body",
                    code="invalid_query",
                ) from None
        case float() if math.isfinite(value):
            return float.__repr__(value)
        case float():
            kind = f"the float {float.__repr__(value)}"
        case _:
            kind = type(value).__name__
    raise RonRequestError(
        f"the query parameter {_named(name)} is {kind}; give str, int, finite float, bool or None, "
        "or a list of them",
        code="invalid_query",
    )
