"""The asynchronous client."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from .base import BaseClient
from .options import Query
from .verbs import Verbs

if TYPE_CHECKING:
    from .facets.client import Facet
    from .node.node import Node
    from .pagination import PageIterator


class RonClient(BaseClient, Verbs):
    """Calls the app plane of a RON gateway.

    Paths get ``/app`` in front unless they have it. A verb returns what the answer's type says:
    JSON decoded, ``text/*`` as ``str``, None if empty, else ``bytes``. A status of 300 or more
    raises :class:`RonProblem`; everything raised is a :class:`RonError`. With ``model=``, a verb
    returns what that type says instead: see :meth:`Response.parse`.

    A client may be used from several tasks, and across ``asyncio.run`` calls.

    Args:
        base_url: the gateway; by default the environment's, else ``http://127.0.0.1:8080``.
        token: the credential; by default ``RON_APP_TOKEN``.
        macaroon: a capability instead (``docs/auth.md``); by default ``RON_APP_MACAROON``.
        token_provider: a function, plain or ``async``, that gives tokens when they are needed
            instead (``docs/auth.md``).
        passport: sent beside it; by default ``RON_APP_PASSPORT``.
        timeout: seconds for a whole call; default 10.
        retries: attempts after the first, where they do no harm; default 2.
        allow_insecure_http: allow plain http to other machines.
        config: a whole configuration instead of the environment; the arguments above win over it.
        transport: ``aiohttp``, ``httpx2`` (an extra), or what makes the transport of an event loop.

    Raises:
        RonConfigError: the configuration is no good; names every fault.
        RonSandboxError: the component can't be loaded.
    """

    @property
    def node(self) -> Node:
        """What is beside the app plane (``docs/nodes.md``): health, readiness, version, profile,
        streams, the key-value store, the admin plane, facets."""
        from .node.node import Node

        return Node(self._plane, self._amnesia, self._perform_with)

    def facet(self, facet_id: str) -> Facet:
        """A facet on the app plane, at ``/app/{facet_id}/…``.

        Args:
            facet_id: its id: ASCII letters, digits, ``.``, ``_`` and ``-``.

        Raises:
            RonRequestError: the id is no good.
        """
        from .facets.client import APP, Facet

        return Facet(self._plane, APP, facet_id)

    async def close(self) -> None:
        """Ends every call in flight and closes the connections; of a derived client, ends its own
        calls only. May be called twice."""
        self._end()
        if self._parent is None:
            await self._calls.close_loop()

    aclose = close

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()


def iter_pages(
    client: RonClient, path: str, *, page_size: int = 100, query: Query | None = None
) -> PageIterator[Any]:
    """The pages of a collection, as in earlier versions of this SDK: see
    :meth:`RonClient.iter_pages`."""
    return client.iter_pages(path, page_size=page_size, query=query)
