"""How clients are narrowed: what holds a derived client to its caveats, and its own credential.

Who holds a token of ron-auth can't narrow it, because each caveat is folded in with the key of its
issuer (``protocol.md`` 5.3). So there are three strengths, and the client says which it has.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from ..defaults import CAPABILITY_SKEW_SECONDS
from ..errors import RonCapabilityError, RonRequestError
from .capability import credential, own_token
from .caveats import Caveat, PathPrefix, Tenant
from .narrowing import Arguments, Issuer, Narrowing
from .rights import Rights
from .token import CapabilityToken

if TYPE_CHECKING:
    from ..config import ClientConfig

_STRENGTHS = ("local", "delegated", "minted")
"""From the weakest."""


@dataclass(frozen=True, slots=True)
class Attenuation:
    """How a client is narrowed, by all that it is derived from.

    Attributes:
        strength: see :class:`Capability`.
        rights: what is left.
        tenant: the tenant that it is bound to, or None.
        caveats: the same as caveats of a token.
    """

    strength: str | None = None
    rights: Rights = field(default_factory=Rights)
    tenant: str | None = None
    caveats: tuple[Caveat, ...] = ()


class Step(NamedTuple):
    """What makes a derived client narrower than its parent.

    Attributes:
        attenuation: how it is narrowed then.
        settings: the settings of the component that enforce it.
        fields: the fields of the configuration that give it a credential of its own, if any.
    """

    attenuation: Attenuation
    settings: list[tuple[str, str]]
    fields: dict[str, Any]


def attenuated(
    parent: Attenuation, config: ClientConfig, wall_ns: int, arguments: Arguments
) -> Step:
    """What ``with_caveat`` comes to.

    Args:
        parent: how the client is narrowed.
        config: its configuration.
        wall_ns: the wall clock in nanoseconds since 1970.
        arguments: what is asked for.

    Raises:
        RonCapabilityError: more is asked for than there is, or what can't be given.
        RonRequestError: an argument is no good.
        RonSandboxError: the component of tokens can't be loaded.
    """
    strength = _strength(arguments)
    _check_time(config, wall_ns)
    own = _own(config) if strength == "minted" else None
    left = parent.rights
    if own is not None:
        left = left.narrowed(Rights(methods=own.token.methods))
    narrowing = Narrowing.of(arguments, left.methods, wall_ns, in_tokens=strength != "local")
    if narrowing.tenant is not None:
        if strength == "local":
            raise _unavailable(
                "tenant", "is nothing that guards can check", "give issuer_key or issuer"
            )
        if parent.tenant not in (None, narrowing.tenant):
            raise _contradiction("tenant is another than that of the client itself")
    caveats = (*parent.caveats, *narrowing.caveats())
    fields: dict[str, Any] = {}
    if own is not None and arguments.issuer_key is not None:
        check_within(own.token, narrowing)
        fields[own.name] = own.token.extend(arguments.issuer_key, narrowing.caveats()).text
    elif strength == "delegated":
        fields["token_provider"] = functools.partial(_issuer(arguments.issuer), caveats)
    chain = [strength] if parent.strength is None else [strength, parent.strength]
    attenuation = Attenuation(
        min(chain, key=_STRENGTHS.index),
        parent.rights.narrowed(narrowing.rights),
        parent.tenant if narrowing.tenant is None else narrowing.tenant,
        caveats,
    )
    return Step(attenuation, narrowing.settings(), fields)


def _strength(arguments: Arguments) -> str:
    available = ["local"]
    if arguments.issuer is not None:
        available.append("delegated")
    if arguments.issuer_key is not None:
        available.append("minted")
    asked = arguments.strength
    if asked is None:
        return available[-1]
    if asked not in _STRENGTHS:
        shown = f"{asked!a:.40}" if isinstance(asked, str) else type(asked).__name__
        raise RonRequestError(
            f"strength is {shown}; give 'local', 'minted' or 'delegated'", code="invalid_strength"
        )
    if asked not in available:
        mend = "give issuer_key" if asked == "minted" else "give issuer"
        raise _unavailable(f"strength {asked!r}", "needs an issuer, and none is given", mend)
    return asked


def _check_time(config: ClientConfig, wall_ns: int) -> None:
    """Saves calls that would all be refused."""
    token = own_token(config)
    if token is None:
        return
    outcome = token.evaluate(now=wall_ns // 10**9).outcome
    if outcome == "expired":
        raise RonCapabilityError(
            "the client's token says that it has expired; give the client a fresh one",
            code="expired",
        )


class _Own(NamedTuple):
    """The client's own credential: the field of the configuration that has it, and what it says."""

    name: str
    token: CapabilityToken


def _own(config: ClientConfig) -> _Own:
    held = credential(config)
    if held is None:
        raise _unavailable(
            "strength 'minted'",
            "extends the client's own token, and it holds none",
            "give the client a token or macaroon, or issuer instead of issuer_key",
        )
    name, text = held
    return _Own(name, CapabilityToken.parse(text))


def check_within(token: CapabilityToken, narrowing: Narrowing) -> None:
    """Checks what is asked for against what the token says, which binds whatever is added.

    Raises:
        RonCapabilityError: it is more (code ``exceeds_parent``), or nothing is left
            (``contradictory``).
    """
    rights = narrowing.rights
    ends = token.expires_at
    if ends is not None and rights.expires_at_ns is not None:
        latest = ends.timestamp() + CAPABILITY_SKEW_SECONDS
        if rights.expires_at_ns > latest * 1e9:
            raise _exceeds(f"expiry is later than that of the token, {ends.isoformat()}")
    if token.methods is not None:
        beyond = [name for name in rights.methods or () if name.upper() not in token.methods]
        if beyond:
            raise _exceeds(f"the token's caveats lack {', '.join(beyond)}")
        if not token.methods:
            raise _contradiction("the token's caveats leave no method")
    if token.max_bytes is not None and (rights.max_bytes or 0) > token.max_bytes:
        raise _exceeds(f"max_bytes is more than the token's {token.max_bytes}")
    for caveat in narrowing.caveats():
        match caveat:
            case PathPrefix(prefix=prefix):
                for held in token.path_prefixes:
                    if prefix.startswith(held) or prefix == held.rstrip("/"):
                        continue
                    if held.startswith(prefix):
                        raise _exceeds(f"path_prefix is wider than the token's {held!a:.80}")
                    raise _contradiction(f"path_prefix is outside of the token's {held!a:.80}")
            case Tenant(tenant=tenant) if any(held != tenant for held in token.tenants):
                raise _contradiction("tenant is another than that of the token")


def _issuer(given: object) -> Issuer:
    if not callable(given):
        raise RonRequestError(
            f"issuer is {type(given).__name__}; give a function of one argument, the caveats",
            code="invalid_issuer",
        )
    issuer: Issuer = given
    return issuer


def _exceeds(what: str) -> RonCapabilityError:
    return RonCapabilityError(f"{what}; a caveat only narrows", code="exceeds_parent")


def _contradiction(what: str) -> RonCapabilityError:
    return RonCapabilityError(f"{what}, so that no call is left", code="contradictory")


def _unavailable(what: str, why: str, mend: str) -> RonCapabilityError:
    return RonCapabilityError(f"{what} {why}; {mend}", code="strength_unavailable")
