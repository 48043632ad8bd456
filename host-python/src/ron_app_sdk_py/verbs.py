"""The calls of a plane: what clients and facets have in common."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol, Unpack

from .options import CallOptions, ContentOptions, StreamOptions
from .request import Request
from .response import Response

if TYPE_CHECKING:
    from .reception import Callback, Reception
    from .subscription import Subscription


Perform = Callable[[Request], Awaitable[Response]]
"""Performs a call."""


class Receive(Protocol):
    """Prepares a subscription; ``node`` as of :class:`~.request.Request`."""

    def __call__(
        self,
        path: str,
        callback: Callback | None,
        options: StreamOptions,
        node: str | None = None,
        /,
    ) -> Reception:
        """What it is made of."""


class Verbs:
    """The calls, over whatever performs them."""

    async def _perform(self, request: Request) -> Response:
        """Performs a call."""
        raise NotImplementedError

    def _reception(
        self,
        path: str,
        callback: Callback | None,
        options: StreamOptions,
        node: str | None = None,
    ) -> Reception:
        """What a subscription is made of; ``node`` as of :class:`~.request.Request`."""
        raise NotImplementedError

    async def get(self, path: str, **options: Unpack[CallOptions]) -> Any:
        """GET: returns the decoded answer. See :meth:`request` for arguments and errors."""
        return (await self.request("GET", path, **options)).value()

    async def post(self, path: str, **options: Unpack[ContentOptions]) -> Any:
        """POST: returns the decoded answer. See :meth:`request` for arguments and errors."""
        return (await self.request("POST", path, **options)).value()

    async def put(self, path: str, **options: Unpack[ContentOptions]) -> Any:
        """PUT: returns the decoded answer. See :meth:`request` for arguments and errors."""
        return (await self.request("PUT", path, **options)).value()

    async def patch(self, path: str, **options: Unpack[ContentOptions]) -> Any:
        """PATCH: returns the decoded answer. See :meth:`request` for arguments and errors."""
        return (await self.request("PATCH", path, **options)).value()

    async def delete(self, path: str, **options: Unpack[ContentOptions]) -> Any:
        """DELETE: returns the decoded answer. See :meth:`request` for arguments and errors."""
        return (await self.request("DELETE", path, **options)).value()

    async def call(self, method: str, path: str, **options: Unpack[ContentOptions]) -> Any:
        """Any method: returns the decoded answer. See :meth:`request` for arguments and errors."""
        return (await self.request(method, path, **options)).value()

    async def request(self, method: str, path: str, **options: Unpack[ContentOptions]) -> Response:
        """Performs a call and returns the whole answer.

        Args:
            method: the method.
            path: a path of the app plane, encoded or not, perhaps with a query.
            options: ``query``, ``headers``, ``timeout``, ``retries``, ``json`` or ``content``, and
                ``idem``: see
                :class:`~.options.ContentOptions`.

        Raises:
            RonRequestError: an argument can't be sent.
            RonProblem: the server answered with a status of 300 or more.
            RonNetworkError: no usable answer came; :class:`RonTimeoutError` is one.
            RonTooLargeError: the request or the answer is larger than configured.
            RonOverloadError: too many calls wait already.
            RonClosedError: the client was closed.
            RonSandboxError: the component trapped.
        """
        return await self._perform(Request(method, path, **options))

    def subscribe(
        self, path: str, callback: Callback | None = None, **options: Unpack[StreamOptions]
    ) -> Subscription:
        """Subscribes to an event stream (``docs/streams.md``). Nothing is sent before the
        subscription is iterated over, or awaited to have the callback given each event.

        Args:
            path: a path of the app plane, encoded or not, perhaps with a query.
            callback: is given each event; plain or ``async``.
            options: see :class:`~.options.StreamOptions`.

        Raises:
            RonRequestError: an argument is no good.
        """
        from .subscription import Subscription

        return Subscription(self._reception(path, callback, options))
