"""One instance of the component in a store of its own, under limits.

A store belongs to one thread at a time, so each crossing takes the instance's lock, for a few
microseconds. Fuel bounds the computing of one crossing: unlike an epoch it needs no thread that
ticks, and the same input always ends at the same point.
"""

from __future__ import annotations

import threading
from typing import NoReturn

from wasmtime import Store, WasmtimeError
from wasmtime.component import Func, Linker
from wasmtime.component import Instance as WasmInstance

from ..defaults import GUEST_FUEL, GUEST_MEMORY_BYTES
from ..errors import RonOverloadError, RonSandboxError
from . import ffi
from .runtime import Runtime

ABI_VERSION = "1"
"""The version of ``docs/abi.md`` that this package speaks."""

_BRIDGE = "ron:bridge/bridge@0.1.0"
_HOST = "ron:wire/host@0.1.0"
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
        self.dead = False
        self._lock = threading.RLock()
        self._entered = False
        self._fuel = fuel
        self._store = Store(runtime.engine)
        self._store.set_limits(
            memory_size=memory_bytes, table_elements=20_000, instances=16, tables=16, memories=4
        )
        try:
            self._store.set_fuel(fuel)
            linker = Linker(runtime.engine)
            with linker.root() as root, root.add_instance(_HOST) as host:
                host.add_func("wait", _refuse_to_wait)
            instance = linker.instantiate(self._store, runtime.component)
            functions = {name: _export(self._store, instance, name) for name in _EXPORTS}
        except WasmtimeError as error:
            raise _sandbox_error(error, runtime.artifact.name) from None
        self._calls = {
            name: ffi.public_call(self._store, function) for name, function in functions.items()
        }
        self._check_version(runtime.artifact.name)
        self.fast = private_api and self._try_fast_path(functions)

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
        with self._lock:
            if self._entered:
                raise RonOverloadError(
                    "a signal handler or finalizer uses the client while it interrupts a call of "
                    "it in the component; do the work later, outside of the handler",
                    code="reentered",
                )
            if self.dead:
                raise RonSandboxError("the component has trapped before", code="dead")
            finished = False
            self._entered = True
            try:
                answer = self._calls[export](message, self._fuel)
                finished = True
            except WasmtimeError as error:
                raise _sandbox_error(error, export) from None
            except (TypeError, UnicodeDecodeError):
                raise RonSandboxError(
                    f"the component answered {export} with something else than text", code="abi"
                ) from None
            finally:
                # Whatever interrupts a crossing, a signal included, leaves the guest in an unknown
                # state.
                if not finished:
                    self.dead = True
                self._entered = False
            return answer

    def is_held_here(self) -> bool:
        """Whether the calling code interrupts a crossing of its own thread."""
        held: bool = self._lock._is_owned()  # type: ignore[attr-defined]
        return held

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

    def _try_fast_path(self, functions: dict[str, Func]) -> bool:
        try:
            fast = {name: ffi.fast_call(self._store, func) for name, func in functions.items()}
            if fast["abi-version"](b"", self._fuel) != ABI_VERSION:
                return False
        except (AttributeError, TypeError, ValueError):
            return False
        self._calls = fast
        return True


def _export(store: Store, instance: WasmInstance, name: str) -> Func:
    interface = instance.get_export_index(store, _BRIDGE)
    index = interface and instance.get_export_index(store, name, interface)
    function = index and instance.get_func(store, index)
    if not function:
        raise RonSandboxError(
            f"the component has no export {_BRIDGE}#{name}; reinstall the package", code="abi"
        )
    return function


def _refuse_to_wait(_store: object, _commands: str) -> NoReturn:
    raise WasmtimeError("a call of the bridge wanted to block")


def _sandbox_error(error: WasmtimeError, where: str) -> RonSandboxError:
    """wasmtime-py tells traps apart by their message only."""
    text = str(error)
    if "all fuel consumed" in text:
        return RonSandboxError(
            f"the component computed for too long in {where} and was stopped", code="fuel"
        )
    reason = next(
        (line.strip() for line in reversed(text.splitlines()) if "wasm trap" in line),
        text.splitlines()[0] if text else "no reason given",
    )
    return RonSandboxError(f"the component trapped in {where}: {reason[:200]}", code="trap")
