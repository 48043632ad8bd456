"""Nodes that forget: whether the one at the base URL does, and the warning of writes to it.

``protocol.md`` 9: a micronode keeps everything in memory. Invariant 45 there: warn.
"""

from __future__ import annotations

import asyncio
import os
import warnings
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING

from .defaults import PROFILE_WAIT_SECONDS
from .errors import RonAmnesiaWarning, RonError
from .request import Request

if TYPE_CHECKING:
    from .node.profile import NodeProfile

_WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_NODE_WRITES = (
    ("PUT", "/v1/kv/"),
    ("POST", "/paid/o"),
    ("PUT", "/paid/o"),
    ("POST", "/assets/"),
)
"""Methods, and beginnings of paths beside the app plane, by which something is stored."""


class Amnesia:
    """What a root client and all that are derived from it know of the node. May be used by several
    threads and event loops."""

    __slots__ = ("_asking", "_profile", "_untold")

    def __init__(self) -> None:
        self._profile: NodeProfile | None = None
        # By process: whoever asks in the parent tells the child nothing.
        self._asking: dict[int, Future[None]] = {}
        self._untold = [True]

    def remember(self, profile: NodeProfile) -> None:
        """Notes what the node says of itself."""
        self._profile = profile

    async def profile(self, ask: Callable[[], Awaitable[NodeProfile]]) -> NodeProfile | None:
        """What is known of the node. If nothing is, it is asked, by one caller while the others
        wait; None if that fails, and the next caller asks again.

        Args:
            ask: asks the node.
        """
        if self._profile is not None:
            return self._profile
        process, mine = os.getpid(), Future[None]()
        # Who waits for it may be cancelled, but not it.
        mine.set_running_or_notify_cancel()
        asking = self._asking.setdefault(process, mine)
        try:
            async with asyncio.timeout(PROFILE_WAIT_SECONDS):
                if asking is mine:
                    self._profile = await ask()
                else:
                    await asyncio.wrap_future(asking)
        except (RonError, TimeoutError):
            pass
        finally:
            if asking is mine:
                del self._asking[process]
                mine.set_result(None)
        return self._profile

    def warn_of(self, request: Request) -> None:
        """Warns, once in all, if the request stores something at a node that is known to forget. To
        be called before it is sent: where the warning is an error, it takes the place of each such
        request."""
        profile = self._profile
        if profile is None or not profile.amnesia or not self._untold or not _stores(request):
            return
        try:
            told = self._untold.pop()
        except IndexError:
            return
        try:
            warnings.warn(
                "the node forgets everything when it ends, and something is about to be stored "
                "there; keep a copy elsewhere, or use a node that persists",
                RonAmnesiaWarning,
                stacklevel=2,
            )
        except BaseException:
            self._untold.append(told)
            raise


def _stores(request: Request) -> bool:
    method = str(request.method).upper()
    if request.node is None:
        return method in _WRITES
    path = "/" + str(request.path).removeprefix("/")
    return any(method == wanted and path.startswith(begin) for wanted, begin in _NODE_WRITES)
