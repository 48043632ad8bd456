"""Shows on a terminal how far an exchange has come, once it takes long enough to wonder."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..defaults import PROGRESS_AFTER_SECONDS
from ..transport.content import Content, declared_length
from .terminal import can_redraw

if TYPE_CHECKING:
    from rich.progress import Progress

    from ..transport.protocol import (
        Transport,
        TransportFactory,
        TransportRequest,
        TransportResponse,
        TransportSettings,
    )

_PIECE = 65_536


class Bar:
    """A line on stderr that says what is done and how much of it; nothing where that is no
    terminal."""

    def __init__(self) -> None:
        self._what = ""
        self._done = 0
        self._total: int | None = None
        self._wanted = False
        self._timer: asyncio.TimerHandle | None = None
        self._shown: Progress | None = None

    @contextmanager
    def showing(self, wanted: bool = True) -> Iterator[None]:
        """Shows, if wanted, what is begun while the block runs, in a running event loop."""
        self._wanted = wanted and can_redraw(sys.stderr)
        try:
            yield
        finally:
            if self._timer is not None:
                self._timer.cancel()
            if self._shown is not None:
                self._shown.stop()

    def begin(self, what: str, total: int | None = None) -> None:
        """Says what is done now, and of how many bytes."""
        self._what, self._done, self._total = what, 0, total
        if self._wanted and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(PROGRESS_AFTER_SECONDS, self._show)
        self._update()

    def advance(self, size: int) -> None:
        """Adds bytes."""
        self._done += size
        self._update()

    def say(self, what: str, size: int) -> None:
        """Says what is done and how many bytes that is."""
        self._what, self._done = what, size
        self._update()

    def _update(self) -> None:
        if self._shown is not None:
            self._shown.update(
                self._shown.task_ids[0],
                description=self._what,
                completed=self._done,
                total=self._total,
            )

    def _show(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TextColumn

        self._shown = Progress(
            SpinnerColumn("line"),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            DownloadColumn(),
            console=Console(file=sys.stderr),
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._shown.add_task(self._what, completed=self._done, total=self._total)
        self._shown.start()


def counting(bar: Bar) -> TransportFactory:
    """The default transport, which tells a bar what it sends and receives."""

    def factory(settings: TransportSettings) -> Transport:
        from ..transport.aiohttp_ import AiohttpTransport

        return _Counting(AiohttpTransport(settings), bar)

    return factory


class _Counting:
    def __init__(self, transport: Transport, bar: Bar) -> None:
        self._transport = transport
        self._bar = bar

    async def send(self, request: TransportRequest) -> TransportResponse:
        size = 0 if request.content is None else len(request.content)
        self._bar.begin(f"sending {size} bytes" if size else "waiting for the answer")
        return _Counted(request.method, await self._transport.send(request), self._bar)

    async def close(self) -> None:
        await self._transport.close()


class _Counted:
    """An answer that tells of each piece of its body."""

    def __init__(self, method: str, response: TransportResponse, bar: Bar) -> None:
        self._response = response
        self._bar = bar
        self.status = response.status
        self.headers = response.headers
        self._declared = declared_length(method, response.status, response.headers)
        bar.begin("receiving", self._declared)

    async def read_all(self, max_bytes: int) -> bytes:
        try:
            content = Content(max_bytes, self._declared)
            while part := await self.read(_PIECE):
                content.add(part)
        except BaseException:
            self.abort()
            raise
        return content.value()

    async def read(self, max_bytes: int) -> bytes:
        part = await self._response.read(max_bytes)
        self._bar.advance(len(part))
        return part

    def abort(self) -> None:
        self._response.abort()
