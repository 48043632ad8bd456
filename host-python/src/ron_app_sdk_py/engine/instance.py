"""One instance of the bridge in a store of its own.

A store belongs to one thread at a time, so each crossing takes the instance's lock, for a few
microseconds.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from wasmtime import Store, WasmtimeError
from wasmtime.component import Func, String

from ..defaults import GUEST_FUEL, GUEST_MEMORY_BYTES, MAX_ANSWER_BYTES
from ..errors import RonOverloadError, RonSandboxError
from . import ffi, sandbox
from .runtime import Runtime

ABI_VERSION = "1"
"""The version of ``docs/abi.md`` that this package speaks."""

_BRIDGE = "ron:bridge/bridge@0.1.0"
_IMPORTS = frozenset({"ron:wire/host@0.1.0"})
_EXPORTS = ("abi-version", "open", "derive", "begin", "feed", "cancel", "close", "stats")


class Instance:
    """Calls the exports of the bridge.

    Args:
        runtime: what to instantiate.
        private_api: whether to try the fast path; off, the public API serves.
        fuel: fuel for one crossing.
        memory_bytes: largest size of each memory.

    Attributes:
        dead: whether it trapped; every later call is refused.
        fast: whether the fast path is in use.
    """

    def __init__(
        self,
        runtime: Runtime,
        *,
        private_api: bool = True,
        fuel: int = GUEST_FUEL,
        memory_bytes: int = GUEST_MEMORY_BYTES,
    ) -> None:
        self._lock = threading.Lock()
        self._inside: set[int] = set()
        self._fuel = fuel
        self._memory_bytes = memory_bytes
        self.fast = private_api
        if private_api:
            try:
                self._start(runtime, ffi.fast_call)
            except Exception:
                # The private parts are others, or the component is no good: the public API will
                # tell. What the attempt has left behind is not used again.
                self.fast = False
        if not self.fast:
            self._start(runtime, ffi.public_call)

    def _start(self, runtime: Runtime, way: Callable[[Store, Func], ffi.StringCall]) -> None:
        self.dead = False
        self._store, instance = sandbox.instantiate(
            runtime, allowed=_IMPORTS, fuel=self._fuel, memory_bytes=self._memory_bytes
        )
        exports = {name: sandbox.export(self._store, instance, _BRIDGE, name) for name in _EXPORTS}
        for name, function in exports.items():
            _check_type(self._store, name, function)
        self._calls = {name: way(self._store, export) for name, export in exports.items()}
        self._check_version(runtime.artifact.name)

    def call(self, export: str, message: bytes) -> str:
        """Calls an export.

        Args:
            export: its name, such as ``feed``.
            message: the input as UTF-8.

        Raises:
            RonSandboxError: the component trapped (code ``trap``), ran out of fuel (``fuel``),
                answered with more than may be (``abi``) or died earlier (``dead``). The instance
                can't be used again.
            RonOverloadError: this thread is inside of a call already.
        """
        thread = threading.get_ident()
        if thread in self._inside:
            raise RonOverloadError(
                "a signal handler or finalizer uses the client while it interrupts a call of "
                "it in the component; do the work later, outside of the handler",
                code="reentered",
            )
        finished = False
        try:
            # Before the lock: once this thread has it, a handler must not wait for it.
            self._inside.add(thread)
            with self._lock:
                if self.dead:
                    raise RonSandboxError("the component has trapped before", code="dead")
                try:
                    answer = self._calls[export](message, self._fuel)
                    finished = True
                finally:
                    # Whatever interrupts a crossing, a signal included, leaves the guest in an
                    # unknown state.
                    if not finished:
                        self.dead = True
        except WasmtimeError as error:
            raise sandbox.trapped(self._store, error, export, self._memory_bytes) from None
        except (TypeError, UnicodeDecodeError):
            raise RonSandboxError(
                f"the component answered {export} with something else than text", code="abi"
            ) from None
        except ffi.AnswerTooLargeError:
            raise RonSandboxError(
                f"the component answered {export} with more than {MAX_ANSWER_BYTES} bytes",
                code="abi",
            ) from None
        finally:
            self._inside.discard(thread)
        return answer

    def is_held_here(self) -> bool:
        """Whether the calling code interrupts a crossing of its own thread."""
        return threading.get_ident() in self._inside

    def _check_version(self, name: str) -> None:
        try:
            version = self.call("abi-version", b"")
        except RonSandboxError as error:
            raise RonSandboxError(
                f"{name} does not tell its ABI version: {error.message}", code="abi"
            ) from None
        if version != ABI_VERSION:
            raise RonSandboxError(
                f"{name} speaks version {version[:20]!r} of the ABI and this package version "
                f"{ABI_VERSION!r}; reinstall the package, or run `make build` in a checkout",
                code="abi",
            )


def _check_type(store: Store, name: str, function: Func) -> None:
    """Before anything is called: wasmtime would make objects of whatever else it answers with."""
    kind = function.type(store)
    if [type(given) for _, given in kind.params] != [String] or type(kind.result) is not String:
        raise RonSandboxError(
            f"{name} of the component does not take a text and answer with one; reinstall the "
            "package",
            code="abi",
        )
