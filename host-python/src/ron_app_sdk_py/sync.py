"""The synchronous client.

Each thread that uses it has a private event loop with connections of its own; all share one
component. Calls from several threads run at the same time.
"""

from __future__ import annotations

import threading
from asyncio import AbstractEventLoop
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack, overload

from .base import BaseClient
from .options import PageOptions, StreamOptions
from .request import Request
from .response import Response
from .thread_loops import ThreadLoops
from .verbs_sync import VerbsSync

if TYPE_CHECKING:
    from .node import NodeSync
    from .pagination_sync import PageIteratorSync, PagesSync
    from .reception import Callback
    from .subscription_sync import SubscriptionSync

M = TypeVar("M")


class RonClientSync(BaseClient, VerbsSync):
    """Calls the app plane of a RON gateway from synchronous code.

    The surface is that of :class:`RonClient` without ``await``, arguments and errors included. It
    may be used from any number of threads, and inside a running event loop: there the call blocks
    that loop, as any synchronous call does.
    """

    # Each call is a task of its own.
    _flow = staticmethod(threading.current_thread)

    _loop_factory: Callable[[], AbstractEventLoop] | None = None
    """Makes the loops of threads, asyncio's own if None: what a simulation replaces."""

    def _opened(self) -> None:
        self._loops = ThreadLoops(self._calls.is_crossing_here, self._loop_factory)

    def _perform_now(self, request: Request) -> Response:
        return self._loops.run(lambda: self._perform(request))

    @overload
    def paginate(
        self, path: str, *, model: type[M], **options: Unpack[PageOptions]
    ) -> PagesSync[M]: ...

    @overload
    def paginate(
        self, path: str, *, model: Any = None, **options: Unpack[PageOptions]
    ) -> PagesSync[Any]: ...

    def paginate(
        self, path: str, *, model: Any = None, **options: Unpack[PageOptions]
    ) -> PagesSync[Any]:
        """Goes through the items of all pages of a collection. See :meth:`RonClient.paginate`."""
        from .pagination_sync import PagesSync

        return PagesSync(self._perform_now, self._limits.redactor, path, model, **options)

    @overload
    def iter_pages(
        self, path: str, *, model: type[M], **options: Unpack[PageOptions]
    ) -> PageIteratorSync[M]: ...

    @overload
    def iter_pages(
        self, path: str, *, model: Any = None, **options: Unpack[PageOptions]
    ) -> PageIteratorSync[Any]: ...

    def iter_pages(
        self, path: str, *, model: Any = None, **options: Unpack[PageOptions]
    ) -> PageIteratorSync[Any]:
        """Goes through all pages of a collection: ``paginate(…).pages()``."""
        return self.paginate(path, model=model, **options).pages()

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
