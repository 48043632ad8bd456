"""The verbs of synchronous callers, with the types that their answers have."""

from __future__ import annotations

from typing import Any, TypeVar, Unpack, overload

from .options import CallOptions, ContentOptions
from .request import Request
from .response import Response

M = TypeVar("M")


class VerbsSync:
    """Verbs without ``await``, for what can perform a request. Each returns the decoded answer: see
    :meth:`Response.value`, and with ``model`` :meth:`Response.parse`."""

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

    def _value(self, method: str, path: str, model: Any, options: Any) -> Any:
        request = Request(method, path, **options)
        if model is None:
            return self._perform_now(request).value()
        from .decoding import decoder

        # That the model is no good must be known before anything is sent.
        decoded = decoder(model)
        return decoded(self._perform_now(request))

    def _perform_now(self, request: Request) -> Response:
        raise NotImplementedError
