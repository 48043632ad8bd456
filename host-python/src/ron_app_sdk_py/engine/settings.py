"""How wasmtime is set up. What each setting keeps away is in ``docs/wasmtime.md``."""

from __future__ import annotations

import hashlib

from wasmtime import Config, Engine

from ..defaults import GUEST_MEMORY_RESERVATION_BYTES, GUEST_STACK_BYTES
from . import ffi

_UNUSED_PROPOSALS = (
    "custom_page_sizes",
    "exceptions",
    "function_references",
    "gc",
    "memory64",
    "relaxed_simd",
    "stack_switching",
    "tail_call",
    "threads",
    "wide_arithmetic",
)
"""What WebAssembly has and the artifacts don't use: less for a component to attack. An exception
that is thrown and caught costs thirty times the time of other instructions for the same fuel."""


def make_engine() -> tuple[Engine, str]:
    """An engine for the component.

    Returns:
        The engine, and a name for its settings: part of the key of compiled code.
    """
    settings = {
        # Bounds the computing of a crossing.
        "consume_fuel": True,
        # Signals belong to the process: whoever takes SIGILL or SIGSEGV after us, as faulthandler
        # does, would make each trap the end of it. Checks cost a crossing nothing measurable.
        "signals_based_traps": False,
        # Without signals a guard area catches nothing.
        "memory_guard_size": 0,
        "memory_reservation": GUEST_MEMORY_RESERVATION_BYTES,
        "memory_reservation_for_growth": GUEST_MEMORY_RESERVATION_BYTES,
        # Must fit on the stack of the thread that calls, whose size nobody can ask for.
        "max_wasm_stack": GUEST_STACK_BYTES,
        # A forked child has not the threads that compile, and would wait for them for ever.
        "parallel_compilation": False,
        **{f"wasm_{name}": False for name in _UNUSED_PROPOSALS},
    }
    config = Config()
    for name, value in settings.items():
        setattr(config, name, value)
    sequential = ffi.turn_off_concurrency(config)
    digest = hashlib.sha256(repr((settings, sequential)).encode()).hexdigest()
    return Engine(config), digest[:16]
