"""The verbs of asynchronous callers, with the types that their answers have."""

from __future__ import annotations

from typing import Any, TypeVar, Unpack, overload

from .options import CallOptions, ContentOptions
from .request import Request
from .response import Response

M = TypeVar("M")


class Verbs:
    """Verbs, for what can perform a request. Each returns the decoded answer: see
    :meth:`Response.value`, and with ``model`` :meth:`Response.parse`."""

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

    async def _value(self, method: str, path: str, model: Any, options: Any) -> Any:
        request = Request(method, path, **options)
        if model is None:
            return (await self._perform(request)).value()
        from .decoding import decoder

        # That the model is no good must be known before anything is sent.
        decoded = decoder(model)
        return decoded(await self._perform(request))

    async def _perform(self, request: Request) -> Response:
        raise NotImplementedError
