"""What a client of tests runs on where neither a network nor waiting is wanted."""

from __future__ import annotations

import asyncio
import gc
import selectors
from collections.abc import Coroutine, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from ron_app_sdk_py.base import BaseClient
from ron_app_sdk_py.engine.guest import SystemClock
from ron_app_sdk_py.transport import TransportFailure, TransportRequest, TransportSettings

MILLISECOND = 1_000_000


class HurriedClock(SystemClock):
    """The component's clock: it goes on by a millisecond each time that it is read."""

    def __init__(self) -> None:
        self.now = 0

    def monotonic_ns(self) -> int:
        self.now += MILLISECOND
        return self.now

    def wall_ns(self) -> int:
        return 1_700_000_000_000_000_000 + self.now


class HurriedLoop(asyncio.SelectorEventLoop):
    """A loop that never waits for a timer: its time goes on instead. Where nothing else can happen
    any more, a time-out passes at once."""

    def __init__(self) -> None:
        self._skipped = 0.0
        loop = self

        class Selector(selectors.DefaultSelector):
            def select(self, timeout: float | None = None) -> Any:
                events = super().select(0 if timeout else timeout)
                if timeout and not events:
                    loop._skipped += timeout
                return events

        super().__init__(Selector())

    def time(self) -> float:
        return super().time() + self._skipped


@contextmanager
def hurried() -> Iterator[HurriedClock]:
    """Has new clients take their time from one clock."""
    clock = HurriedClock()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseClient, "_clock", clock)
        yield clock


def run_hurried(work: Coroutine[Any, Any, None]) -> None:
    """Runs it on such a loop, on which nothing may go wrong unseen."""
    complaints: list[dict[str, Any]] = []
    with asyncio.Runner(loop_factory=HurriedLoop) as runner:
        loop = runner.get_loop()
        loop.set_exception_handler(lambda _, told: complaints.append(told))
        runner.run(work)
        gc.collect()
        runner.run(turns(2))
    assert not complaints


async def turns(count: int) -> None:
    """Lets the loop go round so many times."""
    for _ in range(count):
        await asyncio.sleep(0)


@dataclass
class Answer:
    """What comes of an exchange: a status with a body, ``more`` parts of it perhaps, or a failure;
    each step takes ``turns``."""

    status: int = 200
    body: bytes = b"1"
    failure: str | None = None
    turns: int = 1
    content_type: str = "application/json"
    more: tuple[bytes, ...] = ()


@dataclass
class Scripted:
    """A transport that answers each request to a path with the next of the path's answers, the last
    one for ever.

    Attributes:
        answers: by path, without ``/app``.
        sent: the paths asked for, in order.
        open: exchanges that nobody has ended.
    """

    answers: dict[str, list[Answer]]
    sent: list[str] = field(default_factory=list)
    open: set[int] = field(default_factory=set)

    def __call__(self, settings: TransportSettings) -> Scripted:
        return self

    async def send(self, request: TransportRequest) -> ScriptedResponse:
        path = request.url.partition("/app")[2]
        answers = self.answers[path]
        answer = answers[min(self.sent.count(path), len(answers) - 1)]
        number = len(self.sent)
        self.sent.append(path)
        self.open.add(number)
        try:
            await turns(answer.turns)
            if answer.failure is not None:
                raise TransportFailure(answer.failure)
        except BaseException:
            self.open.remove(number)
            raise
        return ScriptedResponse(self, number, answer)

    async def close(self) -> None:
        pass


class ScriptedResponse:
    """An answer of the script."""

    def __init__(self, script: Scripted, number: int, answer: Answer) -> None:
        self.status = answer.status
        self.headers = [("content-type", answer.content_type)]
        self._script = script
        self._number = number
        self._turns = answer.turns
        self._rest: Iterable[bytes] = iter([answer.body, *answer.more])

    async def read_all(self, max_bytes: int) -> bytes:
        try:
            await turns(self._turns)
            return b"".join(self._rest)
        finally:
            self.abort()

    async def read(self, max_bytes: int) -> bytes:
        await turns(self._turns)
        for part in self._rest:
            return part
        self.abort()
        return b""

    def abort(self) -> None:
        self._script.open.discard(self._number)
