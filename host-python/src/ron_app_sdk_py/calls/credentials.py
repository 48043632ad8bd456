"""Asks a client's provider for tokens when the component wants one.

The component decides when, and of the calls that wait for a token it names one, which asks. If that
call ends first it names another.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import inspect
import os
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from ..config import setting_text
from ..credentials import AccessToken, OwnText, TokenProvider, invalid
from ..defaults import MAX_PROVIDER_THREADS, PROVIDER_SHARED_SECONDS, RECENT_CREDENTIALS
from ..engine.guest import Clock
from ..errors import RonCredentialError, RonRequestError
from ..redact import SHORTEST_SECRET, Redactor
from ..secret import Secret, warn_of_short

StartThread = Callable[[Callable[[], None]], None]
"""Has a function called, on a thread or at once."""


def start_daemon(work: Callable[[], None]) -> None:
    """Calls a function on a thread for which nobody waits, the end of the process included."""
    threading.Thread(target=work, name="ron-app-sdk-py-provider", daemon=True).start()


class Token(NamedTuple):
    """A token as the component is given it."""

    text: str
    lifetime_ns: int | None

    def __repr__(self) -> str:
        return "Token()"


_ASKING: contextvars.ContextVar[tuple[Credentials, ...]] = contextvars.ContextVar(
    "ron_app_sdk_py_asking", default=()
)
"""Whose providers run in this context."""


@dataclass(slots=True, eq=False)
class _Run:
    """One run of a plain provider on its thread. What came of it is a call of no arguments, since
    futures take no exception of every kind."""

    begun_ns: int
    process: int = field(default_factory=os.getpid)
    outcome: concurrent.futures.Future[Callable[[], Any]] = field(
        default_factory=concurrent.futures.Future
    )


class Credentials:
    """The tokens of a session that has a provider, and of those derived from it.

    Args:
        provider: gives them.
        redactor: is told of the last ones.
        clock: what tells whether one has expired.
        start_thread: calls plain providers.

    Attributes:
        start_thread: as given.
    """

    def __init__(
        self, provider: TokenProvider, redactor: Redactor, clock: Clock, start_thread: StartThread
    ) -> None:
        self._provider: TokenProvider | None = provider
        self._redactor = redactor
        self._clock = clock
        self.start_thread = start_thread
        self._runs: list[_Run] = []
        self._known: deque[str] = deque()
        self._warned = False

    def check_not_asking(self) -> None:
        """Refuses a call that waits for a token which its own provider is to give.

        Raises:
            RonRequestError: the provider runs in this context.
        """
        if self in _ASKING.get():
            raise RonRequestError(
                "token_provider calls the client that waits for its token; use another client in "
                "it, or client.node without the credential",
                code="provider_reentered",
            )

    async def ask(self) -> Token | str:
        """Asks the provider. What it raises but exceptions of the usual kind goes through: keyboard
        interrupts, exits, cancellations.

        Returns:
            The token, or why there is none, without secrets.
        """
        try:
            token = self._checked(await self._asked())
        except RonCredentialError as error:
            if isinstance(error.message, OwnText) and error.message.isprintable():
                return self._redactor.scrub(error.message)
            # The provider's own, or that of another client in it.
            return "token_provider raised RonCredentialError"
        except Exception as error:
            # Its text may hold anything.
            name = type(error).__name__
            return f"token_provider raised {name if name.isidentifier() else 'an exception':.60}"
        self._keep(token.text)
        return token

    def drop(self) -> None:
        """Forgets the provider and its tokens: the session has ended."""
        self._provider = None
        self._runs.clear()
        while self._known:
            self._redactor.remove(self._known.popleft())

    async def _asked(self) -> object:
        provider = self._provider
        if provider is None:
            raise _failed("was dropped with its client")
        before = _ASKING.get()
        _ASKING.set((*before, self))
        try:
            given: Any
            if _is_async(provider):
                given = provider()
            else:
                given = (await asyncio.wrap_future(self._run(provider).outcome))()
            return await given if inspect.isawaitable(given) else given
        finally:
            # A token of the variable would not do where a collector ends this, in any context.
            _ASKING.set(before)

    def _run(self, provider: TokenProvider) -> _Run:
        """A run that has begun not long ago, or a new one."""
        now, process = self._clock.monotonic_ns(), os.getpid()
        runs = [run for run in self._runs if run.process == process]
        # One that takes long may hang for ever, so it is not the last word.
        if runs and now - runs[-1].begun_ns < PROVIDER_SHARED_SECONDS * 1e9:
            return runs[-1]
        if len(runs) >= MAX_PROVIDER_THREADS:
            raise _failed(f"hangs {len(runs)} times; have it give up after some time")
        run = _Run(now)
        # Nobody who waits for it can cancel it.
        run.outcome.set_running_or_notify_cancel()
        self._runs.append(run)
        context = contextvars.copy_context()
        try:
            self.start_thread(partial(context.run, self._carry_out, run, provider))
        except RuntimeError:
            self._end(run)
            raise _failed("can't be called: no thread can be started for it") from None
        return run

    def _carry_out(self, run: _Run, provider: TokenProvider) -> None:
        try:
            outcome: Callable[[], Any] = partial(_given, provider())
        except BaseException as error:
            outcome = partial(_raise, error)
        self._end(run)
        run.outcome.set_result(outcome)

    def _end(self, run: _Run) -> None:
        if run in self._runs:
            self._runs.remove(run)

    def _checked(self, given: object) -> Token:
        lifetime = None
        if isinstance(given, AccessToken):
            lifetime = given.lifetime_ns(self._clock.wall_ns())
            given = given.token
        if not isinstance(given, str) and not hasattr(given, "get_secret_value"):
            raise invalid(
                f"token_provider gave {type(given).__name__}; give a str, a Secret or an "
                "AccessToken"
            )
        text = Secret.of(given).get_secret_value()
        try:
            setting_text("the token of token_provider", text)
        except ValueError as error:
            raise invalid(str(error)) from None
        return Token(text, lifetime)

    def _keep(self, text: str) -> None:
        if text in self._known:
            return
        self._redactor.add(text)
        self._known.append(text)
        if len(self._known) > RECENT_CREDENTIALS:
            self._redactor.remove(self._known.popleft())
        if not self._warned and 0 < len(text) < SHORTEST_SECRET:
            # First, because the warning may be an error.
            self._warned = True
            warn_of_short("token of token_provider", text)


def _is_async(provider: TokenProvider) -> bool:
    return inspect.iscoroutinefunction(provider) or inspect.iscoroutinefunction(
        getattr(provider, "__call__", None)  # noqa: B004 - the method, not whether there is one
    )


def _given(value: object) -> Any:
    return value


def _raise(error: BaseException) -> Any:
    raise error


def _failed(what: str) -> RonCredentialError:
    return RonCredentialError(OwnText(f"token_provider {what}"), code="token_provider_failed")
