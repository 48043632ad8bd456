"""What a command sends and where it puts what it gets."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import click

from ..errors import RonRequestError

STDIN = "-"
JSON_TYPE = ("Content-Type", "application/json")


def sent_content(
    json_body: str | None, data: str | None, data_file: str | None
) -> tuple[bytes | None, bool]:
    """The content that options give, and whether it is JSON. A ``-`` is what stdin has.

    Raises:
        click.UsageError: more than one is given, or it is not what it should be.
        RonRequestError: it can't be read.
    """
    # `fsencode` gives back the bytes that an argument came as.
    given = [text for text in (json_body, data, data_file) if text is not None]
    if len(given) > 1:
        raise click.UsageError("give one of --json-body, --data and --data-file")
    if json_body is not None:
        content = _stdin() if json_body == STDIN else os.fsencode(json_body)
        _check_json(content)
        return content, True
    if data is not None:
        return _stdin() if data == STDIN else os.fsencode(data), False
    if data_file is not None:
        return _stdin() if data_file == STDIN else _file(data_file), False
    return None, False


@contextmanager
def output_file(path: str | None) -> Iterator[IO[bytes] | None]:
    """A file that takes the place of ``path`` when the block ends well, and is nowhere else. It is
    made at once: what can't be written is known before anything is sent.

    Raises:
        RonRequestError: it can't be written.
    """
    if path is None:
        yield None
        return
    target = Path(path)
    if target.exists() and not target.is_file():
        # Such as /dev/null: what is no file can't be replaced.
        with _reported(path), open(target, "wb") as device:
            yield device
        return
    with _reported(path):
        file = tempfile.NamedTemporaryFile(  # noqa: SIM115
            dir=target.parent, prefix=f".{target.name[:100]}.", delete=False
        )
    try:
        with file:
            yield file
        with _reported(path):
            os.chmod(file.name, _mode(target))
            os.replace(file.name, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(file.name)
        raise


def _mode(target: Path) -> int:
    """The permissions of the file that is replaced, else those of any new file."""
    with contextlib.suppress(OSError):
        return target.stat().st_mode & 0o777
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask


@contextmanager
def _reported(path: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        why = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else "no path"
        raise RonRequestError(
            f"--output: {path} can't be written: {why}", code="output_file"
        ) from None


def _stdin() -> bytes:
    if sys.stdin is None:
        raise RonRequestError("stdin is closed; give the content by an option", code="no_stdin")
    return sys.stdin.buffer.read()


def _file(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:
        why = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else "no path"
        raise RonRequestError(
            f"--data-file: {path} can't be read: {why}", code="data_file"
        ) from None


def _check_json(content: bytes) -> None:
    from ..json_text import json_fault, json_value

    try:
        json_value(content.decode())
    except ValueError as error:
        raise click.BadParameter(
            f"is not JSON: {json_fault(error)}", param_hint="'--json-body'"
        ) from None
