"""Secrets: from a file, a prompt or the environment; never from the command line, never shown."""

from __future__ import annotations

import os
import re
import stat
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..defaults import MAX_SETTING_CHARACTERS
from ..errors import RonConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .output import Output

TOKEN_VARIABLE = "RON_APP_TOKEN"  # noqa: S105
"""What holds the token if no option gives a credential."""

ISSUER_KEY_VARIABLE = "RON_ISSUER_KEY"
"""What holds the issuer's key likewise."""

_CAPABILITY_VARIABLES = ("RON_APP_MACAROON", TOKEN_VARIABLE)
SECRET_VARIABLES = (*_CAPABILITY_VARIABLES, "RON_APP_PASSPORT", ISSUER_KEY_VARIABLE)
"""Whatever holds secrets."""


_LOOKS_SECRET = re.compile(
    r"pWN0aWR[\w-]+|eyJ[\w-]+\.[\w-]+\.[\w-]*|(?<!\w)[0-9A-Fa-f]{64}(?!\w)", re.ASCII
)
"""A token of ron-auth, a JSON Web Token, an issuer's key."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of secret, and the options that give it."""

    noun: str
    file_option: str
    ask_option: str
    variable: str


_TOKEN = _Kind("token", "--token-file", "--ask-token", TOKEN_VARIABLE)
_MACAROON = _Kind("macaroon", "--macaroon-file", "--ask-token", "RON_APP_MACAROON")
_KEY = _Kind("key", "--key-file", "--ask-key", ISSUER_KEY_VARIABLE)


def hide_secrets(output: Output) -> None:
    """Keeps the environment's secrets out of the output, also where an option gives another one."""
    for variable in SECRET_VARIABLES:
        output.hide(os.environ.get(variable) or None)


def hide_mistaken(arguments: Iterable[str], output: Output) -> None:
    """Keeps out of the output what looks like a secret among the arguments of a command that is
    refused: it was to be a file, or is none that the command takes."""
    for argument in arguments:
        for text in _LOOKS_SECRET.findall(argument):
            output.hide(text)


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
    if token_file is not None and macaroon_file is not None:
        raise _fault("--token-file and --macaroon-file are both given; give one")
    if ask and macaroon_file is not None:
        raise _fault("--macaroon-file and --ask-token are both given; give one")
    kind, file = (_TOKEN, token_file) if macaroon_file is None else (_MACAROON, macaroon_file)
    secret = _given(kind, file, ask, output)
    if secret is None:
        return {}
    output.hide(secret)
    return {kind.noun: secret}


def capability_text(token_file: str | None, *, ask: bool, output: Output) -> str:
    """The token that is to be looked at: as :func:`given_credential`, or that of the environment.

    Raises:
        RonConfigError: there is none, or more than one.
    """
    given = _given(_TOKEN, token_file, ask, output)
    if given is not None:
        return given
    held = [text for name in _CAPABILITY_VARIABLES if (text := os.environ.get(name))]
    if len(held) > 1:
        raise _fault(f"{' and '.join(_CAPABILITY_VARIABLES)} are both set; unset one")
    if not held:
        raise _missing(_TOKEN)
    return held[0]


def issuer_key(key_file: str | None, *, ask: bool, output: Output) -> str:
    """The issuer's key, as :func:`capability_text`.

    Raises:
        RonConfigError: there is none.
    """
    given = _given(_KEY, key_file, ask, output) or os.environ.get(ISSUER_KEY_VARIABLE)
    if not given:
        raise _missing(_KEY)
    return given


def _given(kind: _Kind, file: str | None, ask: bool, output: Output) -> str | None:
    if ask:
        if file is not None:
            raise _fault(f"{kind.file_option} and {kind.ask_option} are both given; give one")
        return _asked(kind)
    return None if file is None else _read(kind, file, output)


def _asked(kind: _Kind) -> str:
    import getpass
    import warnings

    with warnings.catch_warnings():
        # It would go on and show what is typed.
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            secret = getpass.getpass(f"{kind.noun.capitalize()}: ").strip()
        except (getpass.GetPassWarning, EOFError, OSError):
            raise _fault(
                f"there is no terminal to ask for the {kind.noun}; give {kind.file_option} or "
                f"{kind.variable}"
            ) from None
        except UnicodeError:
            raise _fault(f"the {kind.noun} is no text; type it again") from None
    if not secret:
        raise _fault(f"no {kind.noun} was given; type it, or give {kind.file_option}")
    return secret


def _read(kind: _Kind, place: str, output: Output) -> str:
    noun = kind.noun
    where = f"{kind.file_option}: {'stdin' if place == '-' else place}"
    try:
        content = _from_stdin() if place == "-" else _from_file(place, output)
        secret = content.decode("ascii").strip()
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        raise _fault(f"{where} can't be read: {why}") from None
    except ValueError:
        raise _fault(f"{where} holds other than ASCII text, so no {noun}") from None
    if not secret:
        raise _fault(f"{where} is empty; write the {noun} into it")
    if len(content) > MAX_SETTING_CHARACTERS or len(secret.split()) > 1:
        raise _fault(f"{where} holds more than a {noun}; leave it alone in the file")
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


def _missing(kind: _Kind) -> RonConfigError:
    return _fault(
        f"there is no {kind.noun}; give {kind.file_option}, {kind.ask_option} or {kind.variable}"
    )


def _fault(message: str) -> RonConfigError:
    return RonConfigError(message, code="no_token")
