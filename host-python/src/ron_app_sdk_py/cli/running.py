"""Runs what a command does with a client, and tells of its warnings and logs."""

from __future__ import annotations

import asyncio
import logging
import warnings
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from ..client import RonClient
    from ..transport.protocol import TransportFactory
    from .options import Connection
    from .output import Output

T = TypeVar("T")


def call(
    connection: Connection,
    output: Output,
    work: Callable[[RonClient], Awaitable[T]],
    *,
    transport: str | TransportFactory = "aiohttp",
    **fields: Any,
) -> T:
    """Runs a coroutine with a client that is open for as long as it runs.

    Args:
        connection: where to go and as whom.
        output: where warnings and, if it is verbose, logs go.
        work: is given the client.
        transport: as of :class:`RonClient`.
        fields: more fields of the configuration; None leaves one as it is.

    Raises:
        RonError: as ``work`` and :class:`RonClient`.
        KeyboardInterrupt: Ctrl-C; the coroutine was cancelled.
    """

    async def with_client() -> T:
        from ..client import RonClient

        async with RonClient(config=config, transport=transport) as client:
            return await work(client)

    from .quick_import import import_aiohttp

    config = connection.config(output, **fields)
    import_aiohttp()
    with told(output):
        return asyncio.run(with_client())


@contextmanager
def told(output: Output) -> Iterator[None]:
    """Passes warnings on, and logs if the output is verbose."""
    logger = logging.getLogger("ron_app_sdk_py")
    handler = _Handler(output)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # All of this package's are; what its libraries have to say to programmers is not.
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = lambda message, *_, **__: output.warning(str(message))
        if output.verbosity:
            logger.addHandler(handler)
            logger.setLevel(logging.DEBUG if output.verbosity > 1 else logging.INFO)
        try:
            yield
        finally:
            logger.removeHandler(handler)
            logger.setLevel(logging.NOTSET)


class _Handler(logging.Handler):
    """Writes log records as notes, without the exceptions, whose texts may say anything."""

    def __init__(self, output: Output) -> None:
        super().__init__()
        self._output = output

    def emit(self, record: logging.LogRecord) -> None:
        self._output.note(f"{record.levelname.lower()}: {record.getMessage()}")
