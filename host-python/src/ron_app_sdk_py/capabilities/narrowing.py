"""What the arguments of ``with_caveat`` ask for."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..errors import RonCapabilityError, RonRequestError
from ..request import whole_number
from .caveats import BytesLe, Caveat, Exp, Method, PathPrefix, Tenant, texts
from .expiry import Expiry, expires_at_ns
from .key import IssuerKey
from .rights import Rights, prefix_segments, sent_method

if TYPE_CHECKING:
    from ..credentials import Provided

Issuer = Callable[[tuple[Caveat, ...]], "Provided | Awaitable[Provided]"]
"""Gives a token with these caveats: a plain function or an ``async`` one."""

_READS = ("GET", "HEAD", "OPTIONS")
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Arguments:
    """The arguments of ``with_caveat``."""

    expiry: Expiry | None = None
    readonly: bool = False
    path_prefix: str | None = None
    methods: Iterable[str] | None = None
    max_bytes: int | None = None
    tenant: str | None = None
    strength: str | None = None
    issuer_key: IssuerKey | None = field(default=None, repr=False)
    issuer: Issuer | None = None


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What is asked for.

    Attributes:
        rights: what the guards are to leave.
        tenant: the tenant that a token is to be bound to, or None.
    """

    rights: Rights
    tenant: str | None

    @classmethod
    def of(
        cls,
        arguments: Arguments,
        left: tuple[str, ...] | None,
        now_ns: int,
        *,
        in_tokens: bool,
    ) -> Narrowing:
        """Reads the arguments.

        Args:
            arguments: what is asked for.
            left: the methods that the client itself, and its token, are left; None for any.
            now_ns: the wall clock in nanoseconds since 1970.
            in_tokens: whether a token says the same, where reading is ``GET`` and ``HEAD``.

        Raises:
            RonRequestError: an argument is no good, or there is none.
            RonCapabilityError: they leave no method together (code ``contradictory``).
        """
        readonly, tenant, prefix = arguments.readonly, arguments.tenant, arguments.path_prefix
        if not isinstance(readonly, bool):
            raise _refused("readonly", readonly, "give a bool")
        methods = None if arguments.methods is None else _methods(arguments.methods)
        if readonly:
            methods = _readable(methods, left, _READS[:2] if in_tokens else _READS)
        size = arguments.max_bytes
        rights = Rights(
            None if arguments.expiry is None else expires_at_ns(arguments.expiry, now_ns),
            methods,
            () if prefix is None else (_prefix(prefix),),
            None if size is None else int(whole_number("max_bytes", size, 0, 2**63 - 1)),
        )
        if tenant is not None and (not isinstance(tenant, str) or not tenant):
            raise _refused("tenant", tenant, "give a text")
        if rights == Rights() and tenant is None:
            raise RonRequestError(
                "no caveat is given; give expiry, readonly, path_prefix, methods, max_bytes or "
                "tenant",
                code="invalid_caveat",
            )
        return cls(rights, tenant)

    def settings(self) -> list[tuple[str, str]]:
        """The settings of the component that enforce it."""
        rights = self.rights
        given = {
            "caveat-expires-at": rights.expires_at_ns,
            "caveat-methods": None if rights.methods is None else ",".join(rights.methods),
            "caveat-path-prefix": next(iter(rights.path_prefixes), None),
            "caveat-max-bytes": rights.max_bytes,
        }
        return [(name, str(value)) for name, value in given.items() if value is not None]

    def caveats(self) -> tuple[Caveat, ...]:
        """The same as caveats of a token, whose times are whole seconds, and whose prefixes may end
        in the middle of a segment: the guards are as narrow or narrower."""
        rights = self.rights
        made: list[Caveat] = []
        if rights.expires_at_ns is not None:
            made.append(Exp(rights.expires_at_ns // 10**9))
        if rights.methods is not None:
            made.append(Method(rights.methods))
        for prefix in rights.path_prefixes:
            segments = prefix_segments(prefix) or ()
            made.append(PathPrefix("/" + "/".join(segments)))
        if rights.max_bytes is not None:
            made.append(BytesLe(rights.max_bytes))
        if self.tenant is not None:
            made.append(Tenant(self.tenant))
        return tuple(made)


def _methods(given: object) -> tuple[str, ...]:
    names = texts("methods", given)
    for name in names:
        if _TOKEN.fullmatch(name) is None:
            raise RonRequestError(
                f"methods has {name!a:.40}, which is no token (RFC 9110, section 5.6.2); use a "
                "name such as GET",
                code="invalid_method",
            )
    if not names:
        raise RonCapabilityError(
            "methods is empty, which leaves no call; name at least one", code="contradictory"
        )
    return tuple(dict.fromkeys(map(sent_method, names)))


def _readable(
    given: tuple[str, ...] | None, parents: tuple[str, ...] | None, reads: tuple[str, ...]
) -> tuple[str, ...]:
    """What is left of the methods that read. It asks for none in particular, so those that the
    parent lacks are not missed."""
    left = [
        method
        for method in reads
        if (given is None or method in given)
        and (given is not None or parents is None or method in parents)
    ]
    if not left:
        named = ", ".join((parents or ()) if given is None else given)
        raise RonCapabilityError(
            f"readonly leaves {', '.join(reads)}, and of {named} that leaves none; drop one of the "
            "two",
            code="contradictory",
        )
    return tuple(left)


def _prefix(given: object) -> str:
    if not isinstance(given, str):
        raise _refused("path_prefix", given, "give a path such as '/feed'")
    bad = next((c for c in given if c in "\0\r\n" or "\ud800" <= c <= "\udfff"), None)
    if bad is not None:
        raise RonRequestError(
            f"path_prefix holds U+{ord(bad):04X} (NUL, a line end or a lone surrogate); remove it",
            code="invalid_path",
        )
    return given


def _refused(name: str, given: object, mend: str) -> RonRequestError:
    shown = "empty" if given == "" else type(given).__name__
    return RonRequestError(f"{name} is {shown}; {mend}", code="invalid_caveat")
