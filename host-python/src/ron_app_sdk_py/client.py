"""The asynchronous client."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack, overload

from .base import BaseClient
from .options import PageOptions, StreamOptions
from .verbs import Verbs

if TYPE_CHECKING:
    from .node import Node
    from .pagination import PageIterator, Pages
    from .reception import Callback
    from .subscription import Subscription

M = TypeVar("M")


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
        timeout: seconds for a whole call; default 10.
        retries: attempts after the first, where they do no harm; default 2.
        allow_insecure_http: allow plain http to other machines.
        config: a whole configuration instead of the environment; the arguments above win over it.
        transport: ``aiohttp``, ``httpx2`` (an extra), or what makes the transport of an event loop.

    Raises:
        RonConfigError: the configuration is no good; names every fault.
        RonSandboxError: the component can't be loaded.
    """

    @overload
    def paginate(
        self, path: str, *, model: type[M], **options: Unpack[PageOptions]
    ) -> Pages[M]: ...

    @overload
    def paginate(
        self, path: str, *, model: Any = None, **options: Unpack[PageOptions]
    ) -> Pages[Any]: ...

    def paginate(
        self, path: str, *, model: Any = None, **options: Unpack[PageOptions]
    ) -> Pages[Any]:
        """Goes through the items of all pages of a collection (``docs/types.md``). Nothing is sent
        before the result is iterated over with ``async for``.

        Args:
            path: a path of the app plane, encoded or not, perhaps with a query.
            model: what each item is to be: see :meth:`Response.parse`; default what JSON says.
            options: see :class:`~.options.PageOptions`.

        Raises:
            RonRequestError: an argument is no good.
        """
        from .pagination import Pages

        return Pages(self._perform, self._limits.redactor, path, model, **options)

    @overload
    def iter_pages(
        self, path: str, *, model: type[M], **options: Unpack[PageOptions]
    ) -> PageIterator[M]: ...

    @overload
    def iter_pages(
        self, path: str, *, model: Any = None, **options: Unpack[PageOptions]
    ) -> PageIterator[Any]: ...

    def iter_pages(
        self, path: str, *, model: Any = None, **options: Unpack[PageOptions]
    ) -> PageIterator[Any]:
        """Goes through all pages of a collection: ``paginate(…).pages()``."""
        return self.paginate(path, model=model, **options).pages()

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

    @property
    def node(self) -> Node:
        """Calls beside the app plane: health, readiness, version, streams."""
        from .node import Node

        return Node(self._perform, self._reception)

    async def close(self) -> None:
        """Ends every call in flight and closes the connections; of a derived client, ends its own
        calls only. May be called twice."""
        if self._parent is None:
            self._calls.end()
            await self._calls.close_loop()
        else:
            self._calls.close_session(self._session)

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
