"""The synchronous client.

Each thread that uses it has a private event loop with connections of its own; all share one
component. Calls from several threads run at the same time.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any, Self

from .base import RootClient
from .request import UNSET, Call, FieldMap, Query
from .response import Response
from .thread_loops import ThreadLoops


class RonClientSync(RootClient):
    """Calls the app plane of a RON gateway from synchronous code.

    The surface is that of :class:`RonClient`, without ``await``. It may be used from any number of
    threads, and inside a running event loop too: there the call blocks that loop, as any
    synchronous call does.

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

    def _opened(self) -> None:
        self._loops = ThreadLoops(self._calls.close_loop)

    def get(
        self,
        path: str,
        *,
        query: Query | None = None,
        headers: FieldMap | None = None,
        timeout: float | None = None,
    ) -> Any:
        """GET: returns the decoded answer. See :meth:`RonClient.request`."""
        response = self.request("GET", path, query=query, headers=headers, timeout=timeout)
        return response.value()

    def post(
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
        """POST: returns the decoded answer. See :meth:`RonClient.request`."""
        response = self.request(
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

    def request(
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
        """Performs a call and returns the whole answer. See :meth:`RonClient.request`."""
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
        return self._loops.run(lambda: self._perform(call))

    async def _perform(self, call: Call) -> Response:
        # The loop has been idle since the last call: one turn lets it see which connections the
        # server has closed meanwhile.
        await asyncio.sleep(0)
        return await self._calls.perform(self._session, call.begin, call.content)

    def close(self) -> None:
        """Ends every call in flight and closes the connections. May be called twice."""
        self._calls.end()
        self._loops.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
