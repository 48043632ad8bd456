"""The token: from a file, a prompt or the environment; never from the command line, never shown."""

from __future__ import annotations

import os
import stat
import sys
from typing import TYPE_CHECKING

from ..defaults import MAX_SETTING_CHARACTERS
from ..errors import RonConfigError

if TYPE_CHECKING:
    from .output import Output

TOKEN_VARIABLE = "RON_APP_TOKEN"  # noqa: S105
"""What holds the token if no option gives one."""


def hide_token(output: Output) -> None:
    """Keeps the environment's token out of the output, also where an option gives another one."""
    output.hide(os.environ.get(TOKEN_VARIABLE) or None)


def given_token(token_file: str | None, *, ask: bool, output: Output) -> str | None:
    """The token that the options give, or None if they leave it to the environment.

    Args:
        token_file: the file that holds it; ``-`` is stdin.
        ask: whether to ask for it on the terminal.
        output: where warnings go.

    Raises:
        RonConfigError: there is none where the options say.
    """
    if ask:
        if token_file is not None:
            raise _fault("--token-file and --ask-token are both given; give one")
        return _asked()
    if token_file is not None:
        return _read(token_file, output)
    return None


def _asked() -> str:
    import getpass
    import warnings

    with warnings.catch_warnings():
        # It would go on and show what is typed.
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            token = getpass.getpass("Token: ").strip()
        except (getpass.GetPassWarning, EOFError, OSError):
            raise _fault(
                f"there is no terminal to ask for the token; give --token-file or {TOKEN_VARIABLE}"
            ) from None
        except UnicodeError:
            raise _fault("the token is no text; type it again") from None
    if not token:
        raise _fault("no token was given; type it, or give --token-file")
    return token


def _read(place: str, output: Output) -> str:
    name = "stdin" if place == "-" else place
    try:
        content = _from_stdin() if place == "-" else _from_file(place, output)
        token = content.decode("ascii").strip()
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        raise _fault(f"--token-file: {name} can't be read: {why}") from None
    except ValueError:
        raise _fault(f"--token-file: {name} holds other than ASCII text, so no token") from None
    if not token:
        raise _fault(f"--token-file: {name} is empty; write the token into it")
    if len(content) > MAX_SETTING_CHARACTERS or len(token.split()) > 1:
        raise _fault(f"--token-file: {name} holds more than a token; leave it alone in the file")
    return token


def _from_stdin() -> bytes:
    if sys.stdin is None:
        raise OSError(None, "it is closed")
    return sys.stdin.buffer.read(MAX_SETTING_CHARACTERS + 1)


def _from_file(place: str, output: Output) -> bytes:
    with open(place, "rb") as file:
        mode = os.fstat(file.fileno()).st_mode
        # Pipes, as of `<(pass show ron)`, are nobody else's.
        if os.name == "posix" and stat.S_ISREG(mode) and mode & 0o077:
            output.warning(f"others may read {place}; chmod 600 {place}")
        return file.read(MAX_SETTING_CHARACTERS + 1)


def _fault(message: str) -> RonConfigError:
    return RonConfigError(message, code="no_token")
