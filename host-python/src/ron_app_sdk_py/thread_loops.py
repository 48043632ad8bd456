"""A private event loop for each thread of the synchronous client."""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from .calls.loops import running_loop
from .defaults import MAX_HELPER_THREADS

T = TypeVar("T")
Work = Callable[[], Coroutine[Any, Any, T]]


class ThreadLoops:
    """A private event loop for each thread. A loop's end closes its connections."""

    def __init__(self) -> None:
        self._inherited: list[object] = []
        self._start_in_process()

    def _start_in_process(self) -> None:
        self._process = os.getpid()
        self._local = threading.local()
        self._lock = threading.Lock()
        self._all: list[_ThreadLoop] = []
        self._helpers: ThreadPoolExecutor | None = None
        weakref.finalize(self, _close_all, self._all, self._process)

    def run(self, work: Work[T]) -> T:
        """Runs a coroutine on this thread's loop. A thread that runs a loop already can't run
        another: for it a helper thread does the work, on a loop of the helper's own."""
        if self._process != os.getpid():
            # The loops belong to the parent; destroying them could reach into its connections.
            self._inherited.append((self._all, self._local, self._helpers))
            self._start_in_process()
        if running_loop() is None:
            return self._own().run(work)
        return self._run_by_helper(work)

    def close(self) -> None:
        """Closes the loops of all threads once their calls have ended."""
        with self._lock:
            helpers, self._helpers = self._helpers, None
        _close_all(self._all, self._process)
        if helpers is not None:
            helpers.shutdown(wait=False)

    def _own(self) -> _ThreadLoop:
        loop: _ThreadLoop | None = getattr(self._local, "loop", None)
        if loop is None or loop.closed:
            loop = self._local.loop = _ThreadLoop()
            with self._lock:
                # Threads that ended left loops that nobody can use any more.
                gone = [other for other in self._all if other.is_abandoned()]
                self._all[:] = [other for other in self._all if other not in gone] + [loop]
            _close_all(gone, self._process)
        return loop

    def _run_by_helper(self, work: Work[T]) -> T:
        with self._lock:
            if self._helpers is None:
                self._helpers = ThreadPoolExecutor(MAX_HELPER_THREADS, "ron-app-sdk-py")
            helpers = self._helpers
        loops: list[_ThreadLoop] = []

        def help_out() -> T:
            loops.append(self._own())
            return loops[0].run(work)

        future = helpers.submit(help_out)
        try:
            return future.result()
        except BaseException:
            # Whoever waits here was interrupted: so is the work.
            if not future.done() and not future.cancel() and loops:
                loops[0].interrupt()
            raise


class _ThreadLoop:
    """The loop of one thread."""

    def __init__(self) -> None:
        self.closed = False
        self._thread = threading.current_thread()
        self._running = threading.Lock()
        self._runner = asyncio.Runner()
        self._task: asyncio.Task[Any] | None = None

    def is_abandoned(self) -> bool:
        """Whether its thread has ended."""
        return not self._thread.is_alive()

    def run(self, work: Work[T]) -> T:
        """Runs a coroutine."""
        with self._running:
            return self._runner.run(self._observed(work))

    def interrupt(self) -> None:
        """Cancels what runs, from another thread."""
        task = self._task
        if task is not None:
            task.get_loop().call_soon_threadsafe(task.cancel)

    def close(self) -> None:
        """Closes the connections and the loop; waits for a call that is ending."""
        with self._running:
            self.closed = True
            self._runner.close()

    async def _observed(self, work: Work[T]) -> T:
        self._task = asyncio.current_task()
        # Nobody ran the loop since the last call: one turn lets it see which connections the server
        # has closed meanwhile.
        await asyncio.sleep(0)
        try:
            return await work()
        finally:
            self._task = None


def _close_all(loops: list[_ThreadLoop], process: int) -> None:
    """Closes loops, on another thread if this one runs a loop. In a forked child nothing is done:
    the loops are the parent's."""
    if process != os.getpid():
        return

    def close() -> None:
        while loops:
            loops.pop().close()

    if running_loop() is None:
        close()
    elif loops:
        thread = threading.Thread(target=close, name="ron-app-sdk-py-close")
        thread.start()
        thread.join()
