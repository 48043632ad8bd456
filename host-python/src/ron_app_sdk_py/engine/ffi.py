"""The one module that uses private parts of wasmtime-py.

Calling an export through the public API costs 10 to 18 µs, most of it in asking for the function's
type and building objects; the same call over the bindings below it costs 2 to 9 µs. The private
names may change with any release, so :func:`fast_call` is probed and :func:`public_call` serves
where the probe fails. Settings that the public API lacks are made here too.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

from wasmtime import Config, Store, WasmtimeError, _bindings, _ffi
from wasmtime.component import Func

StringCall = Callable[[bytes, int], str]
"""Calls an export of type ``func(string) -> string`` with UTF-8 and that much fuel."""


def tune(config: Config, reservation_bytes: int) -> str:
    """Makes settings that the public API lacks, as far as this version of wasmtime has them.

    Memories reserve ``reservation_bytes`` of address space instead of 4 GiB, and the support for
    concurrent component functions, which nothing here uses, is off: it costs a third of a call.

    Returns:
        Which settings were made: part of the key of compiled code.
    """
    pointer: Any = config.ptr()
    settings: tuple[tuple[str, str, Any], ...] = (
        ("reservation", "wasmtime_config_memory_reservation_set", reservation_bytes),
        ("growth", "wasmtime_config_memory_reservation_for_growth_set", reservation_bytes),
        # The second refuses to go off while the first is on.
        ("sync", "wasmtime_config_wasm_component_model_async_set", False),
        ("sequential", "wasmtime_config_concurrency_support_set", False),
    )
    made = []
    for name, function, value in settings:
        setter = getattr(_ffi, function, None)
        if setter is not None:
            setter(pointer, value)
            made.append(name)
    return "-".join(made)


def public_call(store: Store, func: Func) -> StringCall:
    """The export through the public API."""

    def call(message: bytes, fuel: int) -> str:
        store.set_fuel(fuel)
        answer = func(store, message.decode())
        if not isinstance(answer, str):
            raise TypeError("the export did not answer with a string")
        return answer

    return call


def fast_call(store: Store, func: Func) -> StringCall:
    """The export over the private bindings.

    Raises:
        AttributeError, TypeError: this version of wasmtime has other private parts.
    """
    invoke = _bindings._wasmtime_component_func_call
    delete = _bindings._wasmtime_component_val_delete
    set_fuel = _bindings._wasmtime_context_set_fuel
    context = store._context()
    function = ctypes.byref(func._func)
    string_kind: int = _ffi.WASMTIME_COMPONENT_STRING.value

    argument = _ffi.wasmtime_component_val_t()
    argument.kind = string_kind
    argument_size, argument_data = _string_fields(argument, ctypes.c_char_p)
    argument_pointer = ctypes.pointer(argument)
    result = _ffi.wasmtime_component_val_t()
    result_size, result_data = _string_fields(result, ctypes.c_void_p)
    result_pointer = ctypes.pointer(result)

    def call(message: bytes, fuel: int) -> str:
        error = set_fuel(context, fuel)
        if not error:
            argument_size.value = len(message)
            argument_data.value = message
            error = invoke(function, context, argument_pointer, 1, result_pointer, 1)
        if error:
            raise WasmtimeError._from_ptr(error)
        try:
            if result.kind != string_kind:
                raise TypeError("the export did not answer with a string")
            return ctypes.string_at(result_data.value, result_size.value).decode()
        finally:
            delete(result_pointer)

    return call


def _string_fields(value: Any, pointer: type[Any]) -> tuple[Any, Any]:
    """Views on the size and the data pointer of a value's string member."""
    string = value.of.string
    kind = type(string)
    base = ctypes.addressof(string)
    return (
        ctypes.c_size_t.from_address(base + kind.size.offset),
        pointer.from_address(base + kind.data.offset),
    )
