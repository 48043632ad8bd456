"""The node behind the base URL."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Unpack

from ..amnesia import Amnesia
from ..errors import RonProblem, RonRequestError
from ..options import ContentOptions, StreamOptions
from ..plane import Perform, Plane
from ..request import Request
from ..response import Response
from .facets import PATH as FACETS
from .facets import NodeFacet, loaded
from .health import NodeHealth, health, unhealthy
from .profile import NodeProfile, profile
from .readiness import NodeReadiness, readiness, unready
from .version import NodeVersion, checked, version

if TYPE_CHECKING:
    from ..facets.client import Facet
    from ..reception import Callback
    from ..subscription import Subscription
    from .admin import NodeAdmin
    from .kv import NodeKv


class Node:
    """Calls beside the app plane, at the same origin. What only asks the node about itself sends no
    credential; :attr:`kv` and :meth:`facet` send the client's, :meth:`admin` its own."""

    def __init__(
        self,
        plane: Plane,
        amnesia: Amnesia,
        perform_with: Callable[[str], Perform],
    ) -> None:
        self._plane = plane
        self._amnesia = amnesia
        self._perform_with = perform_with

    async def request(
        self, method: str, path: str, *, credential: bool = False, **options: Unpack[ContentOptions]
    ) -> Response:
        """Performs a call of any path behind the base URL.

        Args:
            method: the method.
            path: the path, such as ``/metrics``.
            credential: whether to send the credential.
            options: see :class:`~.options.ContentOptions`.

        Raises:
            RonError: as :meth:`RonClient.request`.
        """
        request = Request(method, path, **options)
        request.node = included(credential)
        return await self._plane.perform(request)

    def subscribe(
        self,
        path: str,
        callback: Callback | None = None,
        *,
        credential: bool = False,
        **options: Unpack[StreamOptions],
    ) -> Subscription:
        """Subscribes to an event stream at any path behind the base URL.

        Args:
            path: the path, such as ``/registry/stream``.
            callback: as of :meth:`RonClient.subscribe`.
            credential: whether to send the credential.
            options: see :class:`~.options.StreamOptions`.

        Raises:
            RonRequestError: an argument is no good.
        """
        from ..subscription import Subscription

        return Subscription(self._plane.receive(path, callback, options, included(credential)))

    async def health(self) -> NodeHealth:
        """Asks ``/healthz``, once. A node that is unwell is an answer, not an error.

        Raises:
            RonError: there is no such answer.
        """
        try:
            return health(await self.request("GET", "/healthz", retries=0))
        except RonProblem as problem:
            return unhealthy(problem)

    async def ready(self) -> NodeReadiness:
        """Asks ``/readyz``, once. A node that is not ready is an answer, not an error.

        Raises:
            RonError: there is no such answer.
        """
        try:
            return readiness(await self.request("GET", "/readyz", retries=0))
        except RonProblem as problem:
            return unready(problem)

    async def version(self) -> NodeVersion:
        """Asks ``/version``, or ``/versionz`` where that does not exist.

        Warns with :class:`RonVersionWarning` if the version is not a supported one.

        Raises:
            RonError: there is no such answer.
        """
        try:
            response = await self.request("GET", "/version")
        except RonProblem as problem:
            if problem.status != 404:
                raise
            response = await self.request("GET", "/versionz")
        return checked(version(response))

    async def profile(self) -> NodeProfile:
        """Finds out which server answers, each time anew (``docs/nodes.md``). The root client
        remembers whether the node forgets, and warns of later writes if so.

        Raises:
            RonError: the server can't be asked. That it is none of RON's is an answer: ``unknown``.
        """
        found = await profile(self._ask)
        self._amnesia.remember(found)
        return found

    @property
    def kv(self) -> NodeKv:
        """The key-value store of a micronode. Sends the client's credential."""
        from .kv import NodeKv

        return NodeKv(self._plane.perform, self._amnesia, self._ask)

    def admin(self, *, token: str) -> NodeAdmin:
        """The admin plane of a macronode.

        Args:
            token: the credential of that plane, ``RON_ADMIN_TOKEN`` there. It is kept like the
                client's own, which is never sent there.

        Raises:
            RonConfigError: the token is no good.
            RonClosedError: the client was closed.
        """
        from .admin import NodeAdmin

        return NodeAdmin(self._perform_with(token), self._ask)

    async def facets(self) -> tuple[NodeFacet, ...]:
        """The facets that a micronode has loaded.

        Raises:
            RonParseError: the answer is no list of facets.
            RonError: the call failed; the status is 404 where there is no micronode.
        """
        return loaded(await self.request("GET", FACETS))

    def facet(self, facet_id: str, *, credential: bool = True) -> Facet:
        """A facet of a micronode, at ``/facets/{facet_id}/…``.

        Args:
            facet_id: its id: ASCII letters, digits, ``.``, ``_`` and ``-``.
            credential: whether to send the credential. A proxy passes it on to its upstream.

        Raises:
            RonRequestError: the id is no good.
        """
        from ..facets.client import NODE, Facet

        return Facet(self._plane, NODE, facet_id, included(credential))

    async def _ask(self, path: str) -> Response:
        return await self.request("GET", path)


def included(wanted: object) -> str:
    """What :class:`~.request.Request` calls it to send the credential to the node, or not to.

    Raises:
        RonRequestError: ``wanted`` is neither True nor False.
    """
    if not isinstance(wanted, bool):
        raise RonRequestError(
            f"credential is {type(wanted).__name__}; give True or False", code="invalid_credential"
        )
    return "include" if wanted else "omit"
