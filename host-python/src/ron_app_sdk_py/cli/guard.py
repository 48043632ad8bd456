"""What goes wrong becomes a message and an exit code."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import click

from ..errors import RonConfigError, RonError
from .credentials import hide_mistaken, hide_secrets
from .exit_codes import ExitCode, exit_code
from .output import Output


@contextmanager
def guarded(ctx: click.Context, arguments: Sequence[str] = ()) -> Iterator[None]:
    """Ends the process with the right exit code, whatever happens inside.

    Args:
        ctx: the context of the whole command.
        arguments: what it was given, which tell how errors are to be shown until there is an
            output that knows.
    """
    try:
        yield
        if sys.stdout is not None:
            sys.stdout.flush()
        return
    except (click.exceptions.Exit, click.exceptions.NoArgsIsHelpError):
        raise
    except BaseException as error:
        output = ctx.obj
        if not isinstance(output, Output):
            output = Output(json="--json" in arguments)
            hide_secrets(output)
        if isinstance(error, click.UsageError | RonConfigError):
            hide_mistaken(arguments, output)
        code = _told_of(error, output)
    ctx.exit(code)


def _told_of(error: BaseException, output: Output) -> int:
    match error:
        case click.ClickException():
            text = io.StringIO()
            error.show(text)
            kind = "UsageError" if isinstance(error, click.UsageError) else type(error).__name__
            output.fault(kind, error.format_message(), error.exit_code, text.getvalue())
            return error.exit_code
        case RonError():
            output.error(error)
            return exit_code(error)
        case KeyboardInterrupt() | click.Abort():
            return ExitCode.INTERRUPTED
        case BrokenPipeError():
            _drop_stdout()
            return ExitCode.PIPE_CLOSED
        case OSError():
            why = error.strerror or type(error).__name__
            where = "" if error.filename is None else f"{error.filename}: "
            _drop_stdout()
            output.fault(type(error).__name__, f"{where}{why}", ExitCode.REFUSED)
            return ExitCode.REFUSED
        case Exception():
            # Its text may say anything, the token included.
            from traceback import extract_tb

            frames = extract_tb(error.__traceback__)
            where = f"{os.path.basename(frames[-1].filename)}:{frames[-1].lineno}"
            message = f"internal error: {type(error).__name__} at {where}; please report it"
            output.fault(type(error).__name__, message, ExitCode.INTERNAL)
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
