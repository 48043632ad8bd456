"""What every instance of a component lives in: a store under limits; and what a trap in it means.

Fuel bounds the computing of one crossing: unlike an epoch it needs no thread that ticks, and the
same input always ends at the same point. No Python code runs inside of a crossing: what the
component imports is a trap of wasmtime's own.
"""

from __future__ import annotations

from collections.abc import Container

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
from .runtime import Runtime, imports, reason


def instantiate(
    runtime: Runtime,
    *,
    allowed: Container[str] = (),
    fuel: int = GUEST_FUEL,
    memory_bytes: int = GUEST_MEMORY_BYTES,
) -> tuple[Store, Instance]:
    """A fresh instance in a store of its own, with that much fuel.

    Args:
        runtime: what to instantiate.
        allowed: the names of what it may import. Each is a trap.
        fuel: for its start and for what is called first.
        memory_bytes: largest size of each memory.

    Raises:
        RonSandboxError: it imports something else (code ``abi``), or wasmtime can't make it
            (``instantiate``).
    """
    for name in imports(runtime):
        if name not in allowed:
            raise RonSandboxError(
                f"{runtime.artifact.name} imports {name[:80]}, which it may not; reinstall the "
                "package",
                code="abi",
            )
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
            f"{runtime.artifact.name} can't be instantiated: {reason(error)}; reinstall the "
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
    why = reason(error)
    if "unreachable" in why:
        why += f": a defect, or one of its memories would exceed {memory_bytes} bytes"
    return RonSandboxError(f"the component trapped in {where}: {why}", code="trap")
