"""The synchronous client.

Each thread that uses it has a private event loop with connections of its own; all share one
component. Calls from several threads run at the same time.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, Unpack

from .base import BaseClient
from .options import CallOptions, ContentOptions, StreamOptions
from .request import Request
from .response import Response
from .thread_loops import ThreadLoops

if TYPE_CHECKING:
    from .node import NodeSync
    from .reception import Callback
    from .subscription_sync import SubscriptionSync


class RonClientSync(BaseClient):
    """Calls the app plane of a RON gateway from synchronous code.

    The surface is that of :class:`RonClient` without ``await``, arguments and errors included. It
    may be used from any number of threads, and inside a running event loop: there the call blocks
    that loop, as any synchronous call does.
    """

    _loop_factory: Callable[[], AbstractEventLoop] | None = None
    """Makes the loops of threads, asyncio's own if None: what a simulation replaces."""

    def _opened(self) -> None:
        self._loops = ThreadLoops(self._calls.is_crossing_here, self._loop_factory)

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

    @property
    def node(self) -> NodeSync:
        """Calls beside the app plane: health, readiness, version, streams."""
        from .node import Node, NodeSync

        return NodeSync(Node(self._perform, self._reception), self._reception, self._loops)

    def close(self) -> None:
        """Ends every call in flight and closes the connections; of a derived client, ends its own
        calls only. May be called twice."""
        if self._parent is None:
            self._calls.end()
            self._loops.close()
        else:
            self._calls.close_session(self._session)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
