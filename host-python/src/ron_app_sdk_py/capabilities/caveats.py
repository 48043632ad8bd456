"""What narrows a token of ron-auth: each kind of caveat by its name on the wire (``protocol.md``
5.2), with what the real verifier makes of it (5.4)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..errors import RonRequestError


@dataclass(frozen=True, slots=True)
class Exp:
    """Not after this time, in whole seconds since 1970."""

    time: int


@dataclass(frozen=True, slots=True)
class Nbf:
    """Not before this time, in whole seconds since 1970."""

    time: int


@dataclass(frozen=True, slots=True)
class Aud:
    """The audience. The real verifier compares it with the digest of its policy."""

    audience: str


@dataclass(frozen=True, slots=True)
class Method:
    """One of these methods, in any case of letters."""

    methods: tuple[str, ...]

    def __init__(self, methods: Iterable[str]) -> None:
        object.__setattr__(self, "methods", texts("methods", methods))


@dataclass(frozen=True, slots=True)
class PathPrefix:
    """The path, as the server sees it, begins with this text, in the middle of a segment too."""

    prefix: str


@dataclass(frozen=True, slots=True)
class IpCidr:
    """The client's address is of this network, such as ``10.0.0.0/8``."""

    network: str


@dataclass(frozen=True, slots=True)
class BytesLe:
    """The request's content has at most so many bytes."""

    size: int


@dataclass(frozen=True, slots=True)
class Rate:
    """A rate: requests a second, and at once. The real verifier ignores it."""

    per_s: int
    burst: int


@dataclass(frozen=True, slots=True)
class Tenant:
    """The tenant is this one."""

    tenant: str


@dataclass(frozen=True, slots=True)
class Amnesia:
    """Whether the node forgets everything when it ends. False binds too."""

    amnesia: bool


@dataclass(frozen=True, slots=True)
class GovPolicyDigest:
    """The digest of the node's policy, in hexadecimal digits."""

    digest: str


@dataclass(frozen=True, slots=True)
class Custom:
    """A caveat of some servers only, which the real verifier ignores: whose it is, its name, and
    its payload, one item of CBOR in hexadecimal digits."""

    ns: str
    name: str
    cbor: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """A caveat of a kind that ron-auth does not know, so that it refuses the token: its name, and
    its payload, CBOR in hexadecimal digits. It can be read, and not minted."""

    t: str
    cbor: str


Caveat = (
    Exp
    | Nbf
    | Aud
    | Method
    | PathPrefix
    | IpCidr
    | BytesLe
    | Rate
    | Tenant
    | Amnesia
    | GovPolicyDigest
    | Custom
    | Unknown
)
"""Any caveat."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a token is for. The real verifier passes it on to the server, which may enforce it.

    Attributes:
        prefix: what paths begin with, or None.
        methods: methods; none means any.
        max_bytes: the largest content in bytes, or None.
    """

    prefix: str | None = None
    methods: tuple[str, ...] = ()
    max_bytes: int | None = None

    def __init__(
        self,
        prefix: str | None = None,
        methods: Iterable[str] = (),
        max_bytes: int | None = None,
    ) -> None:
        object.__setattr__(self, "prefix", prefix)
        object.__setattr__(self, "methods", texts("methods", methods))
        object.__setattr__(self, "max_bytes", max_bytes)


def texts(name: str, given: object) -> tuple[str, ...]:
    """Several texts.

    Raises:
        RonRequestError: it is one text, of which each letter would be taken, or no iterable of
            texts (code ``invalid_argument``).
    """
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        raise RonRequestError(
            f"{name} is {type(given).__name__}; give a list, such as ['GET']",
            code="invalid_argument",
        )
    taken = tuple(given)
    for index, text in enumerate(taken):
        if not isinstance(text, str):
            raise RonRequestError(
                f"{name}[{index}] is {type(text).__name__}; give a str", code="invalid_argument"
            )
    return taken
