"""What a case must not leave behind."""

from __future__ import annotations

import asyncio
import functools
import gc
import os
from typing import Any, NamedTuple

from ron_app_sdk_py import RonClientSync

_SETTLE_SECONDS = 5.0


class Possessions(NamedTuple):
    """What a process has.

    Attributes:
        descriptors: how many are open.
        tasks: those of the running event loop.
    """

    descriptors: int
    tasks: frozenset[asyncio.Task[Any]]

    @classmethod
    def now(cls) -> Possessions:
        """What it has now, without garbage, once it has what it keeps for good."""
        _load_component()
        gc.collect()
        return cls(len(os.listdir("/proc/self/fd")), frozenset(asyncio.all_tasks()))

    async def leaked(self) -> list[str]:
        """What there is more than this, a few seconds from now at the latest."""
        loop = asyncio.get_running_loop()
        limit = loop.time() + _SETTLE_SECONDS
        while (leaked := self._more()) and loop.time() < limit:
            await asyncio.sleep(0.02)
        return leaked

    def _more(self) -> list[str]:
        now = Possessions.now()
        leaked = [f"task {task!r}" for task in now.tasks - self.tasks]
        if now.descriptors > self.descriptors:
            leaked.append(f"{now.descriptors - self.descriptors} descriptors")
        return leaked


@functools.cache
def _load_component() -> None:
    """The first client of a process loads the component, and the engine keeps it."""
    RonClientSync("http://127.0.0.1").close()
