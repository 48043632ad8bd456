"""The compiled form of the component, kept between processes.

Loading compiled code runs it, so the folder must be the user's alone: 0700, owned by the user,
reached without following a link at its end. Files are read whole, checked by digest and only then
loaded; they are replaced at one stroke. Anything suspicious is a warning and a fresh compilation,
never an error. ``RON_SDK_COMPILE_CACHE=off`` turns it off; any other value is the folder to use.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import stat
import warnings
from collections.abc import Iterator
from pathlib import Path

VARIABLE = "RON_SDK_COMPILE_CACHE"
"""The environment variable."""


_DIGEST_BYTES = 32


class RonCacheWarning(UserWarning):
    """The compiled component can't be kept; every process compiles it anew."""


def folder() -> Path | None:
    """The cache folder by the environment, or None if caching is off."""
    given = os.environ.get(VARIABLE, "")
    if given.lower() in ("off", "0", "false", "no"):
        return None
    if given:
        return Path(given)
    base = os.environ.get("XDG_CACHE_HOME", "")
    try:
        root = Path(base) if os.path.isabs(base) else Path.home() / ".cache"
    except RuntimeError:
        return None
    return root / "ron-app-sdk-py"


def read(directory: Path, key: str) -> bytes | None:
    """The cached bytes, or None if there are none or they are not what was written."""
    try:
        with _opened(directory) as fd:
            # A pipe of that name would be waited for.
            flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
            file = os.open(key, flags, dir_fd=fd)
            with open(file, "rb") as stream:
                _check_owner(os.fstat(file), directory / key)
                digest, compiled = stream.read(_DIGEST_BYTES), stream.read()
                return compiled if _digest(compiled) == digest else None
    except FileNotFoundError:
        return None
    except OSError as error:
        _warn(directory, error)
        return None


def write(directory: Path, key: str, compiled: bytes) -> None:
    """Keeps the bytes; a failure only warns."""
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            directory.mkdir(mode=0o700)
        with _opened(directory) as fd:
            temporary = f".{key}.{os.getpid()}.{secrets.token_hex(4)}"
            file = os.open(
                temporary,
                os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC,
                0o600,
                dir_fd=fd,
            )
            try:
                with open(file, "wb") as stream:
                    stream.write(_digest(compiled) + compiled)
                os.replace(temporary, key, src_dir_fd=fd, dst_dir_fd=fd)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(temporary, dir_fd=fd)
                raise
    except OSError as error:
        _warn(directory, error)


def discard(directory: Path, key: str) -> None:
    """Removes bytes that can't be loaded."""
    try:
        with _opened(directory) as fd:
            os.unlink(key, dir_fd=fd)
    except OSError as error:
        _warn(directory, error)


def _digest(compiled: bytes) -> bytes:
    return hashlib.sha256(compiled).digest()


@contextlib.contextmanager
def _opened(directory: Path) -> Iterator[int]:
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        _check_owner(os.fstat(fd), directory)
        yield fd
    finally:
        os.close(fd)


def _check_owner(status: os.stat_result, path: Path) -> None:
    if status.st_uid != os.geteuid():
        raise PermissionError(None, f"{path} belongs to another user")
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise PermissionError(None, f"{path} is open to other users; make it 0700")


def _warn(directory: Path, error: OSError) -> None:
    reason = error.strerror or "it can't be used"
    warnings.warn(
        f"the compiled component is not cached in {directory}: {reason}. Mend it, or set "
        f"{VARIABLE} to another folder or to 'off'; until then each process compiles anew",
        RonCacheWarning,
        stacklevel=2,
    )
