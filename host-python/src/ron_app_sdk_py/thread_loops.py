"""A private event loop for each thread of the synchronous client."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from .loops import running_loop

T = TypeVar("T")


class ThreadLoops:
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
