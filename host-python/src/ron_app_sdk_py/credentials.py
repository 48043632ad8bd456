"""What provides tokens to a client."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

from .errors import RonCredentialError, RonRequestError
from .request import nanoseconds
from .secret import HasSecretValue, Secret, SecretText


class AccessToken:
    """A token and how long it may be used; without a time, until a server answers 401.

    Args:
        token: the token.
        expires_in: seconds from now on.
        expires_at: the time with its zone.

    Attributes:
        token: the token.
        expires_in: as given.
        expires_at: as given.

    Raises:
        RonCredentialError: it is no such thing (code ``invalid_token``); names the argument.
    """

    __slots__ = ("expires_at", "expires_in", "token")

    def __init__(
        self,
        token: SecretText,
        expires_in: float | None = None,
        expires_at: datetime | None = None,
    ) -> None:
        if not isinstance(token, str) and not hasattr(token, "get_secret_value"):
            raise invalid(f"token is {type(token).__name__}; give a str or a Secret")
        if expires_in is not None:
            if expires_at is not None:
                raise invalid("expires_in and expires_at are both given; give one")
            _lifetime(expires_in)
        if expires_at is not None and (
            not isinstance(expires_at, datetime) or expires_at.utcoffset() is None
        ):
            what = "no datetime" if not isinstance(expires_at, datetime) else "without a time zone"
            raise invalid(f"expires_at is {what}; give one such as datetime.now(UTC) + lifetime")
        self.token = Secret.of(token)
        self.expires_in = expires_in
        self.expires_at = expires_at

    def lifetime_ns(self, wall_ns: int) -> int | None:
        """How long it may be used, in nanoseconds, or None.

        Args:
            wall_ns: the time, in nanoseconds since 1970.

        Raises:
            RonCredentialError: not any more (code ``invalid_token``).
        """
        if self.expires_in is not None:
            return _lifetime(self.expires_in)
        if self.expires_at is None:
            return None
        left = self.expires_at.timestamp() - wall_ns / 1e9
        if left <= 0:
            raise invalid(
                f"expires_at is {self.expires_at.isoformat()}, which has passed; give a fresh token"
            )
        return _lifetime(left)

    def __repr__(self) -> str:
        return (
            f"AccessToken({self.token!r}, expires_in={self.expires_in!r}, "
            f"expires_at={self.expires_at!r})"
        )


Provided = str | HasSecretValue | AccessToken
"""What a provider gives."""

TokenProvider = Callable[[], Provided | Awaitable[Provided]]
"""A function without arguments, plain or ``async``, that gives a token which is good now."""


class OwnText(str):
    """A message of this package, so that it repeats nothing of what a provider has said."""

    __slots__ = ()


def invalid(what: str) -> RonCredentialError:
    """The error for a token that can't be used."""
    return RonCredentialError(OwnText(what), code="invalid_token")


def _lifetime(seconds: object) -> int:
    try:
        return int(nanoseconds("expires_in", seconds))
    except RonRequestError as error:
        message = error.message
    raise invalid(message)
