"""The credential: from a file, a prompt or the environment; never from the command line."""

from __future__ import annotations

import os
import stat
import sys
from typing import TYPE_CHECKING, Any

from ..defaults import MAX_SETTING_CHARACTERS
from ..errors import RonConfigError

if TYPE_CHECKING:
    from .output import Output

TOKEN_VARIABLE = "RON_APP_TOKEN"  # noqa: S105
"""What holds the token if no option gives a credential."""

SECRET_VARIABLES = (TOKEN_VARIABLE, "RON_APP_MACAROON", "RON_APP_PASSPORT")
"""Whatever holds secrets."""


def hide_secrets(output: Output) -> None:
    """Keeps the environment's secrets out of the output, also where an option gives another one."""
    for variable in SECRET_VARIABLES:
        output.hide(os.environ.get(variable) or None)


def given_credential(
    token_file: str | None, macaroon_file: str | None, *, ask: bool, output: Output
) -> dict[str, Any]:
    """The credential that the options give, by its field of the configuration; nothing if they
    leave it to the environment. It is kept out of the output from now on.

    Args:
        token_file: the file that holds a token; ``-`` is stdin.
        macaroon_file: the file that holds a macaroon, likewise.
        ask: whether to ask for a token on the terminal.
        output: where warnings go.

    Raises:
        RonConfigError: there is none where the options say, or several are given.
    """
    places = {"--token-file": token_file, "--macaroon-file": macaroon_file}
    given = [option for option, place in places.items() if place is not None]
    if ask:
        given.append("--ask-token")
    if len(given) > 1:
        raise _fault(f"{' and '.join(given)} are both given; give one")
    credential: dict[str, Any] = {}
    if ask:
        credential["token"] = _asked()
    elif token_file is not None:
        credential["token"] = _read("token", token_file, output)
    elif macaroon_file is not None:
        credential["macaroon"] = _read("macaroon", macaroon_file, output)
    for secret in credential.values():
        output.hide(secret)
    return credential


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


def _read(kind: str, place: str, output: Output) -> str:
    option, name = f"--{kind}-file", "stdin" if place == "-" else place
    try:
        content = _from_stdin() if place == "-" else _from_file(place, output)
        secret = content.decode("ascii").strip()
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        raise _fault(f"{option}: {name} can't be read: {why}") from None
    except ValueError:
        raise _fault(f"{option}: {name} holds other than ASCII text, so no {kind}") from None
    if not secret:
        raise _fault(f"{option}: {name} is empty; write the {kind} into it")
    if len(content) > MAX_SETTING_CHARACTERS or len(secret.split()) > 1:
        raise _fault(f"{option}: {name} holds more than a {kind}; leave it alone in the file")
    return secret


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
