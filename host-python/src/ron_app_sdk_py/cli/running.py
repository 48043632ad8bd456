"""Runs what a command does, and turns what goes wrong into a message and an exit code."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..errors import RonError
from .exit_codes import ExitCode, exit_code
from .output import Output

if TYPE_CHECKING:
    from ..client import RonClient
    from ..transport.protocol import TransportFactory
    from .options import Connection

T = TypeVar("T")

ISSUES = "please report it"


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

    config = connection.config(output, **fields)
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


@contextmanager
def guarded(ctx: click.Context) -> Iterator[None]:
    """Ends the process with the right exit code, whatever happens inside."""
    try:
        yield
        if sys.stdout is not None:
            sys.stdout.flush()
        return
    except (click.ClickException, click.exceptions.Exit):
        raise
    except BaseException as error:
        output = ctx.obj if isinstance(ctx.obj, Output) else Output()
        code = _told_of(error, output)
    ctx.exit(code)


def _told_of(error: BaseException, output: Output) -> ExitCode:
    match error:
        case RonError():
            output.error(error)
            return exit_code(error)
        case KeyboardInterrupt() | click.Abort():
            return ExitCode.INTERRUPTED
        case BrokenPipeError():
            _drop_stdout()
            return ExitCode.PIPE_CLOSED
        case OSError():
            why = os.strerror(error.errno) if error.errno else type(error).__name__
            where = "" if error.filename is None else f"{error.filename}: "
            _drop_stdout()
            output.fault(f"{where}{why}", ExitCode.REFUSED)
            return ExitCode.REFUSED
        case Exception():
            # Its text may say anything, the token included.
            frames = traceback.extract_tb(error.__traceback__)
            where = f"{os.path.basename(frames[-1].filename)}:{frames[-1].lineno}"
            message = f"internal error: {type(error).__name__} at {where}; {ISSUES}"
            output.fault(message, ExitCode.INTERNAL)
            if output.verbosity:
                for frame in frames:
                    output.note(f"  {frame.filename}:{frame.lineno} in {frame.name}")
            return ExitCode.INTERNAL
    raise error


def _drop_stdout() -> None:
    """Has nothing more written: Python would try once more at its end, and complain."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except OSError:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
