"""The asynchronous client."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, Unpack

from .base import BaseClient
from .options import CallOptions, ContentOptions, StreamOptions
from .request import Request
from .response import Response

if TYPE_CHECKING:
    from .node import Node
    from .reception import Callback
    from .subscription import Subscription


class RonClient(BaseClient):
    """Calls the app plane of a RON gateway.

    Paths get ``/app`` in front unless they have it. A verb returns what the answer's type says:
    JSON decoded, ``text/*`` as ``str``, None if empty, else ``bytes``. A status of 300 or more
    raises :class:`RonProblem`; everything raised is a :class:`RonError`.

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
