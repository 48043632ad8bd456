"""The sessions of one root client and the instance of the component that they are open on.

An instance can be lost: to a trap, or to a fork. What is needed to open the same sessions on a
fresh one is kept here.
"""

from __future__ import annotations

import itertools
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..engine.guest import Clock, Guest
from ..engine.messages import Failed, Opened
from ..errors import (
    RonCapabilityError,
    RonClosedError,
    RonConfigError,
    RonError,
    RonRequestError,
    RonSandboxError,
    broken,
)
from ..secret import Secret, revealed
from .credentials import Credentials
from .reports import report_error

Settings = Sequence[tuple[str, str | Secret]]
"""Names and values of settings of the component."""


@dataclass(frozen=True, slots=True, eq=False)
class Session:
    """A session of the component.

    Attributes:
        id: its id.
        parent: the session it is derived from and ends with, or None.
        settings: what it was opened with. Its secrets are its own, and end with it.
        credentials: where its tokens come from, if it has a provider.
    """

    id: int
    parent: int | None
    settings: Settings
    credentials: Credentials | None

    @property
    def secrets(self) -> list[Secret]:
        """The secrets among its settings."""
        return [value for _, value in self.settings if isinstance(value, Secret)]

    def __repr__(self) -> str:
        return f"Session({self.id})"


_TIMELINES = ("timeline", "true")
"""The setting that has the component tell what became of attempts."""


class Sessions:
    """Opens sessions, on a fresh instance whenever the last one is lost.

    Args:
        clock: time and randomness of the component.
        private_api: whether the engine may use its fast path.

    Attributes:
        guest: the instance, if there is one; it may be lost.
    """

    def __init__(self, clock: Clock, *, private_api: bool) -> None:
        self.guest: Guest | None = None
        self._make_guest: Callable[[], Guest] = lambda: Guest(clock, private_api=private_api)
        self._lock = threading.RLock()
        self._open: dict[int, Session] = {}
        self._abandoned: deque[Session] = deque()
        self._ids = itertools.count(1)

    def open(
        self, settings: Settings, parent: Session | None, credentials: Credentials | None
    ) -> Session:
        """Opens a session, which ends with its parent if it has one.

        Args:
            settings: its configuration, or what it differs in from its parent's.
            parent: the session that it is derived from.
            credentials: where its tokens come from; by default its parent's.

        Raises:
            RonConfigError: the component refuses the settings.
            RonClosedError: the parent was closed.
            RonSandboxError: the component can't be loaded.
        """
        if parent is not None:
            credentials = credentials or parent.credentials
        session = Session(next(self._ids), parent.id if parent else None, settings, credentials)
        with self._lock:
            guest = self._usable_guest()
            if parent is not None and parent.id not in self._open:
                raise RonClosedError(
                    "the client was closed; derive from one that is open", code="closed"
                )
            _open(guest, session)
            self._open[session.id] = session
        return session

    def all(self) -> list[Session]:
        """The open sessions, parents before their children."""
        return list(self._open.values())

    def forget(self, session: Session) -> list[Session]:
        """Forgets a session and those derived from it.

        Returns:
            Those that were open, parents before their children.
        """
        with self._lock:
            forgotten: dict[int, Session] = {}
            for other in list(self._open.values()):
                if other.id == session.id or other.parent in forgotten:
                    forgotten[other.id] = other
            for id_ in forgotten:
                self._open.pop(id_, None)
        return list(forgotten.values())

    def abandon(self, session: Session) -> None:
        """Notes that nobody uses a session any more."""
        self._abandoned.append(session)

    def take_abandoned(self) -> list[Session]:
        """The sessions to be closed because nobody uses them any more."""
        taken = []
        while self._abandoned:
            taken.append(self._abandoned.popleft())
        return taken

    def usable_guest(self) -> Guest:
        """The instance, or a fresh one with all sessions opened again.

        Raises:
            RonSandboxError: the component can't be loaded.
        """
        guest = self.guest
        if guest is not None and guest.usable:
            return guest
        with self._lock:
            return self._usable_guest()

    def after_fork(self) -> object:
        """Starts anew in a forked child, where the lock may be held by a thread that isn't there.

        Returns:
            The parent's instance, which must not be destroyed here.
        """
        inherited, self.guest = self.guest, None
        self._lock = threading.RLock()
        return inherited

    def _usable_guest(self) -> Guest:
        if self.guest is None or not self.guest.usable:
            guest = self._make_guest()
            lapsed = set()
            for session in list(self._open.values()):
                try:
                    if session.parent not in lapsed:
                        _open(guest, session)
                        continue
                except RonCapabilityError:
                    # Its time is over, so that none of its calls gets as far as the component.
                    pass
                lapsed.add(session.id)
            self.guest = guest
        return self.guest


def _open(guest: Guest, session: Session) -> None:
    failure: RonError | None = None
    try:
        if session.parent is None:
            output = guest.open(session.id, [*_revealed(session.settings), _TIMELINES])
        else:
            output = guest.derive(session.parent, session.id, _revealed(session.settings))
    except RonRequestError as error:
        failure = RonConfigError(error.message, code="invalid_config")
    except RonSandboxError as error:
        # The frames that it came through hold the secrets.
        error.__traceback__ = error.__context__ = None
        failure = error
    if failure is not None:
        raise failure
    match output.items:
        case [Opened()]:
            return
        case [Failed() as failed]:
            raise report_error(failed)
    raise broken("did not open a session")


def _revealed(settings: Settings) -> list[tuple[str, str]]:
    return [(name, revealed(value)) for name, value in settings]
