"""The synchronous client.

Each thread that uses it has a private event loop with connections of its own; all share one
component. Calls from several threads run at the same time.
"""

from __future__ import annotations

import threading
from asyncio import AbstractEventLoop
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from .base import BaseClient
from .thread_loops import ThreadLoops
from .verbs_sync import VerbsSync

if TYPE_CHECKING:
    from .facets.client import FacetSync
    from .node.sync import NodeSync


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

    @property
    def node(self) -> NodeSync:
        """See :attr:`RonClient.node`."""
        from .node.node import Node
        from .node.sync import NodeSync

        node = Node(self._plane, self._amnesia, self._perform_with)
        return NodeSync(node, self._plane, self._loops)

    def facet(self, facet_id: str) -> FacetSync:
        """See :meth:`RonClient.facet`."""
        from .facets.client import APP, FacetSync

        return FacetSync(self._plane, self._loops, APP, facet_id)

    def close(self) -> None:
        """Ends every call in flight and closes the connections; of a derived client, ends its own
        calls only. May be called twice."""
        self._end()
        if self._parent is None:
            self._loops.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
