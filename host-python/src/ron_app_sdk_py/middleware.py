"""What users put around calls.

Two levels: once a call, where a request may be changed before the component checks it; and once an
attempt, where what is about to be sent can be seen, without the credential, and fields be added.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from .errors import RonError, RonRequestError
from .headers import Headers
from .request import Request
from .response import Response

Hook = Callable[..., Awaitable[None] | None]

_PER_CALL = ("before_request", "after_response", "after_error")
_PER_ATTEMPT = ("before_attempt", "after_attempt")


class Attempt:
    """One HTTP request of a call.

    Attributes:
        number: 1 for the first.
        method: the method.
        url: where it goes; the credential in it reads ``[redacted]``.
        headers: what is sent, but that the credential, and the values of fields whose names say
            that they are secret, read ``[redacted]``.
        status: the status of the answer, or None if there is none (yet).
        failure: why there is none: a case of ``wasi:http/types.error-code``; or None.
        duration: seconds until the answer or the failure; 0.0 before.
    """

    __slots__ = ("added", "duration", "failure", "headers", "method", "number", "status", "url")

    def __init__(self, number: int, method: str, url: str, headers: list[tuple[str, str]]) -> None:
        self.number = number
        self.method = method
        self.url = url
        self.headers = Headers(headers)
        self.added: list[tuple[str, str]] = []
        self.status: int | None = None
        self.failure: str | None = None
        self.duration = 0.0

    def add_header(self, name: str, value: str) -> None:
        """Adds a field. Reserved and malformed ones are refused before anything is sent."""
        self.added.append((name, value))

    def __repr__(self) -> str:
        outcome = self.status or self.failure or "unsent"
        return f"Attempt({self.number}, {self.method!r}, {outcome})"


class Middleware:
    """Base of middleware: override what is needed, with plain or ``async`` methods.

    The ``before`` methods run in the order in which middleware was added, the ``after`` methods in
    the opposite one. What they raise ends the call and reaches the caller as it is.
    """

    def before_request(self, request: Request) -> Awaitable[None] | None:
        """Once a call, first of all: ``request`` may be changed."""

    def after_response(self, request: Request, response: Response) -> Awaitable[None] | None:
        """Once a call that has an answer."""

    def after_error(self, request: Request, error: RonError) -> Awaitable[None] | None:
        """Once a call that failed."""

    def before_attempt(self, attempt: Attempt) -> Awaitable[None] | None:
        """Before each HTTP request: fields may be added to ``attempt``."""

    def after_attempt(self, attempt: Attempt) -> Awaitable[None] | None:
        """After each HTTP request: ``attempt`` has its status or its failure."""


class Chain:
    """The middleware of a client, in order. Immutable, so that calls under way keep theirs.

    Attributes:
        sees_attempts: whether any of it wants to see attempts.
    """

    __slots__ = ("_hooks", "_members", "sees_attempts")

    def __init__(self, members: tuple[Any, ...] = ()) -> None:
        self._members = members
        self._hooks: dict[str, list[Hook]] = {}
        for name in _PER_CALL + _PER_ATTEMPT:
            overridden = [
                getattr(member, name)
                for member in members
                if getattr(type(member), name, None) is not getattr(Middleware, name)
                and callable(getattr(member, name, None))
            ]
            self._hooks[name] = overridden if name.startswith("before") else overridden[::-1]
        self.sees_attempts = any(self._hooks[name] for name in _PER_ATTEMPT)

    def with_added(self, member: object) -> Chain:
        """This chain with one more at its end.

        Raises:
            RonRequestError: ``member`` is a class or has none of the methods of
                :class:`Middleware`.
        """
        if isinstance(member, type):
            raise RonRequestError(
                f"middleware is the class {member.__name__}; give an instance of it",
                code="invalid_middleware",
            )
        if not any(callable(getattr(member, name, None)) for name in _PER_CALL + _PER_ATTEMPT):
            raise RonRequestError(
                f"middleware {type(member).__name__} has none of the methods "
                f"{', '.join(_PER_CALL + _PER_ATTEMPT)}; derive it from Middleware",
                code="invalid_middleware",
            )
        return Chain((*self._members, member))

    def __bool__(self) -> bool:
        return bool(self._members)

    async def run(self, name: str, *arguments: object) -> None:
        """Calls one method of all that have it."""
        for hook in self._hooks[name]:
            result = hook(*arguments)
            if inspect.isawaitable(result):
                await result


NONE = Chain()
"""No middleware."""
