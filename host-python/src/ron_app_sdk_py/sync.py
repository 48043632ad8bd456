"""The synchronous client.

Each thread that uses it has a private event loop with connections of its own; all share one
component. Calls from several threads run at the same time.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

from .base import RootClient
from .loops import running_loop
from .request import UNSET, Call, FieldMap, Query
from .response import Response

T = TypeVar("T")


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
        transport: makes the transport of an event loop; aiohttp by default.

    Raises:
        RonConfigError: the configuration is no good.
        RonSandboxError: the component can't be loaded.
    """

    def _opened(self) -> None:
        self._loops = _ThreadLoops(self._calls.close_loop)

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


class _ThreadLoops:
    """A private event loop for each thread.

    Args:
        close_loop: closes what belongs to the running loop.
    """

    def __init__(self, close_loop: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._close_loop = close_loop
        self._local = threading.local()
        self._lock = threading.Lock()
        self._all: list[_ThreadLoop] = []
        self._process = os.getpid()

    def run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Runs a coroutine on this thread's loop; from inside a running loop, on a thread of its
        own, since one thread can't run two."""
        if running_loop() is None:
            return self._own().run(work)
        results: list[T] = []
        errors: list[BaseException] = []

        def target() -> None:
            try:
                results.append(self._own().run(work))
            except BaseException as error:
                errors.append(error)
            finally:
                self._retire()

        thread = threading.Thread(target=target, name="ron-app-sdk-py", daemon=True)
        thread.start()
        thread.join()
        if errors:
            raise errors[0]
        return results[0]

    def close(self) -> None:
        """Closes the loops of all threads once their calls have ended."""
        with self._lock:
            loops, self._all = self._all, []
        for loop in loops:
            loop.close()

    def _own(self) -> _ThreadLoop:
        if self._process != os.getpid():
            # A fork: the loops belong to the parent's threads.
            self._process, self._local, self._all = os.getpid(), threading.local(), []
            self._lock = threading.Lock()
        loop: _ThreadLoop | None = getattr(self._local, "loop", None)
        if loop is None or loop.closed:
            loop = self._local.loop = _ThreadLoop(self._close_loop)
            with self._lock:
                # Threads that ended left loops that nobody can use any more.
                gone = [other for other in self._all if other.is_abandoned()]
                self._all = [other for other in self._all if other not in gone] + [loop]
            for other in gone:
                other.close()
        return loop

    def _retire(self) -> None:
        loop: _ThreadLoop | None = getattr(self._local, "loop", None)
        if loop is not None:
            with self._lock:
                self._all = [other for other in self._all if other is not loop]
            loop.close()


class _ThreadLoop:
    """One thread's loop."""

    def __init__(self, close_loop: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self.closed = False
        self._thread = threading.current_thread()
        self._close_loop = close_loop
        self._running = threading.Lock()
        self._runner = asyncio.Runner()

    def is_abandoned(self) -> bool:
        """Whether its thread has ended."""
        return not self._thread.is_alive()

    def run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Runs a coroutine."""
        with self._running:
            return self._runner.run(work())

    def close(self) -> None:
        """Closes the connections and the loop; waits for a call that is ending."""
        with self._running:
            if not self.closed:
                self.closed = True
                self._runner.run(self._close_loop())
                self._runner.close()
