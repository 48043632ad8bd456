"""The one module that uses private parts of wasmtime-py.

Calling an export through the public API costs 10 to 18 µs, most of it in asking for the function's
type and building objects; the same call over the bindings below it costs 2 to 9 µs. The private
names may change with any release, so :func:`fast_call` is probed and :func:`public_call` serves
where the probe fails. The one setting that the public API lacks is made here too.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

from wasmtime import Config, Store, WasmtimeError, _bindings, _ffi
from wasmtime.component import Func

from ..defaults import MAX_ANSWER_BYTES

StringCall = Callable[[bytes, int], str]
"""Calls an export of type ``func(string) -> string`` with UTF-8 and that much fuel."""


class AnswerTooLargeError(Exception):
    """An answer has more than :data:`~..defaults.MAX_ANSWER_BYTES`."""


def turn_off_concurrency(config: Config) -> bool:
    """Turns off the support for concurrent component functions, which nothing here uses and which
    costs a third of a call, if this version of wasmtime lets itself be told.

    Returns:
        Whether it is off.
    """
    # The second refuses to go off while the first is on.
    names = ("wasm_component_model_async", "concurrency_support")
    setters: list[Any] = [getattr(_ffi, f"wasmtime_config_{name}_set", None) for name in names]
    if None in setters:
        return False
    for setter in setters:
        setter(config.ptr(), False)
    return True


def public_call(store: Store, func: Func) -> StringCall:
    """The export through the public API."""

    def call(message: bytes, fuel: int) -> str:
        store.set_fuel(fuel)
        try:
            answer = func(store, message.decode())
        except WasmtimeError:
            raise
        except Exception:
            # No Python code runs in a crossing. After a trap wasmtime raises what any host function
            # of the process raised last, in whatever thread; it is not ours to show.
            raise WasmtimeError("the reason of the trap is lost") from None
        if not isinstance(answer, str):
            raise TypeError("the export did not answer with a string")
        if len(answer) > MAX_ANSWER_BYTES:
            raise AnswerTooLargeError
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
            # It may hold a credential, and would be kept until the next call.
            argument_data.value = b""
        if error:
            raise WasmtimeError._from_ptr(error)
        try:
            if result.kind != string_kind:
                raise TypeError("the export did not answer with a string")
            if result_size.value > MAX_ANSWER_BYTES:
                raise AnswerTooLargeError
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
