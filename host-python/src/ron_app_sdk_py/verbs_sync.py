"""The calls of a plane, for synchronous code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

from .options import CallOptions, ContentOptions, StreamOptions
from .request import Request
from .response import Response

if TYPE_CHECKING:
    from .reception import Callback, Reception
    from .subscription_sync import SubscriptionSync
    from .thread_loops import ThreadLoops


class VerbsSync:
    """The calls, over whatever performs them."""

    _loops: ThreadLoops

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

    def get(self, path: str, **options: Unpack[CallOptions]) -> Any:
        """GET: returns the decoded answer. See :meth:`RonClient.request`."""
        return self.request("GET", path, **options).value()

    def post(self, path: str, **options: Unpack[ContentOptions]) -> Any:
        """POST: returns the decoded answer. See :meth:`RonClient.request`."""
        return self.request("POST", path, **options).value()

    def put(self, path: str, **options: Unpack[ContentOptions]) -> Any:
        """PUT: returns the decoded answer. See :meth:`RonClient.request`."""
        return self.request("PUT", path, **options).value()

    def patch(self, path: str, **options: Unpack[ContentOptions]) -> Any:
        """PATCH: returns the decoded answer. See :meth:`RonClient.request`."""
        return self.request("PATCH", path, **options).value()

    def delete(self, path: str, **options: Unpack[ContentOptions]) -> Any:
        """DELETE: returns the decoded answer. See :meth:`RonClient.request`."""
        return self.request("DELETE", path, **options).value()

    def call(self, method: str, path: str, **options: Unpack[ContentOptions]) -> Any:
        """Any method: returns the decoded answer. See :meth:`RonClient.request`."""
        return self.request(method, path, **options).value()

    def request(self, method: str, path: str, **options: Unpack[ContentOptions]) -> Response:
        """Performs a call and returns the whole answer. See :meth:`RonClient.request`."""
        request = Request(method, path, **options)
        return self._loops.run(lambda: self._perform(request))

    def subscribe(
        self, path: str, callback: Callback | None = None, **options: Unpack[StreamOptions]
    ) -> SubscriptionSync:
        """Subscribes to an event stream. See :meth:`RonClient.subscribe`; the callback is plain,
        and :meth:`SubscriptionSync.run` gives it the events."""
        from .subscription_sync import SubscriptionSync

        return SubscriptionSync(self._reception(path, callback, options), self._loops)
