"""Tokens of ron-auth: what they say, and how an issuer makes and narrows them."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NoReturn, Self, TypeVar

from ..defaults import CAPABILITY_SKEW_SECONDS
from ..errors import RonCapabilityError, RonRequestError
from ..secret import Secret, SecretText
from . import wit
from .caveats import BytesLe, Caveat, Exp, Method, Nbf, PathPrefix, Scope, Tenant
from .key import IssuerKey, digits_of

K = TypeVar("K")

_SHAPE = re.compile(r"[o-v][0-9A-Za-z_-]+")
"""Base64url of CBOR that begins with a map."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the caveats of a token say of a request.

    Attributes:
        outcome: ``allowed``, ``denied``, ``expired``, ``not_yet_valid`` or ``malformed``: it has a
            caveat of an unknown kind, so that the verifier does not read it.
        reasons: why it is denied, by the verifier's names, such as ``method_not_allowed``.
        undecided: the names of caveats of which too little is known here.
    """

    outcome: str
    reasons: tuple[str, ...] = ()
    undecided: tuple[str, ...] = ()

    @property
    def allowed(self) -> bool:
        """Whether no caveat is known to stand against the request."""
        return self.outcome == "allowed"


@dataclass(frozen=True, slots=True, repr=False)
class CapabilityToken:
    """A token of ron-auth (``protocol.md`` 5.2). It is a credential: neither ``repr`` nor ``str``
    show it. What it says is not verified, unless :meth:`verify` has been asked.

    Attributes:
        text: the token itself.
        tid: the tenant whose key it is minted with.
        kid: the key's id.
        scope: what it is for.
        caveats: what narrows it, in the order in which its chain holds them.
    """

    text: Secret = field(repr=False)
    tid: str
    kid: str
    scope: Scope
    caveats: tuple[Caveat, ...]

    @classmethod
    def parse(cls, text: SecretText) -> Self:
        """Reads a token. Nothing is verified.

        Args:
            text: the token, as a str, a Secret or anything that has ``get_secret_value()``.

        Raises:
            RonCapabilityError: it is no token of ron-auth, cut or too large (code
                ``not_a_capability``); says why and does not repeat it.
            RonRequestError: it is no text (code ``invalid_argument``).
            RonSandboxError: the component can't be loaded.
        """
        if not isinstance(text, str) and not hasattr(text, "get_secret_value"):
            raise RonRequestError(
                f"token is {type(text).__name__}; give a str or a Secret", code="invalid_argument"
            )
        secret = Secret.of(text)
        try:
            claims = wit.fields(wit.call("parse", secret.get_secret_value()))
        except wit.Refused as refused:
            _refuse(refused)
        caveats = tuple(map(wit.from_wit, claims["caveats"]))
        scope = wit.scope_from_wit(claims["scope"])
        return cls(secret, claims["tid"], claims["kid"], scope, caveats)

    @staticmethod
    def may_be(text: str) -> bool:
        """Whether a text can be a token by its first look, which costs nothing."""
        return _SHAPE.fullmatch(text) is not None

    @classmethod
    def mint(
        cls,
        key: IssuerKey,
        *,
        tid: str,
        kid: str,
        scope: Scope | None = None,
        caveats: Iterable[Caveat] = (),
    ) -> Self:
        """Makes a token, as its issuer.

        Args:
            key: the issuer's key: 32 bytes, or 64 hexadecimal digits as a str, a Secret or anything
                with ``get_secret_value()``.
            tid: the tenant whose key it is.
            kid: the key's id.
            scope: what it is for; by default anything.
            caveats: what narrows it.

        Raises:
            RonRequestError: the key is no key (code ``invalid_key``), an argument is of the wrong
                type (``invalid_argument``), or the verifier would not read the token: it is too
                large, or has too many caveats or one that is unknown (``invalid_claims``).
            RonSandboxError: the component can't be loaded.
        """
        claims = wit.record(
            tid=tid,
            kid=kid,
            scope=wit.scope_to_wit(Scope() if scope is None else scope),
            caveats=wit.all_to_wit(caveats),
        )
        return cls.parse(_made("mint", digits_of(key), claims))

    def extend(self, key: IssuerKey, caveats: Iterable[Caveat]) -> Self:
        """This token with more caveats, as its issuer. Each is folded in with the issuer's key, so
        that a holder can't do it (``protocol.md`` 5.3).

        Args:
            key: as of :meth:`mint`.
            caveats: what narrows it further.

        Raises:
            RonCapabilityError: it was not minted with this key, or was changed since (code
                ``wrong_key``).
            RonRequestError: as :meth:`mint`.
            RonSandboxError: the component can't be loaded.
        """
        added = wit.all_to_wit(caveats)
        if not self.verify(key):
            raise RonCapabilityError(
                "the token was not minted with this key, or was changed since; give the key of "
                "its issuer",
                code="wrong_key",
            )
        return self.parse(_made("extend", digits_of(key), self.text.get_secret_value(), added))

    def verify(self, key: IssuerKey) -> bool:
        """Whether it was minted with this key and is as it was then. Its caveats are not looked at.

        Raises:
            RonRequestError: the key is no key (code ``invalid_key``).
            RonSandboxError: the component can't be loaded.
        """
        minted: bool = wit.call("verify", digits_of(key), self.text.get_secret_value())
        return minted

    def evaluate(
        self,
        *,
        method: str | None = None,
        path: str | None = None,
        length: int | None = None,
        tenant: str | None = None,
        amnesia: bool | None = None,
        policy_digest: str | None = None,
        peer: str | None = None,
        now: datetime | int | None = None,
        skew: int = CAPABILITY_SKEW_SECONDS,
    ) -> Verdict:
        """What the real verifier's caveats say of a request (``protocol.md`` 5.4). Neither the
        token's code nor its scope is looked at, and only the server decides: this saves calls that
        it would refuse.

        Args:
            method: its method.
            path: its path, as the server sees it.
            length: the size of its content in bytes. The verifier lets an unknown one pass.
            tenant: the tenant.
            amnesia: whether the node forgets everything when it ends.
            policy_digest: the digest of the node's policy in hexadecimal digits.
            peer: the client's address, as the server sees it.
            now: a datetime with a time zone, or seconds since 1970; by default this machine's
                clock.
            skew: how many seconds the server's clock may differ.

        Raises:
            RonRequestError: an argument is of the wrong type or no address (code
                ``invalid_argument``).
            RonSandboxError: the component can't be loaded.
        """
        situation = wit.record(
            now=_seconds(now),
            skew=skew,
            method=method,
            path=path,
            length=length,
            tenant=tenant,
            amnesia=amnesia,
            policy_digest=policy_digest,
            peer=peer,
        )
        try:
            told = wit.call("evaluate", self.text.get_secret_value(), situation)
        except wit.Refused as refused:
            raise RonRequestError(f"{refused}", code="invalid_argument") from None
        outcome = told.tag.replace("-", "_")
        if outcome == "allowed":
            return Verdict(outcome, undecided=tuple(told.payload))
        if outcome == "denied":
            return Verdict(outcome, tuple(reason.replace("-", "_") for reason in told.payload))
        return Verdict(outcome)

    @property
    def expires_at(self) -> datetime | None:
        """The earliest end that it names, or None. Verifiers allow for clocks that differ."""
        times = [caveat.time for caveat in self._all(Exp)]
        return _point(min(times)) if times else None

    @property
    def not_before(self) -> datetime | None:
        """The latest beginning that it names, or None."""
        times = [caveat.time for caveat in self._all(Nbf)]
        return _point(max(times)) if times else None

    @property
    def methods(self) -> tuple[str, ...] | None:
        """The methods that all its caveats leave, in upper case, or None if none speaks of them."""
        left: list[str] | None = None
        for caveat in self._all(Method):
            named = list(dict.fromkeys(method.upper() for method in caveat.methods))
            left = named if left is None else [method for method in left if method in named]
        return None if left is None else tuple(left)

    @property
    def path_prefixes(self) -> tuple[str, ...]:
        """What paths must begin with, each of them."""
        return tuple(dict.fromkeys(caveat.prefix for caveat in self._all(PathPrefix)))

    @property
    def max_bytes(self) -> int | None:
        """The largest content of a request in bytes, or None."""
        return min((caveat.size for caveat in self._all(BytesLe)), default=None)

    @property
    def tenants(self) -> tuple[str, ...]:
        """The tenants that its caveats name. No request is of two."""
        return tuple(dict.fromkeys(caveat.tenant for caveat in self._all(Tenant)))

    def _all(self, kind: type[K]) -> list[K]:
        return [caveat for caveat in self.caveats if isinstance(caveat, kind)]

    def __repr__(self) -> str:
        return f"CapabilityToken(tid={self.tid!r}, kid={self.kid!r}, {len(self.caveats)} caveats)"


def _made(function: str, *arguments: Any) -> str:
    try:
        text: str = wit.call(function, *arguments)
    except wit.Refused as refused:
        raise RonRequestError(f"{refused}", code="invalid_claims") from None
    return text


def _refuse(refused: wit.Refused) -> NoReturn:
    raise RonCapabilityError(
        f"{refused}; give a token of ron-auth, whole", code="not_a_capability"
    ) from None


def _seconds(now: object) -> object:
    if now is None:
        return int(time.time())
    if not isinstance(now, datetime):
        return now
    if now.utcoffset() is None:
        raise RonRequestError(
            "now has no time zone; give a datetime with one", code="invalid_argument"
        )
    return int(now.timestamp())


def _point(seconds: int) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        # After the year 9999, which no clock here will see.
        return datetime.max.replace(tzinfo=UTC)
