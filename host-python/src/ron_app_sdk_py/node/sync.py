"""The node behind the base URL, for synchronous code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from ..options import ContentOptions, StreamOptions
from ..plane import Plane
from ..response import Response
from .facets import NodeFacet
from .health import NodeHealth
from .node import Node, included
from .profile import NodeProfile
from .readiness import NodeReadiness
from .version import NodeVersion

if TYPE_CHECKING:
    from ..facets.client import FacetSync
    from ..reception import Callback
    from ..subscription_sync import SubscriptionSync
    from ..thread_loops import ThreadLoops
    from .admin import NodeAdminSync
    from .kv import NodeKvSync


class NodeSync:
    """As :class:`Node`, for :class:`RonClientSync`."""

    def __init__(
        self,
        node: Node,
        plane: Plane,
        loops: ThreadLoops,
    ) -> None:
        self._node = node
        self._plane = plane
        self._loops = loops

    def request(
        self, method: str, path: str, *, credential: bool = False, **options: Unpack[ContentOptions]
    ) -> Response:
        """See :meth:`Node.request`."""
        return self._loops.run(
            lambda: self._node.request(method, path, credential=credential, **options)
        )

    def subscribe(
        self,
        path: str,
        callback: Callback | None = None,
        *,
        credential: bool = False,
        **options: Unpack[StreamOptions],
    ) -> SubscriptionSync:
        """See :meth:`Node.subscribe`."""
        from ..subscription_sync import SubscriptionSync

        reception = self._plane.receive(path, callback, options, included(credential))
        return SubscriptionSync(reception, self._loops)

    def health(self) -> NodeHealth:
        """See :meth:`Node.health`."""
        return self._loops.run(self._node.health)

    def ready(self) -> NodeReadiness:
        """See :meth:`Node.ready`."""
        return self._loops.run(self._node.ready)

    def version(self) -> NodeVersion:
        """See :meth:`Node.version`."""
        return self._loops.run(self._node.version)

    def profile(self) -> NodeProfile:
        """See :meth:`Node.profile`."""
        return self._loops.run(self._node.profile)

    @property
    def kv(self) -> NodeKvSync:
        """See :attr:`Node.kv`."""
        from .kv import NodeKvSync

        return NodeKvSync(self._node.kv, self._loops)

    def admin(self, *, token: str) -> NodeAdminSync:
        """See :meth:`Node.admin`."""
        from .admin import NodeAdminSync

        return NodeAdminSync(self._node.admin(token=token), self._loops)

    def facets(self) -> tuple[NodeFacet, ...]:
        """See :meth:`Node.facets`."""
        return self._loops.run(self._node.facets)

    def facet(self, facet_id: str, *, credential: bool = True) -> FacetSync:
        """See :meth:`Node.facet`."""
        from ..facets.client import NODE, FacetSync

        wanted = included(credential)
        return FacetSync(self._plane, self._loops, NODE, facet_id, wanted)
