"""What a command sends and where it puts what it gets."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import click

from ..errors import RonRequestError
from .writing import replaced_file

STDIN = "-"
JSON_TYPE = ("Content-Type", "application/json")


def sent_content(
    json_body: str | None, data: str | None, data_file: str | None, limit: int
) -> tuple[bytes | None, bool]:
    """The content that options give, and whether it is JSON. A ``-`` is what stdin has. Of
    one that is larger than ``limit`` bytes a byte more than that is read.

    Raises:
        click.UsageError: more than one is given, or it is not what it should be.
        RonRequestError: it can't be read.
    """
    # `fsencode` gives back the bytes that an argument came as.
    given = [text for text in (json_body, data, data_file) if text is not None]
    if len(given) > 1:
        raise click.UsageError("give one of --json-body, --data and --data-file")
    if json_body is not None:
        content = _stdin(limit) if json_body == STDIN else os.fsencode(json_body)
        if len(content) <= limit:
            # Half a document is none; that it is too large is for the client to say.
            _check_json(content)
        return content, True
    if data is not None:
        return _stdin(limit) if data == STDIN else os.fsencode(data), False
    if data_file is not None:
        return _stdin(limit) if data_file == STDIN else _file(data_file, limit), False
    return None, False


@contextmanager
def output_file(path: str) -> Iterator[Callable[[bytes], None]]:
    """Gives a function that writes a file as a whole: until then, and if it fails, there is none.
    That it can't be written is known at once, before anything is sent.

    Raises:
        RonRequestError: it can't be written.
    """
    from tempfile import NamedTemporaryFile

    with _reported(path):
        target = replaced_file(Path(path))
        file: IO[bytes] = (
            open(path, "ab")  # noqa: SIM115
            if target is None
            else NamedTemporaryFile(dir=target.parent, prefix=".ron-", delete=False)  # noqa: SIM115
        )

    def write(content: bytes) -> None:
        with _reported(path):
            file.write(content)
            file.close()
            if target is not None:
                os.chmod(file.name, _mode(target))
                os.replace(file.name, target)

    try:
        yield write
    finally:
        with contextlib.suppress(OSError):
            file.close()
        if target is not None:
            with contextlib.suppress(OSError):
                os.unlink(file.name)


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


def _stdin(limit: int) -> bytes:
    if sys.stdin is None:
        raise RonRequestError("stdin is closed; give the content by an option", code="no_stdin")
    return sys.stdin.buffer.read(limit + 1)


def _file(path: str, limit: int) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(limit + 1)
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
