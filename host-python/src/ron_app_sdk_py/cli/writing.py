"""Writes files whole or not at all, and none over another by accident."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path

from ..errors import RonRequestError


def replaced_file(path: Path) -> Path | None:
    """The file that a new one may be put in the place of: what ``path`` links to, if it is a link.
    None if it is to be written to instead: a device, a pipe, or a stream of this process, such as
    ``/dev/stdout``."""
    try:
        status = path.stat()
    except OSError:
        return path.resolve()
    if not stat.S_ISREG(status.st_mode):
        return None
    for descriptor in (1, 2):
        with contextlib.suppress(OSError):
            if os.path.samestat(status, os.fstat(descriptor)):
                return None
    return path.resolve()


def check_free(path: Path, *, force: bool) -> None:
    """Refuses a place that is taken, before work is done for it.

    Raises:
        RonRequestError: there is something, and it may not be overwritten.
    """
    if path.is_dir():
        raise _fault(f"{path} is a folder; name a file")
    if replaced_file(path) is None:
        return
    if not force and (path.exists() or path.is_symlink()):
        raise _fault(f"{path} exists; give --force to overwrite it, or another name")


def write(path: Path, text: str, *, force: bool = False) -> None:
    """Writes a file as UTF-8 with line feeds, at one stroke.

    Args:
        path: the file; what it links to, if it is a link. What is no file is written to.
        text: what to put in.
        force: whether to overwrite what is there.

    Raises:
        RonRequestError: there is something, and it may not be overwritten.
        OSError: it can't be written.
    """
    check_free(path, force=force)
    target = replaced_file(path)
    if target is None:
        with open(path, "a", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
        return
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        with open(temporary, "x", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
            if force and target.exists():
                os.chmod(temporary, target.stat().st_mode & 0o777)
        if force:
            os.replace(temporary, target)
            return
        try:
            # Unlike a rename it fails if somebody else was quicker.
            os.link(temporary, target)
        except FileExistsError:
            raise _fault(f"{path} exists by now; give --force to overwrite it") from None
        except OSError:
            # A file system without hard links.
            check_free(path, force=False)
            os.replace(temporary, target)
    except OSError as error:
        error.filename = str(path)
        raise
    finally:
        with contextlib.suppress(OSError):
            os.unlink(temporary)


def _fault(message: str) -> RonRequestError:
    return RonRequestError(message, code="file_exists")
