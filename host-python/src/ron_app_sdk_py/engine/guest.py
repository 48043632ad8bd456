"""The component as typed functions: one method for each export of ``docs/abi.md``."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from ..defaults import MAX_REQUEST_HEAD_BYTES
from ..errors import RonSandboxError, RonTooLargeError
from .instance import Instance
from .messages import Output, Pairs, Stats, block, decode, encode, pair_labels
from .runtime import Runtime, shared

_EMPTY_BLOCK = ("0",)


class Clock(Protocol):
    """Where time and randomness come from: the only sources that the component has."""

    def monotonic_ns(self) -> int:
        """The monotonic clock in nanoseconds."""

    def wall_ns(self) -> int:
        """The wall clock in nanoseconds since 1970."""

    def entropy(self) -> bytes:
        """32 random bytes, never the same twice."""


class SystemClock:
    """The clocks and the randomness of this machine."""

    monotonic_ns = staticmethod(time.monotonic_ns)
    wall_ns = staticmethod(time.time_ns)

    @staticmethod
    def entropy() -> bytes:
        """32 bytes of the operating system's randomness."""
        return os.urandom(32)


class Begin(NamedTuple):
    """A call as ``begin`` wants it.

    Attributes:
        method: the method.
        path: the path, perhaps with a query.
        body_length: the size of the content in bytes, or None without content.
        options: the options of ``begin``.
        query: more parameters.
        headers: fields.
    """

    method: str
    path: str
    body_length: int | None
    options: Pairs
    query: Pairs
    headers: Pairs

    def __repr__(self) -> str:
        return f"Begin({self.method!r}, {len(self.headers)} headers)"


class Guest:
    """One instance of the component, with its process and its clocks.

    Args:
        clock: time and randomness.
        runtime: what to instantiate; the shared one by default.
        private_api: whether the fast path may be used.
    """

    def __init__(
        self,
        clock: Clock | None = None,
        *,
        runtime: Runtime | None = None,
        private_api: bool = True,
    ) -> None:
        self.instance = Instance(runtime or shared(), private_api=private_api)
        self.process = os.getpid()
        self._clock = clock or SystemClock()

    @property
    def usable(self) -> bool:
        """Whether it has neither trapped nor been carried through a fork."""
        return not self.instance.dead and self.process == os.getpid()

    def open(self, session: int, settings: Pairs) -> Output:
        """Opens a root session."""
        entropy = self._clock.entropy().hex()
        fields = [*self._clocks(), entropy, str(session), *block(settings)]
        return self._call("open", encode(fields, pair_labels("setting", settings)))

    def derive(self, parent: int, session: int, settings: Pairs) -> Output:
        """Opens a session derived from another."""
        fields = [*self._clocks(), str(parent), str(session), *block(settings)]
        return self._call("derive", encode(fields, pair_labels("setting", settings)))

    def begin(self, session: int, call: int, begin: Begin) -> Output:
        """Starts a call.

        Raises:
            RonRequestError: a field can't be framed.
            RonTooLargeError: it is larger than anything that may be sent.
        """
        length = begin.body_length
        fields = [
            *self._clocks(),
            str(session),
            str(call),
            begin.method,
            begin.path,
            "" if length is None else str(length),
        ]
        for pairs in (begin.options, begin.query, begin.headers):
            fields += block(pairs) if pairs else _EMPTY_BLOCK
        message = encode(fields, _BeginLabels(begin))
        if len(message) > MAX_REQUEST_HEAD_BYTES:
            raise RonTooLargeError(
                f"method, path, query and headers take {len(message)} bytes, more than "
                f"{MAX_REQUEST_HEAD_BYTES}; send the data in the body",
                code="request_too_large",
            )
        return self._call("begin", message)

    def tick(self) -> Output:
        """Tells that time has passed."""
        return self._feed("0", "tick")

    def response(self, call: int, exchange: int, status: int, headers: Pairs) -> Output:
        """Tells that the head of an answer is here."""
        return self._feed(str(call), "response", str(exchange), str(status), *block(headers))

    def data(self, call: int, exchange: int, content: bytes, *, end: bool) -> Output:
        """Hands over bytes of an answer's content."""
        fields = (*self._clocks(), str(call), "data", str(exchange), "1" if end else "0")
        return self._call("feed", encode(fields) + content.decode("latin-1").encode())

    def failure(self, call: int, exchange: int, code: str, detail: str) -> Output:
        """Tells that an exchange failed."""
        return self._feed(str(call), "failure", str(exchange), code, detail)

    def credential(self, call: int, token: str, lifetime_ns: int | None) -> Output:
        """Gives the token that the component asked for, good for so many nanoseconds; None if the
        provider does not know."""
        lifetime = "" if lifetime_ns is None else str(lifetime_ns)
        return self._feed(str(call), "credential", token, lifetime)

    def no_credential(self, call: int, message: str) -> Output:
        """Tells that there is none, and why: a text without secrets."""
        return self._feed(str(call), "no-credential", message)

    def restart(self, call: int) -> Output:
        """Has a stream drop its connection and make another at once."""
        return self._feed(str(call), "restart")

    def cancel(self, call: int) -> Output:
        """Drops a call."""
        return self._call("cancel", encode((*self._clocks(), str(call))))

    def close(self, session: int) -> Output:
        """Closes a session and ends its calls."""
        return self._call("close", encode((*self._clocks(), str(session))))

    def stats(self) -> dict[str, int]:
        """Counts what the instance holds."""
        match self._call("stats", encode(self._clocks())).items:
            case [Stats(counts=counts)]:
                return counts
        raise RonSandboxError("the component did not answer stats", code="abi")

    def _clocks(self) -> tuple[str, str]:
        clock = self._clock
        return str(clock.monotonic_ns()), str(clock.wall_ns())

    def _feed(self, *fields: str) -> Output:
        return self._call("feed", encode((*self._clocks(), *fields)))

    def _call(self, export: str, message: bytes) -> Output:
        answer = self.instance.call(export, message)
        try:
            return decode(answer)
        except BaseException:
            # Commands that nobody will carry out are lost.
            self.instance.dead = True
            raise


class _BeginLabels:
    """The labels of ``begin``'s fields, made only if an error asks for them."""

    def __init__(self, begin: Begin) -> None:
        self._begin = begin

    def __iter__(self) -> Iterator[str]:
        begin = self._begin
        # The query is not repeated: it may hold a secret.
        path = begin.path.partition("?")[0]
        yield from (f"the method {begin.method[:60]!a}", f"the path {path[:80]!a}")
        yield "the body length"
        yield from pair_labels("option", begin.options)
        yield from pair_labels("query parameter", begin.query)
        yield from pair_labels("header", begin.headers)
