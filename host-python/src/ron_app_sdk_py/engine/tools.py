"""Calls ``ron_tools.wasm``: what clients use beside calls. Nothing is loaded before it is used.

It is called seldom and keeps nothing, so each call has an instance of its own: any thread may call,
a trap costs one call and no memory stays behind. Its interfaces are typed (``wit/ron-tools``).
"""

from __future__ import annotations

from typing import Any

from wasmtime import WasmtimeError

from ..defaults import GUEST_FUEL, GUEST_MEMORY_BYTES
from . import arguments as types
from . import sandbox
from .artifact import TOOLS
from .runtime import Runtime, shared


def call(
    interface: str,
    function: str,
    *arguments: Any,
    runtime: Runtime | None = None,
    fuel: int = GUEST_FUEL,
    memory_bytes: int = GUEST_MEMORY_BYTES,
) -> Any:
    """Calls an export.

    Args:
        interface: its interface, such as ``ron:tools/facet-manifests@0.1.0``.
        function: its name.
        arguments: its arguments, as wasmtime takes them: a record has its fields as attributes.
        runtime: what to instantiate; the shared one by default.
        fuel: fuel for the call.
        memory_bytes: largest size of its memory.

    Returns:
        Its result as wasmtime gives it: a record has its fields as attributes, an option may be
        None, a case of an enum is its name.

    Raises:
        RonRequestError: an argument is not of its parameter's type (code ``invalid_argument``).
        RonSandboxError: the component trapped (code ``trap``), ran out of fuel (``fuel``), has no
            such export (``abi``), or can't be loaded.
    """
    store, instance = sandbox.instantiate(
        runtime or shared(TOOLS), fuel=fuel, memory_bytes=memory_bytes
    )
    export = sandbox.export(store, instance, interface, function)
    types.check(store, export, arguments)
    try:
        return export(store, *arguments)
    except WasmtimeError as error:
        trap = error
    except Exception:
        # As in ffi.public_call: what another user's host function has raised is not ours to show.
        trap = WasmtimeError("the reason of the trap is lost")
    raise sandbox.trapped(store, trap, function, memory_bytes)
