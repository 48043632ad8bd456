"""Texts that are not to be shown."""

from __future__ import annotations

import hmac
import warnings
from collections.abc import Callable
from typing import Any, Protocol, TypeVar, overload

from .errors import RonClosedError, RonConfigError, RonSecurityWarning
from .redact import REDACTED, SHORTEST_SECRET

T = TypeVar("T")


class HasSecretValue(Protocol):
    """What gives its text to who asks for it, such as a :class:`Secret` or Pydantic's
    ``SecretStr``."""

    def get_secret_value(self) -> str:
        """The text."""


SecretText = str | HasSecretValue
"""What a secret may be given as."""


class Secret:
    """A text that is not to be shown: a token, a password.

    ``repr``, ``str`` and ``format`` give ``[redacted]``. Secrets are compared in constant time, and
    pickle with their text.

    Args:
        value: the text.

    Raises:
        RonConfigError: ``value`` is no str.
    """

    __slots__ = ("_content", "_hash")

    def __init__(self, value: str) -> None:
        self._content: bytearray | None = None
        if not isinstance(value, str):
            raise RonConfigError(
                f"a secret is {type(value).__name__}; give a str", code="invalid_config"
            )
        self._content = bytearray(value.encode("utf-8", "surrogatepass"))
        self._hash = hash(value)

    @classmethod
    def of(cls, value: SecretText) -> Secret:
        """The secret that a str, a secret or any object with ``get_secret_value()`` stands for; a
        secret is given back as it is.

        Raises:
            RonConfigError: it is nothing of that.
        """
        if isinstance(value, cls):
            return value
        reveal: Callable[[], Any] = getattr(value, "get_secret_value", lambda: value)
        return cls(reveal())

    def get_secret_value(self) -> str:
        """The text. What is done with it is the caller's affair: no str can be overwritten.

        Raises:
            RonClosedError: it was wiped.
        """
        content = self._content
        text = "" if content is None else content.decode("utf-8", "surrogatepass")
        # Another thread may have overwritten it meanwhile.
        if content is None or self._content is not content:
            raise RonClosedError(
                "the secret was wiped when its client was closed; keep one of your own",
                code="closed",
            )
        return text

    @property
    def is_wiped(self) -> bool:
        """Whether it has no text any more."""
        return self._content is None

    def copy(self) -> Secret:
        """Another one with the same text, which outlives this one.

        Raises:
            RonClosedError: it was wiped.
        """
        return Secret(self.get_secret_value())

    def wipe(self) -> None:
        """Overwrites the text; the secret has none any more. May be called twice."""
        content, self._content = self._content, None
        if content is not None:
            content[:] = bytes(len(content))

    __del__ = wipe

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Secret):
            return NotImplemented
        if self._content is None or other._content is None:
            return False
        return hmac.compare_digest(self._content, other._content)

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple[Any, ...]:
        return (Secret, (self.get_secret_value(),))

    def __repr__(self) -> str:
        return f"Secret({REDACTED!r})"

    def __str__(self) -> str:
        return REDACTED

    def __format__(self, format_spec: str) -> str:
        return format(REDACTED, format_spec)


class SecretField:
    """A field of a dataclass, None by default, that keeps what it is given as a :class:`Secret`.
    What can't be one is kept as it is, for who checks the fields."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> None: ...

    @overload
    def __get__(self, instance: object, owner: type) -> Secret | None: ...

    def __get__(self, instance: object | None, owner: type) -> Secret | None:
        # None is what `dataclass` takes for the default.
        return None if instance is None else vars(instance)[self._name]

    def __set__(self, instance: object, value: SecretText | None) -> None:
        is_text = isinstance(value, str) or hasattr(value, "get_secret_value")
        vars(instance)[self._name] = Secret.of(value) if value is not None and is_text else value


def warn_of_short(what: str, text: str, *, stacklevel: int = 1) -> None:
    """Warns of a secret that is too short to be scrubbed by value, if it is.

    Args:
        what: the name of the field or argument.
        text: the secret's text.
        stacklevel: as of ``warnings.warn``.
    """
    if len(text) < SHORTEST_SECRET:
        warnings.warn(
            f"the {what} has fewer than {SHORTEST_SECRET} characters, too few to be found and "
            "taken out of texts that servers send; use a longer one",
            RonSecurityWarning,
            stacklevel=stacklevel + 1,
        )


def revealed(value: Secret | T) -> str | T:
    """The text of a secret; anything else as it is."""
    return value.get_secret_value() if isinstance(value, Secret) else value
