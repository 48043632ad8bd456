"""What carries out calls, for whoever makes some of a plane."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from .options import StreamOptions
from .redact import Redactor
from .request import Request
from .response import Response

if TYPE_CHECKING:
    from .reception import Callback, Reception

Perform = Callable[[Request], Awaitable[Response]]
"""Performs a call."""


class Receive(Protocol):
    """Prepares a subscription; ``node`` as of :class:`~.request.Request`."""

    def __call__(
        self,
        path: str,
        callback: Callback | None,
        options: StreamOptions,
        node: str | None = None,
        /,
    ) -> Reception:
        """What it is made of."""


@dataclass(frozen=True, slots=True)
class Plane:
    """A client, as far as calls of one of its planes need it.

    Attributes:
        perform: performs a call.
        receive: prepares a subscription.
        redactor: keeps credentials out of messages.
    """

    perform: Perform
    receive: Receive
    redactor: Redactor
