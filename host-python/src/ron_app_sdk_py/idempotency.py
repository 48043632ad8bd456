"""Keys under which a server may recognise a repeated call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from .errors import RonRequestError


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A key that the component derives for each call: give it as ``idem``.

    The ``Idempotency-Key`` is a digest of the name, the origin, a digest of the credential, the
    method and the path. The same call of the same tenant therefore has the same key in every
    process, after a crash too, and no two tenants share one. Rule: ``tests/vectors/README.md``.

    Attributes:
        name: what is to happen once.

    Raises:
        RonRequestError: the name is no str.
    """

    name: str

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise RonRequestError(
                f"the name of an idempotency key is {type(self.name).__name__}; give a str",
                code="invalid_idempotency_key",
            )

    @classmethod
    def derive(cls, name: str) -> Self:
        """A key derived from a name such as ``order-17``.

        Args:
            name: 1 to 1,024 bytes of UTF-8.

        Raises:
            RonRequestError: it is no str. Its length is checked when a call is made with it.
        """
        return cls(name)
