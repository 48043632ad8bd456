"""Names to addresses, on threads that nobody waits for.

``getaddrinfo`` blocks and can't be stopped. In the loop's executor, a lookup that hangs would hold
up the end of ``asyncio.run`` and of the process, which join its threads, and a thread that outlives
the main one could look up nothing any more.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from typing import Any

from ..defaults import LOOKUP_SHARED_SECONDS, MAX_LOOKUPS
from .localhost import LOCALHOST, loopback_only

AddressInfo = tuple[int, int, int, str, Any]
"""An item of what ``getaddrinfo`` returns."""

_Addresses = list[AddressInfo]
_CONFIGURED_FAMILIES = socket.AI_ADDRCONFIG & getattr(socket, "AI_MASK", -1)
"""No addresses of a family that this machine has no interface for."""


class LookupsHangError(OSError):
    """Every place for a lookup is taken by one that does not end."""

    def __str__(self) -> str:
        return f"{MAX_LOOKUPS} lookups hang in this machine's resolver"


class Resolver:
    """Looks names up for one event loop."""

    def __init__(self) -> None:
        self._names: dict[tuple[str, int], _Name] = {}
        self._lookups = 0

    async def addresses(self, host: str, port: int) -> _Addresses:
        """The addresses of a name, in the order of preference (RFC 6724), those of ``localhost`` on
        this machine only. Whoever asks for the same name meanwhile shares the answer. Cancelling
        leaves the lookup to itself.

        Raises:
            LookupsHangError: no lookup can be begun.
            OSError: the name does not resolve, or can't be encoded.
        """
        loop = asyncio.get_running_loop()
        name = self._names.setdefault((host, port), _Name())
        try:
            # One that takes long may hang for ever, so it is not the last word.
            if not name.lookups or loop.time() - name.begun > LOOKUP_SHARED_SECONDS:
                self._begin(loop, name, host, port)
        finally:
            if not name.lookups:
                del self._names[host, port]
        waiter = loop.create_future()
        name.waiters.add(waiter)
        try:
            found: _Addresses = await waiter
        finally:
            name.waiters.discard(waiter)
        if host != LOCALHOST:
            return found
        local = loopback_only(address[0] for *_, address in found)
        return [entry for entry in found if entry[4][0] in local]

    def _begin(self, loop: asyncio.AbstractEventLoop, name: _Name, host: str, port: int) -> None:
        if self._lookups >= MAX_LOOKUPS:
            raise LookupsHangError

        def look_up() -> None:
            outcome = _look_up(host, port)
            # A loop that was closed meanwhile wants no answer.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self._end, (host, port), name, outcome)

        # A daemon: the end of the process does not wait for it.
        thread = threading.Thread(target=look_up, name="ron-app-sdk-py-lookup", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            raise OSError(None, "no thread can be started to look the name up") from None
        self._lookups += 1
        name.lookups += 1
        name.begun = loop.time()

    def _end(self, key: tuple[str, int], name: _Name, outcome: _Addresses | OSError) -> None:
        self._lookups -= 1
        name.lookups -= 1
        if not name.lookups:
            del self._names[key]
        for waiter in name.waiters:
            if waiter.done():
                continue
            if isinstance(outcome, OSError):
                waiter.set_exception(outcome)
            else:
                waiter.set_result(outcome)


class _Name:
    """A name that is being looked up, and who waits for it."""

    def __init__(self) -> None:
        self.waiters: set[asyncio.Future[_Addresses]] = set()
        self.lookups = 0
        self.begun = 0.0


def _look_up(host: str, port: int) -> _Addresses | OSError:
    # A machine without a network still has its loopback addresses.
    flags = 0 if host == LOCALHOST else _CONFIGURED_FAMILIES
    try:
        return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags))
    except OSError as error:
        return error
    except UnicodeError as error:
        return OSError(None, f"the name can't be encoded: {type(error).__name__}")
