"""What a client may do."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ..errors import RonCapabilityError, RonClosedError
from ..secret import Secret
from .rights import Rights, app_path, sent_method
from .token import CapabilityToken

if TYPE_CHECKING:
    from ..config import ClientConfig


@dataclass(frozen=True, slots=True)
class Capability:
    """What a client may do: :attr:`RonClient.capability`.

    Attributes:
        strength: what holds it to that. ``minted``: its token was narrowed with the issuer's key;
            ``delegated``: its tokens come from an issuer that was told to narrow them; ``local``:
            only this side, so that the token in other hands may do more. Of clients that are
            derived from one another the weakest. None: nothing narrows it.
        tenant: the tenant that it is bound to, or None.
        token: what the client's token says of itself, unverified, if it is one of ron-auth.
        rights: what the guards of this side check.
    """

    strength: str | None
    tenant: str | None
    token: CapabilityToken | None
    rights: Rights = field(repr=False)
    _wall_ns: Callable[[], int] = field(default=time.time_ns, repr=False, compare=False)

    @property
    def expires_at(self) -> datetime | None:
        """When it ends, or None."""
        end = self.rights.expires_at_ns
        if end is None:
            return None
        return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=end // 1_000)

    @property
    def methods(self) -> tuple[str, ...] | None:
        """The methods that are left, or None for any."""
        return self.rights.methods

    @property
    def path_prefixes(self) -> tuple[str, ...]:
        """What paths are inside of, by whole segments; empty for any path."""
        return self.rights.path_prefixes

    @property
    def max_bytes(self) -> int | None:
        """The largest content of a request in bytes, or None."""
        return self.rights.max_bytes

    def permits(self, method: str, path: str, length: int | None = None) -> bool:
        """Whether the guards of this side let a call on the app plane through now. What the
        server makes of the token is its own: see :meth:`CapabilityToken.evaluate`.

        Args:
            method: the method.
            path: the path, as in a call.
            length: the size of the request's content in bytes.
        """
        if self.rights.have_ended(self._wall_ns()):
            return False
        return self.rights.denial(sent_method(method), app_path(path), length or 0) is None


def credential(config: ClientConfig) -> tuple[str, Secret] | None:
    """The field that has the client's credential, and that."""
    for name in ("macaroon", "token"):
        held: Secret | None = getattr(config, name)
        if held is not None:
            return name, held
    return None


def own_token(config: ClientConfig) -> CapabilityToken | None:
    """What the client's token says of itself, if it has one of ron-auth."""
    try:
        held = credential(config)
        if held is None or not CapabilityToken.may_be(held[1].get_secret_value()):
            return None
        return CapabilityToken.parse(held[1].copy())
    except (RonCapabilityError, RonClosedError):
        return None
