"""What this side enforces, whatever the component says."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .. import defaults
from ..config import ClientConfig
from ..redact import Redactor
from .guard import Guard

if TYPE_CHECKING:
    from ..capabilities.rights import Rights


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a client's calls.

    Attributes:
        guard: the check before the socket.
        redactor: keeps the credentials of the root client out of texts.
        max_response_bytes: largest content of a successful answer.
        timeout: seconds for a whole call that says nothing else.
        write_timeout: seconds that a server may take no bytes; None if the whole call's time-out
            comes first.
    """

    guard: Guard
    redactor: Redactor
    max_response_bytes: int
    timeout: float
    write_timeout: float | None

    @classmethod
    def of(
        cls,
        config: ClientConfig,
        redactor: Redactor | None = None,
        rights: Rights | None = None,
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> Limits:
        """The limits of a configuration that the component has accepted.

        Args:
            config: the configuration.
            redactor: knows the secrets; by default there are none.
            rights: what a narrowed client is left.
            wall_ns: the wall clock that those are held to, in nanoseconds since 1970.
        """
        overall = defaults.OVERALL_TIMEOUT if config.timeout is None else config.timeout
        write = defaults.WRITE_TIMEOUT if config.write_timeout is None else config.write_timeout
        size = config.max_response_bytes
        return cls(
            Guard(config.base_url, rights, wall_ns),
            redactor or Redactor(),
            defaults.MAX_RESPONSE_BYTES if size is None else size,
            overall,
            write if write < overall else None,
        )

    def acknowledge_timeout(self, timeout: float, size: int) -> float | None:
        """Seconds in which the server's system must acknowledge a request, or None.

        Args:
            timeout: seconds for the whole call.
            size: how many bytes of content the request has.
        """
        if size > defaults.WRITE_PIECE_BYTES:
            # A server that takes no more of it acknowledges none, and that has a time-out.
            return self.write_timeout
        share = max(timeout / defaults.ACKNOWLEDGE_SHARE, defaults.MIN_ACKNOWLEDGE_SECONDS)
        return share if self.write_timeout is None else min(share, self.write_timeout)
