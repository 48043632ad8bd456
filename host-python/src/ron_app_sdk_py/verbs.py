"""The calls of a plane: what clients and facets have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, Unpack, overload

from .options import CallOptions, ContentOptions, PageOptions, StreamOptions
from .redact import Redactor
from .request import Request
from .response import Response

if TYPE_CHECKING:
    from .pagination import PageIterator, Pages
    from .reception import Callback, Reception
    from .subscription import Subscription

M = TypeVar("M")


class Verbs:
    """The calls, over whatever performs them. Each verb returns the decoded answer: see
    :meth:`Response.value`, and with ``model`` :meth:`Response.parse`."""

    _redactor: Redactor
    """Keeps credentials out of messages."""

    @overload
    async def get(self, path: str, *, model: type[M], **options: Unpack[CallOptions]) -> M: ...

    @overload
    async def get(self, path: str, *, model: Any = None, **options: Unpack[CallOptions]) -> Any: ...

    async def get(self, path: str, *, model: Any = None, **options: Unpack[CallOptions]) -> Any:
        """GET: returns the decoded answer. See :meth:`request` for arguments and errors."""
        return await self._value("GET", path, model, options)

    @overload
    async def post(self, path: str, *, model: type[M], **options: Unpack[ContentOptions]) -> M: ...

    @overload
    async def post(
        self, path: str, *, model: Any = None, **options: Unpack[ContentOptions]
    ) -> Any: ...

    async def post(self, path: str, *, model: Any = None, **options: Unpack[ContentOptions]) -> Any:
        """POST: returns the decoded answer. See :meth:`request` for arguments and errors."""
        return await self._value("POST", path, model, options)

    @overload
    async def put(self, path: str, *, model: type[M], **options: Unpack[ContentOptions]) -> M: ...

    @overload
    async def put(
        self, path: str, *, model: Any = None, **options: Unpack[ContentOptions]
    ) -> Any: ...

    async def put(self, path: str, *, model: Any = None, **options: Unpack[ContentOptions]) -> Any:
        """PUT: returns the decoded answer. See :meth:`request` for arguments and errors."""
        return await self._value("PUT", path, model, options)

    @overload
    async def patch(self, path: str, *, model: type[M], **options: Unpack[ContentOptions]) -> M: ...

    @overload
    async def patch(
        self, path: str, *, model: Any = None, **options: Unpack[ContentOptions]
    ) -> Any: ...

    async def patch(
        self, path: str, *, model: Any = None, **options: Unpack[ContentOptions]
    ) -> Any:
        """PATCH: returns the decoded answer. See :meth:`request` for arguments and errors."""
        return await self._value("PATCH", path, model, options)

    @overload
    async def delete(
        self, path: str, *, model: type[M], **options: Unpack[ContentOptions]
    ) -> M: ...

    @overload
    async def delete(
        self, path: str, *, model: Any = None, **options: Unpack[ContentOptions]
    ) -> Any: ...

    async def delete(
        self, path: str, *, model: Any = None, **options: Unpack[ContentOptions]
    ) -> Any:
        """DELETE: returns the decoded answer. See :meth:`request` for arguments and errors."""
        return await self._value("DELETE", path, model, options)

    @overload
    async def call(
        self, method: str, path: str, *, model: type[M], **options: Unpack[ContentOptions]
    ) -> M: ...

    @overload
    async def call(
        self, method: str, path: str, *, model: Any = None, **options: Unpack[ContentOptions]
    ) -> Any: ...

    async def call(
        self, method: str, path: str, *, model: Any = None, **options: Unpack[ContentOptions]
    ) -> Any:
        """Any method: returns the decoded answer. See :meth:`request` for arguments and errors."""
        return await self._value(method, path, model, options)

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

        return Pages(self._perform, self._redactor, path, model, **options)

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

    async def _value(self, method: str, path: str, model: Any, options: Any) -> Any:
        request = Request(method, path, **options)
        if model is None:
            return (await self._perform(request)).value()
        from .decoding import decoder

        # That the model is no good must be known before anything is sent.
        decoded = decoder(model)
        return decoded(await self._perform(request))

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
