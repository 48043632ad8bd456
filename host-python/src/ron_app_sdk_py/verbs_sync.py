"""The calls of a plane, for synchronous code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, Unpack, overload

from .options import CallOptions, ContentOptions, PageOptions, StreamOptions
from .redact import Redactor
from .request import Request
from .response import Response

if TYPE_CHECKING:
    from .pagination_sync import PageIteratorSync, PagesSync
    from .reception import Callback, Reception
    from .subscription_sync import SubscriptionSync
    from .thread_loops import ThreadLoops

M = TypeVar("M")


class VerbsSync:
    """The calls without ``await``, over whatever performs them. Each verb returns the decoded
    answer: see :meth:`Response.value`, and with ``model`` :meth:`Response.parse`."""

    _redactor: Redactor
    """Keeps credentials out of messages."""

    _loops: ThreadLoops
    """Where calls are performed."""

    @overload
    def get(self, path: str, *, model: type[M], **options: Unpack[CallOptions]) -> M: ...

    @overload
    def get(self, path: str, *, model: Any = None, **options: Unpack[CallOptions]) -> Any: ...

    def get(self, path: str, *, model: Any = None, **options: Unpack[CallOptions]) -> Any:
        """GET: returns the decoded answer. See :meth:`RonClient.request`."""
        return self._value("GET", path, model, options)

    @overload
    def post(self, path: str, *, model: type[M], **options: Unpack[ContentOptions]) -> M: ...

    @overload
    def post(self, path: str, *, model: Any = None, **options: Unpack[ContentOptions]) -> Any: ...

    def post(self, path: str, *, model: Any = None, **options: Unpack[ContentOptions]) -> Any:
        """POST: returns the decoded answer. See :meth:`RonClient.request`."""
        return self._value("POST", path, model, options)

    @overload
    def put(self, path: str, *, model: type[M], **options: Unpack[ContentOptions]) -> M: ...

    @overload
    def put(self, path: str, *, model: Any = None, **options: Unpack[ContentOptions]) -> Any: ...

    def put(self, path: str, *, model: Any = None, **options: Unpack[ContentOptions]) -> Any:
        """PUT: returns the decoded answer. See :meth:`RonClient.request`."""
        return self._value("PUT", path, model, options)

    @overload
    def patch(self, path: str, *, model: type[M], **options: Unpack[ContentOptions]) -> M: ...

    @overload
    def patch(self, path: str, *, model: Any = None, **options: Unpack[ContentOptions]) -> Any: ...

    def patch(self, path: str, *, model: Any = None, **options: Unpack[ContentOptions]) -> Any:
        """PATCH: returns the decoded answer. See :meth:`RonClient.request`."""
        return self._value("PATCH", path, model, options)

    @overload
    def delete(self, path: str, *, model: type[M], **options: Unpack[ContentOptions]) -> M: ...

    @overload
    def delete(self, path: str, *, model: Any = None, **options: Unpack[ContentOptions]) -> Any: ...

    def delete(self, path: str, *, model: Any = None, **options: Unpack[ContentOptions]) -> Any:
        """DELETE: returns the decoded answer. See :meth:`RonClient.request`."""
        return self._value("DELETE", path, model, options)

    @overload
    def call(
        self, method: str, path: str, *, model: type[M], **options: Unpack[ContentOptions]
    ) -> M: ...

    @overload
    def call(
        self, method: str, path: str, *, model: Any = None, **options: Unpack[ContentOptions]
    ) -> Any: ...

    def call(
        self, method: str, path: str, *, model: Any = None, **options: Unpack[ContentOptions]
    ) -> Any:
        """Any method: returns the decoded answer. See :meth:`RonClient.request`."""
        return self._value(method, path, model, options)

    def request(self, method: str, path: str, **options: Unpack[ContentOptions]) -> Response:
        """Performs a call and returns the whole answer. See :meth:`RonClient.request`."""
        return self._perform_now(Request(method, path, **options))

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

        return PagesSync(self._perform_now, self._redactor, path, model, **options)

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

    def _value(self, method: str, path: str, model: Any, options: Any) -> Any:
        request = Request(method, path, **options)
        if model is None:
            return self._perform_now(request).value()
        from .decoding import decoder

        # That the model is no good must be known before anything is sent.
        decoded = decoder(model)
        return decoded(self._perform_now(request))

    def _perform_now(self, request: Request) -> Response:
        return self._loops.run(lambda: self._perform(request))

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
