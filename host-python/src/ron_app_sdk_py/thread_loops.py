"""Event loops of the synchronous client: one for each thread, and those of subscriptions."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import os
import threading
import weakref
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from .calls.loops import running_loop
from .defaults import MAX_HELPER_THREADS
from .errors import RonClosedError, RonOverloadError, RonRequestError

T = TypeVar("T")
Work = Callable[[], Coroutine[Any, Any, T]]


class ThreadLoops:
    """An event loop for each thread, and others. A loop's end closes its connections.

    Args:
        is_stuck: whether the calling code interrupts something of its thread that every other
            thread may have to wait for, so that no helper can help.
        loop_factory: makes the loops; asyncio's own by default.
    """

    def __init__(
        self,
        is_stuck: Callable[[], bool],
        loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
    ) -> None:
        self._is_stuck = is_stuck
        self._loop_factory = loop_factory
        self._closed = False
        self._inherited: list[object] = []
        self._start_in_process()

    def _start_in_process(self) -> None:
        self._process = os.getpid()
        self._local = threading.local()
        self._lock = threading.RLock()
        self._all: list[_ThreadLoop] = []
        self._helpers: ThreadPoolExecutor | None = None
        self._free_helpers = threading.Semaphore(MAX_HELPER_THREADS)
        weakref.finalize(self, _close_all, self._all, self._process)

    def _start_after_fork(self) -> None:
        if self._process != os.getpid():
            # The loops belong to the parent; destroying them could reach into its connections.
            self._inherited.append((self._all, self._local, self._helpers))
            self._start_in_process()

    def run(self, work: Work[T]) -> T:
        """Runs a coroutine on this thread's loop. Where that can't be, because the thread runs a
        loop already or was interrupted in a call by a signal's handler or a finalizer, a helper
        thread does the work, on a loop of the helper's own.

        Raises:
            RonOverloadError: a helper wants a helper and there is none.
            RonClosedError: the loops were closed, or Python is shutting down.
        """
        self._start_after_fork()
        while running_loop() is None and not self._closed:
            own = self._own()
            if own.is_busy():
                break
            with contextlib.suppress(_LoopClosedError):
                return own.run(work)
        if self._closed:
            raise RonClosedError("the client was closed; open a new one", code="closed")
        return self._run_by_helper(work)

    def private(self) -> PrivateLoop:
        """A loop for what outlives a call: threads may run it one after another."""
        self._start_after_fork()
        loop = PrivateLoop(self._loop_factory)
        self._add(loop)
        return loop

    def run_private(self, loop: PrivateLoop, work: Work[T]) -> T:
        """As :meth:`run`, on such a loop.

        Raises:
            RonRequestError: it runs already.
            RonOverloadError: a helper wants a helper and there is none.
            RonClosedError: it was closed, or Python is shutting down.
        """
        if loop.process != os.getpid():
            raise RonClosedError(
                "the subscription is that of the parent process; subscribe again in this one",
                code="closed",
            )
        if loop.is_busy():
            raise RonRequestError(
                "this thread or another waits for an event of this subscription already; let one "
                "at a time take its events, or subscribe twice",
                code="subscription_in_use",
            )
        try:
            if running_loop() is None:
                return loop.run(work)
            return self._run_by_helper(work, loop)
        except _LoopClosedError:
            raise RonClosedError("the client was closed; open a new one", code="closed") from None

    def close_private(self, loop: PrivateLoop) -> None:
        """Closes one: at once, or at the end of what it runs. A finalizer may call this."""
        loop.unwanted = True
        if loop.process != os.getpid() or self._is_stuck():
            # It is the parent's, or another one that is made will have it closed.
            return
        with self._lock:
            if loop in self._all:
                self._all.remove(loop)
        _close_all([loop], loop.process)

    def close(self) -> None:
        """Closes the loops of all threads, those with a call at its end. It waits for none: the
        call may be waiting for what closes the client."""
        self._closed = True
        if self._process != os.getpid():
            # All of it is the parent's, the lock too, which a thread that isn't there may hold.
            return
        with self._lock:
            helpers, self._helpers = self._helpers, None
        _close_all(self._all, self._process)
        if helpers is not None:
            helpers.shutdown(wait=False)

    def _own(self) -> _ThreadLoop:
        loop: _ThreadLoop | None = getattr(self._local, "loop", None)
        if loop is None or loop.closed:
            loop = self._local.loop = _ThreadLoop(self._loop_factory)
            self._add(loop)
        return loop

    def _add(self, loop: _ThreadLoop) -> None:
        with self._lock:
            # Threads that ended left loops that nobody can use any more.
            gone = [other for other in self._all if other.is_abandoned()]
            self._all[:] = [other for other in self._all if other not in gone] + [loop]
        _close_all(gone, self._process)

    def _start_helpers(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._helpers is None:
                self._helpers = ThreadPoolExecutor(MAX_HELPER_THREADS, "ron-app-sdk-py")
            return self._helpers

    def _run_by_helper(self, work: Work[T], loop: _ThreadLoop | None = None) -> T:
        if self._is_stuck():
            raise RonOverloadError(
                "a signal handler or finalizer uses the client while it interrupts a call of it in "
                "the component; do the work later, outside of the handler",
                code="reentered",
            )
        # Helpers that waited for each other would wait for ever.
        if not self._free_helpers.acquire(blocking=not getattr(self._local, "helps", False)):
            raise RonOverloadError(
                f"{MAX_HELPER_THREADS} synchronous calls wait for each other inside running event "
                "loops; use RonClient there, or call less from middleware and log handlers",
                code="helpers",
            )
        try:
            helpers = self._helpers or self._start_helpers()
            loops: list[_ThreadLoop] = []

            def help_out() -> T:
                self._local.helps = True
                loops.append(loop or self._own())
                return loops[0].run(work)

            try:
                future = helpers.submit(contextvars.copy_context().run, help_out)
            except RuntimeError:
                raise RonClosedError(
                    "the client was closed, or Python is shutting down", code="closed"
                ) from None
        except BaseException:
            self._free_helpers.release()
            raise
        future.add_done_callback(lambda _: self._free_helpers.release())
        try:
            return future.result()
        except BaseException:
            # Whoever waits here was interrupted: so is the work.
            if not future.done() and not future.cancel() and loops:
                loops[0].interrupt()
            raise


class _LoopClosedError(Exception):
    """The loop was closed by another thread."""


class _ThreadLoop:
    """The loop of one thread."""

    def __init__(self, loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None) -> None:
        self.closed = False
        self._thread = threading.current_thread()
        self._running = threading.Lock()
        self._runner = asyncio.Runner(loop_factory=loop_factory)
        self._task: asyncio.Task[Any] | None = None

    def is_abandoned(self) -> bool:
        """Whether its thread has ended."""
        return not self._thread.is_alive()

    def is_busy(self) -> bool:
        """Whether something runs on it."""
        return self._running.locked()

    def run(self, work: Work[T]) -> T:
        """Runs a coroutine.

        Raises:
            _LoopClosedError: the loop is closed.
        """
        try:
            with self._running:
                if self.closed:
                    raise _LoopClosedError
                # Middleware sees the context variables of the caller, not those of the first one.
                context = contextvars.copy_context()
                return self._runner.run(self._observed(work), context=context)
        finally:
            if self.closed:
                self._close_unless_busy()

    def interrupt(self) -> None:
        """Cancels what runs, from another thread."""
        task = self._task
        if task is not None:
            task.get_loop().call_soon_threadsafe(task.cancel)

    def close(self) -> None:
        """Closes the connections and the loop, at once or at the end of the call that runs."""
        self.closed = True
        self._close_unless_busy()

    def _close_unless_busy(self) -> None:
        # Whoever keeps it busy sees `closed` afterwards and comes here too.
        if self._running.acquire(blocking=False):
            try:
                self._runner.close()
            finally:
                self._running.release()

    async def _observed(self, work: Work[T]) -> T:
        self._task = asyncio.current_task()
        # Nobody ran the loop since the last call: one turn lets it see which connections the server
        # has closed meanwhile.
        await asyncio.sleep(0)
        try:
            return await work()
        finally:
            self._task = None


class PrivateLoop(_ThreadLoop):
    """A loop that is no thread's.

    Attributes:
        process: the process that it belongs to.
        unwanted: whether nobody will run it again.
    """

    def __init__(self, loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None) -> None:
        # With a factory, running it does not make it the current loop of a thread.
        super().__init__(loop_factory or asyncio.new_event_loop)
        self.process = os.getpid()
        self.unwanted = False

    def is_abandoned(self) -> bool:
        """Whether nobody wants it any more."""
        return self.unwanted


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
