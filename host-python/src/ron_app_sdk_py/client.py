"""The asynchronous client."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from .base import RootClient
from .request import UNSET, Call, FieldMap, Query
from .response import Response


class RonClient(RootClient):
    """Calls the app plane of a RON gateway.

    Paths get ``/app`` in front unless they have it. A verb returns what the answer's type says:
    JSON decoded, ``text/*`` as ``str``, None if empty, else ``bytes``. A status of 300 or more
    raises :class:`RonProblem`; everything raised is a :class:`RonError`.

    A client may be used from several tasks, and across ``asyncio.run`` calls.

    Args:
        base_url: the gateway; by default the environment's, else ``http://127.0.0.1:8080``.
        token: the credential; by default ``RON_APP_TOKEN``.
        timeout: seconds for a whole call; default 10.
        allow_insecure_http: allow plain http to other machines.
        config: a whole configuration instead of the environment; the arguments above win over it.
        transport: ``aiohttp``, ``httpx2`` (an extra), or what makes the transport of an event loop.

    Raises:
        RonConfigError: the configuration is no good.
        RonSandboxError: the component can't be loaded.
    """

    async def get(
        self,
        path: str,
        *,
        query: Query | None = None,
        headers: FieldMap | None = None,
        timeout: float | None = None,
    ) -> Any:
        """GET: returns the decoded answer. See :meth:`request` for arguments and errors."""
        response = await self.request("GET", path, query=query, headers=headers, timeout=timeout)
        return response.value()

    async def post(
        self,
        path: str,
        *,
        json: Any = UNSET,
        content: bytes | str | None = None,
        query: Query | None = None,
        headers: FieldMap | None = None,
        timeout: float | None = None,
        idem: bool | str = False,
    ) -> Any:
        """POST: returns the decoded answer. See :meth:`request` for arguments and errors."""
        response = await self.request(
            "POST",
            path,
            json=json,
            content=content,
            query=query,
            headers=headers,
            timeout=timeout,
            idem=idem,
        )
        return response.value()

    async def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = UNSET,
        content: bytes | str | None = None,
        query: Query | None = None,
        headers: FieldMap | None = None,
        timeout: float | None = None,
        idem: bool | str = False,
    ) -> Response:
        """Performs a call and returns the whole answer.

        Args:
            method: the method.
            path: a path of the app plane, encoded or not, perhaps with a query.
            json: the body, to be encoded as JSON; None is sent as ``null``.
            content: the body as bytes or text, instead of ``json``.
            query: more parameters.
            headers: fields beside the client's own; credentials and framing are reserved.
            timeout: seconds for the whole call, instead of the configured time.
            idem: True to send a fresh ``Idempotency-Key``, or the key to send.

        Raises:
            RonRequestError: an argument can't be sent.
            RonProblem: the server answered with a status of 300 or more.
            RonNetworkError: no usable answer came; :class:`RonTimeoutError` is one.
            RonTooLargeError: the request or the answer is larger than configured.
            RonOverloadError: too many calls wait already.
            RonClosedError: the client was closed.
            RonSandboxError: the component trapped.
        """
        call = Call(
            method,
            path,
            json=json,
            content=content,
            query=query,
            headers=headers,
            timeout=timeout,
            idem=idem,
        )
        return await self._calls.perform(self._session, call.begin, call.content)

    async def close(self) -> None:
        """Ends every call in flight and closes the connections. May be called twice."""
        self._calls.end()
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
