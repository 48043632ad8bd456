"""What every instance of a component lives in: a store under limits; and what a trap in it means.

Fuel bounds the computing of one crossing: unlike an epoch it needs no thread that ticks, and the
same input always ends at the same point. No Python code runs inside of a crossing: what the
component imports is a trap of wasmtime's own.
"""

from __future__ import annotations

from wasmtime import Store, WasmtimeError
from wasmtime.component import Func, Instance, Linker

from ..defaults import (
    GUEST_FUEL,
    GUEST_INSTANCES,
    GUEST_MEMORIES,
    GUEST_MEMORY_BYTES,
    GUEST_TABLE_ELEMENTS,
    GUEST_TABLES,
)
from ..errors import RonSandboxError
from .runtime import Runtime


def instantiate(
    runtime: Runtime, *, fuel: int = GUEST_FUEL, memory_bytes: int = GUEST_MEMORY_BYTES
) -> tuple[Store, Instance]:
    """A fresh instance in a store of its own, with that much fuel.

    Raises:
        RonSandboxError: wasmtime can't make it (code ``instantiate``).
    """
    store = Store(runtime.engine)
    store.set_limits(
        memory_size=memory_bytes,
        memories=GUEST_MEMORIES,
        tables=GUEST_TABLES,
        table_elements=GUEST_TABLE_ELEMENTS,
        instances=GUEST_INSTANCES,
    )
    try:
        store.set_fuel(fuel)
        linker = Linker(runtime.engine)
        linker.define_unknown_imports_as_traps(runtime.component)
        return store, linker.instantiate(store, runtime.component)
    except WasmtimeError as error:
        raise RonSandboxError(
            f"{runtime.artifact.name} can't be instantiated: {_reason(error)}; reinstall the "
            "package",
            code="instantiate",
        ) from None


def export(store: Store, instance: Instance, interface: str, name: str) -> Func:
    """A function that the component exports.

    Raises:
        RonSandboxError: it has no such function (code ``abi``).
    """
    within = instance.get_export_index(store, interface)
    index = within and instance.get_export_index(store, name, within)
    function = index and instance.get_func(store, index)
    if not function:
        raise RonSandboxError(
            f"the component has no export {interface}#{name}; reinstall the package", code="abi"
        )
    return function


def trapped(store: Store, error: WasmtimeError, where: str, memory_bytes: int) -> RonSandboxError:
    """What a trap means. Of a component's trap wasmtime-py tells no code, only a text, which holds
    names that the component chose; the fuel that is left can't lie."""
    if store.get_fuel() == 0:
        return RonSandboxError(
            f"the component computed for too long in {where} and was stopped", code="fuel"
        )
    reason = _reason(error)
    if "unreachable" in reason:
        reason += f": a defect, or one of its memories would exceed {memory_bytes} bytes"
    return RonSandboxError(f"the component trapped in {where}: {reason}", code="trap")


def _reason(error: WasmtimeError) -> str:
    """The last line of wasmtime's text, without its number: the cause of all the others."""
    lines = str(error).split("Caused by:")[-1].split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "no reason given")
    return last.removeprefix("0: ").removeprefix("1: ")[:200]
