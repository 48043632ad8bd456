"""One instance of the component in a store of its own, under limits.

A store belongs to one thread at a time, so each crossing takes the instance's lock, for a few
microseconds. Fuel bounds the computing of one crossing: unlike an epoch it needs no thread that
ticks, and the same input always ends at the same point. No Python code runs inside of a crossing:
what the component imports is a trap of wasmtime's own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from wasmtime import Store, WasmtimeError
from wasmtime.component import Func, Linker
from wasmtime.component import Instance as WasmInstance

from ..defaults import (
    GUEST_FUEL,
    GUEST_INSTANCES,
    GUEST_MEMORIES,
    GUEST_MEMORY_BYTES,
    GUEST_TABLE_ELEMENTS,
    GUEST_TABLES,
)
from ..errors import RonOverloadError, RonSandboxError
from . import ffi
from .runtime import Runtime

ABI_VERSION = "1"
"""The version of ``docs/abi.md`` that this package speaks."""

_BRIDGE = "ron:bridge/bridge@0.1.0"
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
        self._store = Store(runtime.engine)
        self._store.set_limits(
            memory_size=self._memory_bytes,
            memories=GUEST_MEMORIES,
            tables=GUEST_TABLES,
            table_elements=GUEST_TABLE_ELEMENTS,
            instances=GUEST_INSTANCES,
        )
        name = runtime.artifact.name
        try:
            self._store.set_fuel(self._fuel)
            linker = Linker(runtime.engine)
            linker.define_unknown_imports_as_traps(runtime.component)
            instance = linker.instantiate(self._store, runtime.component)
        except WasmtimeError as error:
            raise RonSandboxError(
                f"{name} can't be instantiated: {_reason(error)}; reinstall the package",
                code="instantiate",
            ) from None
        self._calls = {
            export: way(self._store, _export(self._store, instance, export)) for export in _EXPORTS
        }
        self._check_version(name)

    def call(self, export: str, message: bytes) -> str:
        """Calls an export.

        Args:
            export: its name, such as ``feed``.
            message: the input as UTF-8.

        Raises:
            RonSandboxError: the component trapped (code ``trap``), ran out of fuel (``fuel``) or
                died earlier (``dead``). The instance can't be used again.
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
            raise self._sandbox_error(error, export) from None
        except (TypeError, UnicodeDecodeError):
            raise RonSandboxError(
                f"the component answered {export} with something else than text", code="abi"
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

    def _sandbox_error(self, error: WasmtimeError, where: str) -> RonSandboxError:
        """What a trap means. Of a component's trap wasmtime-py tells no code, only a text, which
        holds names that the component chose; the fuel that is left can't lie."""
        if self._store.get_fuel() == 0:
            return RonSandboxError(
                f"the component computed for too long in {where} and was stopped", code="fuel"
            )
        reason = _reason(error)
        if "unreachable" in reason:
            reason += f": a defect, or one of its memories would exceed {self._memory_bytes} bytes"
        return RonSandboxError(f"the component trapped in {where}: {reason}", code="trap")


def _export(store: Store, instance: WasmInstance, name: str) -> Func:
    interface = instance.get_export_index(store, _BRIDGE)
    index = interface and instance.get_export_index(store, name, interface)
    function = index and instance.get_func(store, index)
    if not function:
        raise RonSandboxError(
            f"the component has no export {_BRIDGE}#{name}; reinstall the package", code="abi"
        )
    return function


def _reason(error: WasmtimeError) -> str:
    """The last line of wasmtime's text, without its number: the cause of all the others."""
    lines = str(error).split("Caused by:")[-1].split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "no reason given")
    return last.removeprefix("0: ").removeprefix("1: ")[:200]
